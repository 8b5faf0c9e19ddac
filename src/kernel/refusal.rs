//! A "no" by the rules: a stable code and a sentence that a person can read, in both languages.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Why a request is refused. It knows no status: the HTTP edge gives every refusal of the rules
/// 422 and every object in the wrong state 409.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Upper case, stable for ever: `QUOTA_EXHAUSTED`.
    pub code: Cow<'static, str>,
    /// What happened and what the person can do next, in Chinese.
    pub zh: Cow<'static, str>,
    /// The same in English.
    pub en: Cow<'static, str>,
}

impl Refusal {
    pub const fn new(code: &'static str, zh: &'static str, en: &'static str) -> Refusal {
        Refusal { code: Cow::Borrowed(code), zh: Cow::Borrowed(zh), en: Cow::Borrowed(en) }
    }
}
