//! A voucher and its edges. Pure.

use crate::book::model::Fault;
use crate::kernel::class::Class;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use crate::register::model::{Holder, PersonRef};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Claimed,
    Reserved,
    Redeemed,
    GivenBack,
    Lapsed,
    /// Of flow `checkout`: its one reservation was cancelled or ended.
    Ended,
}

impl State {
    pub const ALL: [State; 6] = [
        State::Claimed,
        State::Reserved,
        State::Redeemed,
        State::GivenBack,
        State::Lapsed,
        State::Ended,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            State::Claimed => "claimed",
            State::Reserved => "reserved",
            State::Redeemed => "redeemed",
            State::GivenBack => "given_back",
            State::Lapsed => "lapsed",
            State::Ended => "ended",
        }
    }

    pub fn parse(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether its hold is part of `held`.
    pub fn is_held(self) -> bool {
        matches!(self, State::Claimed | State::Reserved)
    }

    fn may_become(self, next: State) -> bool {
        use State::{Claimed, Ended, GivenBack, Lapsed, Redeemed, Reserved};
        matches!(
            (self, next),
            (Claimed, Reserved | Redeemed | GivenBack | Lapsed | Ended)
                | (Reserved, Redeemed | Claimed)
                | (Lapsed | Ended, Redeemed)
        )
    }
}

/// The row of a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    pub id: Uuid,
    pub person: PersonRef,
    /// The person's pseudonym in this book.
    pub subject: [u8; 16],
    pub class: Class,
    /// `online`, `offline` or empty where the programme knows no channels.
    pub channel: String,
    /// Where the claim was made, as far as it was told; else the operating region.
    pub region: Region,
    /// The programme version in force at the claim.
    pub rule: [u8; 32],
    pub quota_key: String,
    pub lapse_key: Option<String>,
    pub code_key: i16,
    /// `None` for a voucher of flow `checkout`, which nobody presents.
    pub code_digest: Option<Vec<u8>>,
    pub state: State,
    pub hold: Fen,
    pub claimed_at: Moment,
    pub until: Moment,
    /// The end of the live reservation.
    pub locked_until: Option<Moment>,
    pub redemption: Option<Uuid>,
    pub version: i64,
}

impl Voucher {
    pub fn holder(&self, book: BookNo) -> Holder {
        Holder { book, id: self.id }
    }

    /// Whether time has ended it: claimed, and past its end.
    pub fn is_overdue(&self, now: Moment) -> bool {
        self.state == State::Claimed && self.until <= now
    }

    /// Moves it along an edge of its graph (invariant 9).
    ///
    /// # Errors
    /// An edge that does not exist is a bug of the caller, who has tested the state.
    pub fn become_state(&mut self, next: State) -> Result<(), Fault> {
        if !self.state.may_become(next) {
            let (from, to) = (self.state.as_str(), next.as_str());
            return Err(Fault::new(format!("a voucher cannot go from {from} to {to}")));
        }
        self.state = next;
        self.version += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn a_voucher_that_is_used_or_given_back_has_no_way_out() {
        for from in [State::Redeemed, State::GivenBack] {
            for to in State::ALL {
                assert!(!from.may_become(to), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn states_are_read_as_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
