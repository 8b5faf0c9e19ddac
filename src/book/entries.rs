//! The entry types of this slice: opening a book, giving it money, and its states.

use super::fold::{EntryType, EntryView, Field, State, Thing, record};
use super::model::Bucket;
use crate::kernel::money::Fen;
use serde_json::Value;

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
    fold: |state, entry| {
        record(state, entry)?;
        state.list_book(entry.integer("book_no")?);
        Ok(())
    },
};

/// In the register book: the signed heads of all books, some hundred in an entry.
pub static HEADS_LISTED: EntryType = EntryType {
    name: "book.heads_listed",
    version: 1,
    fields: &[("part", Field::Integer), ("parts", Field::Integer), ("heads", Field::List)],
    fold: heads_listed,
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

/// A head never falls back and never has two roots at one size, and the last part of a listing
/// ends with every book that there is.
fn heads_listed(state: &mut State, entry: &EntryView) -> Result<(), String> {
    record(state, entry)?;
    let heads = entry.data.get("heads").and_then(Value::as_array);
    for head in heads.into_iter().flatten() {
        let number = |name: &str| head.get(name).and_then(Value::as_u64);
        let root = head.get("root").and_then(Value::as_str).filter(|root| root.len() == 64);
        let (Some(book), Some(size), Some(root)) = (number("book_no"), number("size"), root) else {
            return Err("a head has book_no, size and root".to_owned());
        };
        state.list_head(entry.about, book.cast_signed(), size, root)?;
    }
    if entry.integer("part")? == entry.integer("parts")? {
        state.end_listing(entry.about)?;
    }
    Ok(())
}

/// Approved by a second person: the money is there to be drawn.
pub static APPROPRIATION_APPROVED: EntryType =
    EntryType { name: "appropriation.approved", version: 1, fields: &[], fold: approved };

fn approved(state: &mut State, entry: &EntryView) -> Result<(), String> {
    let (kind, about) = ("appropriation", entry.about);
    let was = state.advance(about, kind, &["proposed"], "approved", Fen::ZERO)?;
    entry.moves(&[(Bucket::Authority, Fen(-was.fen.0)), (Bucket::Available, was.fen)])
}

pub const ENTRY_TYPES: &[&EntryType] =
    &[&BOOK_LISTED, &HEADS_LISTED, &BOOK_STATE, &APPROPRIATION_PROPOSED, &APPROPRIATION_APPROVED];
