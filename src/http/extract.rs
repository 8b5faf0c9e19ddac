//! Bodies, read once into types that can only be valid.

use super::problem::Problem;
use super::request::Context;
use super::strict::{Strict, TWICE};
use crate::kernel::canonical;
use actix_web::dev::Payload;
use actix_web::error::QueryPayloadError;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;

/// The most bytes of a JSON body.
pub const BODY_LIMIT: usize = 64 * 1024;

/// The body of a POST that changes something, with its `Idempotency-Key`.
pub struct Posted<T> {
    pub body: T,
    pub key: String,
    /// 16 bytes of SHA-256 over method, path and canonical body: what "the same request" means.
    pub fingerprint: [u8; 16],
    pub context: Context,
}

/// The body of a POST that changes nothing (a quote, a look-up).
pub struct Asked<T> {
    pub body: T,
    pub context: Context,
}

/// The body of a POST that changes something in one of its forms only: that form goes on with
/// [`Sent::posted`], which demands the `Idempotency-Key`.
pub struct Sent<T> {
    pub body: T,
    key: Result<String, Problem>,
    fingerprint: [u8; 16],
    context: Context,
}

impl<T> Sent<T> {
    /// # Errors
    /// 400 without one good `Idempotency-Key`.
    pub fn posted(self) -> Result<Posted<T>, Problem> {
        let Sent { body, key, fingerprint, context } = self;
        Ok(Posted { body, key: key?, fingerprint, context })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Sent<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = Context::of(request);
        let key = idempotency_key(request);
        let scope = format!("{} {}\n", request.method(), request.path());
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let (body, value) = parse(&bytes.await.map_err(too_large)?)?;
            let mut digested = scope.into_bytes();
            digested.extend(canonical::bytes(&value));
            let mut fingerprint = [0; 16];
            fingerprint.copy_from_slice(&canonical::sha256(&digested)[..16]);
            Ok(Sent { body, key, fingerprint, context })
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Posted<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request);
        let sent = Sent::from_request(request, payload);
        Box::pin(async move {
            key?;
            sent.await?.posted()
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Asked<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let context = Context::of(request);
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            let (body, _) = parse(&bytes.await.map_err(too_large)?)?;
            Ok(Asked { body, context })
        })
    }
}

fn too_large(_: actix_web::Error) -> Problem {
    Problem::new(
        413,
        "TOO_LARGE",
        "请求体过大或未能完整接收",
        "the body is larger than 64 KiB or did not arrive whole",
    )
}

/// An empty body stands for `{}`: acts like capture may have nothing to say.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, serde_json::Value), Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let Strict(value) = serde_json::from_slice(bytes).map_err(bad_json)?;
    // serde would read a list as the fields of an object in their order, which nobody means.
    if !value.is_object() {
        return Err(Problem::bad_field(".", "应为 JSON 对象", "expected a JSON object"));
    }
    // serde's messages may quote what the caller sent, an identity perhaps: only the path and the
    // kind of mistake go back, and nothing is logged.
    let body = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let reason = reason(&error.into_inner().to_string());
        match is_name(&path) {
            true => Problem::bad_field(&path, "缺失、未知或格式不正确", &reason),
            false => Problem::bad_field("?", "未知字段", "unknown field"),
        }
    })?;
    Ok((body, value))
}

fn bad_json(error: serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let (zh, en) = match error.to_string().starts_with(TWICE) {
        true => ("请求体中有重复的字段名", "a name stands twice in one object of the body"),
        false => ("请求体不是有效的 JSON", "the body is not valid JSON"),
    };
    Problem::new(
        400,
        "BAD_JSON",
        format!("{zh}（第 {line} 行第 {column} 列）"),
        format!("{en} (line {line}, column {column})"),
    )
}

/// Whether a path is made of names as this interface has them. Another one is the caller's own
/// invention, may be anything, and is not repeated.
fn is_name(path: &str) -> bool {
    let of_names = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.[]".contains(&b);
    let digits = path.bytes().filter(u8::is_ascii_digit).count();
    path.len() <= 64 && path.bytes().all(of_names) && digits <= 4
}

/// The part of a deserializer's message that names fields and types, not values.
fn reason(message: &str) -> String {
    let named = ["missing field", "unknown field", "unknown variant", "duplicate field"];
    match named.iter().find(|words| message.starts_with(**words)) {
        Some(words) if *words == "unknown variant" => message.split_once(", expected").map_or_else(
            || "not one of the known words".to_owned(),
            |(_, rest)| format!("not one of the known words, expected{rest}"),
        ),
        Some(_) => message.to_owned(),
        // What our own types say of a wrong text ends with the text: `…, not "x"`.
        None => match message.rsplit_once("expected ") {
            Some((_, rest)) => format!("expected {rest}"),
            None => message.split(", not ").next().unwrap_or_default().to_owned(),
        },
    }
}

/// A query that does not fit names no field: the framework's message may quote what was sent.
pub fn bad_query(_: QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    Problem::bad_field("query", "查询参数未知或格式不正确", "an unknown or malformed parameter")
        .into()
}

fn idempotency_key(request: &HttpRequest) -> Result<String, Problem> {
    let mut values = request.headers().get_all("idempotency-key");
    let (value, more) = (values.next(), values.next());
    let fits =
        |key: &str| (8..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    match value.and_then(|value| value.to_str().ok()) {
        Some(key) if more.is_none() && fits(key) => Ok(key.to_owned()),
        _ => {
            let mut problem = Problem::new(
                400,
                "IDEMPOTENCY_KEY_REQUIRED",
                "请求头 Idempotency-Key 缺失或不正确：需一个，8 到 255 个可见 ASCII 字符",
                "send one Idempotency-Key header of 8 to 255 visible ASCII characters",
            );
            problem.field = Some("Idempotency-Key".to_owned());
            Err(problem)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[allow(dead_code)]
        price_fen: u32,
        #[allow(dead_code)]
        region: Option<crate::kernel::region::Region>,
    }

    #[test]
    fn a_bad_body_names_the_field_and_never_repeats_the_value() {
        for (body, field, code) in [
            ("{", None, "BAD_JSON"),
            ("{}", Some("."), "BAD_REQUEST"),
            (r#"{"price_fen":"310101199003077712"}"#, Some("price_fen"), "BAD_REQUEST"),
            ("[1]", Some("."), "BAD_REQUEST"),
            (r#"{"price_fen":1,"x":2}"#, Some("x"), "BAD_REQUEST"),
            (r#"{"price_fen":1,"310101199003077712":2}"#, Some("?"), "BAD_REQUEST"),
            (r#"{"price_fen":1,"price_fen":1}"#, None, "BAD_JSON"),
            (r#"{"price_fen":1,"region":"310101199003077712"}"#, Some("region"), "BAD_REQUEST"),
        ] {
            let problem = parse::<Shape>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.refusals[0].code, code, "{body}");
            assert_eq!(problem.field.as_deref(), field, "{body}");
            assert!(!problem.refusals[0].en.contains("310101"), "{}", problem.refusals[0].en);
        }
    }
}
