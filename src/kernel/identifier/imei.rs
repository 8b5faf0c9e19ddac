//! The number of a mobile device: IMEI (3GPP TS 23.003, section 6).

use super::{BadIdentifier, CheckResult, digits, identifier, public_identifier};
use serde::{Deserialize, Serialize};

/// 15 digits, the last a Luhn digit; spaces and hyphens between groups are dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Imei {
    text: String,
}

identifier!(Imei, "imei");
public_identifier!(Imei);

const FORM: BadIdentifier = BadIdentifier::form("IMEI应为15位数字", "an IMEI has 15 digits");
const DIGIT: BadIdentifier =
    BadIdentifier::digit("IMEI校验位错误", "the check digit of the IMEI does not fit");

fn parse(raw: &str) -> Result<Imei, BadIdentifier> {
    let text = digits::ungrouped(raw, 128).ok_or(FORM)?;
    // Fifteen zeros satisfy Luhn and are what a device without a number reports.
    if text.len() != 15 || !digits::all_digits(&text) || text.bytes().all(|b| b == b'0') {
        return Err(FORM);
    }
    if digits::luhn_holds(&text) { Ok(Imei { text }) } else { Err(DIGIT) }
}

impl Imei {
    /// A valid number by index, distinct for 10^10.
    pub fn synthetic(index: u64) -> Imei {
        let body = format!("3520{:010}", index % 10_000_000_000);
        Imei { text: format!("{body}{}", digits::luhn(&body)) }
    }
}

/// A raw IMEI, as the rules judge it.
pub fn check(raw: &str) -> CheckResult {
    super::found(parse(raw))
}

#[cfg(test)]
mod tests {
    use super::CheckResult::*;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        for (raw, result) in [
            ("352099001761481", Good),
            ("35-209900-176148-1", Good),
            ("49 015420 323751 8", Good),
            ("352099001761482", WrongDigit),
            ("35209900176148", WrongForm),
            ("3520990017614811", WrongForm),
            ("35209900176148A", WrongForm),
            ("000000000000000", WrongForm),
            ("", WrongForm),
        ] {
            assert_eq!(check(raw), result, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_caught(
            index in 0u64..10_000_000_000,
            place in 0usize..15,
            by in 1u8..10,
        ) {
            let mut bytes = Imei::synthetic(index).text.into_bytes();
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()), Good);
            bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()), WrongDigit);
        }
    }
}
