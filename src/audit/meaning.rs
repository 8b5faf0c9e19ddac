//! One reading of a book's entries, for the replay and for the verifier: the fold of the book, the
//! slots and marks within it, and, where a thing keeps money, that its bucket holds it.

use super::holds::Holds;
use super::verify::{Check, Fault};
use crate::book::fold::{EntryType, EntryView, State};
use crate::book::model::Bucket;

/// Which things keep what a bucket holds, by kind and state.
pub const KEEPERS: &[(Bucket, &str, &[&str])] = &[
    (Bucket::Held, "voucher", &["claimed", "reserved"]),
    (Bucket::Held, "application", &["submitted", "correction_requested"]),
    (Bucket::Committed, "redemption", &["captured"]),
    (Bucket::Committed, "application", &["approved"]),
    (Bucket::Payable, "application", &["payable"]),
];

/// A book as far as it was read.
pub struct Meaning {
    types: Vec<&'static EntryType>,
    pub state: State,
    pub holds: Holds,
}

impl Meaning {
    pub fn new(types: Vec<&'static EntryType>) -> Meaning {
        Meaning { types, state: State::default(), holds: Holds::default() }
    }

    /// Takes in the next entry.
    ///
    /// # Errors
    /// What does not follow. Where the fold refuses it (`Check::States`), nothing after it can be
    /// judged; another fault stands by itself.
    pub fn take(&mut self, entry: &EntryView) -> Result<(), Fault> {
        if let Err(wrong) = self.state.apply(&self.types, entry) {
            let what = format!("{} does not follow: {wrong}", entry.kind);
            return Err(Fault { check: Check::States, entry: Some(entry.seq), what });
        }
        self.holds.take(entry).map_or(Ok(()), Err)
    }

    /// Invariant 5: each bucket whose holder is known holds what its things keep, with a sentence
    /// for each that does not.
    pub fn keepers(&self) -> impl Iterator<Item = String> {
        [Bucket::Held, Bucket::Committed, Bucket::Payable].into_iter().filter_map(|bucket| {
            let kept = KEEPERS.iter().filter(|(of, ..)| *of == bucket);
            let keeps: i64 = kept.map(|(_, kind, states)| self.state.sum(kind, states)).sum();
            let (name, holds) = (bucket.name(), self.state.moneys.get(bucket).0);
            (keeps != holds).then(|| {
                format!("{name} holds {holds} fen, by its entries its keepers keep {keeps} in all")
            })
        })
    }
}
