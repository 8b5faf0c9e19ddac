//! The words of a book: accounts, legs, entries, commands and their answers.

use super::desk::{Ask, Desk};
use super::fold::EntryType;
use crate::kernel::canonical;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use serde_json::Value;
use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A budget bucket. Money moves between buckets; all of them together are always zero, and none
/// but `authority` is ever below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    Authority,
    Available,
    Held,
    Committed,
    Payable,
    InPayment,
    Paid,
    Recoverable,
    Recovered,
    Lapsed,
    WrittenOff,
}

impl Bucket {
    pub const ALL: [Bucket; 11] = [
        Bucket::Authority,
        Bucket::Available,
        Bucket::Held,
        Bucket::Committed,
        Bucket::Payable,
        Bucket::InPayment,
        Bucket::Paid,
        Bucket::Recoverable,
        Bucket::Recovered,
        Bucket::Lapsed,
        Bucket::WrittenOff,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Bucket::Authority => "authority",
            Bucket::Available => "available",
            Bucket::Held => "held",
            Bucket::Committed => "committed",
            Bucket::Payable => "payable",
            Bucket::InPayment => "in_payment",
            Bucket::Paid => "paid",
            Bucket::Recoverable => "recoverable",
            Bucket::Recovered => "recovered",
            Bucket::Lapsed => "lapsed",
            Bucket::WrittenOff => "written_off",
        }
    }

    pub fn parse(name: &str) -> Option<Bucket> {
        Bucket::ALL.into_iter().find(|bucket| bucket.name() == name)
    }
}

/// One money leg of an entry: a positive amount is a debit (into the account), a negative one a
/// credit. The legs of an entry sum to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub bucket: Bucket,
    pub amount: Fen,
}

/// Moves an amount from one bucket to another; nothing where the amount is zero.
pub fn moved(from: Bucket, to: Bucket, amount: Fen) -> Vec<Leg> {
    if amount == Fen::ZERO {
        return Vec::new();
    }
    vec![Leg { bucket: from, amount: Fen(-amount.0) }, Leg { bucket: to, amount }]
}

/// What the buckets of a book hold, in fen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moneys(BTreeMap<Bucket, i64>);

impl Moneys {
    pub fn of(rows: impl IntoIterator<Item = (Bucket, i64)>) -> Moneys {
        Moneys(rows.into_iter().collect())
    }

    pub fn get(&self, bucket: Bucket) -> Fen {
        Fen(self.0.get(&bucket).copied().unwrap_or_default())
    }

    /// Applies the legs of one entry (invariants 3 and 5).
    ///
    /// # Errors
    /// Legs that do not sum to zero, or that would leave a bucket other than `authority` below
    /// zero. Nothing is applied then.
    pub fn apply(&mut self, legs: &[Leg]) -> Result<(), Fault> {
        if legs.iter().map(|leg| i128::from(leg.amount.0)).sum::<i128>() != 0 {
            return Err(Fault::new("the legs of an entry do not sum to zero"));
        }
        let mut next = self.0.clone();
        for leg in legs {
            let held = next.entry(leg.bucket).or_default();
            *held =
                held.checked_add(leg.amount.0).ok_or_else(|| Fault::new("a bucket overflows"))?;
        }
        let below = next.iter().find(|(bucket, fen)| **bucket != Bucket::Authority && **fen < 0);
        if let Some((bucket, fen)) = below {
            return Err(Fault::new(format!("{} would fall to {fen} fen", bucket.name())));
        }
        self.0 = next;
        Ok(())
    }

    /// The buckets whose amount differs, with the difference.
    pub fn since(&self, earlier: &Moneys) -> Vec<(Bucket, i64)> {
        Bucket::ALL
            .into_iter()
            .map(|bucket| (bucket, self.get(bucket).0 - earlier.get(bucket).0))
            .filter(|(_, change)| *change != 0)
            .collect()
    }
}

/// A broken promise inside the program: never the caller's fault, answered with 500.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(Cow<'static, str>);

impl Fault {
    pub fn new(what: impl Into<Cow<'static, str>>) -> Fault {
        Fault(what.into())
    }
}

