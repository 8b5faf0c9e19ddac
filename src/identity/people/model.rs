//! What is known of a person beside the identity, and by what he is found. Pure.

use crate::identity::model::PersonId;
use crate::identity::store::Secret;
use crate::infra::keys::KeyVersion;
use crate::kernel::time::Moment;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Active,
    /// Only digest and id are left, so that the quota does not begin anew.
    Erased,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Erased => "erased",
        }
    }

    pub fn parse(text: &str) -> Option<State> {
        [State::Active, State::Erased].into_iter().find(|state| state.as_str() == text)
    }
}

/// A row of `vault.person`.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// That of the person's id.
    pub bucket: i16,
    pub id: Uuid,
    pub cipher: Option<Vec<u8>>,
    pub born_on: Option<NaiveDate>,
    pub consent_at: Option<Moment>,
    pub registered_at: Option<Moment>,
    /// Of the commitments that name him in the register book.
    pub secret: Option<Secret>,
    pub state: State,
    /// Of an erased one: the last year in which he has a slot.
    pub keep_year: Option<i32>,
}

impl Person {
    /// The same row with nothing left in it but that he is erased.
    pub fn erased(&self, keep_year: Option<i32>) -> Person {
        Person {
            bucket: self.bucket,
            id: self.id,
            cipher: None,
            born_on: None,
            consent_at: None,
            registered_at: None,
            secret: None,
            state: State::Erased,
            keep_year,
        }
    }

    pub fn public_id(&self) -> PersonId {
        self.id.into()
    }
}

/// By what an identity is found: the bucket of its digest, and the digest.
pub type DigestKey = (i16, Vec<u8>);

/// A row of `vault.identity`.
#[derive(Clone, PartialEq, Eq)]
pub struct Identified {
    pub key: DigestKey,
    pub version: KeyVersion,
    pub person: Uuid,
}

/// Why an official may see an identity in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A planned audit.
    Audit,
    /// Somebody complains, the person or another.
    Complaint,
    /// A case of suspected fraud.
    Fraud,
    /// The documents of an application are compared.
    ApplicationReview,
    /// A payment came back from the bank.
    PaymentReturned,
    /// A court or an authority asks by law.
    LegalRequest,
}

/// The number of the case that a look-up belongs to: 4 to 40 upper-case letters, digits, `-`, `/`
/// and `.`, with no nine digits in a row. It stands in the ledger for ever, so that nothing that
/// looks like an identity, a telephone or a card number may be in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseNo(String);

#[derive(Debug, thiserror::Error)]
#[error("a case number has 4 to 40 of A-Z, 0-9, '-', '/' and '.', and no nine digits in a row")]
pub struct BadCaseNo;

impl TryFrom<String> for CaseNo {
    type Error = BadCaseNo;
    fn try_from(text: String) -> Result<CaseNo, BadCaseNo> {
        let known = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"-/.".contains(&b);
        let digits = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        let fits = (4..=40).contains(&text.len()) && text.bytes().all(known);
        if fits && digits < Some(9) { Ok(CaseNo(text)) } else { Err(BadCaseNo) }
    }
}

impl From<CaseNo> for String {
    fn from(case: CaseNo) -> String {
        case.0
    }
}

/// The version of a consent text, such as `310000/2025-03`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsentText(String);

#[derive(Debug, thiserror::Error)]
#[error("the version of a consent text has 1 to 64 of A-Z, a-z, 0-9, '-', '/', '.' and '_'")]
pub struct BadConsentText;

impl TryFrom<String> for ConsentText {
    type Error = BadConsentText;
    fn try_from(text: String) -> Result<ConsentText, BadConsentText> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-/._".contains(&b);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(known);
        if fits { Ok(ConsentText(text)) } else { Err(BadConsentText) }
    }
}

impl From<ConsentText> for String {
    fn from(text: ConsentText) -> String {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_number_cannot_hold_an_identity() {
        for (text, good) in [
            ("SH-2026/0017", true),
            ("20260301.88", true),
            ("A12", false),
            ("310101199003077712", false),
            ("TEL-13800005678", false),
            ("张三-0001", false),
            ("sh-2026", false),
            ("SH 2026", false),
        ] {
            assert_eq!(CaseNo::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
        assert!(CaseNo::try_from("A-".repeat(21)).is_err());
    }
}
