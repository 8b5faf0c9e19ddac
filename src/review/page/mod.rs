//! The desk as pages, for a browser: made on the server, in Chinese or English, without a script.
//!
//! Every page answers to one policy: nothing but our own style, images and frames, no script, no
//! form that leads elsewhere, and in nobody's frame. Templates (`templates/desk`) escape what they
//! are given. Acts go through the handlers of the JSON interface, so that no rule stands twice;
//! a refusal is shown above the application as it then is.

pub mod application;
pub mod forms;
mod label;
pub mod queue;
mod session;

pub use session::{change_language, sign_in, sign_in_form, sign_out};

use crate::http::problem::{Language, Problem};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

/// What a browser may do with a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../../../templates/desk/style.css");

/// The language of a page.
#[derive(Clone, Copy, Debug)]
pub struct Tongue(pub Language);

impl Tongue {
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.0.pick(zh, en)
    }
}

/// Why a page is not shown.
enum Stop {
    /// Nobody is signed in, or no longer.
    SignIn,
    Problem(Tongue, Problem),
}

#[derive(Template)]
#[template(path = "desk/problem.html")]
struct ProblemPage<'a> {
    l: Tongue,
    sentence: &'a str,
}

impl Stop {
    fn respond(self) -> HttpResponse {
        match self {
            Stop::SignIn => go("/desk/sign-in"),
            Stop::Problem(l, problem) => {
                let page = ProblemPage { l, sentence: &sentence(l, &problem) };
                shown(problem.status, &page)
            }
        }
    }
}

/// The page, or what stands in its way.
fn finished(page: Result<HttpResponse, Stop>) -> HttpResponse {
    page.unwrap_or_else(Stop::respond)
}

fn sentence(l: Tongue, problem: &Problem) -> String {
    let told = problem.refusals.iter().map(|refusal| l.0.pick(&refusal.zh, &refusal.en));
    told.collect::<Vec<_>>().join(l.say("；", "; "))
}

/// A page with its headers.
fn shown(status: u16, page: &impl Template) -> HttpResponse {
    let Ok(text) = page.render() else { return HttpResponse::InternalServerError().finish() };
    answer(status).insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(text)
}

fn answer(status: u16) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponse::build(status);
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    answer.insert_header((REFERRER_POLICY, "same-origin"));
    answer
}

/// Leads the browser to another page of the desk, by GET.
fn go(place: &str) -> HttpResponse {
    answer(303).insert_header((LOCATION, place)).finish()
}

/// The style of all pages.
pub async fn style() -> HttpResponse {
    answer(200).insert_header((CONTENT_TYPE, "text/css; charset=utf-8")).body(STYLE)
}
