//! The goods are handed over: the amount is owed to the retailer.

use super::cancel::{self, REDEMPTION_STATE};
use super::entries::CAPTURED;
use super::late;
use super::model::{Redemption, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Leg, Outcome};
use crate::kernel::money::Fen;
use crate::programme::Screened;
use crate::register::model::{Mark, Quota, SlotState, Tally};
use crate::voucher::model::{State as VoucherState, Voucher};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

/// A capture, screened by the programme version of the reservation.
pub struct Capture {
    pub redemption: Uuid,
    pub organisation: Uuid,
    /// The capture phase only, over the facts of the reservation and of the hand-over.
    pub screened: Screened,
    /// How long after the end of the reservation a capture is still taken.
    pub grace: TimeDelta,
    /// N of the acting programme for the voucher's quota.
    pub slots: u32,
    /// What the person may draw in all, where the programme caps it; a late capture counts against
    /// it once more.
    pub cap: Option<Fen>,
}

impl Command for Capture {
    fn needs(&self, ask: &mut Ask<'_>) {
        cancel::want(ask, self.redemption);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Redemption>(&self.redemption)?.cloned();
        let Some(mut redemption) = found.filter(|r| r.organisation == self.organisation) else {
            return Ok(Decision::not_found());
        };
        let late = redemption.is_overdue(desk.now()) || redemption.state == State::Ended;
        if !late && redemption.state != State::Reserved {
            return Ok(Decision::conflict(REDEMPTION_STATE));
        }
        if self.screened.refuses() {
            let (refusals, rule) = (self.screened.refusals(), Some(redemption.rule));
            return Ok(Decision::Refused { refusals, status: 422, rule });
        }
        if late {
            return late::capture(self, desk, redemption);
        }
        let found = desk.get::<Voucher>(&redemption.voucher)?.cloned();
        let mut voucher = found.ok_or_else(|| Fault::new("a redemption of no voucher"))?;
        let draft = Capture::draft_of(&self.screened, &redemption, &voucher)?;
        take_for_good(desk, &mut redemption, &mut voucher)?;
        let body = json!({"redemption": redemption.view(desk.book())});
        desk.put(redemption);
        desk.put(voucher);
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

impl Capture {
    /// The entry of a capture in time: the amount to `committed`, the rest of the hold back.
    pub fn draft_of(
        screened: &Screened,
        redemption: &Redemption,
        voucher: &Voucher,
    ) -> Result<Draft, Fault> {
        let mut draft = Draft::new(&CAPTURED, redemption.id, data(screened, redemption));
        draft.subject = Some(voucher.subject);
        draft.rule = Some(redemption.rule);
        draft.legs = legs(Bucket::Held, voucher.hold, redemption.amount)?;
        Ok(draft)
    }
}

/// What the leaf of a capture says: the facts of the hand-over that the rules read.
pub fn data(screened: &Screened, redemption: &Redemption) -> serde_json::Value {
    json!({
        "amount_fen": redemption.amount,
        "facts": screened.screening.facts(&screened.facts),
        "checks": screened.screening.checks(),
    })
}

/// Moves the amount from where it is to `committed`, and what is over of the hold back.
pub fn legs(from: Bucket, hold: Fen, amount: Fen) -> Result<Vec<Leg>, Fault> {
    let rest = hold.checked_sub(amount).filter(|rest| rest.0 >= 0);
    let rest = rest.ok_or_else(|| Fault::new("an amount above its hold"))?;
    let mut legs =
        vec![Leg { bucket: from, amount: Fen(-hold.0) }, Leg { bucket: Bucket::Committed, amount }];
    if rest.is_positive() {
        legs.push(Leg { bucket: Bucket::Available, amount: rest });
    }
    Ok(legs)
}

/// Makes slot and marks permanent and moves the tally from held to used; the voucher is redeemed.
pub fn take_for_good(
    desk: &mut Desk,
    redemption: &mut Redemption,
    voucher: &mut Voucher,
) -> Result<(), Fault> {
    let holder = voucher.holder(desk.book());
    redemption.become_state(State::Captured)?;
    redemption.captured_at = Some(desk.now());
    voucher.become_state(VoucherState::Redeemed)?;
    voucher.locked_until = None;
    voucher.redemption = Some(redemption.id);
    let key = (voucher.person, voucher.quota_key.clone());
    if !voucher.quota_key.is_empty()
        && let Some(mut quota) = desk.get::<Quota>(&key)?.cloned()
    {
        if !quota.set(holder, SlotState::Used, None) {
            return Err(Fault::new("a capture without its slot"));
        }
        desk.put(quota);
    }
    for key in &redemption.marks {
        let found = desk.get::<Mark>(key)?.cloned();
        let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
        if !mark.is_open_to(holder, desk.now()) {
            return Err(Fault::new("a capture without its mark"));
        }
        mark.hold(holder, None);
        desk.put(mark);
    }
    if let Some(key) = &redemption.cap_key {
        let found = desk.get::<Tally>(&(voucher.person, key.clone()))?.cloned();
        let mut tally = found.ok_or_else(|| Fault::new("a tally was taken and is not there"))?;
        tally.held_fen -= redemption.amount.0;
        tally.used_fen += redemption.amount.0;
        tally.version += 1;
        desk.put(tally);
    }
    Ok(())
}
