//! Numbers that each city forms in its own way: e-bike plates, frame and battery numbers.
//!
//! The forms are data of a programme, not code, and an official must be able to write one. So a
//! pattern is a template and no regular expression: `#` stands for a digit, `@` for a capital
//! letter, `*` for either, every other character for itself: `沪######`, `苏E*****`.

use super::digits;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The e-bike vehicle code of GB 17761: 15 digits.
pub const VEHICLE_CODE: &str = "###############";

/// A template of 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a pattern has 1 to 64 characters, at least one of # (a digit), @ (a letter) and * (either), \
     and no spaces or lower-case letters"
)]
pub struct BadPattern;

impl Pattern {
    /// The canonical text (trimmed, folded, upper case) where it fits, else nothing.
    pub fn normalised(&self, raw: &str) -> Option<String> {
        let text = digits::folded(raw, 256)?;
        let fits = |(template, c): (char, char)| match template {
            '#' => c.is_ascii_digit(),
            '@' => c.is_ascii_uppercase(),
            '*' => c.is_ascii_digit() || c.is_ascii_uppercase(),
            literal => c == literal,
        };
        let same_length = text.chars().count() == self.0.chars().count();
        (same_length && self.0.chars().zip(text.chars()).all(fits)).then_some(text)
    }

    pub fn matches(&self, raw: &str) -> bool {
        self.normalised(raw).is_some()
    }
}

/// Whether one of several patterns fits; a city has several while old plates are still about.
pub fn any_matches(patterns: &[Pattern], raw: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(raw))
}

impl FromStr for Pattern {
    type Err = BadPattern;
    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let length = text.chars().count();
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !c.is_ascii_lowercase();
        let open = text.contains(['#', '@', '*']);
        if (1..=64).contains(&length) && open && text.chars().all(plain) {
            Ok(Pattern(text.to_owned()))
        } else {
            Err(BadPattern)
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadPattern;
    fn try_from(text: String) -> Result<Self, BadPattern> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> String {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for (pattern, raw, fits) in [
            ("沪######", "沪123456", true),
            ("沪######", " 沪１２３４５６", true),
            ("沪######", "京123456", false),
            ("沪######", "沪12345", false),
            ("沪######", "沪1234567", false),
            ("苏E*****", "苏e12a45", true),
            ("@##", "A12", true),
            ("@##", "112", false),
            (VEHICLE_CODE, "123456789012345", true),
            (VEHICLE_CODE, "12345678901234", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(raw), fits, "{pattern} {raw}");
        }
        let both = ["沪######".parse().unwrap(), "沪A#####".parse().unwrap()];
        assert!(any_matches(&both, "沪A12345") && !any_matches(&both, "沪AA2345"));
    }

    #[test]
    fn a_pattern_must_leave_something_open() {
        for bad in ["", "沪A", "# #", "a##", "#\n"] {
            assert_eq!(bad.parse::<Pattern>(), Err(BadPattern), "{bad:?}");
        }
        assert!("#".repeat(65).parse::<Pattern>().is_err());
    }
}
