//! A capture after the reservation's end: taken within the programme's grace where everything is
//! still its own or free, else a dispute for a person to decide.

use super::cancel::end_if_overdue;
use super::capture::{Capture, data, legs, take_for_good};
use super::entries::{CAPTURED_LATE, DISPUTED};
use super::model::{Redemption, State};
use crate::book::desk::Desk;
use crate::book::model::{Bucket, Decision, Draft, Fault, Outcome};
use crate::book::store::Tranche;
use crate::kernel::money::Fen;
use crate::kernel::time::day_of;
use crate::register::model::{Mark, Quota, Slot, SlotState, Tally};
use crate::voucher::model::{State as VoucherState, Voucher};
use serde_json::json;

/// Decides a late capture. The redemption is overdue or has ended; the conditions of the capture
/// phase have passed.
pub fn capture(
    command: &Capture,
    desk: &mut Desk,
    redemption: Redemption,
) -> Result<Decision, Fault> {
    // First the end that time has brought, by entries: then there is one state to decide from.
    let mut entries = end_if_overdue(desk, redemption.id)?;
    let found = desk.get::<Redemption>(&redemption.id)?.cloned();
    let mut redemption = found.ok_or_else(|| Fault::new("a redemption went away"))?;
    let found = desk.get::<Voucher>(&redemption.voucher)?.cloned();
    let mut voucher = found.ok_or_else(|| Fault::new("a redemption of no voucher"))?;
    // What the ends above give back is there to be drawn, though it is not on the desk yet.
    let freed = entries.iter().flat_map(|draft| &draft.legs);
    let freed = freed.filter(|leg| leg.bucket == Bucket::Available).map(|leg| leg.amount.0).sum();
    let reasons = obstacles(command, desk, &redemption, &voucher, Fen(freed))?;
    if !reasons.is_empty() {
        redemption.become_state(State::Disputed)?;
        let mut draft = Draft::new(&DISPUTED, redemption.id, json!({"reasons": reasons}));
        draft.subject = Some(voucher.subject);
        entries.push(draft);
        let body = json!({"redemption": redemption.view(desk.book()), "reasons": reasons});
        desk.put(redemption);
        return Ok(Decision::Done(Outcome { entries, status: 202, body, ..Outcome::default() }));
    }
    let mut draft = Draft::new(&CAPTURED_LATE, redemption.id, data(&command.screened, &redemption));
    draft.subject = Some(voucher.subject);
    draft.rule = Some(redemption.rule);
    draft.legs = match voucher.state.is_held() {
        true => legs(Bucket::Held, voucher.hold, redemption.amount)?,
        false => legs(Bucket::Available, redemption.amount, redemption.amount)?,
    };
    take_again(desk, &redemption, &voucher)?;
    take_for_good(desk, &mut redemption, &mut voucher)?;
    entries.push(draft);
    let body = json!({"redemption": redemption.view(desk.book())});
    desk.put(redemption);
    desk.put(voucher);
    Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
}

/// What stands in the way, as codes; nothing where the capture can be taken.
fn obstacles(
    command: &Capture,
    desk: &Desk,
    redemption: &Redemption,
    voucher: &Voucher,
    freed: Fen,
) -> Result<Vec<&'static str>, Fault> {
    let now = desk.now();
    let holder = voucher.holder(desk.book());
    let mut reasons = Vec::new();
    if now >= redemption.until + command.grace {
        reasons.push("GRACE_OVER");
    }
    use VoucherState::{Claimed, Ended, Lapsed};
    if !matches!(voucher.state, Claimed | Lapsed | Ended) {
        reasons.push("VOUCHER_NOT_FREE");
    }
    let mut marks_free = true;
    for key in &redemption.marks {
        marks_free &= desk.get::<Mark>(key)?.is_some_and(|mark| mark.is_open_to(holder, now));
    }
    if !marks_free {
        reasons.push("MARK_TAKEN");
    }
    if !voucher.quota_key.is_empty() {
        let quota = desk.get::<Quota>(&(voucher.person, voucher.quota_key.clone()))?;
        let own = quota.is_some_and(|q| q.of(holder).is_some_and(|slot| slot.is_live(now)));
        let in_use = quota.map_or(0, |quota| quota.in_use(now));
        if !own && in_use >= command.slots {
            reasons.push("QUOTA_EXHAUSTED");
        }
    }
    let short = desk.moneys.get(Bucket::Available).0 + freed.0 < redemption.amount.0;
    if !voucher.state.is_held() && short {
        reasons.push("BUDGET_EXHAUSTED");
    }
    if let (Some(cap), Some(key)) = (command.cap, &redemption.cap_key) {
        let tally = desk.get::<Tally>(&(voucher.person, key.clone()))?;
        let drawn = tally.map_or(0, |tally| tally.held_fen + tally.used_fen);
        if drawn + redemption.amount.0 > cap.0 {
            reasons.push("CAP_EXHAUSTED");
        }
    }
    if let Some(tranche) = given_back(desk, redemption)?
        && tranche.limit.0 - tranche.drawn.0 < redemption.amount.0
    {
        reasons.push("DAY_BUDGET_EXHAUSTED");
    }
    Ok(reasons)
}

/// The day's money into which the end of the reservation gave the amount back: it did where it
/// came on the day of the reservation, which this is still.
fn given_back<'a>(desk: &'a Desk, redemption: &Redemption) -> Result<Option<&'a Tranche>, Fault> {
    let today = day_of(desk.now()) == day_of(redemption.reserved_at);
    match redemption.tranche.as_ref().filter(|_| today) {
        Some(name) => desk.get::<Tranche>(name),
        None => Ok(None),
    }
}

/// Takes slot, tally and the day's money again, so that what follows finds them as if the end had
/// never come.
fn take_again(desk: &mut Desk, redemption: &Redemption, voucher: &Voucher) -> Result<(), Fault> {
    let holder = voucher.holder(desk.book());
    let key = (voucher.person, voucher.quota_key.clone());
    if !voucher.quota_key.is_empty()
        && let Some(mut quota) = desk.get::<Quota>(&key)?.cloned()
        && quota.of(holder).is_none()
    {
        quota.take(Slot {
            holder,
            province: voucher.region.province(),
            state: SlotState::Held,
            until: None,
            lapse_key: None,
        });
        desk.put(quota);
    }
    if let Some(mut tranche) = given_back(desk, redemption)?.cloned() {
        tranche.drawn.0 += redemption.amount.0;
        tranche.version += 1;
        desk.put(tranche);
    }
    if let Some(key) = &redemption.cap_key
        && let Some(mut tally) = desk.get::<Tally>(&(voucher.person, key.clone()))?.cloned()
    {
        tally.held_fen += redemption.amount.0;
        tally.version += 1;
        desk.put(tally);
    }
    Ok(())
}
