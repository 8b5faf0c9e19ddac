//! Who sits at the desk. A gateway may send the access token in the `Authorization` header; else
//! signing in puts it into a cookie that no script reads and no other site sends, and that the
//! browser forgets. The service keeps no sessions: when the token ends, so does the seat.

use super::{Stop, Tongue, finished, go, shown};
use crate::http::problem::{Language, Problem};
use crate::http::request::Context;
use crate::identity::acting::{Acting, Part, Reviewer};
use crate::identity::token::{Actor, Verifier};
use crate::infra::keys::{KeyRing, Purpose};
use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::Utc;
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;

const SEAT: &str = "__Host-tradein-desk";
const LANGUAGE: &str = "tradein-language";

/// A reviewer at the desk.
pub(super) struct Seat {
    pub acting: Acting<Reviewer>,
    pub l: Tongue,
    pub context: Context,
    keys: web::Data<KeyRing>,
}

/// What a form carries beside its fields: its idempotency key, and the proof that this desk made
/// it for this caller and path.
pub(super) struct Proof {
    pub key: String,
    pub proof: String,
}

impl Proof {
    /// The two hidden fields; both are hexadecimal digits.
    pub fn fields(&self) -> String {
        let (key, proof) = (&self.key, &self.proof);
        format!(
            "<input type=\"hidden\" name=\"key\" value=\"{key}\">\
             <input type=\"hidden\" name=\"proof\" value=\"{proof}\">"
        )
    }
}

impl Seat {
    /// The caller's seat.
    pub fn of(request: &HttpRequest) -> Result<Seat, Stop> {
        let l = tongue(request);
        let actor = actor(request).ok_or(Stop::SignIn)?;
        let acting = Acting::admit(actor).map_err(|problem| Stop::Problem(l, problem))?;
        let keys = request.app_data::<web::Data<KeyRing>>().cloned().ok_or(Stop::SignIn)?;
        let context = Context { language: l.0, ..Context::of(request) };
        Ok(Seat { acting, l, context, keys })
    }

    /// The same caller in another part.
    pub fn acting<P: Part>(&self) -> Result<Acting<P>, Stop> {
        Acting::admit(self.acting.actor().clone()).map_err(|problem| self.stop(problem))
    }

    pub fn stop(&self, problem: Problem) -> Stop {
        Stop::Problem(self.l, problem)
    }

    /// The proof of a new form that posts to a path.
    pub fn form(&self, path: &str) -> Proof {
        let key = Uuid::new_v4().simple().to_string();
        let proof = self.keys.current(Purpose::Form).1.digest(&self.message(path, &key));
        Proof { key, proof: hex::encode(proof) }
    }

    /// The key of a form that was posted to a path.
    ///
    /// # Errors
    /// 403 for a form that this desk did not make for this caller and path.
    pub fn proven(&self, path: &str, fields: &[(String, String)]) -> Result<String, Stop> {
        let (key, proof) = (field(fields, "key"), field(fields, "proof"));
        let digest = hex::decode(proof).unwrap_or_default();
        let message = self.message(path, key);
        let mut keys = self.keys.all(Purpose::Form);
        match keys.any(|(_, it)| it.verify(&message, &digest)) {
            true => Ok(format!("desk-{key}")),
            false => Err(self.stop(stale_form())),
        }
    }

    fn message(&self, path: &str, key: &str) -> Vec<u8> {
        [&self.acting.actor().token_id, path, key].join("\0").into_bytes()
    }
}

fn stale_form() -> Problem {
    Problem::new(
        403,
        "FORM_NOT_OURS",
        "表单已失效，请返回重新打开页面后再提交",
        "the form is not valid any more: open the page again, then submit",
    )
}

/// A field of a form; empty where it is not there.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str())
}

/// The verified caller, by header or cookie.
fn actor(request: &HttpRequest) -> Option<Arc<Actor>> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|text| text.strip_prefix("Bearer "));
    let token = bearer.map(str::to_owned).or_else(|| cookie(request, SEAT))?;
    request.app_data::<web::Data<Verifier>>()?.verify(&token, Utc::now()).ok()
}

fn cookie(request: &HttpRequest, name: &str) -> Option<String> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|text| text.split(';')).filter_map(|it| it.split_once('='));
    pairs.find(|(own, _)| own.trim() == name).map(|(_, value)| value.trim().to_owned())
}

pub(super) fn tongue(request: &HttpRequest) -> Tongue {
    Tongue(match cookie(request, LANGUAGE).as_deref() {
        Some("zh") => Language::Chinese,
        Some("en") => Language::English,
        _ => Context::of(request).language,
    })
}

#[derive(Template)]
#[template(path = "desk/sign_in.html")]
struct SignInPage<'a> {
    l: Tongue,
    problem: Option<&'a str>,
}

/// The page that asks for an access token.
pub async fn sign_in_form(request: HttpRequest) -> HttpResponse {
    shown(200, &SignInPage { l: tongue(&request), problem: None })
}

/// The access token that signs in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    token: String,
}

/// Takes a seat.
pub async fn sign_in(
    request: HttpRequest,
    verifier: web::Data<Verifier>,
    form: web::Form<SignIn>,
) -> HttpResponse {
    let (l, token) = (tongue(&request), form.token.trim());
    let known = verifier.verify(token, Utc::now()).ok();
    let is_reviewer = known.is_some_and(|actor| Acting::<Reviewer>::admit(actor).is_ok());
    // Another site must not seat somebody under a name that is not his.
    if !is_reviewer || !is_same_origin(&request) {
        let zh = "令牌无效、已过期，或不是审核员的令牌。";
        let en = "The token is not valid, has expired, or is not a reviewer's.";
        return shown(403, &SignInPage { l, problem: Some(l.say(zh, en)) });
    }
    let seat = format!("{SEAT}={token}; Path=/; Secure; HttpOnly; SameSite=Strict");
    with_cookie(go("/desk"), &seat)
}

/// Leaves the seat.
pub async fn sign_out(
    request: HttpRequest,
    form: web::Form<Vec<(String, String)>>,
) -> HttpResponse {
    let left = || -> Result<HttpResponse, Stop> {
        Seat::of(&request)?.proven("/desk/sign-out", &form)?;
        let gone = format!("{SEAT}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
        Ok(with_cookie(go("/desk/sign-in"), &gone))
    };
    finished(left())
}

/// Chooses the language of the pages.
pub async fn change_language(request: HttpRequest, to: web::Path<String>) -> HttpResponse {
    let word = if *to == "en" { "en" } else { "zh" };
    let chosen = format!("{LANGUAGE}={word}; Path=/; SameSite=Strict; Max-Age=31536000");
    let place = if actor(&request).is_some() { "/desk" } else { "/desk/sign-in" };
    with_cookie(go(place), &chosen)
}

fn with_cookie(mut answer: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(value) = cookie.parse() {
        answer.headers_mut().append(SET_COOKIE, value);
    }
    answer
}

/// Whether a form was sent from a page of ours, as far as the browser says.
fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    match (text(ORIGIN), text(HOST)) {
        (None, _) => true,
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, own)| own.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
    }
}
