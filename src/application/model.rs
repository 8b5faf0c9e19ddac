//! An application and its edges. Pure.

use crate::book::model::Fault;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::time::{self, Moment, day_of};
use crate::programme::Step;
use crate::register::model::{Holder, MarkKey, PersonRef};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Submitted,
    CorrectionRequested,
    /// Granted; the money is committed and waits for a second person.
    Approved,
    /// Granted and released: settlement may pay it.
    Payable,
    Rejected,
    Withdrawn,
    /// No correction came in time.
    Lapsed,
}

impl State {
    pub const ALL: [State; 7] = [
        State::Submitted,
        State::CorrectionRequested,
        State::Approved,
        State::Payable,
        State::Rejected,
        State::Withdrawn,
        State::Lapsed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            State::Submitted => "submitted",
            State::CorrectionRequested => "correction_requested",
            State::Approved => "approved",
            State::Payable => "payable",
            State::Rejected => "rejected",
            State::Withdrawn => "withdrawn",
            State::Lapsed => "lapsed",
        }
    }

    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// As the applicant reads it, in Chinese and in English.
    pub fn sentences(self) -> (&'static str, &'static str) {
        match self {
            State::Submitted => ("已提交，等待审核", "submitted, waiting for the review"),
            State::CorrectionRequested => ("请在截止前补正材料", "correct it before the deadline"),
            State::Approved => ("审核通过，等待复核", "granted, waiting for a second person"),
            State::Payable => ("复核完成，等待拨付", "granted and released for payment"),
            State::Rejected => ("审核未通过", "rejected"),
            State::Withdrawn => ("已撤回", "withdrawn"),
            State::Lapsed => ("逾期未补正，申请终止", "ended: no correction came in time"),
        }
    }

    /// Whether an office still decides: its hold is part of `held`.
    pub fn is_open(self) -> bool {
        matches!(self, State::Submitted | State::CorrectionRequested)
    }

    /// Whether it draws money.
    pub fn is_granted(self) -> bool {
        matches!(self, State::Approved | State::Payable)
    }

    fn may_become(self, next: State) -> bool {
        use State::{
            Approved, CorrectionRequested, Lapsed, Payable, Rejected, Submitted, Withdrawn,
        };
        matches!(
            (self, next),
            (Submitted, CorrectionRequested | Approved | Rejected | Withdrawn)
                | (CorrectionRequested, Submitted | Withdrawn | Lapsed)
                | (Approved, Payable)
        )
    }
}

/// The place of an application in a row of them that draw on one grant: a year's interest, a
/// milestone. The first holds slot and marks; a tally joins all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The first of the row, itself where it is the first: `app_…`.
    pub first: String,
    /// 1 for the first.
    pub no: u32,
    /// The year of the interest, where it is interest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<i32>,
    /// What the amount is taken of, part by part, this one last.
    pub bases_fen: Vec<Fen>,
}

/// What of an application no statement looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    /// A firm by its social credit code, and not a natural person.
    pub is_enterprise: bool,
    /// The quota row in which it has a slot.
    pub quota_key: Option<String>,
    /// The tally that its amount stands on.
    pub cap_key: Option<String>,
    /// The facts that it was screened with.
    pub facts: Json,
    pub derivation: Vec<Step>,
    #[serde(with = "marks")]
    pub marks: Vec<MarkKey>,
    /// The recycler's record of the old item: `old_…`.
    pub old_item: Option<String>,
    pub part: Option<Part>,
    /// Why a correction was asked for, or it was rejected, or less was granted: codes.
    pub reasons: Vec<String>,
    /// The reviewer's sentence for the applicant; it stands in no entry.
    pub sentence: Option<String>,
    /// What top-ups have added to it.
    pub raised_fen: Fen,
}

