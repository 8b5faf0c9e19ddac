//! The OpenAPI document, made from the code, and its page.

use super::{Row, TABLE, Verb};
use crate::http::problem::{PROBLEM_JSON, Problem, ProblemBody};
use actix_web::http::header::{CONTENT_ENCODING, LOCATION};
use actix_web::{HttpResponse, web};
use std::sync::Arc;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

/// The document of every route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tradein",
        version = "1",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        description = "Trade-in subsidy vouchers 消费品以旧换新补贴: claim, verify, redeem, prove. \
                       Money is whole fen. Every POST that changes something takes an \
                       Idempotency-Key and replays its answer byte for byte. Every refusal is \
                       application/problem+json with a stable code."
    ),
    tags(
        (name = "people", description = "Registered once, known by a random id 个人"),
        (name = "organisations", description = "Retailers, recyclers, providers 机构"),
        (name = "books", description = "Money and order of a region, family and year 账簿"),
        (name = "log", description = "The signed logs of books: tiles, receipts, proofs 日志"),
        (name = "programmes", description = "The rules, as data 方案"),
        (name = "old items", description = "Handed in, verified, used once 旧品"),
        (name = "vouchers", description = "The promise to a person 资格"),
        (name = "redemptions", description = "The promise used at the till 核销"),
        (name = "applications", description = "The purchase reviewed after the fact 申请"),
        (name = "audit", description = "What auditors read, on record 审计"),
        (name = "reviews", description = "An office looks before money moves 审核"),
        (name = "health", description = "For balancers and people on call"),
    ),
    paths(
        super::health::livez,
        super::health::readyz,
        json,
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
        crate::application::http::submit,
        crate::application::http::list,
        crate::application::http::see,
        crate::application::http::correct,
        crate::application::document::http::file,
        crate::application::document::http::list,
        crate::application::document::http::send,
        crate::application::document::http::open,
        crate::application::http::withdraw,
        crate::application::office::request_correction,
        crate::application::office::approve,
        crate::application::office::confirm,
        crate::application::office::reject,
        crate::application::raises::list,
        crate::application::raises::top_up,
        crate::review::http::queue,
        crate::review::http::see,
        crate::review::http::take,
        crate::review::http::hand_back,
        crate::review::http::ask,
        super::books::open,
        super::books::list,
        super::books::change_state,
        super::books::propose,
        super::books::approve,
        super::books::balances,
        super::log::checkpoint,
        super::log::keys,
        super::log::state,
        super::log::receipt,
        super::log::inclusion,
        super::log::consistency,
        crate::audit::reading::http::entries,
        crate::audit::reading::http::story,
        crate::audit::reading::http::sums,
        crate::audit::reading::http::burn_down,
        crate::audit::reading::http::refusals,
        crate::audit::export::http::list,
        super::programmes::publish,
        super::programmes::list,
        super::programmes::text,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer, &Problems)
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

/// Gives every operation the problem answers that its row of the table entails, and every problem
/// answer its media type and schema; what a handler alone knows stands in its own annotation.
struct Problems;

impl Modify for Problems {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for row in TABLE {
            let Some(item) = openapi.paths.paths.get_mut(row.path) else { continue };
            let operation = match row.verb.method() {
                "GET" => item.get.as_mut(),
                "PUT" => item.put.as_mut(),
                _ => item.post.as_mut(),
            };
            if let Some(operation) = operation {
                add_problems(row, operation);
            }
        }
    }
}

fn add_problems(row: &Row, operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    for (status, description) in entailed(row) {
        let missing = || RefOr::T(ResponseBuilder::new().description(description).build());
        responses.entry(status.to_owned()).or_insert_with(missing);
    }
    // What `/readyz` says with 503 is for balancers and no problem body.
    let problems = responses.iter_mut().filter(|(status, _)| status.as_str() >= "400");
    for (_, response) in problems.filter(|_| row.path != "/readyz") {
        if let RefOr::T(response) = response {
            let schema = Ref::from_schema_name("ProblemBody");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response.content.clear();
            response.content.insert(PROBLEM_JSON.to_string(), content.into());
        }
    }
}

/// The problem answers that follow from what a route is.
fn entailed(row: &Row) -> Vec<(&'static str, &'static str)> {
    let mut problems = Vec::new();
    let posts = row.verb.method() == "POST";
    if row.roles.is_some() {
        problems.push(("401", "TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED"));
        problems.push(("403", "WRONG_ROLE"));
        problems.push(("503", "BUSY: try again after `Retry-After`, with the same key"));
    }
    if posts {
        problems.push(("400", "BAD_JSON, BAD_REQUEST with the field, IDEMPOTENCY_KEY_REQUIRED"));
        problems.push(("413", "TOO_LARGE: more than 64 KiB"));
    }
    if row.path.contains('{') || (posts && row.scoped()) {
        problems.push(("404", "NOT_FOUND: not there, or not for the caller"));
    }
    if matches!(row.verb, Verb::Change | Verb::AskOrChange) {
        problems.push(("422", "IDEMPOTENCY_KEY_REUSED"));
    }
    problems
}

/// The document as it is served, committed and printed by `tradein openapi`.
pub fn document() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This document.
#[utoipa::path(operation_id = "openapi", get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn json() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document())
}

/// The page of the document, from the binary: it asks no other host.
pub async fn docs(file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let config = Arc::new(utoipa_swagger_ui::Config::from("/openapi.json"));
    let found = utoipa_swagger_ui::serve(&file, config).map_err(|_| Problem::internal())?;
    let found = found.ok_or_else(Problem::not_found)?;
    let mut answer = HttpResponse::Ok();
    if found.gzpipped {
        answer.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(answer.content_type(found.content_type).body(found.bytes.into_owned()))
}

/// People type it without the slash, and the page's own files stand beside it.
pub async fn docs_moved() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/docs/")).finish()
}
