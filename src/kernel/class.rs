//! What is subsidised: `appliance.refrigerator`, `car.scrap`, `ebike`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A class of goods: one to four dotted segments of lower-case letters, digits and `_`, at most
/// 64 bytes. Its family is the first segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Class(Arc<str>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a class is dotted lower-case words, such as appliance.refrigerator, not {0:?}")]
pub struct BadClass(String);

impl Class {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: `appliance` of `appliance.refrigerator`.
    pub fn family(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl FromStr for Class {
    type Err = BadClass;
    fn from_str(text: &str) -> Result<Self, BadClass> {
        let word = |w: &str| {
            w.starts_with(|c: char| c.is_ascii_lowercase())
                && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let fits = text.len() <= 64 && text.split('.').count() <= 4 && text.split('.').all(word);
        if fits { Ok(Class(text.into())) } else { Err(BadClass(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for Class {
    type Error = BadClass;
    fn try_from(text: String) -> Result<Self, BadClass> {
        text.parse()
    }
}

impl From<Class> for String {
    fn from(class: Class) -> String {
        class.0.as_ref().to_owned()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn is_dotted_lower_case() {
        assert_eq!("appliance.tv".parse::<Class>().unwrap().family(), "appliance");
        assert_eq!("ebike".parse::<Class>().unwrap().family(), "ebike");
        for bad in ["", ".", "a.", "A.b", "a b", "a.b.c.d.e", "a-b", "1a"] {
            assert!(bad.parse::<Class>().is_err(), "{bad}");
        }
    }
}
