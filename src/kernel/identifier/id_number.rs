//! The 18-character number of a natural person: resident identity card and its siblings.

use super::{BadIdentifier, digits, identifier, private_identifier};
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;

/// A citizen's number of GB 11643-1999, or a residence permit or permanent resident card that has
/// the same build: six digits of place, date of birth, three of order, one check character.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct IdNumber {
    text: String,
    born: NaiveDate,
}

/// Which document carries the number; told from its first digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// 居民身份证.
    ResidentCard,
    /// 港澳居民居住证, places 810000 and 820000.
    HongKongMacaoPermit,
    /// 台湾居民居住证, place 830000.
    TaiwanPermit,
    /// 外国人永久居留身份证 of the 18-digit form, first digit 9.
    ForeignPermanentResident,
}

identifier!(IdNumber, "id_number");
private_identifier!(IdNumber);

const FORM: BadIdentifier = BadIdentifier::form(
    "证件号码应为18位：17位数字加1位校验码，其中第7至14位为出生日期",
    "an ID number has 17 digits and a check character, with a date of birth at places 7 to 14",
);
const DIGIT: BadIdentifier = BadIdentifier::digit(
    "证件号码校验位不正确，请核对后重新输入",
    "the check character of the ID number does not fit its digits",
);

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check character by the weighted sum modulo 11 (ISO 7064, MOD 11-2).
const CHECKS: &[u8; 11] = b"10X98765432";

/// First two digits of GB/T 2260 that a number may begin with: provinces, and the three places of
/// the residence permits. Counties come and go, so nothing below the province is tested.
const PLACES: [&str; 34] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41",
    "42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "81",
    "82", "83",
];

fn parse(raw: &str) -> Result<IdNumber, BadIdentifier> {
    let text = digits::folded(raw, 128).ok_or(FORM)?;
    // Until the text is known to be ASCII, no place in it may be cut at.
    if text.len() != 18 || !text.is_ascii() {
        return Err(FORM);
    }
    let (body, last) = text.split_at(17);
    let place = body.starts_with('9') || PLACES.contains(&&body[..2]);
    if !digits::all_digits(body) || !place {
        return Err(FORM);
    }
    if last != "X" && !digits::all_digits(last) {
        return Err(FORM);
    }
    let born = NaiveDate::parse_from_str(&body[6..14], "%Y%m%d").map_err(|_| FORM)?;
    if born.year() < 1880 {
        return Err(FORM);
    }
    if last.as_bytes() != [check_character(body)] {
        return Err(DIGIT);
    }
    Ok(IdNumber { text, born })
}

/// The eighteenth character for the seventeen digits before it.
fn check_character(body: &str) -> u8 {
    let sum = digits::weighted(body.bytes().map(digits::value), &WEIGHTS);
    CHECKS[(sum % 11) as usize]
}

impl IdNumber {
    pub fn kind(&self) -> IdKind {
        match &self.text[..2] {
            "81" | "82" => IdKind::HongKongMacaoPermit,
            "83" => IdKind::TaiwanPermit,
            place if place.starts_with('9') => IdKind::ForeignPermanentResident,
            _ => IdKind::ResidentCard,
        }
    }

    pub fn date_of_birth(&self) -> NaiveDate {
        self.born
    }

    /// Completed years (周岁) on a day; nothing before birth. Who is born on 29 February
    /// completes a year on 1 March where the year has no such day.
    pub fn age_on(&self, day: NaiveDate) -> Option<u32> {
        day.years_since(self.born)
    }

    /// For people's eyes: the first three and the last four, `110***********1234`.
    pub fn masked(&self) -> String {
        format!("{}{}{}", &self.text[..3], "*".repeat(11), &self.text[14..])
    }

    /// A valid resident number by index: adults born from 1950 on, distinct for 60 million.
    pub fn synthetic(index: u64) -> IdNumber {
        let first = NaiveDate::from_ymd_opt(1950, 1, 1).expect("a day of the calendar");
        let born = first + chrono::Days::new(index % 20_000);
        let place = ["310104", "320502", "110105"][(index / 20_000_000 % 3) as usize];
        IdNumber::synthetic_born(place, born, (index / 20_000 % 1000) as u16)
    }

