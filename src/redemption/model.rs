//! A redemption and its edges. Pure.

use crate::book::model::Fault;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::time::{self, Moment};
use crate::register::model::MarkKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Reserved,
    Captured,
    Cancelled,
    Ended,
    /// A late capture that could not be taken; a person decides later.
    Disputed,
}

impl State {
    pub const ALL: [State; 5] =
        [State::Reserved, State::Captured, State::Cancelled, State::Ended, State::Disputed];

    pub fn as_str(self) -> &'static str {
        match self {
            State::Reserved => "reserved",
            State::Captured => "captured",
            State::Cancelled => "cancelled",
            State::Ended => "ended",
            State::Disputed => "disputed",
        }
    }

    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    fn may_become(self, next: State) -> bool {
        use State::{Cancelled, Captured, Disputed, Ended, Reserved};
        matches!(
            (self, next),
            (Reserved, Captured | Cancelled | Ended | Disputed) | (Ended, Captured | Disputed)
        )
    }
}

/// One line of an order with its share of the subsidy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub class: Class,
    pub price_fen: Fen,
    pub share_fen: Fen,
}

/// The row of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    pub id: Uuid,
    pub voucher: Uuid,
    pub organisation: Uuid,
    pub store: Option<Uuid>,
    pub class: Class,
    /// The programme version in force at the reservation; it decides the capture too.
    pub rule: [u8; 32],
    pub state: State,
    pub amount: Fen,
    /// The facts that the reservation was screened with, as canonical JSON.
    pub facts: String,
    /// The lines of an order with their shares; empty for one item.
    pub lines: Vec<Line>,
    pub marks: Vec<MarkKey>,
    /// The tally of a cumulative cap that the amount stands on.
    pub cap_key: Option<String>,
    /// The day's money that the amount was drawn from.
    pub tranche: Option<String>,
    pub is_checkout: bool,
    /// Class or price were declared by the till: looked at before payment.
    pub needs_review: bool,
    pub old_item: Option<String>,
    pub reserved_at: Moment,
    pub until: Moment,
    pub captured_at: Option<Moment>,
    pub version: i64,
}

impl Redemption {
    /// Whether time has ended the reservation.
    pub fn is_overdue(&self, now: Moment) -> bool {
        self.state == State::Reserved && self.until <= now
    }

    /// Moves it along an edge of its graph (invariant 9).
    ///
    /// # Errors
    /// An edge that does not exist is a bug of the caller, who has tested the state.
    pub fn become_state(&mut self, next: State) -> Result<(), Fault> {
        if !self.state.may_become(next) {
            let (from, to) = (self.state.as_str(), next.as_str());
            return Err(Fault::new(format!("a redemption cannot go from {from} to {to}")));
        }
        self.state = next;
        self.version += 1;
        Ok(())
    }

    /// As answers show it.
    pub fn view(&self, book: BookNo) -> Value {
        let mut view = json!({
            "id": PublicId::new(Kind::Redemption, book, self.id).to_string(),
            "voucher": PublicId::new(Kind::Voucher, book, self.voucher).to_string(),
            "state": self.state.as_str(),
            "class": self.class,
            "amount_fen": self.amount,
            "reserved_at": time::text(self.reserved_at),
            "until": time::text(self.until),
            "needs_review": self.needs_review,
            "programme_sha256": hex::encode(self.rule),
        });
        if !self.lines.is_empty() {
            view["lines"] = json!(self.lines);
        }
        if let Some(captured_at) = self.captured_at {
            view["captured_at"] = json!(time::text(captured_at));
        }
        view
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn only_a_late_capture_leaves_an_ended_reservation() {
        for to in State::ALL {
            let may = matches!(to, State::Captured | State::Disputed);
            assert_eq!(State::Ended.may_become(to), may, "{to:?}");
            for from in [State::Captured, State::Cancelled, State::Disputed] {
                assert!(!from.may_become(to), "{from:?} {to:?}");
            }
        }
    }
}
