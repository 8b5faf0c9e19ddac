//! The number plate of a vehicle or e-bike: each city forms its own, so normalised only.

use super::{BadIdentifier, digits, identifier, private_identifier};
use serde::Deserialize;

/// 4 to 12 letters, digits and Chinese characters, with at least two ASCII ones; full-width forms
/// folded, upper case, without the dot, hyphens and spaces that a plate shows between its parts:
/// `沪A·12345` and `沪a12345` are one plate. It leads to its owner, so it shows itself nowhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Plate {
    text: String,
}

identifier!(Plate, "plate");
private_identifier!(Plate);

const FORM: BadIdentifier = BadIdentifier::form(
    "号牌应为4至12位汉字、字母和数字",
    "a plate has 4 to 12 Chinese characters, letters and digits",
);

fn parse(raw: &str) -> Result<Plate, BadIdentifier> {
    let text = digits::ungrouped(raw, 128).ok_or(FORM)?;
    let text: String = text.chars().filter(|c| !matches!(c, '·' | '•' | '.' | '・')).collect();
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || han(c));
    let numbered = text.chars().filter(char::is_ascii_alphanumeric).count() >= 2;
    let length = text.chars().count();
    if fits && numbered && (4..=12).contains(&length) { Ok(Plate { text }) } else { Err(FORM) }
}

impl Plate {
    /// An e-bike plate of Shanghai by index, distinct for 10^7.
    pub fn synthetic(index: u64) -> Plate {
        Plate { text: format!("沪{:07}", index % 10_000_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Identifier;
    use super::*;

    #[test]
    fn one_plate_one_text() {
        for same in ["沪A·12345", " 沪a12345", "沪Ａ １２３４５", "沪A-123 45", "沪A•12345"]
        {
            assert_eq!(parse(same).unwrap().reveal(), "沪A12345", "{same}");
        }
        for bad in ["", "沪A1", "沪沪沪沪沪", "沪A123456789012", "沪A12_45", "沪А12345"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", Plate::synthetic(1)), "Plate(***)");
    }
}
