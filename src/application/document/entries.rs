//! The entry types of documents.

use crate::book::fold::{EntryType, Field, Pseudonym, State, Thing};
use crate::kernel::money::Fen;
use uuid::Uuid;

const KIND: &str = "document";

/// The applicant says what a document is. `application` is the application's id, `commitment` an
/// HMAC over the file's hash and the fields, under a key of the applicant.
pub static FILED: EntryType = EntryType {
    name: "document.filed",
    version: 1,
    fields: &[
        ("application", Field::Text),
        ("kind", Field::Text),
        ("bytes", Field::Integer),
        ("media_type", Field::Text),
        ("commitment", Field::Text),
    ],
    fold: |state, entry| {
        entry.moves(&[])?;
        let of: Uuid = entry.text("application")?.parse().map_err(|_| "application is no id")?;
        let subject = applicant_of_open(state, of)?;
        if subject != entry.pseudonym()? {
            return Err("somebody files a document for another's application".to_owned());
        }
        let (state_of, fen, of) = ("filed", Fen::ZERO, Some(of));
        state.begin(entry, Thing { kind: KIND, state: state_of, fen, of, subject })
    },
};

/// Its file has arrived, and is the one that was filed.
pub static RECEIVED: EntryType = EntryType {
    name: "document.received",
    version: 1,
    fields: &[],
    fold: |state, entry| {
        entry.moves(&[])?;
        let was = state.advance(entry.about, KIND, &["filed"], "received", Fen::ZERO)?;
        applicant_of_open(state, was.of.ok_or("a document of nothing")?)?;
        Ok(())
    },
};

/// An official is given the file.
pub static OPENED: EntryType = EntryType {
    name: "document.opened",
    version: 1,
    fields: &[],
    fold: |state, entry| {
        entry.moves(&[])?;
        match state.things.get(&entry.about) {
            Some(thing) if thing.kind == KIND && thing.state == "received" => Ok(()),
            _ => Err("a file is opened that was not received".to_owned()),
        }
    },
};

fn applicant_of_open(state: &State, application: Uuid) -> Result<Option<Pseudonym>, String> {
    let found = state.things.get(&application).filter(|thing| thing.kind == "application");
    let found = found.ok_or_else(|| format!("no application {application}"))?;
    match found.state {
        "submitted" | "correction_requested" => Ok(found.subject),
        state => Err(format!("a document for an application that is {state}")),
    }
}

pub const ENTRY_TYPES: &[&EntryType] = &[&FILED, &RECEIVED, &OPENED];