    /// A valid number with this place of six digits, date of birth and order below 1000.
    ///
    /// # Panics
    /// When the place is none that a number may begin with: tests and demonstrations choose it.
    pub fn synthetic_born(place: &str, born: NaiveDate, order: u16) -> IdNumber {
        let body = format!("{place}{}{:03}", born.format("%Y%m%d"), order % 1000);
        let check = check_character(&body) as char;
        parse(&format!("{body}{check}")).expect("the parts and the check character fit")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CheckResult, CheckResult::*, Identifier, found};
    use super::*;
    use proptest::prelude::*;

    fn check(raw: &str) -> CheckResult {
        found(parse(raw))
    }

    #[test]
    fn published_values() {
        for (raw, result) in [
            ("11010519491231002X", Good),
            ("11010519491231002x", Good),
            (" １１０１０５１９４９１２３１００２Ｘ　", Good),
            ("310101199003077712", Good),
            ("310101199003077713", WrongDigit),
            ("810000198001010014", Good),
            ("", WrongForm),
            ("31010119900307771", WrongForm),
            ("3101011990030777122", WrongForm),
            ("310101199002307712", WrongForm),
            ("310101199013017712", WrongForm),
            ("000101199003077712", WrongForm),
            ("31010119900307771A", WrongForm),
            ("X1010119900307771X", WrongForm),
            ("3101011990030777一二", WrongForm),
        ] {
            assert_eq!(check(raw), result, "{raw}");
        }
    }

    #[test]
    fn the_first_digits_name_the_document() {
        let day = NaiveDate::from_ymd_opt(1980, 1, 1).unwrap();
        for (place, kind) in [
            ("310104", IdKind::ResidentCard),
            ("810000", IdKind::HongKongMacaoPermit),
            ("820000", IdKind::HongKongMacaoPermit),
            ("830000", IdKind::TaiwanPermit),
            ("911840", IdKind::ForeignPermanentResident),
        ] {
            assert_eq!(IdNumber::synthetic_born(place, day, 1).kind(), kind, "{place}");
        }
    }

    #[test]
    fn age_is_in_completed_years() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        let person = |born| IdNumber::synthetic_born("310104", born, 7);
        for (born, on, age) in [
            (day(2008, 3, 7), day(2026, 3, 6), Some(17)),
            (day(2008, 3, 7), day(2026, 3, 7), Some(18)),
            (day(2008, 2, 29), day(2026, 2, 28), Some(17)),
            (day(2008, 2, 29), day(2026, 3, 1), Some(18)),
            (day(2008, 2, 29), day(2028, 2, 29), Some(20)),
            (day(2026, 1, 2), day(2026, 1, 1), None),
        ] {
            assert_eq!(person(born).age_on(on), age, "{born} on {on}");
        }
    }

    #[test]
    fn masks_all_but_seven() {
        let number: IdNumber = "11010519491231002X".parse().unwrap();
        assert_eq!(number.masked(), "110***********002X");
    }

    #[test]
    fn synthetic_numbers_differ_and_are_stable() {
        let many: std::collections::HashSet<_> =
            (0..50_000).map(|i| IdNumber::synthetic(i * 7).text).collect();
        assert_eq!(many.len(), 50_000);
        assert_eq!(IdNumber::synthetic(0).reveal(), "310104195001010005");
    }

    proptest! {
        /// ISO 7064 MOD 11-2 catches every change of one character and every swap of neighbours.
        #[test]
        fn one_wrong_character_is_caught(
            index in 0u64..60_000_000,
            place in 0usize..18,
            by in 1u8..10,
        ) {
            let good = IdNumber::synthetic(index).text;
            let mut bytes = good.clone().into_bytes();
            bytes[place] = match bytes[place] {
                b'X' => b'0' + by,
                digit => b'0' + (digit - b'0' + by) % 10,
            };
            prop_assert!(!check(std::str::from_utf8(&bytes).unwrap()).is_good());
            let mut swapped = good.clone().into_bytes();
            swapped.swap(place.min(16), place.min(16) + 1);
            let swapped = String::from_utf8(swapped).unwrap();
            prop_assert_eq!(check(&swapped).is_good(), swapped == good);
        }

        #[test]
        fn no_text_panics(raw in ".{0,40}") {
            let _ = check(&raw);
        }
    }
}
