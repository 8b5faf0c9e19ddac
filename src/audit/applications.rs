//! Applications against their entries, and what they are due in the registers.

use super::compare::rule;
use super::keep::{Applied, MarkName};
use super::replay::Replayed;
use super::store::{ApplicationRow, PayeeRow};
use crate::book::fold::Thing;
use crate::kernel::time::{self, Moment};
use crate::register::model::SlotState;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What an application is due in a register: a state of its slot, and an end.
pub(super) type Due = (SlotState, Option<Moment>);

impl ApplicationRow {
    fn filed(&self, name: &str) -> Value {
        let filed: Value = serde_json::from_str(&self.filed).unwrap_or_default();
        filed.get(name).cloned().unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.filed(name).as_str().map(str::to_owned)
    }

    pub fn quota_key(&self) -> String {
        self.text("quota_key").unwrap_or_default()
    }

    pub fn cap_key(&self) -> Option<String> {
        self.text("cap_key")
    }

    pub fn marks(&self) -> Vec<MarkName> {
        let marks = self.filed("marks").as_array().cloned().unwrap_or_default();
        let text = |mark: &Value, at: usize| Some(mark.get(at)?.as_str()?.to_owned());
        marks.iter().filter_map(|mark| Some((text(mark, 1)?, text(mark, 2)?))).collect()
    }

    fn is_granted(&self) -> bool {
        ["approved", "payable"].contains(&self.state.as_str())
    }

    /// What slot and marks are due; nothing where it has ended without drawing.
    pub fn due(&self) -> Option<Due> {
        match self.state.as_str() {
            "submitted" | "correction_requested" => Some((SlotState::Held, self.until)),
            _ if self.is_granted() => Some((SlotState::Used, None)),
            _ => None,
        }
    }

    /// Whether it has what is due at a moment: past its end a slot or a mark may be taken over
    /// before the end is an entry.
    pub fn lives(&self, latest: Moment) -> bool {
        self.due().is_some_and(|(_, until)| until.is_none_or(|until| latest < until))
    }

    /// What it keeps in the bucket of its state.
    pub fn keeps_fen(&self) -> i64 {
        self.granted_fen.unwrap_or(self.amount_fen)
    }

    /// Held, used and count, as a tally has them.
    pub fn tallied(&self) -> (i64, i64, i64) {
        match self.due() {
            Some((SlotState::Held, _)) => (self.amount_fen, 0, 1),
            Some(_) => (0, self.keeps_fen(), 1),
            None => (0, 0, 0),
        }
    }
}

/// Compares the rows of one book.
pub(super) fn compare(
    book: &Replayed,
    rows: &[ApplicationRow],
    payees: &[PayeeRow],
    differences: &mut Vec<String>,
) {
    let mut say = |what: String| differences.push(format!("{}: {what}", book.name));
    let committed: BTreeMap<Uuid, &String> =
        payees.iter().map(|payee| (payee.application_id, &payee.commitment)).collect();
    let mut raised: BTreeMap<Uuid, i64> = BTreeMap::new();
    for thing in book.state.things.values().filter(|thing| thing.kind == "application") {
        if let Some(of) = thing.of {
            *raised.entry(of).or_default() += thing.fen.0;
        }
    }
    for row in rows {
        let id = row.application_id;
        let found = book.state.things.get(&id).filter(|thing| thing.kind == "application");
        let (Some(thing), Some(said)) = (found, book.kept.applications.get(&id)) else {
            say(format!("application {id} has a row and no entry"));
            continue;
        };
        if row.state != thing.state {
            let (is, due) = (&row.state, thing.state);
            say(format!("application {id} is {is}, by its entries it is {due}"));
        }
        let raised = raised.get(&id).copied().unwrap_or_default();
        let granted = row.is_granted().then_some(thing.fen.0);
        let differs = [
            ("account", committed.get(&id).copied() != said.payee.as_ref()),
            ("raise", row.filed("raised_fen").as_i64() != Some(raised)),
            ("granted sum", row.granted_fen != granted),
            ("first", thing.of.is_some() && row.first_id != thing.of),
            ("marks", book.kept.marks.get(&id) != Some(&row.marks())),
        ];
        let differs = differs.into_iter().chain(filing(row, said));
        for (what, _) in differs.filter(|(_, differs)| *differs) {
            say(format!("the {what} of application {id} is not that of its entries"));
        }
    }
    let known: BTreeSet<Uuid> = rows.iter().map(|row| row.application_id).collect();
    let missing = |id: &Uuid, thing: &Thing| thing.kind == "application" && !known.contains(id);
    for (id, _) in book.state.things.sorted(missing) {
        say(format!("application {id} has entries and no row"));
    }
}

/// What the newest submission, correction or top-up says.
fn filing(row: &ApplicationRow, said: &Applied) -> [(&'static str, bool); 10] {
    let mut part = said.part.clone().unwrap_or_default();
    let last = part.pointer_mut("/bases_fen").and_then(|bases| bases.as_array_mut()?.last_mut());
    if let (Some(base), Some(last)) = (said.approved_base_fen, last) {
        *last = base.into();
    }
    [
        ("amount", row.amount_fen != said.amount_fen),
        ("class", row.class != said.class),
        ("rule", rule(&row.rule) != said.rule),
        ("pseudonym", hex::encode(&row.subject) != said.subject),
        ("time", row.submitted_at != said.at),
        ("deciding day", time::text(row.decided_at) != said.decided_at),
        ("deadline", row.until.map(time::text) != said.until),
        ("quota key", row.quota_key() != said.quota_key),
        ("cumulative cap", row.cap_key().is_some() != said.is_capped),
        ("part", row.filed("part") != part),
    ]
}
