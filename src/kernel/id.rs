//! Names of things as they stand outside: kind, book number, UUID, as `rdm_17_0192…`. The UUID
//! is of version 7, but random for a person.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The number of a book: small, given when the book is opened, never used again. Book 0 is the
/// register book.
pub type BookNo = i32;

/// An id as it is written outside: the kind of the thing, the book that it lives in, its UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicId {
    pub kind: Kind,
    pub book: BookNo,
    pub id: Uuid,
}

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Voucher,
    Redemption,
    Application,
    Document,
    OldItem,
    Person,
    Organisation,
    Store,
    Appropriation,
    Approval,
}

impl Kind {
    pub const ALL: [Kind; 10] = [
        Kind::Voucher,
        Kind::Redemption,
        Kind::Application,
        Kind::Document,
        Kind::OldItem,
        Kind::Person,
        Kind::Organisation,
        Kind::Store,
        Kind::Appropriation,
        Kind::Approval,
    ];

    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Voucher => "vch",
            Kind::Redemption => "rdm",
            Kind::Application => "app",
            Kind::Document => "doc",
            Kind::OldItem => "old",
            Kind::Person => "per",
            Kind::Organisation => "org",
            Kind::Store => "sto",
            Kind::Appropriation => "apr",
            Kind::Approval => "apv",
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an id of the form {0}_<book>_<32 hex digits>")]
pub struct BadId(&'static str);

impl PublicId {
    pub fn new(kind: Kind, book: BookNo, id: Uuid) -> PublicId {
        PublicId { kind, book, id }
    }

    /// Reads an id of the kind that the place in the request demands.
    pub fn parse(kind: Kind, text: &str) -> Result<PublicId, BadId> {
        match text.parse::<PublicId>() {
            Ok(id) if id.kind == kind => Ok(id),
            _ => Err(BadId(kind.prefix())),
        }
    }

    /// Reads an id of a kind that lives in one book only; in any other it would be a second name
    /// of the same thing.
    pub fn parse_in(kind: Kind, book: BookNo, text: &str) -> Result<PublicId, BadId> {
        match PublicId::parse(kind, text)? {
            id if id.book == book => Ok(id),
            _ => Err(BadId(kind.prefix())),
        }
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.kind.prefix(), self.book, self.id.simple())
    }
}

impl FromStr for PublicId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut parts = text.splitn(3, '_');
        let (prefix, book, id) = (parts.next(), parts.next(), parts.next());
        let kind = Kind::ALL.into_iter().find(|kind| Some(kind.prefix()) == prefix);
        let book = book.filter(|b| b.bytes().all(|c| c.is_ascii_digit()) && b.len() <= 9);
        let id = id.filter(|id| id.len() == 32 && !id.bytes().any(|c| c.is_ascii_uppercase()));
        match (kind, book.and_then(|b| b.parse().ok()), id.and_then(|id| id.parse().ok())) {
            (Some(kind), Some(book), Some(id)) => Ok(PublicId { kind, book, id }),
            _ => Err(BadId("xxx")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_only_what_it_writes() {
        let id = PublicId::new(Kind::Redemption, 17, Uuid::from_u128(0x0192 << 112 | 7));
        let text = id.to_string();
        assert_eq!(text, "rdm_17_01920000000000000000000000000007");
        assert_eq!(PublicId::parse(Kind::Redemption, &text), Ok(id));
        assert!(PublicId::parse(Kind::Voucher, &text).is_err());
        for bad in ["", "rdm", "rdm_1", "rdm_-1_01920000000000000000000000000007", "rdm_1_x"] {
            assert!(bad.parse::<PublicId>().is_err(), "{bad}");
        }
    }
}
