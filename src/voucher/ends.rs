//! The ends of a voucher outside the till: given back by the person, lapsed by time.

use super::claim::QuotaHint;
use super::entries::{VOUCHER_GIVEN_BACK, VOUCHER_LAPSED};
use super::model::{State, Voucher};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::refusal::Refusal;
use crate::kernel::time;
use crate::register::model::{Quota, Tally};
use serde_json::json;
use uuid::Uuid;

/// The voucher is reserved, redeemed, or has ended.
pub const VOUCHER_STATE: Refusal = Refusal::new(
    "VOUCHER_STATE",
    "资格券当前状态不允许此操作",
    "the voucher's state does not allow this",
);

/// Asks for a voucher, and in the next round for the rows that its end touches.
pub fn want(ask: &mut Ask<'_>, id: Uuid) {
    ask.want::<Voucher>(id);
    let Some(voucher) = ask.seen::<Voucher>(&id).cloned() else { return };
    if !voucher.quota_key.is_empty() {
        ask.lock::<Quota>((voucher.person, voucher.quota_key));
    }
    if let Some(key) = voucher.lapse_key {
        ask.take::<Tally>((voucher.person, key));
    }
}

/// A person gives an unused voucher back.
pub struct GiveBack {
    pub voucher: Uuid,
    /// Who asks; a voucher of somebody else is not there for him.
    pub person: Uuid,
}

impl Command for GiveBack {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.voucher);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Voucher>(&self.voucher)?.cloned();
        let Some(mut voucher) = found.filter(|voucher| voucher.person.id == self.person) else {
            return Ok(Decision::not_found());
        };
        if voucher.state != State::Claimed || voucher.is_overdue(desk.now()) {
            return Ok(Decision::conflict(VOUCHER_STATE));
        }
        voucher.become_state(State::GivenBack)?;
        let mut draft = Draft::new(&VOUCHER_GIVEN_BACK, voucher.id, json!({}));
        draft.subject = Some(voucher.subject);
        draft.legs = moved(Bucket::Held, Bucket::Available, voucher.hold);
        let hint = free_slot(desk, &voucher)?;
        let id = PublicId::new(Kind::Voucher, desk.book(), voucher.id);
        desk.put(voucher);
        Ok(Decision::Done(Outcome {
            entries: vec![draft],
            status: 200,
            body: json!({"voucher": {"id": id.to_string(), "state": "given_back"}}),
            hint: Some(Box::new(hint)),
            ..Outcome::default()
        }))
    }
}

/// The sweep writes that time has ended a voucher.
pub struct Lapse {
    pub voucher: Uuid,
}

impl Command for Lapse {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.voucher);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut outcome = Outcome { status: 200, body: json!({}), ..Outcome::default() };
        outcome.entries.extend(end_overdue(desk, self.voucher)?);
        outcome.hint = Some(Box::new(hint_of(desk, self.voucher)?));
        Ok(Decision::Done(outcome))
    }
}

/// Writes the end of a voucher that time has ended; nothing where it has not. Commands that load
/// a voucher call this first, so that everybody sees the same end, swept or not.
pub fn end_overdue(desk: &mut Desk, id: Uuid) -> Result<Option<Draft>, Fault> {
    let found = desk.get::<Voucher>(&id)?.cloned();
    let Some(mut voucher) = found.filter(|voucher| voucher.is_overdue(desk.now())) else {
        return Ok(None);
    };
    voucher.become_state(State::Lapsed)?;
    let mut data = json!({"until": time::text(voucher.until)});
    if let Some(key) = &voucher.lapse_key {
        data["counted"] = json!(key);
        let key = (voucher.person, key.clone());
        let found = desk.get::<Tally>(&key)?.cloned();
        let mut tally = found.ok_or_else(|| Fault::new("a tally was taken and is not there"))?;
        tally.count += 1;
        tally.version += 1;
        desk.put(tally);
    }
    let mut draft = Draft::new(&VOUCHER_LAPSED, voucher.id, data);
    draft.subject = Some(voucher.subject);
    draft.legs = moved(Bucket::Held, Bucket::Available, voucher.hold);
    free_slot(desk, &voucher)?;
    desk.put(voucher);
    Ok(Some(draft))
}

/// What the gate is to know of the quota of a voucher that the command has loaded.
pub fn hint_of(desk: &Desk, id: Uuid) -> Result<Option<QuotaHint>, Fault> {
    let Some(voucher) = desk.get::<Voucher>(&id)? else { return Ok(None) };
    if voucher.quota_key.is_empty() {
        return Ok(None);
    }
    let quota = desk.get::<Quota>(&(voucher.person, voucher.quota_key.clone()))?;
    Ok(quota.map(|quota| QuotaHint::of(quota, desk.now())))
}

/// Frees the slot where it still names the voucher.
pub fn free_slot(desk: &mut Desk, voucher: &Voucher) -> Result<Option<QuotaHint>, Fault> {
    if voucher.quota_key.is_empty() {
        return Ok(None);
    }
    let key = (voucher.person, voucher.quota_key.clone());
    let Some(mut quota) = desk.get::<Quota>(&key)?.cloned() else { return Ok(None) };
    if quota.release(voucher.holder(desk.book())) {
        desk.put(quota.clone());
    }
    Ok(Some(QuotaHint::of(&quota, desk.now())))
}
