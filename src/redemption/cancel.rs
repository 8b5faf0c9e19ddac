//! The ends of a reservation that is not captured: cancelled by the retailer, ended by time.

use super::entries::{CANCELLED, ENDED};
use super::model::{Redemption, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use crate::book::store::Tranche;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{self, day_of};
use crate::register::model::{Mark, Quota, SlotState, Tally};
use crate::voucher::ends::{end_overdue, free_slot, hint_of};
use crate::voucher::entries::VOUCHER_ENDED;
use crate::voucher::model::{State as VoucherState, Voucher};
use serde_json::json;
use uuid::Uuid;

/// The redemption is captured, cancelled, or has ended.
pub const REDEMPTION_STATE: Refusal = Refusal::new(
    "REDEMPTION_STATE",
    "该核销当前状态不允许此操作",
    "the redemption's state does not allow this",
);

/// Asks for a redemption, then for its voucher, then for everything that its end touches.
pub fn want(ask: &mut Ask<'_>, id: Uuid) {
    ask.want::<Redemption>(id);
    let Some(redemption) = ask.seen::<Redemption>(&id).cloned() else { return };
    if let Some(tranche) = redemption.tranche {
        ask.want::<Tranche>(tranche);
    }
    crate::voucher::ends::want(ask, redemption.voucher);
    redemption.marks.into_iter().for_each(|mark| ask.lock::<Mark>(mark));
    if let (Some(voucher), Some(key)) =
        (ask.seen::<Voucher>(&redemption.voucher).map(|v| v.person), redemption.cap_key)
    {
        ask.take::<Tally>((voucher, key));
    }
}

/// A retailer cancels its own reservation.
pub struct Cancel {
    pub redemption: Uuid,
    pub organisation: Uuid,
}

impl Command for Cancel {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.redemption);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Redemption>(&self.redemption)?.cloned();
        let Some(redemption) = found.filter(|r| r.organisation == self.organisation) else {
            return Ok(Decision::not_found());
        };
        if redemption.state != State::Reserved || redemption.is_overdue(desk.now()) {
            return Ok(Decision::conflict(REDEMPTION_STATE));
        }
        let entries = release(desk, self.redemption, State::Cancelled)?;
        let found = desk.get::<Redemption>(&self.redemption)?.cloned();
        let view = found.map(|redemption| redemption.view(desk.book()));
        Ok(Decision::Done(Outcome {
            entries,
            status: 200,
            body: json!({"redemption": view}),
            ..Outcome::default()
        }))
    }
}

/// The sweep writes that time has ended a reservation, and the voucher with it where that is due.
pub struct End {
    pub redemption: Uuid,
}

impl Command for End {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.redemption);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut outcome = Outcome { status: 200, body: json!({}), ..Outcome::default() };
        outcome.entries = end_if_overdue(desk, self.redemption)?;
        let voucher =
            desk.get::<Redemption>(&self.redemption)?.map(|redemption| redemption.voucher);
        if let Some(voucher) = voucher {
            outcome.hint = Some(Box::new(hint_of(desk, voucher)?));
        }
        Ok(Decision::Done(outcome))
    }
}

/// Writes the end of a reservation that time has ended; nothing where it has not.
pub fn end_if_overdue(desk: &mut Desk, id: Uuid) -> Result<Vec<Draft>, Fault> {
    match desk.get::<Redemption>(&id)? {
        Some(redemption) if redemption.is_overdue(desk.now()) => release(desk, id, State::Ended),
        _ => Ok(Vec::new()),
    }
}

/// Frees what the reservation took and gives the voucher back to its person: until its own end,
/// or, of flow `checkout`, ended here.
fn release(desk: &mut Desk, id: Uuid, to: State) -> Result<Vec<Draft>, Fault> {
    let gone = || Fault::new("a reservation without its rows");
    let mut redemption = desk.get::<Redemption>(&id)?.cloned().ok_or_else(gone)?;
    let mut voucher = desk.get::<Voucher>(&redemption.voucher)?.cloned().ok_or_else(gone)?;
    redemption.become_state(to)?;
    voucher.become_state(VoucherState::Claimed)?;
    voucher.locked_until = None;
    voucher.redemption = None;
    free_marks(desk, &redemption, &voucher)?;
    give_back_money(desk, &redemption, &voucher)?;
    let mut draft = match to {
        State::Cancelled => Draft::new(&CANCELLED, id, json!({})),
        _ => Draft::new(&ENDED, id, json!({"until": time::text(redemption.until)})),
    };
    draft.subject = Some(voucher.subject);
    let mut drafts = vec![draft];
    if redemption.is_checkout {
        voucher.become_state(VoucherState::Ended)?;
        let mut ended = Draft::new(&VOUCHER_ENDED, voucher.id, json!({}));
        ended.subject = Some(voucher.subject);
        ended.legs = moved(Bucket::Held, Bucket::Available, voucher.hold);
        drafts.push(ended);
        free_slot(desk, &voucher)?;
    } else if !voucher.quota_key.is_empty() {
        let key = (voucher.person, voucher.quota_key.clone());
        if let Some(mut quota) = desk.get::<Quota>(&key)?.cloned() {
            quota.set(voucher.holder(desk.book()), SlotState::Held, Some(voucher.until));
            desk.put(quota);
        }
    }
    let voucher_id = voucher.id;
    desk.put(redemption);
    desk.put(voucher);
    drafts.extend(end_overdue(desk, voucher_id)?);
    Ok(drafts)
}

fn free_marks(desk: &mut Desk, redemption: &Redemption, voucher: &Voucher) -> Result<(), Fault> {
    let holder = voucher.holder(desk.book());
    for key in &redemption.marks {
        let found = desk.get::<Mark>(key)?.cloned();
        if let Some(mut mark) = found
            && mark.release(holder)
        {
            desk.put(mark);
        }
    }
    Ok(())
}

/// Takes the amount off the tally of a cumulative cap, and back into the day's money while the
/// day lasts.
fn give_back_money(
    desk: &mut Desk,
    redemption: &Redemption,
    voucher: &Voucher,
) -> Result<(), Fault> {
    let amount = redemption.amount.0;
    if let Some(key) = &redemption.cap_key
        && let Some(mut tally) = desk.get::<Tally>(&(voucher.person, key.clone()))?.cloned()
    {
        tally.held_fen -= amount;
        tally.version += 1;
        desk.put(tally);
    }
    let today = day_of(desk.now()) == day_of(redemption.reserved_at);
    if let Some(name) = redemption.tranche.as_ref().filter(|_| today)
        && let Some(mut tranche) = desk.get::<Tranche>(name)?.cloned()
    {
        tranche.drawn.0 -= amount;
        tranche.version += 1;
        desk.put(tranche);
    }
    Ok(())
}
