//! The number of a bank card that a subsidy is paid to (ISO/IEC 7812-1).

use super::{BadIdentifier, digits, identifier, private_identifier};
use serde::Deserialize;

/// 16 to 19 digits, the last a Luhn digit. A firm's account at a bank is no card number and has
/// no check digit; it does not belong here.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct BankCard {
    text: String,
}

identifier!(BankCard, "bank_card");
private_identifier!(BankCard);

const FORM: BadIdentifier =
    BadIdentifier::form("银行卡号应为16至19位数字", "a bank card number has 16 to 19 digits");
const DIGIT: BadIdentifier = BadIdentifier::digit(
    "银行卡号校验位不正确，请核对",
    "the check digit of the bank card number does not fit",
);

fn parse(raw: &str) -> Result<BankCard, BadIdentifier> {
    let text = digits::ungrouped(raw, 128).ok_or(FORM)?;
    if !(16..=19).contains(&text.len()) || !digits::all_digits(&text) || text.starts_with('0') {
        return Err(FORM);
    }
    if digits::luhn_holds(&text) { Ok(BankCard { text }) } else { Err(DIGIT) }
}

impl BankCard {
    /// For people's eyes: the last four digits only, `**** 1234`.
    pub fn masked(&self) -> String {
        format!("**** {}", &self.text[self.text.len() - 4..])
    }

    /// A valid number by index, distinct for 10^12.
    pub fn synthetic(index: u64) -> BankCard {
        let body = format!("622202{:012}", index % 1_000_000_000_000);
        BankCard { text: format!("{body}{}", digits::luhn(&body)) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CheckResult::*, found};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        for (raw, result) in [
            ("4111 1111 1111 1111", Good),
            ("4111111111111112", WrongDigit),
            ("411111111111111", WrongForm),
            ("62220200000000000000", WrongForm),
            ("0000000000000000", WrongForm),
            ("6222020000000000x", WrongForm),
            ("", WrongForm),
        ] {
            assert_eq!(found(parse(raw)), result, "{raw}");
        }
        assert_eq!(parse("4111 1111 1111 1111").unwrap().masked(), "**** 1111");
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_caught(
            index in 0u64..1_000_000_000_000,
            place in 1usize..19,
            by in 1u8..10,
        ) {
            let mut bytes = BankCard::synthetic(index).text.into_bytes();
            prop_assert_eq!(found(parse(std::str::from_utf8(&bytes).unwrap())), Good);
            bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
            prop_assert_eq!(found(parse(std::str::from_utf8(&bytes).unwrap())), WrongDigit);
        }
    }
}
