//! The OpenAPI document, made from the code, and its page.

use crate::http::problem::ProblemBody;
use actix_web::{HttpResponse, web};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

/// The document of every route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tradein",
        version = "1",
        description = "Trade-in subsidy vouchers 消费品以旧换新补贴: claim, verify, redeem, prove. \
                       Money is whole fen. Every POST that changes something takes an \
                       Idempotency-Key and replays its answer byte for byte. Every refusal is \
                       application/problem+json with a stable code."
    ),
    paths(
        crate::identity::people::http::register,
        crate::identity::people::http::look_up,
        crate::identity::people::http::me,
        crate::identity::organisation::http::register,
        crate::identity::organisation::http::list_all,
        crate::identity::organisation::http::see,
        crate::identity::organisation::http::approve,
        crate::identity::organisation::http::change_status,
        crate::identity::organisation::http::add_stores,
        crate::old_item::http::register,
        crate::old_item::http::verify,
        crate::old_item::http::reject,
        crate::old_item::http::see,
        crate::voucher::http::claim,
        crate::voucher::http::see,
        crate::voucher::http::qr,
        crate::voucher::http::give_back,
        crate::voucher::http::lookup,
        crate::redemption::http::quote,
        crate::redemption::http::reserve,
        crate::redemption::http::capture,
        crate::redemption::http::cancel,
        crate::redemption::http::see,
        crate::redemption::http::list,
        super::books::open,
        super::books::list,
        super::books::change_state,
        super::books::propose,
        super::books::approve,
        super::books::balances,
        super::books::entries,
        super::programmes::publish,
        super::programmes::list,
        super::programmes::text,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer)
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document as it is served, committed and printed by `tradein openapi`.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

async fn json() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document())
}

pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.route("/openapi.json", web::get().to(json));
    cfg.service(web::redirect("/docs", "/docs/"));
    cfg.service(
        SwaggerUi::new("/docs/{_:.*}").config(utoipa_swagger_ui::Config::from("/openapi.json")),
    );
}
