//! The vehicle identification number (GB 16735-2019, ISO 3779).

use super::{BadIdentifier, CheckResult, digits, identifier, public_identifier};
use serde::{Deserialize, Serialize};

/// 车辆识别代号: 17 characters without I, O and Q. The check digit at place 9 is **not** a
/// condition of the type: cars imported long ago may fail it and are looked at by a person, see
/// [`Vin::check_digit_fits`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Vin {
    text: String,
}

identifier!(Vin, "vin");
public_identifier!(Vin);

const FORM: BadIdentifier = BadIdentifier::form(
    "车辆识别代号应为17位数字或大写字母（不含I、O、Q）",
    "a VIN has 17 digits or letters, without I, O and Q",
);

/// Place 9, the check digit itself, has no weight.
const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

fn parse(raw: &str) -> Result<Vin, BadIdentifier> {
    let text = digits::folded(raw, 128).ok_or(FORM)?;
    let fits = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase() && !b"IOQ".contains(&b);
    if text.len() == 17 && text.bytes().all(fits) { Ok(Vin { text }) } else { Err(FORM) }
}

/// Letters count by their place in A-H, J-R and S-Z (which begins at 2).
fn value(byte: u8) -> u32 {
    let offset = |first: u8, start: u32| u32::from(byte - first) + start;
    match byte {
        b'A'..=b'H' => offset(b'A', 1),
        b'J'..=b'R' => offset(b'J', 1),
        b'S'..=b'Z' => offset(b'S', 2),
        _ => digits::value(byte),
    }
}

fn check_character(text: &str) -> u8 {
    let sum = digits::weighted(text.bytes().map(value), &WEIGHTS);
    b"0123456789X"[(sum % 11) as usize]
}

impl Vin {
    /// Whether place 9 is the check digit of the others.
    pub fn check_digit_fits(&self) -> bool {
        self.text.as_bytes()[8] == check_character(&self.text)
    }

    /// A valid number by index, distinct for 10^11.
    pub fn synthetic(index: u64) -> Vin {
        let (model, order) = (index / 1_000_000 % 100_000, index % 1_000_000);
        let mut text = format!("LTR{model:05}0RA{order:06}");
        let check = check_character(&text) as char;
        text.replace_range(8..9, &check.to_string());
        Vin { text }
    }
}

/// A raw VIN: `WrongForm` is an error, `WrongDigit` a warning that asks for a person's look.
pub fn check(raw: &str) -> CheckResult {
    match parse(raw) {
        Ok(vin) if vin.check_digit_fits() => CheckResult::Good,
        Ok(_) => CheckResult::WrongDigit,
        Err(bad) => bad.found,
    }
}

#[cfg(test)]
mod tests {
    use super::CheckResult::*;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        for (raw, result) in [
            ("1M8GDM9AXKP042788", Good),
            ("LSVAB2188E2100001", Good),
            ("lsvab2188e2100001", Good),
            ("11111111111111111", Good),
            ("LSVAB2189E2100001", WrongDigit),
            ("LSVAB2188E210000", WrongForm),
            ("LSVAB2188E21000011", WrongForm),
            ("LSVAB2188I2100001", WrongForm),
            ("LSVAB2188O2100001", WrongForm),
            ("LSVAB2188Q2100001", WrongForm),
            ("", WrongForm),
        ] {
            assert_eq!(check(raw), result, "{raw}");
        }
        assert!(!"LSVAB2189E2100001".parse::<Vin>().unwrap().check_digit_fits());
    }

    proptest! {
        /// The modulus is prime and no weight but the check digit's own is 0, so a change is
        /// caught whenever the values differ (A, J and 1 share one value: the standard's limit).
        #[test]
        fn one_wrong_character_is_caught(
            index in 0u64..100_000_000_000,
            place in 0usize..17,
            other in "[A-HJ-NPR-Z0-9]",
        ) {
            let mut bytes = Vin::synthetic(index).text.into_bytes();
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()), Good);
            let (before, after) = (bytes[place], other.as_bytes()[0]);
            let same = if place == 8 { before == after } else { value(before) == value(after) };
            bytes[place] = after;
            prop_assert_eq!(check(std::str::from_utf8(&bytes).unwrap()).is_good(), same);
        }
    }
}
