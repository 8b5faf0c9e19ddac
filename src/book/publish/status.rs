//! What the publisher of this process knows of itself, for those who run it.

use crate::kernel::id::BookNo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Why a log is not signed any further. Nobody but a person can say what is true then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    #[error(
        "the log store is ahead of the database: {signed} entries are signed, {size} are there; \
         the database has lost its tail or is an older one"
    )]
    Ahead { signed: u64, size: u64 },
    #[error("the database does not extend what was signed at {signed} entries: it would fork")]
    Fork { signed: u64 },
    #[error(
        "entry {seq} is missing or is not the one that its hash says: the database was changed"
    )]
    Changed { seq: u64 },
    #[error("the log store is damaged: {0}")]
    Store(String),
}

impl Halt {
    /// A word for metrics and machines.
    pub fn code(&self) -> &'static str {
        match self {
            Halt::Ahead { .. } => "store_ahead",
            Halt::Fork { .. } => "fork",
            Halt::Changed { .. } => "entry_changed",
            Halt::Store(_) => "store_damaged",
        }
    }
}

/// What this process does for the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Another process publishes, or none has begun.
    #[default]
    Standby,
    /// It publishes, under this number.
    Publisher(u64),
}

#[derive(Default)]
struct Known {
    standing: Standing,
    halted: BTreeMap<BookNo, Halt>,
    /// Why the store or the database could not be used at the last look.
    trouble: Option<String>,
}

/// Shared by the publisher, `/readyz` and the metrics.
#[derive(Default)]
pub struct Status(Mutex<Known>);

impl Status {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn standing(&self) -> Standing {
        self.known().standing
    }

    pub(super) fn stands(&self, standing: Standing) {
        let mut known = self.known();
        if standing == Standing::Standby {
            known.halted.clear();
        }
        known.standing = standing;
        metrics::gauge!("tradein_log_halted").set(known.halted.len() as f64);
    }

    /// Whether this is news.
    pub(super) fn halts(&self, book: BookNo, halt: Option<&Halt>) -> bool {
        let mut known = self.known();
        let before = match halt {
            Some(halt) => known.halted.insert(book, halt.clone()),
            None => known.halted.remove(&book),
        };
        metrics::gauge!("tradein_log_halted").set(known.halted.len() as f64);
        before.as_ref() != halt
    }

    pub(super) fn troubles(&self, trouble: Option<String>) {
        self.known().trouble = trouble;
    }

    /// The book's halt, where it has one.
    pub fn halt(&self, book: BookNo) -> Option<Halt> {
        self.known().halted.get(&book).cloned()
    }

    /// As `/readyz` shows it.
    pub fn json(&self) -> Value {
        let known = self.known();
        let halted: Vec<Value> = known
            .halted
            .iter()
            .map(|(book, halt)| {
                json!({"book": book, "code": halt.code(), "detail": halt.to_string()})
            })
            .collect();
        let state = match known.standing {
            _ if !halted.is_empty() => "halted",
            _ if known.trouble.is_some() => "in trouble",
            Standing::Publisher(_) => "publishing",
            Standing::Standby => "standby",
        };
        json!({"state": state, "halted": halted, "trouble": known.trouble})
    }
}
