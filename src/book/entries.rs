//! The entry types of this slice: opening a book, giving it money, and its states.

use super::fold::{EntryType, EntryView, Field, State, Thing, record};
use super::model::Bucket;
use crate::kernel::money::Fen;

/// In the register book: a book exists.
pub static BOOK_LISTED: EntryType = EntryType {
    name: "book.listed",
    version: 1,
    fields: &[
        ("book_no", Field::Integer),
        ("region", Field::Text),
        ("family", Field::Text),
        ("year", Field::Integer),
        ("state", Field::Text),
    ],
    fold: record,
};

/// In the book itself: it goes from prepared to open, or from open to closed.
pub static BOOK_STATE: EntryType = EntryType {
    name: "book.state_changed",
    version: 1,
    fields: &[("from", Field::Text), ("to", Field::Text)],
    fold: |state, entry| {
        entry.moves(&[])?;
        state.book_state = Some(entry.text("to")?.to_owned());
        Ok(())
    },
};

pub static APPROPRIATION_PROPOSED: EntryType = EntryType {
    name: "appropriation.proposed",
    version: 1,
    fields: &[("amount_fen", Field::Integer), ("document_sha256", Field::Text)],
    fold: |state, entry| {
        entry.moves(&[])?;
        let (kind, fen) = ("appropriation", entry.fen("amount_fen")?);
        let thing = Thing { kind, state: "proposed", fen, of: None, subject: None };
        state.begin(entry, thing)
    },
};

/// Approved by a second person: the money is there to be drawn.
pub static APPROPRIATION_APPROVED: EntryType =
    EntryType { name: "appropriation.approved", version: 1, fields: &[], fold: approved };

fn approved(state: &mut State, entry: &EntryView) -> Result<(), String> {
    let (kind, about) = ("appropriation", entry.about);
    let was = state.advance(about, kind, &["proposed"], "approved", Fen::ZERO)?;
    entry.moves(&[(Bucket::Authority, Fen(-was.fen.0)), (Bucket::Available, was.fen)])
}

pub const ENTRY_TYPES: &[&EntryType] =
    &[&BOOK_LISTED, &BOOK_STATE, &APPROPRIATION_PROPOSED, &APPROPRIATION_APPROVED];
