//! The entry types of asking neighbours; both are about the application.

use crate::book::fold::{EntryType, EntryView, Field, State};

/// An official asks these neighbours about an application: the reason for which identities leave
/// the vault.
pub static ASKED: EntryType = EntryType {
    name: "neighbour.asked",
    version: 1,
    fields: &[("neighbours", Field::List)],
    fold: |state, entry| {
        entry.moves(&[])?;
        is_open(state, entry)
    },
};

/// What one of them said, without any identity, or why it said nothing.
pub static ANSWERED: EntryType = EntryType {
    name: "neighbour.answered",
    version: 1,
    fields: &[
        ("neighbour", Field::Text),
        ("source", Field::Text),
        ("said?", Field::Object),
        ("no_answer?", Field::Text),
    ],
    fold: |state, entry| {
        entry.moves(&[])?;
        if entry.data.get("said").is_some() == entry.data.get("no_answer").is_some() {
            return Err("an answer and none".to_owned());
        }
        match state.things.get(&entry.about) {
            Some(thing) if thing.kind == "application" => Ok(()),
            _ => Err(format!("an answer about no application {}", entry.about)),
        }
    },
};

fn is_open(state: &State, entry: &EntryView) -> Result<(), String> {
    match state.things.get(&entry.about) {
        Some(thing) if thing.kind == "application" && thing.state == "submitted" => Ok(()),
        _ => Err("neighbours are asked about what no office has".to_owned()),
    }
}

pub const ENTRY_TYPES: &[&EntryType] = &[&ASKED, &ANSWERED];
