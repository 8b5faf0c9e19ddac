//! The entry types of an old item's life. They move no money.

use super::model::RejectReason;
use crate::book::fold::{EntryType, EntryView, Field, State, Thing};
use crate::kernel::money::Fen;

/// A recycler took it in. `marks` are `[kind, digest]` of its identifiers, `photos` SHA-256.
pub static OLD_ITEM_REGISTERED: EntryType = EntryType {
    name: "old_item.registered",
    version: 1,
    fields: &[
        ("class", Field::Text),
        ("handed_over_on", Field::Text),
        ("marks", Field::List),
        ("facts", Field::Object),
        ("photos", Field::List),
        ("store?", Field::Text),
    ],
    fold: |state, entry| {
        entry.moves(&[])?;
        let (kind, state_name) = ("old_item", "registered");
        let thing = Thing { kind, state: state_name, fen: Fen::ZERO, of: None, subject: None };
        state.begin(entry, thing)
    },
};

/// It is what it was said to be.
pub static OLD_ITEM_VERIFIED: EntryType = EntryType {
    name: "old_item.verified",
    version: 1,
    fields: &[],
    fold: |state, entry| ended(state, entry, "verified"),
};

/// It is not; its marks are free again.
pub static OLD_ITEM_REJECTED: EntryType = EntryType {
    name: "old_item.rejected",
    version: 1,
    fields: &[("reason", Field::Text)],
    fold: |state, entry| {
        let reason = entry.text("reason")?;
        RejectReason::parse(reason).ok_or_else(|| format!("no reason {reason}"))?;
        ended(state, entry, "rejected")
    },
};

fn ended(state: &mut State, entry: &EntryView, to: &'static str) -> Result<(), String> {
    entry.moves(&[])?;
    state.advance(entry.about, "old_item", &["registered"], to, Fen::ZERO).map(|_| ())
}

pub const ENTRY_TYPES: &[&EntryType] =
    &[&OLD_ITEM_REGISTERED, &OLD_ITEM_VERIFIED, &OLD_ITEM_REJECTED];
