//! A person claims a voucher.

use super::entries::VOUCHER_CLAIMED;
use super::model::{State, Voucher};
use crate::book::desk::{Ask, Desk, Register};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use crate::identity::store::{Fresh, Subject};
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::{self, Moment};
use crate::programme::{Programme, Screened, Standing, TermKind, judge};
use crate::register::model::{Holder, PersonRef, Quota, Slot, SlotState, Tally};
use serde_json::{Value, json};
use uuid::Uuid;

/// What was drawn and looked up before the command, so that deciding draws nothing.
#[derive(Clone, Debug)]
pub struct Claim {
    pub voucher: Uuid,
    pub person: PersonRef,
    /// Used where the person has no pseudonym in this book yet.
    pub fresh: Fresh,
    pub class: Class,
    /// `online`, `offline`, or empty.
    pub channel: String,
    /// Where the claim is made.
    pub region: Region,
    /// The province of the book, for slots and for "held elsewhere".
    pub province: Region,
    pub screened: Screened,
    pub code_key: i16,
    pub code_digest: Option<Vec<u8>>,
}

/// The money of the year, or of what is left of it, does not cover the voucher.
pub const BUDGET_EXHAUSTED: Refusal = Refusal::new(
    "BUDGET_EXHAUSTED",
    "剩余资金不足以支付本次补贴，请关注后续投放",
    "the money that is left does not cover this subsidy; watch for the next round",
);

/// The book takes no claims at present.
pub const BOOK_NOT_OPEN: Refusal = Refusal::new(
    "BOOK_NOT_OPEN",
    "本地区本年度账簿尚未开放或已关闭",
    "the book of this region and year is not open, or is closed",
);

/// What a quota term asks: the key and the number of slots.
pub fn quota_of(screened: &Screened) -> Option<(&str, u32)> {
    screened.screening.terms.iter().find_map(|term| match &term.kind {
        TermKind::Quota { key, slots } => Some((key.as_str(), *slots)),
        _ => None,
    })
}

/// The tally of a lapse limit.
pub fn lapse_of(screened: &Screened) -> Option<&str> {
    screened.screening.terms.iter().find_map(|term| match &term.kind {
        TermKind::LapseLimit { tally, .. } => Some(tally.as_str()),
        _ => None,
    })
}

impl Command for Claim {
    fn needs(&self, ask: &mut Ask<'_>) {
        self.screened.needs(ask);
        // Nobody grows the registers with a claim that screening refuses.
        if self.screened.refuses() {
            return;
        }
        ask.want::<Subject>(self.person.id);
        if let Some((key, _)) = quota_of(&self.screened) {
            let mut quota = Quota::free((self.person, key.to_owned()));
            quota.take(self.slot(ask.book(), self.until(ask.now())));
            ask.take_as(quota);
        }
        if let Some(key) = lapse_of(&self.screened) {
            ask.take::<Tally>((self.person, key.to_owned()));
        }
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        if desk.book_state() != "open" {
            return Ok(Decision::conflict(BOOK_NOT_OPEN));
        }
        if self.screened.is_stale(desk)? {
            return Ok(Decision::Stale);
        }
        let rule = self.screened.rule();
        let refused = |refusals| Ok(Decision::Refused { refusals, status: 422, rule });
        let Some(programme) = self.screened.programme.clone() else {
            return refused(self.screened.refusals());
        };
        if self.screened.refuses() {
            return refused(self.screened.refusals());
        }
        let standing = self.standing(desk)?;
        if let Err(found) = judge(&self.screened.screening, &standing) {
            return refused(found.iter().map(|it| (*it.refusal).clone()).collect());
        }
        let hold = programme.hold(&self.class);
        if desk.moneys.get(Bucket::Available) < hold {
            return refused(vec![BUDGET_EXHAUSTED]);
        }
        self.grant(desk, &programme, hold)
    }
}

impl Claim {
    /// What the rows say of the person.
    pub fn standing(&self, desk: &Desk) -> Result<Standing, Fault> {
        let mut standing = Standing::default();
        let now = desk.now();
        if let Some((key, _)) = quota_of(&self.screened)
            && let Some(quota) = desk.get::<Quota>(&(self.person, key.to_owned()))?
        {
            standing.slots_kept = quota.kept();
            standing.slots_in_use = quota.in_use(now) - quota.kept();
            standing.held_elsewhere = quota.only_elsewhere(self.province, now);
            if let Some(key) = lapse_of(&self.screened) {
                standing.lapses = quota.unwritten_lapses(key, now);
            }
        }
        if let Some(key) = lapse_of(&self.screened)
            && let Some(tally) = desk.get::<Tally>(&(self.person, key.to_owned()))?
        {
            standing.lapses += u32::try_from(tally.count).unwrap_or(u32::MAX);
        }
        Ok(standing)
    }

    fn grant(&self, desk: &mut Desk, programme: &Programme, hold: Fen) -> Result<Decision, Fault> {
        let until =
            self.until(desk.now()).ok_or_else(|| Fault::new("a grant without a programme"))?;
        let voucher = self.voucher(desk, programme, hold, until)?;
        let draft = self.draft(desk, &voucher)?;
        let hint = self.take_slot(desk, &voucher)?;
        let body = json!({"voucher": view(desk.book(), &voucher, programme)});
        desk.put(voucher);
        Ok(Decision::Done(Outcome {
            entries: vec![draft],
            status: 201,
            body,
            hint: Some(Box::new(hint)),
            ..Outcome::default()
        }))
    }

