//! What auditors read over HTTP: entries by filters, the story of one thing, sums, the burn-down of
//! the budget, refusals.
//!
//! Every reading ends in a table with its number of rows, its sum in fen and the head of the log
//! that it was read at, and can be had as JSON, as lines of JSON, as CSV (UTF-8 with a byte-order
//! mark, cells that a spreadsheet would take for a formula made harmless) and as XLSX.
//!
//! **Readers are read.** Before the answer leaves, an entry of the register book says who read what
//! with which filters, how many rows and which bytes came of it; whoever audits the whole nation
//! reads that entry like any other, in book 0.
//!
//! Cost: entries are found by their place in the book, and by time through a search of some twenty
//! look-ups; filters look at up to [`filter::MOST_SCANNED`] entries a request and say where to go
//! on. Sums read a table of the book once. None of it asks for an index that a capture would pay
//! for.

pub mod filter;
pub mod http;
pub mod store;
pub mod table;
pub mod tables;

use crate::book::desk::{Ask, Desk};
use crate::book::fold::{EntryType, Field, record};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use serde_json::{Value, json};
use uuid::Uuid;

/// An auditor read something. `filter` has what was asked, `result_sha256` is that of the bytes
/// that were answered.
pub static AUDIT_READ: EntryType = EntryType {
    name: "audit.read",
    version: 1,
    fields: &[
        ("what", Field::Text),
        ("book", Field::Text),
        ("filter", Field::Object),
        ("rows", Field::Integer),
        ("sum_fen", Field::Integer),
        ("result_sha256", Field::Text),
    ],
    fold: record,
};

pub const ENTRY_TYPES: &[&EntryType] = &[&AUDIT_READ];

/// The record of a reading; a command of the register book.
pub struct Read {
    pub what: &'static str,
    pub book: String,
    pub filter: Value,
    pub rows: u64,
    pub sum_fen: i64,
    pub result_sha256: String,
    /// What the entry is about.
    pub id: Uuid,
}

impl Command for Read {
    fn needs(&self, _: &mut Ask<'_>) {}

    fn decide(&self, _: &mut Desk) -> Result<Decision, Fault> {
        let data = json!({
            "what": self.what, "book": self.book, "filter": self.filter, "rows": self.rows,
            "sum_fen": self.sum_fen, "result_sha256": self.result_sha256,
        });
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&AUDIT_READ, self.id, data)],
            status: 200,
            body: json!({}),
            ..Outcome::default()
        }))
    }
}
