//! The entry types of people, all of the register book. None holds a person id.

use crate::book::fold::{EntryType, Field, Thing, record};
use crate::kernel::money::Fen;

/// Somebody was registered, and consented for these purposes. It is about a random id that
/// stands nowhere else.
pub static PERSON_REGISTERED: EntryType = EntryType {
    name: "person.registered",
    version: 1,
    fields: &[("purposes", Field::List)],
    fold: |state, entry| {
        entry.moves(&[])?;
        let (kind, fen) = ("registration", Fen::ZERO);
        state.begin(entry, Thing { kind, state: "registered", fen, of: None, subject: None })
    },
};

/// An official saw somebody's identity in clear text. `commitment` is a keyed digest of the
/// person, the same for each look-up of the same one; once he is erased nobody can make it again.
pub static PERSON_LOOKED_UP: EntryType = EntryType {
    name: "person.looked_up",
    version: 1,
    fields: &[("reason", Field::Text), ("case", Field::Text), ("commitment", Field::Text)],
    fold: record,
};

/// Somebody's clear data and keys were destroyed, in the case of this number. It is about a random
/// id that stands nowhere else: whose they were is told by nothing.
pub static ERASED: EntryType =
    EntryType { name: "person.erased", version: 1, fields: &[("case", Field::Text)], fold: record };

pub const ENTRY_TYPES: &[&EntryType] = &[&PERSON_REGISTERED, &PERSON_LOOKED_UP, &ERASED];
