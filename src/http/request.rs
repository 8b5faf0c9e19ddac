//! What every request gets: an id, a language, a log line, a metric, and problems as JSON.

use super::problem::{Language, PROBLEM_JSON, Problem};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use std::time::Instant;
use uuid::Uuid;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a handler and the book know of a request beside its body.
#[derive(Clone, Debug)]
pub struct Context {
    /// Made here, never taken from the caller: a log that callers write into proves nothing.
    pub id: String,
    pub language: Language,
}

impl Context {
    pub fn of(request: &HttpRequest) -> Context {
        request
            .extensions()
            .get::<Context>()
            .cloned()
            .unwrap_or_else(|| Context { id: String::new(), language: Language::default() })
    }
}

/// The outermost middleware.
pub async fn handle(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let context =
        Context { id: Uuid::now_v7().simple().to_string(), language: Language::of_header(header) };
    request.extensions_mut().insert(context.clone());
    let method = request.method().clone();
    let answer = match next.call(request).await {
        Ok(answer) => answer.map_into_boxed_body(),
        Err(error) => return Err(error),
    };
    let mut answer = problem_in(answer, &context);
    // The pattern of the route, never the path: a path may hold an id.
    let route = answer.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = answer.status().as_u16();
    let headers = answer.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context.id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let seconds = began.elapsed().as_secs_f64();
    let labels = [("route", route.clone()), ("status", status.to_string())];
    metrics::histogram!("tradein_http_request_seconds", &labels).record(seconds);
    let micros = (seconds * 1e6) as u64;
    tracing::info!(request_id = context.id, %method, route, status, micros, "http.request");
    Ok(answer)
}

/// Writes a problem that a handler or an extractor returned in the language of the request, with
/// its id; and gives every other error of the framework the same form.
fn problem_in(answer: ServiceResponse<BoxBody>, context: &Context) -> ServiceResponse<BoxBody> {
    let status = answer.status();
    let problem = match answer.response().error() {
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => problem.clone(),
            None => {
                tracing::debug!(request_id = context.id, %error, "http.error");
                of_status(status.as_u16())
            }
        },
        None => return answer,
    };
    let mut body = HttpResponse::build(status);
    body.insert_header(("content-type", PROBLEM_JSON.as_ref()));
    if let Some(seconds) = problem.retry_after {
        body.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if let Some(challenge) = problem.challenge() {
        body.insert_header((WWW_AUTHENTICATE, challenge));
    }
    let body = body.body(problem.to_bytes(context.language, &context.id));
    answer.into_response(body)
}

/// A problem for an error that the framework made.
fn of_status(status: u16) -> Problem {
    match status {
        404 => Problem::not_found(),
        413 => Problem::new(413, "TOO_LARGE", "请求体过大", "the body is too large"),
        400..=499 => Problem::new(status, "BAD_REQUEST", "请求格式不正确", "malformed request"),
        _ => Problem::internal(),
    }
}

/// An unknown path, or a known one with another method.
pub async fn unknown_path() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}
