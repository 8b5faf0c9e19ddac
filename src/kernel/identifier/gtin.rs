//! The retail barcode of goods: GTIN-13 (GB 12904-2008, GS1).

use super::{BadIdentifier, CheckResult, digits, identifier, public_identifier};
use serde::{Deserialize, Serialize};

/// 商品条码 of 13 digits with a right check digit. Prefixes 690 to 699 are numbered in China, but
/// imported goods carry others, so none is demanded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gtin {
    text: String,
}

identifier!(Gtin, "gtin");
public_identifier!(Gtin);

const FORM: BadIdentifier =
    BadIdentifier::form("商品条码应为13位数字", "a product barcode (GTIN-13) has 13 digits");
const DIGIT: BadIdentifier = BadIdentifier::digit(
    "商品条码校验位错误",
    "the check digit of the product barcode does not fit",
);

fn parse(raw: &str) -> Result<Gtin, BadIdentifier> {
    let text = digits::folded(raw, 128).ok_or(FORM)?;
    if text.len() != 13 || !digits::all_digits(&text) {
        return Err(FORM);
    }
    if text[12..].parse() == Ok(check_digit(&text[..12])) { Ok(Gtin { text }) } else { Err(DIGIT) }
}

/// Twelve digits weighted 1, 3, 1, 3, …; what is missing to the next ten.
fn check_digit(body: &str) -> u32 {
    let sum =
        digits::weighted(body.bytes().map(digits::value), &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    (10 - sum % 10) % 10
}

impl Gtin {
    /// Whether it is numbered in China (prefix 690 to 699).
    pub fn is_chinese(&self) -> bool {
        self.text.starts_with("69")
    }

    /// A valid Chinese barcode by index, distinct for 10^9.
    pub fn synthetic(index: u64) -> Gtin {
        let body = format!("690{:09}", index % 1_000_000_000);
        Gtin { text: format!("{body}{}", check_digit(&body)) }
    }
}

/// A raw barcode, as the rules judge it.
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
            ("6901234567892", Good),
            ("4006381333931", Good),
            (" ６９０１２３４５６７８９２", Good),
            ("6901234567893", WrongDigit),
            ("690123456789", WrongForm),
            ("69012345678922", WrongForm),
            ("690123456789X", WrongForm),
            ("", WrongForm),
            ("条码条码1", WrongForm),
        ] {
            assert_eq!(check(raw), result, "{raw}");
        }
        assert!(Gtin::synthetic(0).is_chinese());
        assert!(!"4006381333931".parse::<Gtin>().unwrap().is_chinese());
    }

    proptest! {
        /// 1 and 3 are prime to 10, so each change of one digit moves the sum.
        #[test]
        fn one_wrong_digit_is_caught(
            index in 0u64..1_000_000_000,
            place in 0usize..13,
            by in 1u8..10,
        ) {
            let mut bytes = Gtin::synthetic(index).text.into_bytes();
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()), Good);
            bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()), WrongDigit);
        }
    }
}