    /// The claim half of a checkout: the hold is the amount that was computed, and the voucher
    /// lives as long as its reservation, so its own end is now.
    ///
    /// # Errors
    /// The inner refusal where the money does not cover it.
    pub fn grant_for_checkout(
        &self,
        desk: &mut Desk,
        hold: Fen,
    ) -> Result<Result<CheckoutClaim, Refusal>, Fault> {
        if desk.moneys.get(Bucket::Available) < hold {
            return Ok(Err(BUDGET_EXHAUSTED));
        }
        let programme = self.screened.programme.clone();
        let programme = programme.ok_or_else(|| Fault::new("an amount without a programme"))?;
        let voucher = self.voucher(desk, &programme, hold, desk.now())?;
        let draft = self.draft(desk, &voucher)?;
        let hint = self.take_slot(desk, &voucher)?;
        Ok(Ok(CheckoutClaim { voucher, draft, hint }))
    }

    fn draft(&self, desk: &Desk, voucher: &Voucher) -> Result<Draft, Fault> {
        let mut draft = Draft::new(&VOUCHER_CLAIMED, self.voucher, self.data(desk, voucher)?);
        draft.subject = Some(voucher.subject);
        draft.rule = Some(voucher.rule);
        draft.legs = moved(Bucket::Available, Bucket::Held, voucher.hold);
        Ok(draft)
    }

    /// The new voucher, and the person's pseudonym where this is his first in the book.
    fn voucher(
        &self,
        desk: &mut Desk,
        programme: &Programme,
        hold: Fen,
        until: Moment,
    ) -> Result<Voucher, Fault> {
        let known = desk.get::<Subject>(&self.person.id)?.copied();
        let subject = known.unwrap_or_else(|| self.fresh.of(self.person.id));
        if known.is_none() {
            desk.put(subject);
        }
        Ok(Voucher {
            id: self.voucher,
            person: self.person,
            subject: subject.subject,
            class: self.class.clone(),
            channel: self.channel.clone(),
            region: self.region,
            rule: programme.hash_bytes(),
            quota_key: quota_of(&self.screened).map(|(key, _)| key.to_owned()).unwrap_or_default(),
            lapse_key: lapse_of(&self.screened).map(str::to_owned),
            code_key: self.code_key,
            code_digest: self.code_digest.clone(),
            state: State::Claimed,
            hold,
            claimed_at: desk.now(),
            until,
            locked_until: None,
            redemption: None,
            version: 0,
        })
    }

    /// What the leaf says: enough to compare the count with N, and to screen again.
    fn data(&self, desk: &Desk, voucher: &Voucher) -> Result<Value, Fault> {
        let (key, slots) = quota_of(&self.screened).unwrap_or(("", u32::MAX));
        let quota = desk.get::<Quota>(&(self.person, key.to_owned()));
        let in_use = if key.is_empty() { 0 } else { quota?.map_or(0, |q| q.in_use(desk.now())) };
        let screening = &self.screened.screening;
        Ok(json!({
            "class": self.class,
            "channel": self.channel,
            "hold_fen": voucher.hold,
            "until": time::text(voucher.until),
            "quota": {"key": key, "slots": slots, "in_use": in_use},
            "facts": screening.facts(&self.screened.facts),
            "checks": screening.checks(),
        }))
    }

    /// When a voucher that is claimed at this moment ends.
    fn until(&self, now: Moment) -> Option<Moment> {
        let channel = Some(self.channel.as_str()).filter(|channel| !channel.is_empty());
        Some(self.screened.programme.as_ref()?.voucher_until(channel, now))
    }

    fn slot(&self, book: BookNo, until: Option<Moment>) -> Slot {
        Slot {
            holder: Holder { book, id: self.voucher },
            province: self.province,
            state: SlotState::Held,
            until,
            lapse_key: lapse_of(&self.screened).map(str::to_owned),
        }
    }

    /// Takes the slot until the voucher's end.
    fn take_slot(&self, desk: &mut Desk, voucher: &Voucher) -> Result<Option<QuotaHint>, Fault> {
        if voucher.quota_key.is_empty() {
            return Ok(None);
        }
        let key = (self.person, voucher.quota_key.clone());
        let found = desk.get::<Quota>(&key)?.cloned();
        let mut quota =
            found.ok_or_else(|| Fault::new("a quota row was taken and is not there"))?;
        quota.take(self.slot(desk.book(), Some(voucher.until)));
        let hint = QuotaHint::of(&quota, desk.now());
        desk.put(quota);
        Ok(Some(hint))
    }
}

/// A voucher that a checkout claims on the way, not yet put on the desk.
pub struct CheckoutClaim {
    pub voucher: Voucher,
    pub draft: Draft,
    pub hint: Option<QuotaHint>,
}

/// What the gate is told after the commit: the absolute state of a quota row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaHint {
    pub person: PersonRef,
    pub key: String,
    pub used: u32,
    pub version: i64,
}

impl QuotaHint {
    pub fn of(quota: &Quota, now: Moment) -> QuotaHint {
        QuotaHint {
            person: quota.person,
            key: quota.key.clone(),
            used: quota.in_use(now),
            version: quota.version,
        }
    }
}

/// A voucher as answers show it; never its code, which the handler adds for its owner.
pub fn view(book: BookNo, voucher: &Voucher, programme: &Programme) -> Value {
    json!({
        "id": PublicId::new(Kind::Voucher, book, voucher.id).to_string(),
        "state": voucher.state.as_str(),
        "class": voucher.class,
        "channel": voucher.channel,
        "hold_fen": voucher.hold,
        "claimed_at": time::text(voucher.claimed_at),
        "until": time::text(voucher.until),
        "programme": {
            "id": programme.id(),
            "version": programme.version(),
            "sha256": programme.hash(),
            "title_zh": programme.title().0,
            "title_en": programme.title().1,
        },
    })
}