/// The row of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    pub id: Uuid,
    /// Person or firm, as registers know it.
    pub applicant: PersonRef,
    /// The applicant's pseudonym in this book.
    pub subject: [u8; 16],
    /// The login behind the submission: its owner may not decide on it.
    pub submitted_by: [u8; 16],
    pub class: Class,
    /// The programme version in force at the submission; it decides all that follows.
    pub rule: [u8; 32],
    pub state: State,
    /// What the rules give, and what `held` keeps for it until it is decided.
    pub amount: Fen,
    /// What was granted: the amount, or less.
    pub granted: Option<Fen>,
    /// The application, perhaps of another book, that this one continues or tops up.
    pub first: Option<Holder>,
    /// The day of the last document.
    pub decided_at: Moment,
    pub submitted_at: Moment,
    /// While a correction is asked for: its deadline.
    pub until: Option<Moment>,
    /// The login of the official who granted it.
    pub approved_by: Option<[u8; 16]>,
    pub filed: Filed,
    pub version: i64,
}

impl Application {
    pub fn holder(&self, book: BookNo) -> Holder {
        Holder { book, id: self.id }
    }

    /// Whether time has ended it: no correction came.
    pub fn is_overdue(&self, now: Moment) -> bool {
        self.state == State::CorrectionRequested && self.until.is_some_and(|until| until <= now)
    }

    /// The difference to a raised standard, and no purchase of its own.
    pub fn is_top_up(&self) -> bool {
        self.first.is_some() && self.filed.part.is_none()
    }

    /// Moves it along an edge of its graph (invariant 9).
    ///
    /// # Errors
    /// An edge that does not exist is a bug of the caller, who has tested the state.
    pub fn become_state(&mut self, next: State) -> Result<(), Fault> {
        if !self.state.may_become(next) {
            let (from, to) = (self.state.as_str(), next.as_str());
            return Err(Fault::new(format!("an application cannot go from {from} to {to}")));
        }
        self.state = next;
        self.version += 1;
        Ok(())
    }

    /// As answers show it; never account, owner or identifiers.
    pub fn view(&self, book: BookNo) -> Json {
        let (zh, en) = self.state.sentences();
        let mut view = json!({
            "id": PublicId::new(Kind::Application, book, self.id).to_string(),
            "state": self.state.as_str(),
            "state_zh": zh,
            "state_en": en,
            "class": self.class,
            "amount_fen": self.amount,
            "decided_on": day_of(self.decided_at),
            "submitted_at": time::text(self.submitted_at),
            "programme_sha256": hex::encode(self.rule),
        });
        let mut put = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                view[name] = value;
            }
        };
        let first = |first: Holder| PublicId::new(Kind::Application, first.book, first.id);
        put("granted_fen", self.granted.map(|fen| json!(fen)));
        put("until", self.until.map(|until| json!(time::text(until))));
        put("first", self.first.map(|holder| json!(first(holder).to_string())));
        put("part_no", self.filed.part.as_ref().map(|part| json!(part.no)));
        put("old_item", self.filed.old_item.as_ref().map(|id| json!(id)));
        put("sentence", self.filed.sentence.as_ref().map(|sentence| json!(sentence)));
        put("reasons", (!self.filed.reasons.is_empty()).then(|| json!(self.filed.reasons)));
        view
    }
}

/// Marks as `[bucket, kind, digest in hex]`.
mod marks {
    use super::MarkKey;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(marks: &[MarkKey], to: S) -> Result<S::Ok, S::Error> {
        let mark = |mark: &MarkKey| (mark.bucket, mark.kind.clone(), hex::encode(&mark.digest));
        marks.iter().map(mark).collect::<Vec<_>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<MarkKey>, D::Error> {
        let marks: Vec<(i16, String, String)> = Vec::deserialize(from)?;
        let mark = |(bucket, kind, digest): (i16, String, String)| {
            let digest = hex::decode(digest).map_err(D::Error::custom)?;
            Ok(MarkKey { bucket, kind, digest })
        };
        marks.into_iter().map(mark).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_stays_decided() {
        for from in [State::Payable, State::Rejected, State::Withdrawn, State::Lapsed] {
            for to in State::ALL {
                assert!(!from.may_become(to), "{from:?} {to:?}");
            }
        }
        for to in State::ALL {
            assert_eq!(State::Approved.may_become(to), to == State::Payable, "{to:?}");
        }
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            assert!(!(state.is_open() && state.is_granted()));
        }
    }
}
