//! The entry types of the desk; each is about the application.

use crate::book::fold::{EntryType, EntryView, Field, State};

/// A reviewer takes an application, or takes it over from another.
pub static TAKEN: EntryType =
    EntryType { name: "review.taken", version: 1, fields: &[("over", Field::Bool)], fold: of_open };

/// He hands it back undecided.
pub static HANDED_BACK: EntryType =
    EntryType { name: "review.handed_back", version: 1, fields: &[], fold: of_open };

fn of_open(state: &mut State, entry: &EntryView) -> Result<(), String> {
    entry.moves(&[])?;
    let open = ["submitted", "correction_requested"];
    match state.things.get(&entry.about) {
        Some(thing) if thing.kind == "application" && open.contains(&thing.state) => Ok(()),
        _ => Err(format!("no open application {}", entry.about)),
    }
}

pub const ENTRY_TYPES: &[&EntryType] = &[&TAKEN, &HANDED_BACK];