/// An entry as a command writes it, before the book gives it its place and time.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The entry type: `voucher.claimed`.
    pub kind: &'static str,
    /// The version of the entry type's schema.
    pub version: u64,
    /// The thing that the entry is about (a voucher, a redemption), for readers that filter.
    pub about: uuid::Uuid,
    /// The person's pseudonym in this book; never the person id.
    pub subject: Option<[u8; 16]>,
    /// The content hash of the rules that decided.
    pub rule: Option<[u8; 32]>,
    pub legs: Vec<Leg>,
    /// The facts of the entry type: an object without identities and without free text.
    pub data: Value,
}

impl Draft {
    /// A draft of an entry type, without legs, subject or rule.
    pub fn new(entry_type: &'static EntryType, about: uuid::Uuid, data: Value) -> Draft {
        Draft {
            kind: entry_type.name,
            version: entry_type.version,
            about,
            subject: None,
            rule: None,
            legs: Vec::new(),
            data,
        }
    }
}

/// Who acts, as entries and idempotency keys know him.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A natural person. Entries say only `person`; the pseudonym stands in `subj`.
    Person(uuid::Uuid),
    /// An organisation in a role; it stands openly in entries.
    Organisation { role: &'static str, id: uuid::Uuid },
    /// An official of a bureau, by his login, because some acts need two persons.
    Official { role: &'static str, login: [u8; 16] },
    /// The clock: a timed job.
    System,
}

impl Actor {
    /// The stored form of an idempotency key: 16 bytes of SHA-256 over whose it is (the
    /// organisation, the official or the person) and its text.
    pub fn key_digest(&self, key: &str) -> [u8; 16] {
        let (tag, id) = match self {
            Actor::Person(id) => (1, *id),
            Actor::Organisation { id, .. } => (2, *id),
            Actor::Official { login, .. } => (3, uuid::Uuid::from_bytes(*login)),
            Actor::System => (4, uuid::Uuid::nil()),
        };
        let mut scoped = vec![tag];
        scoped.extend_from_slice(id.as_bytes());
        scoped.extend_from_slice(key.as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&canonical::sha256(&scoped)[..16]);
        digest
    }
}

impl fmt::Display for Actor {
    /// As it stands in a leaf.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Person(_) => f.write_str("person"),
            Actor::Organisation { role, id } => write!(f, "{role}:{}", id.simple()),
            Actor::Official { role, login } => write!(f, "{role}:{}", hex::encode(login)),
            Actor::System => f.write_str("system"),
        }
    }
}

/// A command: what it needs, and what it decides. It never issues SQL, reads a clock or draws a
/// random number; what it makes new (ids, pseudonyms) was drawn by its handler.
pub trait Command: Send + Sync {
    /// The rows that it will look at. Asked again until it asks for nothing new, at most four
    /// rounds; register rows must be known by the last.
    fn needs(&self, ask: &mut Ask<'_>);

    /// Decides over the desk.
    ///
    /// # Errors
    /// A [`Fault`] is a bug: the command is undone and answered with 500.
    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault>;
}

/// What a command decided.
pub enum Decision {
    Done(Outcome),
    /// Refused by the rules: stored under the key, and without any effect. `rule` names the text
    /// that refused, where there is one.
    Refused {
        refusals: Vec<Refusal>,
        status: u16,
        rule: Option<[u8; 32]>,
    },
    /// The screening does not hold any more: screen again and submit anew.
    Stale,
}

impl Decision {
    /// A refusal by the rules (422).
    pub fn refused(refusal: Refusal, rule: Option<[u8; 32]>) -> Decision {
        Decision::Refused { refusals: vec![refusal], status: 422, rule }
    }

    /// The object is not there, or is somebody else's.
    pub fn not_found() -> Decision {
        let refusal = Refusal::new("NOT_FOUND", "没有找到该对象", "no such object");
        Decision::Refused { refusals: vec![refusal], status: 404, rule: None }
    }

    /// A refusal because the object is in the wrong state (409).
    pub fn conflict(refusal: Refusal) -> Decision {
        Decision::Refused { refusals: vec![refusal], status: 409, rule: None }
    }
}

/// What an accepted command writes and answers.
#[derive(Default)]
pub struct Outcome {
    pub entries: Vec<Draft>,
    pub status: u16,
    /// The answer's JSON object. The book adds `receipt`, the place of the last entry.
    pub body: Value,
    /// The state that the book takes, where the command changes it.
    pub book_state: Option<&'static str>,
    /// Something for the handler that is not part of the answer and is gone with the process.
    pub hint: Option<Box<dyn Any + Send + Sync>>,
}
