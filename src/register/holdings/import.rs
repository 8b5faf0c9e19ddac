//! The command that takes holdings into a prepared book, some lines at a time.

use crate::book::desk::{Ask, Desk};
use crate::book::fold::{EntryType, Field, State, Thing};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::identity::store::{Fresh, Subject};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::register::model::{Holder, Mark, MarkKey, PersonRef, Quota, Slot, SlotState};
use serde_json::{Value, json};
use uuid::Uuid;

/// Lines that one command carries.
pub const LINES_AT_ONCE: usize = 500;

/// Only a book that nobody draws on yet takes holdings.
pub const BOOK_NOT_PREPARED: Refusal = Refusal::new(
    "BOOK_NOT_PREPARED",
    "账簿已开放，只有筹备中的账簿可导入既往记录",
    "the book is open: holdings are imported while it is prepared",
);

/// A slot was used, or a thing subsidised, in an earlier system. It names a quota or a mark.
pub static HOLDING_IMPORTED: EntryType = EntryType {
    name: "holding.imported",
    version: 1,
    fields: &[
        ("file_sha256", Field::Text),
        ("line", Field::Integer),
        ("quota?", Field::Text),
        ("marks?", Field::List),
    ],
    fold: |state, entry| {
        entry.moves(&[])?;
        not_yet_open(state)?;
        let (quota, marks) = (entry.data.get("quota"), entry.data.get("marks"));
        if quota.is_some() == marks.is_some() || quota.is_some() != entry.subject.is_some() {
            return Err("a holding is a slot of somebody or a mark".to_owned());
        }
        let subject = entry.pseudonym()?;
        let thing = Thing { kind: "holding", state: "imported", fen: Fen::ZERO, of: None, subject };
        state.begin(entry, thing)
    },
};

/// A book that was opened by an entry takes none any more; what it was when it was listed stands
/// in the register book.
fn not_yet_open(state: &State) -> Result<(), String> {
    match state.book_state.as_deref() {
        None | Some("prepared") => Ok(()),
        Some(other) => Err(format!("imported into a book that is {other}")),
    }
}

pub const ENTRY_TYPES: &[&EntryType] = &[&HOLDING_IMPORTED];

/// One line of a file.
#[derive(Clone, Debug)]
pub struct Holding {
    pub line: u64,
    pub id: Uuid,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    /// `fresh` is the person's pseudonym in this book where there is none yet.
    Slot {
        person: PersonRef,
        quota: String,
        fresh: Fresh,
    },
    Mark(MarkKey),
}

/// Takes some lines of a file.
#[derive(Clone, Debug)]
pub struct ImportHoldings {
    pub file_sha256: [u8; 32],
    /// Of the book's region.
    pub province: Region,
    pub holdings: Vec<Holding>,
}

impl Command for ImportHoldings {
    fn needs(&self, ask: &mut Ask<'_>) {
        for holding in &self.holdings {
            match &holding.what {
                What::Slot { person, quota, .. } => {
                    ask.want::<Subject>(person.id);
                    ask.take::<Quota>((*person, quota.clone()));
                }
                What::Mark(key) => ask.take::<Mark>(key.clone()),
            }
        }
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        if desk.book_state() != "prepared" {
            return Ok(Decision::conflict(BOOK_NOT_PREPARED));
        }
        let (mut entries, mut wrong) = (Vec::new(), Vec::new());
        for holding in &self.holdings {
            match self.take(desk, holding)? {
                Taken::New(draft) => entries.push(*draft),
                Taken::Known => {}
                Taken::Not(refusal) => wrong.push(refusal),
            }
        }
        if !wrong.is_empty() {
            return Ok(Decision::Refused { refusals: wrong, status: 422, rule: None });
        }
        let known = self.holdings.len() - entries.len();
        let body = json!({"holdings": {"imported": entries.len(), "known": known}});
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

enum Taken {
    New(Box<Draft>),
    /// By an earlier run of the same file.
    Known,
    Not(Refusal),
}

impl ImportHoldings {
    fn take(&self, desk: &mut Desk, holding: &Holding) -> Result<Taken, Fault> {
        let holder = Holder { book: desk.book(), id: holding.id };
        match &holding.what {
            What::Slot { person, quota, fresh } => {
                let found = desk.get::<Quota>(&(*person, quota.clone()))?.cloned();
                let mut row = found.ok_or_else(|| Fault::new("a quota was taken and is gone"))?;
                if row.of(holder).is_some() {
                    return Ok(Taken::Known);
                }
                let (province, state) = (self.province, SlotState::Used);
                row.take(Slot { holder, province, state, until: None, lapse_key: None });
                desk.put(row);
                let known = desk.get::<Subject>(&person.id)?.copied();
                let subject = known.unwrap_or_else(|| fresh.of(person.id));
                if known.is_none() {
                    desk.put(subject);
                }
                let mut draft = self.draft(holding, "quota", json!(quota));
                draft.subject = Some(subject.subject);
                Ok(Taken::New(Box::new(draft)))
            }
            What::Mark(key) => {
                let found = desk.get::<Mark>(key)?.cloned();
                let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is gone"))?;
                if mark.holder == Some(holder) {
                    return Ok(Taken::Known);
                }
                if !mark.is_open_to(holder, desk.now()) {
                    return Ok(Taken::Not(taken(holding.line)));
                }
                mark.hold(holder, None);
                desk.put(mark);
                let name = json!([[key.kind, hex::encode(&key.digest)]]);
                Ok(Taken::New(Box::new(self.draft(holding, "marks", name))))
            }
        }
    }

    fn draft(&self, holding: &Holding, name: &str, value: Value) -> Draft {
        let file = hex::encode(self.file_sha256);
        let data = json!({"file_sha256": file, "line": holding.line, name: value});
        Draft::new(&HOLDING_IMPORTED, holding.id, data)
    }
}

fn taken(line: u64) -> Refusal {
    Refusal {
        code: "HOLDING_TAKEN".into(),
        zh: format!("第{line}行：该物品已有补贴记录").into(),
        en: format!("line {line}: this thing draws a subsidy already").into(),
    }
}
