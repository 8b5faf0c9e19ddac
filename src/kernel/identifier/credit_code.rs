//! The unified social credit code of a firm or organisation (GB 32100-2015).

use super::{BadIdentifier, digits, identifier, public_identifier};
use serde::{Deserialize, Serialize};

/// 统一社会信用代码: 18 characters of 0-9 and A-Z without I, O, S, V, Z. Places 3 to 8 name the
/// registering place, 9 to 17 hold the organisation code of GB 11714, 18 is the check character.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CreditCode {
    text: String,
}

identifier!(CreditCode, "credit_code");
public_identifier!(CreditCode);

const FORM: BadIdentifier = BadIdentifier::form(
    "统一社会信用代码应为18位数字或大写字母（不含I、O、S、V、Z）",
    "a unified social credit code has 18 digits or letters, without I, O, S, V and Z",
);
const DIGIT: BadIdentifier = BadIdentifier::digit(
    "统一社会信用代码校验位不正确",
    "the check character of the unified social credit code does not fit",
);

/// A character's value is its place here.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// 3 to the power of the place, modulo 31.
const WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

fn parse(raw: &str) -> Result<CreditCode, BadIdentifier> {
    let text = digits::folded(raw, 128).ok_or(FORM)?;
    if text.len() != 18 || !text.bytes().all(|b| ALPHABET.contains(&b)) {
        return Err(FORM);
    }
    let (body, last) = text.split_at(17);
    if !digits::all_digits(&body[2..8]) {
        return Err(FORM);
    }
    if last.as_bytes() == [check_character(body)] { Ok(CreditCode { text }) } else { Err(DIGIT) }
}

/// The eighteenth character for the seventeen before it, all of the alphabet.
fn check_character(body: &str) -> u8 {
    let value = |b| ALPHABET.iter().position(|a| *a == b).unwrap_or_default() as u32;
    let sum = digits::weighted(body.bytes().map(value), &WEIGHTS);
    ALPHABET[((31 - sum % 31) % 31) as usize]
}

impl CreditCode {
    /// The organisation code (GB 11714), nine characters, without its hyphen.
    pub fn organisation_code(&self) -> &str {
        &self.text[8..17]
    }

    /// A valid code of a firm in Shanghai, distinct for 28 million indices. Its organisation code
    /// has its own check digit right, too.
    pub fn synthetic(index: u64) -> CreditCode {
        let order: String = (0..5u32)
            .rev()
            .map(|place| ALPHABET[(index / 31u64.pow(place) % 31) as usize] as char)
            .collect();
        let organisation = format!("MA1{order}");
        let sum =
            digits::weighted(organisation.bytes().map(digits::value), &[3, 7, 9, 10, 5, 8, 4, 2]);
        let digit = match 11 - sum % 11 {
            10 => 'X',
            11 => '0',
            other => char::from_digit(other, 10).unwrap_or('0'),
        };
        let body = format!("91310000{organisation}{digit}");
        CreditCode { text: format!("{body}{}", check_character(&body) as char) }
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
            ("91330100716105852F", Good),
            ("91310000ma1fl0ab0t", Good),
            ("91330100716105852G", WrongDigit),
            ("91330100716105853F", WrongDigit),
            ("9133010071610585I2", WrongForm),
            ("91330A00716105852F", WrongForm),
            ("9133010071610585F", WrongForm),
            ("", WrongForm),
            ("代码", WrongForm),
            ("91统一社会信用", WrongForm),
        ] {
            assert_eq!(found(parse(raw)), result, "{raw}");
        }
        assert_eq!(parse("91330100716105852F").unwrap().organisation_code(), "716105852");
    }

    proptest! {
        /// Weights are prime to 31, so each change of one character moves the sum.
        #[test]
        fn one_wrong_character_is_caught(
            index in 0u64..28_000_000,
            place in 0usize..18,
            by in 1usize..31,
        ) {
            let good = CreditCode::synthetic(index).text;
            prop_assert_eq!(found(parse(&good)), Good);
            let mut bytes = good.into_bytes();
            let at = ALPHABET.iter().position(|a| *a == bytes[place]).unwrap();
            bytes[place] = ALPHABET[(at + by) % 31];
            prop_assert_ne!(found(parse(std::str::from_utf8(&bytes).unwrap())), Good);
        }

        #[test]
        fn no_text_panics(raw in ".{0,40}") {
            let _ = parse(&raw);
        }
    }
}
