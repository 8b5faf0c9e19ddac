//! The maker's serial number of one piece of goods: no standard, so normalised only.

use super::{BadIdentifier, CheckResult, digits, identifier, public_identifier};
use serde::{Deserialize, Serialize};

/// 4 to 64 visible ASCII characters, trimmed, upper case, full-width forms folded, spaces inside
/// dropped: the same sticker read twice gives the same text. Other scripts are refused, because
/// a Cyrillic А would make one machine two. Unique only together with its brand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial {
    text: String,
}

identifier!(Serial, "serial");
public_identifier!(Serial);

const FORM: BadIdentifier = BadIdentifier::form(
    "序列号（SN）应为4至64位字母、数字或符号",
    "a serial number has 4 to 64 letters, digits or signs",
);

fn parse(raw: &str) -> Result<Serial, BadIdentifier> {
    let text = digits::folded(raw, 256).ok_or(FORM)?;
    let text: String = text.split_ascii_whitespace().collect();
    let visible = text.bytes().all(|b| b.is_ascii_graphic());
    let says_something = text.bytes().any(|b| b.is_ascii_alphanumeric() && b != b'0');
    if (4..=64).contains(&text.len()) && visible && says_something {
        Ok(Serial { text })
    } else {
        Err(FORM)
    }
}

impl Serial {
    /// A serial number by index, distinct for 10^12.
    pub fn synthetic(index: u64) -> Serial {
        Serial { text: format!("SN{:012}", index % 1_000_000_000_000 + 1) }
    }
}

/// A raw serial number, as the rules judge it: `Good` or `WrongForm`.
pub fn check(raw: &str) -> CheckResult {
    super::found(parse(raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_sticker_one_text() {
        for same in ["SN-1234/ab", " sn-1234/AB ", "ＳＮ－１２３４／ａｂ", "SN-12 34/AB"]
        {
            assert_eq!(parse(same).unwrap().text, "SN-1234/AB", "{same}");
        }
        for bad in ["", "abc", "0000000", "----", "序列号1234", "SN12\u{200b}34", "SNА1234"] {
            assert_eq!(check(bad), CheckResult::WrongForm, "{bad:?}");
        }
        assert_eq!(check(&"A".repeat(65)), CheckResult::WrongForm);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(raw in "\\PC{0,70}") {
            if let Ok(once) = parse(&raw) {
                prop_assert_eq!(parse(&once.text).unwrap(), once);
            }
        }
    }
}
