//! `POST /v1/token`: the token endpoint of a sandbox.

use super::client::Clients;
use crate::http::problem::Problem;
use actix_web::web;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The form of RFC 6749, section 4.4.2, with the client's id and secret in it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenForm {
    /// `client_credentials`.
    pub grant_type: String,
    pub client_id: String,
    pub client_secret: String,
}

impl fmt::Debug for TokenForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenForm {{ client_id: {:?} }}", self.client_id)
    }
}

/// RFC 6749, section 5.1.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
}

/// Gives a token to a program of the sandbox. It changes nothing, so it needs no
/// `Idempotency-Key`; every call gives another token.
pub async fn token(
    clients: web::Data<Clients>,
    form: web::Form<TokenForm>,
) -> Result<web::Json<TokenAnswer>, Problem> {
    if form.grant_type != "client_credentials" {
        return Err(Problem::bad_field(
            "grant_type",
            "只支持 client_credentials",
            "only client_credentials is known here",
        ));
    }
    let given =
        clients.give(&form.client_id, &form.client_secret, Utc::now()).map_err(|error| {
            tracing::debug!(%error, "token.not_given");
            Problem::new(
                401,
                "CLIENT_INVALID",
                "客户端编号或密钥不正确",
                "the client id or its secret is not right",
            )
        })?;
    Ok(web::Json(TokenAnswer {
        access_token: given.token,
        token_type: "Bearer",
        expires_in: given.seconds,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::token::Mint;
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service};
    use sha2::{Digest, Sha256};

    #[actix_web::test]
    async fn a_form_gives_a_bearer_token() {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let client = format!(
            "[a]\nsecret_sha256 = \"{}\"\nrole = \"auditor\"\nbureau = [\"100000/*\"]\n",
            hex::encode(Sha256::digest("s"))
        );
        let clients = web::Data::new(Clients::new(mint, toml::from_str(&client).unwrap()));
        let app = App::new().app_data(clients).route("/v1/token", web::post().to(token));
        let app = init_service(app).await;
        for (form, status) in [
            ("grant_type=client_credentials&client_id=a&client_secret=s", 200),
            ("grant_type=client_credentials&client_id=a&client_secret=x", 401),
            ("grant_type=password&client_id=a&client_secret=s", 400),
            ("grant_type=client_credentials&client_id=a", 400),
            ("grant_type=client_credentials&client_id=a&client_secret=s&role=finance", 400),
        ] {
            let request = TestRequest::post()
                .uri("/v1/token")
                .insert_header(("content-type", "application/x-www-form-urlencoded"))
                .set_payload(form);
            let answer = call_service(&app, request.to_request()).await;
            assert_eq!(answer.status().as_u16(), status, "{form}");
            let body = actix_web::test::read_body(answer).await;
            let body = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(body.contains("\"token_type\":\"Bearer\""), status == 200, "{body}");
        }
    }
}
