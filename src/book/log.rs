//! The log of a book: what a leaf says, and the rows that a batch appends.
//!
//! A leaf is RFC 8785 JSON of at most 65,535 bytes, hashed as RFC 6962 says. It holds the whole
//! fact: place, time, actor, pseudonym, rule, legs and data. Integers stay below 2^53; there is
//! no float, no identity and no free text in it.

use super::model::{Actor, Draft, Fault, Leg};
use crate::kernel::canonical;
use crate::kernel::id::BookNo;
use crate::kernel::merkle::{self, Frontier, Hash};
use crate::kernel::time::{self, Moment};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// C2SP entry bundles carry the length of a leaf in two bytes.
const LEAF_LIMIT: usize = 65_535;

/// The entries that one batch appends.
#[derive(Default)]
pub struct Appended(Vec<NewEntry>);

/// An entry with its place.
#[derive(Debug)]
pub struct NewEntry {
    pub seq: i64,
    pub kind: &'static str,
    pub about: Uuid,
    pub leaf: Vec<u8>,
    pub leaf_hash: Hash,
    legs: Vec<Leg>,
}

impl NewEntry {
    /// The names of the accounts of its legs.
    pub fn accounts(&self) -> Vec<&'static str> {
        self.legs.iter().map(|leg| leg.bucket.name()).collect()
    }

    /// The fen of its legs, in the same order.
    pub fn amounts(&self) -> Vec<i64> {
        self.legs.iter().map(|leg| leg.amount.0).collect()
    }
}

/// Where an entry stands in its book, as the answer tells it.
pub struct Receipt {
    pub book: BookNo,
    pub seq: u64,
    pub leaf_hash: Hash,
    pub tree_size: u64,
}

impl Receipt {
    pub fn json(&self) -> Value {
        json!({
            "book": self.book,
            "seq": self.seq,
            "leaf_hash": hex::encode(self.leaf_hash),
            "tree_size": self.tree_size,
        })
    }
}

/// What all entries of a command share.
pub struct Place<'a> {
    pub book: BookNo,
    pub book_name: &'a str,
    pub at: Moment,
    pub actor: &'a Actor,
}

/// The bytes of a leaf.
pub fn leaf(place: &Place<'_>, seq: u64, draft: Draft) -> Vec<u8> {
    let mut leaf = Map::new();
    let mut put = |name: &str, value: Value| leaf.insert(name.to_owned(), value);
    put("v", json!(draft.version));
    put("book", json!(place.book_name));
    put("seq", json!(seq));
    put("at", json!(time::text(place.at)));
    put("kind", json!(draft.kind));
    put("about", json!(draft.about.simple().to_string()));
    put("actor", json!(place.actor.to_string()));
    if let Some(subject) = draft.subject {
        put("subj", json!(hex::encode(subject)));
    }
    if let Some(rule) = draft.rule {
        put("rule", json!(format!("sha256:{}", hex::encode(rule))));
    }
    let legs = draft.legs.iter().map(|leg| json!([leg.bucket.name(), leg.amount.0]));
    put("legs", Value::Array(legs.collect()));
    put("data", draft.data);
    canonical::bytes(&Value::Object(leaf))
}

impl Appended {
    /// Gives a draft its place at the end of the tree.
    ///
    /// # Errors
    /// A leaf that is too long, which parsing has made impossible.
    pub fn append(
        &mut self,
        frontier: &mut Frontier,
        place: &Place<'_>,
        draft: Draft,
    ) -> Result<Receipt, Fault> {
        let seq = frontier.size();
        let (kind, about, legs) = (draft.kind, draft.about, draft.legs.clone());
        let leaf = leaf(place, seq, draft);
        if leaf.len() > LEAF_LIMIT {
            return Err(Fault::new(format!("a leaf of {} bytes", leaf.len())));
        }
        let leaf_hash = merkle::leaf_hash(&leaf);
        frontier.push(leaf_hash);
        let row = i64::try_from(seq).map_err(|_| Fault::new("a book is full"))?;
        self.0.push(NewEntry { seq: row, kind, about, leaf, leaf_hash, legs });
        Ok(Receipt { book: place.book, seq, leaf_hash, tree_size: frontier.size() })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in the order of their places.
    pub fn entries(&self) -> &[NewEntry] {
        &self.0
    }
}
