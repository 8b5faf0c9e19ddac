//! Identifiers that people, firms and goods carry, each with its published form and check digit.
//!
//! Two ways in. A **type** (`IdNumber`, `Gtin`, …) is parsed once at the edge and then holds only
//! valid values. A **check** (`gtin::check(raw)`) judges raw text without refusing it: what a
//! programme's rules judge (GTIN, IMEI, serial, VIN) reaches them raw with its [`CheckResult`],
//! because a wrong digit there is a refusal of the programme with a code of its own, not a bad
//! request.
//!
//! Types that name a natural person ([`IdNumber`], [`Mobile`], [`PersonName`], [`BankCard`]) have
//! a `Debug` that shows nothing, no `Display` and no `Serialize` (invariant 10: no log line, error
//! or entry holds a clear identity). Their text is reached by [`Identifier::reveal`] alone, a name
//! to search for.
//!
//! The `synthetic` functions make valid numbers from an index, for tests and demonstrations: the
//! same index always gives the same number, different ones differ within the stated range.

mod bank_card;
mod credit_code;
mod digits;
pub mod gtin;
mod id_number;
pub mod imei;
mod mobile;
mod pattern;
mod person_name;
mod plate;
pub mod serial;
pub mod vin;

pub use bank_card::BankCard;
pub use credit_code::CreditCode;
pub use gtin::Gtin;
pub use id_number::{IdKind, IdNumber};
pub use imei::Imei;
pub use mobile::Mobile;
pub use pattern::{BadPattern, Pattern, VEHICLE_CODE, any_matches};
pub use person_name::PersonName;
pub use plate::Plate;
pub use serial::Serial;
pub use vin::Vin;

use serde::{Deserialize, Serialize};

/// What the check of a raw identifier found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// The form is right, and so is the check digit where the standard has one.
    Good,
    /// The form is right, the check digit is not: a typing error, or an invented number.
    WrongDigit,
    /// Not of the standard's form at all.
    WrongForm,
}

impl CheckResult {
    pub fn is_good(self) -> bool {
        self == CheckResult::Good
    }
}

/// Why a text is not the identifier that it was given for. It never repeats the text, which may
/// be somebody's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct BadIdentifier {
    /// `WrongForm` or `WrongDigit`.
    pub found: CheckResult,
    /// What is expected, for the person who typed it, in Chinese.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
}

impl BadIdentifier {
    const fn form(zh: &'static str, en: &'static str) -> BadIdentifier {
        BadIdentifier { found: CheckResult::WrongForm, zh, en }
    }

    const fn digit(zh: &'static str, en: &'static str) -> BadIdentifier {
        BadIdentifier { found: CheckResult::WrongDigit, zh, en }
    }
}

/// An identifier with one canonical text, so that equal things have equal digests.
pub trait Identifier {
    /// Tells kinds apart inside keyed digests, so that a bank card never equals a serial number.
    /// Stored digests depend on it: never change one.
    const KIND: &'static str;

    /// The canonical text. Of a person's identifier it is clear identity: it goes into the vault
    /// or a keyed digest and nowhere else.
    fn reveal(&self) -> &str;
}

/// Turns the outcome of a parse into the outcome of a check.
fn found<T>(parsed: Result<T, BadIdentifier>) -> CheckResult {
    match parsed {
        Ok(_) => CheckResult::Good,
        Err(bad) => bad.found,
    }
}

/// Gives a type over a private `text: String` its conversions: parsing from `&str` and `String`,
/// reading from JSON, and [`Identifier`].
macro_rules! identifier {
    ($type:ident, $kind:literal) => {
        impl std::str::FromStr for $type {
            type Err = $crate::kernel::identifier::BadIdentifier;
            fn from_str(raw: &str) -> Result<Self, Self::Err> {
                parse(raw)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = $crate::kernel::identifier::BadIdentifier;
            fn try_from(raw: &str) -> Result<Self, Self::Error> {
                parse(raw)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::kernel::identifier::BadIdentifier;
            fn try_from(raw: String) -> Result<Self, Self::Error> {
                parse(&raw)
            }
        }

        impl $crate::kernel::identifier::Identifier for $type {
            const KIND: &'static str = $kind;
            fn reveal(&self) -> &str {
                &self.text
            }
        }
    };
}

/// For a person's identifier: a `Debug` that shows only the name of the type.
macro_rules! private_identifier {
    ($type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($type), "(***)"))
            }
        }
    };
}

/// For the identifier of a thing or a firm: shown and written as its text.
macro_rules! public_identifier {
    ($type:ident) => {
        impl $type {
            pub fn as_str(&self) -> &str {
                &self.text
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.text
            }
        }
    };
}

use {identifier, private_identifier, public_identifier};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_identifiers_show_nothing_in_debug() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            IdNumber::synthetic(1),
            Mobile::synthetic(1),
            PersonName::synthetic(1),
            BankCard::synthetic(1),
        );
        assert_eq!(shown, "IdNumber(***) Mobile(***) PersonName(***) BankCard(***)");
    }

    #[test]
    fn an_error_never_repeats_the_text() {
        let error = "110105194912310021".parse::<IdNumber>().unwrap_err();
        assert_eq!(error.found, CheckResult::WrongDigit);
        assert!(!error.to_string().contains("110105"), "{error}");
        let error = serde_json::from_str::<Mobile>("\"1380013800x\"").unwrap_err();
        assert!(!error.to_string().contains("1380013"), "{error}");
    }
}
