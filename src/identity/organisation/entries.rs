//! The entry types of organisations, all of the register book. Names stand in none of them: a
//! sole trader's is that of a person.

use crate::book::fold::{EntryType, EntryView, Field, State, Thing};
use crate::kernel::money::Fen;
use uuid::Uuid;

/// About the organisation.
pub static ORGANISATION_REGISTERED: EntryType = EntryType {
    name: "organisation.registered",
    version: 1,
    fields: &[("kind", Field::Text), ("uscc", Field::Text), ("region", Field::Text)],
    fold: |state, entry| begin(state, entry, "organisation", None),
};

/// About the organisation.
pub static ORGANISATION_STATUS_CHANGED: EntryType = EntryType {
    name: "organisation.status_changed",
    version: 1,
    fields: &[("from", Field::Text), ("to", Field::Text)],
    fold: status_changed,
};

/// About the approval.
pub static ORGANISATION_APPROVED: EntryType = EntryType {
    name: "organisation.approved",
    version: 1,
    fields: &[
        ("organisation", Field::Text),
        ("region", Field::Text),
        ("family", Field::Text),
        ("classes", Field::List),
        ("from", Field::Text),
        ("to?", Field::Text),
    ],
    fold: |state, entry| of_organisation(state, entry, "approval"),
};

/// About the store.
pub static STORE_ADDED: EntryType = EntryType {
    name: "store.added",
    version: 1,
    fields: &[("organisation", Field::Text), ("region", Field::Text)],
    fold: |state, entry| of_organisation(state, entry, "store"),
};

fn begin(
    state: &mut State,
    entry: &EntryView,
    kind: &'static str,
    of: Option<Uuid>,
) -> Result<(), String> {
    entry.moves(&[])?;
    state.begin(entry, Thing { kind, state: "active", fen: Fen::ZERO, of, subject: None })
}

fn of_organisation(state: &mut State, entry: &EntryView, kind: &'static str) -> Result<(), String> {
    let text = entry.text("organisation")?;
    let id: Uuid = text.parse().map_err(|_| "organisation is no id".to_owned())?;
    match state.things.get(&id) {
        Some(thing) if thing.kind == "organisation" && thing.state != "removed" => {
            begin(state, entry, kind, Some(id))
        }
        _ => Err(format!("no organisation {id} to have a {kind}")),
    }
}

fn status_changed(state: &mut State, entry: &EntryView) -> Result<(), String> {
    entry.moves(&[])?;
    let (from, to) = (entry.text("from")?, entry.text("to")?);
    let to = match (from, to) {
        ("active", "suspended") => "suspended",
        ("suspended", "active") => "active",
        ("active" | "suspended", "removed") => "removed",
        _ => return Err(format!("an organisation goes from {from} to {to}")),
    };
    state.advance(entry.about, "organisation", &[from], to, Fen::ZERO).map(|_| ())
}

pub const ENTRY_TYPES: &[&EntryType] =
    &[&ORGANISATION_REGISTERED, &ORGANISATION_STATUS_CHANGED, &ORGANISATION_APPROVED, &STORE_ADDED];
