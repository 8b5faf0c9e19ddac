//! Every "no" of the interface: `application/problem+json` (RFC 9457) with a stable code.

use crate::kernel::refusal::Refusal;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use utoipa::ToSchema;

/// The language of the sentences that a person reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Chinese,
    English,
}

impl Language {
    /// English where `Accept-Language` names it before Chinese, else Chinese.
    pub fn of_header(header: Option<&str>) -> Language {
        let first = header.into_iter().flat_map(|h| h.split(',')).find_map(|range| {
            let tag = range.trim().to_ascii_lowercase();
            if tag.starts_with("zh") {
                Some(Language::Chinese)
            } else if tag.starts_with("en") {
                Some(Language::English)
            } else {
                None
            }
        });
        first.unwrap_or_default()
    }

    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Language::Chinese => zh,
            Language::English => en,
        }
    }
}

/// One rule that refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedRule {
    /// Stable code, such as `QUOTA_EXHAUSTED`.
    pub code: String,
    /// What happened and what can be done, in the language of the request.
    pub detail: String,
}

/// The body of a problem answer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:tradein:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    pub status: u16,
    /// Stable code; of several rules that refused, the first.
    pub code: String,
    /// A sentence in Chinese or English, by `Accept-Language`.
    pub detail: String,
    /// The field of the request that is at fault, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Names this request in the logs.
    pub request_id: String,
    /// Whether the same request with the same key may succeed later.
    pub retryable: bool,
    /// Every rule that refused, in the order of the rules; empty where no rule was asked.
    pub failed_rules: Vec<FailedRule>,
}

/// A problem before it is written: it knows both languages and no request.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    pub refusals: Vec<Refusal>,
    pub field: Option<String>,
    pub retry_after: Option<u32>,
    /// Whether the refusals are rules, to be listed in `failed_rules`.
    pub by_rule: bool,
}

impl Problem {
    pub fn new(
        status: u16,
        code: &'static str,
        zh: impl Into<Cow<'static, str>>,
        en: impl Into<Cow<'static, str>>,
    ) -> Problem {
        let refusal = Refusal { code: code.into(), zh: zh.into(), en: en.into() };
        Problem { status, refusals: vec![refusal], field: None, retry_after: None, by_rule: false }
    }

    /// A refusal by the rules, or by the state of an object.
    pub fn refused(status: u16, refusals: Vec<Refusal>) -> Problem {
        Problem { status, refusals, field: None, retry_after: None, by_rule: true }
    }

    /// A field that has the wrong form.
    pub fn bad_field(field: &str, zh: &str, en: &str) -> Problem {
        let mut problem = Problem::new(
            400,
            "BAD_REQUEST",
            format!("字段 {field}：{zh}"),
            format!("{field}: {en}"),
        );
        problem.field = Some(field.to_owned());
        problem
    }

    /// Nothing is there, or it is somebody else's: the two look alike on purpose.
    pub fn not_found() -> Problem {
        Problem::new(404, "NOT_FOUND", "没有找到该对象", "no such object")
    }

    /// The service cannot decide now; the same key may be tried again.
    pub fn busy(seconds: u32) -> Problem {
        let mut problem = Problem::new(
            503,
            "BUSY",
            "系统繁忙，请稍后用同一幂等键重试",
            "the service is busy; try again with the same Idempotency-Key",
        );
        problem.retry_after = Some(seconds);
        problem
    }

    /// A fault of the service; the cause stands in the log under the request id.
    pub fn internal() -> Problem {
        Problem::new(
            500,
            "INTERNAL",
            "系统内部错误，未产生任何变更，请用同一幂等键重试",
            "internal error; nothing was changed, try again with the same Idempotency-Key",
        )
    }

    /// What `WWW-Authenticate` says of a 401 (RFC 6750, section 3): a token that was sent and is
    /// not good is told apart from one that is missing.
    pub fn challenge(&self) -> Option<&'static str> {
        match self.refusals.first().map(|refusal| refusal.code.as_ref()) {
            _ if self.status != 401 => None,
            Some("TOKEN_INVALID" | "TOKEN_EXPIRED") => Some("Bearer error=\"invalid_token\""),
            _ => Some("Bearer"),
        }
    }

    /// The JSON of this problem for one request.
    pub fn body(&self, language: Language, request_id: &str) -> ProblemBody {
        let rule = |refusal: &Refusal| FailedRule {
            code: refusal.code.to_string(),
            detail: language.pick(&refusal.zh, &refusal.en).to_owned(),
        };
        let rules: Vec<FailedRule> = self.refusals.iter().map(rule).collect();
        let first = rules
            .first()
            .cloned()
            .unwrap_or(FailedRule { code: "INTERNAL".to_owned(), detail: String::new() });
        ProblemBody {
            kind: format!("urn:tradein:problem:{}", first.code),
            status: self.status,
            code: first.code,
            detail: first.detail,
            field: self.field.clone(),
            request_id: request_id.to_owned(),
            retryable: matches!(self.status, 429 | 500 | 503),
            failed_rules: if self.by_rule { rules } else { Vec::new() },
        }
    }

    pub fn to_bytes(&self, language: Language, request_id: &str) -> Vec<u8> {
        serde_json::to_vec(&self.body(language, request_id)).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.refusals.first().map(|r| r.code.as_ref()).unwrap_or("INTERNAL");
        write!(f, "{} {code}", self.status)
    }
}

impl std::error::Error for Problem {}

/// Where a [`Problem`] leaves a handler, the request's language and id are not at hand: the
/// middleware of `http::request` finds the problem in the answer and writes its body.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        answer.insert_header(ContentType(PROBLEM_JSON.clone()));
        if let Some(seconds) = self.retry_after {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(challenge) = self.challenge() {
            answer.insert_header((WWW_AUTHENTICATE, challenge));
        }
        answer.body(self.to_bytes(Language::default(), ""))
    }
}

/// `application/problem+json`.
pub static PROBLEM_JSON: std::sync::LazyLock<mime::Mime> = std::sync::LazyLock::new(|| {
    "application/problem+json".parse().unwrap_or(mime::APPLICATION_JSON)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_the_language_that_is_asked_for() {
        for (header, language) in [
            (None, Language::Chinese),
            (Some("en-GB,zh;q=0.5"), Language::English),
            (Some("fr, zh-CN, en"), Language::Chinese),
            (Some("fr"), Language::Chinese),
        ] {
            assert_eq!(Language::of_header(header), language, "{header:?}");
        }
    }

    #[test]
    fn lists_every_rule_that_refused() {
        let no = |code| Refusal::new(code, "不行", "no");
        let problem = Problem::refused(422, vec![no("A"), no("B")]);
        let body = problem.body(Language::English, "r1");
        assert_eq!((body.code.as_str(), body.failed_rules.len()), ("A", 2));
        assert_eq!(body.detail, "no");
        assert!(!body.retryable);
    }
}
