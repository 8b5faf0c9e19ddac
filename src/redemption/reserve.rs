//! A retailer reserves a voucher for a purchase; where it says so, captures it at once.

use super::cancel::{self, end_if_overdue};
use super::capture::{Capture, take_for_good};
use super::entries::RESERVED;
use super::model::{Line, Redemption, State};
use crate::book::desk::{Ask, Desk, Register};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::store::Tranche;
use crate::kernel::canonical;
use crate::kernel::class::Class;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{self, day_of};
use crate::programme::{
    Fact, Judged, Mark as MarkKind, Screened, Standing, TermKind, Value, judge,
};
use crate::register::model::{Holder, Mark, MarkKey, Quota, SlotState, Tally};
use crate::voucher::claim::{BOOK_NOT_OPEN, Claim};
use crate::voucher::ends::VOUCHER_STATE;
use crate::voucher::model::{State as VoucherState, Voucher};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The old item of this purchase draws for another voucher already.
pub const OLD_ITEM_USED: Refusal = Refusal::new(
    "OLD_ITEM_USED",
    "该旧品已用于另一笔补贴",
    "this old item is used for another subsidy",
);

/// The order number stands for another live redemption of this retailer.
pub const ORDER_NO_USED: Refusal = Refusal::new(
    "ORDER_NO_USED",
    "该订单号已有有效核销",
    "this order number has a live redemption already",
);

/// The price is so small that the subsidy rounds to nothing: a person would spend a turn on it.
pub const NOTHING_TO_PAY: Refusal = Refusal::new(
    "NOTHING_TO_PAY",
    "按此价格计算的补贴为零，请核对成交价",
    "the subsidy of this price rounds to nothing; check the final price",
);

/// A mark that the purchase takes: the programme's own kinds are judged by its rules, the others
/// refuse with a code of their own.
#[derive(Clone, Debug)]
pub struct WantedMark {
    pub key: MarkKey,
    /// The kind as rules name it.
    pub rule: Option<MarkKind>,
    /// What a taken mark without a rule says.
    pub refusal: Option<Refusal>,
}

/// A purchase, screened, with everything drawn that a decision must not draw.
#[derive(Clone, Debug)]
pub struct Reserve {
    pub redemption: Uuid,
    pub voucher: Uuid,
    /// Of flow `checkout`: the claim that this command makes, its hold the computed amount.
    pub claim: Option<Claim>,
    pub organisation: Uuid,
    pub store: Option<Uuid>,
    pub class: Class,
    pub screened: Screened,
    pub marks: Vec<WantedMark>,
    /// The lines of an order, in the order of the request.
    pub lines: Vec<(Class, Fen)>,
    pub needs_review: bool,
    pub old_item: Option<String>,
    /// Capture in the same command.
    pub capture: bool,
    /// The reservation that the handler saw on the voucher, to be ended where time has ended it.
    pub earlier: Option<Uuid>,
}

impl Reserve {
    fn cap_key(&self) -> Option<&str> {
        self.screened.screening.terms.iter().find_map(|term| match &term.kind {
            TermKind::CumulativeCap { tally, .. } => Some(tally.as_str()),
            _ => None,
        })
    }

    /// The day's money: its row, and its limit.
    fn day_budget(&self) -> Option<(String, Fen)> {
        let limit = self.screened.screening.terms.iter().find_map(|term| match &term.kind {
            TermKind::DayBudget { limit } => Some(*limit),
            _ => None,
        })?;
        let programme = self.screened.programme.as_ref()?;
        let day = day_of(self.screened.at);
        Some((format!("day/{day}/{}", programme.id()), limit))
    }
}

impl Command for Reserve {
    fn needs(&self, ask: &mut Ask<'_>) {
        self.screened.needs(ask);
        if self.screened.refuses() {
            return;
        }
        if let Some(earlier) = self.earlier {
            cancel::want(ask, earlier);
        }
        match &self.claim {
            Some(claim) => claim.needs(ask),
            None => crate::voucher::ends::want(ask, self.voucher),
        }
        if let Some((name, _)) = self.day_budget() {
            ask.want::<Tranche>(name);
        }
        let holder = Holder { book: ask.book(), id: self.voucher };
        let until = self.screened.programme.as_ref().map(|it| ask.now() + it.reservation());
        for wanted in &self.marks {
            let mut mark = Mark::free(wanted.key.clone());
            mark.hold(holder, until);
            if self.capture {
                mark.hold(holder, None);
            }
            ask.take_as(mark);
        }
        let person = match &self.claim {
            Some(claim) => Some(claim.person),
            None => ask.seen::<Voucher>(&self.voucher).map(|voucher| voucher.person),
        };
        if let (Some(person), Some(key)) = (person, self.cap_key()) {
            ask.take::<Tally>((person, key.to_owned()));
        }
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        if desk.book_state() != "open" {
            return Ok(Decision::conflict(BOOK_NOT_OPEN));
        }
        let today = day_of(desk.now());
        let other_day = self.day_budget().is_some() && day_of(self.screened.at) != today;
        if self.screened.is_stale(desk)? || other_day {
            return Ok(Decision::Stale);
        }
        let rule = self.screened.rule();
        let refused = |refusals| Ok(Decision::Refused { refusals, status: 422, rule });
        if self.screened.refuses() {
            return refused(self.screened.refusals());
        }
        let mut entries = match self.earlier {
            Some(earlier) => end_if_overdue(desk, earlier)?,
            None => Vec::new(),
        };
        if let Some(no) = self.voucher_refuses(desk)? {
            return Ok(no);
        }
        let judged = match self.judge(desk)? {
            Ok(judged) => judged,
            Err(refusals) => return refused(refusals),
        };
        let amount = judged.amount.unwrap_or_default();
        if !amount.is_positive() {
            return refused(vec![NOTHING_TO_PAY]);
        }
        let (voucher, hint) = match &self.claim {
            None => (desk.get::<Voucher>(&self.voucher)?.cloned(), None),
            Some(claim) => match claim.grant_for_checkout(desk, amount)? {
                Ok(claimed) => {
                    entries.push(claimed.draft);
                    (Some(claimed.voucher), claimed.hint)
                }
                Err(refusal) => return refused(vec![refusal]),
            },
        };
        let voucher = voucher.ok_or_else(|| Fault::new("a voucher went away"))?;
        let redemption = self.reserve(desk, voucher, &judged, amount, &mut entries)?;
        let body = json!({
            "redemption": redemption.view(desk.book()),
            "derivation": judged.derivation.steps,
            "derivation_zh": judged.derivation.zh(),
            "derivation_en": judged.derivation.en(),
        });
        Ok(Decision::Done(Outcome {
            entries,
            status: 201,
            body,
            hint: Some(Box::new(hint)),
            ..Outcome::default()
        }))
    }
}

impl Reserve {
    /// Why the voucher cannot be reserved; nothing where it can, or is yet to be claimed.
    fn voucher_refuses(&self, desk: &Desk) -> Result<Option<Decision>, Fault> {
        if self.claim.is_some() {
            return Ok(None);
        }
        let Some(voucher) = desk.get::<Voucher>(&self.voucher)? else {
            return Ok(Some(Decision::not_found()));
        };
        if voucher.state != VoucherState::Claimed {
            return Ok(Some(Decision::conflict(VOUCHER_STATE)));
        }
        Ok(None)
    }

    fn judge(&self, desk: &Desk) -> Result<Result<Judged, Vec<Refusal>>, Fault> {
        let (holder, person) = match &self.claim {
            Some(claim) => (Holder { book: desk.book(), id: claim.voucher }, Some(claim.person)),
            None => {
                let voucher = desk.get::<Voucher>(&self.voucher)?;
                let person = voucher.map(|voucher| voucher.person);
                (Holder { book: desk.book(), id: self.voucher }, person)
            }
        };
        let mut standing = match &self.claim {
            Some(claim) => claim.standing(desk)?,
            None => Standing::default(),
        };
        let mut own = Vec::new();
        for wanted in &self.marks {
            let open =
                desk.get::<Mark>(&wanted.key)?.is_none_or(|m| m.is_open_to(holder, desk.now()));
            if open {
                continue;
            }
            standing.marks_taken.extend(wanted.rule);
            own.extend(wanted.refusal.clone());
        }
        if let (Some(person), Some(key)) = (person, self.cap_key())
            && let Some(tally) = desk.get::<Tally>(&(person, key.to_owned()))?
        {
            standing.drawn = Fen(tally.held_fen + tally.used_fen);
        }
        if let Some((name, limit)) = self.day_budget() {
            let drawn = desk.get::<Tranche>(&name)?.map_or(Fen::ZERO, |tranche| tranche.drawn);
            standing.day_left = Some(Fen((limit.0 - drawn.0).max(0)));
        }
        Ok(match judge(&self.screened.screening, &standing) {
            Ok(judged) if own.is_empty() => Ok(judged),
            Ok(_) => Err(own),
            Err(found) => {
                let rules = found.iter().map(|it| (*it.refusal).clone());
                Err(rules.chain(own).collect())
            }
        })
    }

    /// Writes the reservation, and the capture where it is asked for.
    fn reserve(
        &self,
        desk: &mut Desk,
        mut voucher: Voucher,
        judged: &Judged,
        amount: Fen,
        entries: &mut Vec<Draft>,
    ) -> Result<Redemption, Fault> {
        let programme = self.screened.programme.as_ref();
        let programme = programme.ok_or_else(|| Fault::new("an amount without a programme"))?;
        let now = desk.now();
        let until = now + programme.reservation();
        let mut redemption = Redemption {
            id: self.redemption,
            voucher: voucher.id,
            organisation: self.organisation,
            store: self.store,
            class: self.class.clone(),
            rule: programme.hash_bytes(),
            state: State::Reserved,
            amount,
            facts: String::from_utf8(canonical::bytes(&self.screened.facts.to_json()))
                .map_err(|_| Fault::new("facts are text"))?,
            lines: self.shared(amount),
            marks: self.marks.iter().map(|mark| mark.key.clone()).collect(),
            cap_key: self.cap_key().map(str::to_owned),
            tranche: self.day_budget().map(|(name, _)| name),
            is_checkout: self.claim.is_some(),
            needs_review: self.needs_review,
            old_item: self.old_item.clone(),
            reserved_at: now,
            until,
            captured_at: None,
            version: 0,
        };
        self.take(desk, &voucher, &redemption)?;
        voucher.become_state(VoucherState::Reserved)?;
        voucher.locked_until = Some(until);
        voucher.redemption = Some(self.redemption);
        entries.push(self.draft(desk, &voucher, &redemption, judged));
        if self.capture {
            entries.push(Capture::draft_of(&self.screened, &redemption, &voucher)?);
            take_for_good(desk, &mut redemption, &mut voucher)?;
        }
        desk.put(redemption.clone());
        desk.put(voucher);
        Ok(redemption)
    }

    /// Takes slot, marks, tally and the day's money until the reservation's end.
    fn take(
        &self,
        desk: &mut Desk,
        voucher: &Voucher,
        redemption: &Redemption,
    ) -> Result<(), Fault> {
        let holder = voucher.holder(desk.book());
        let key = (voucher.person, voucher.quota_key.clone());
        if !voucher.quota_key.is_empty()
            && let Some(mut quota) = desk.get::<Quota>(&key)?.cloned()
        {
            let until = voucher.until.max(redemption.until);
            if !quota.set(holder, SlotState::Held, Some(until)) {
                return Err(Fault::new("a live voucher has lost its slot"));
            }
            desk.put(quota);
        }
        for wanted in &self.marks {
            let found = desk.get::<Mark>(&wanted.key)?.cloned();
            let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
            mark.hold(holder, Some(redemption.until));
            desk.put(mark);
        }
        if let Some(key) = &redemption.cap_key {
            let found = desk.get::<Tally>(&(voucher.person, key.clone()))?.cloned();
            let mut tally =
                found.ok_or_else(|| Fault::new("a tally was taken and is not there"))?;
            tally.held_fen += redemption.amount.0;
            tally.version += 1;
            desk.put(tally);
        }
        if let Some((name, limit)) = self.day_budget() {
            let found = desk.get::<Tranche>(&name)?.cloned();
            let new = Tranche { name, limit, drawn: Fen::ZERO, version: -1 };
            let mut tranche = found.unwrap_or(new);
            // A later version of the programme may have another limit: the one that judged stands.
            tranche.limit = limit;
            tranche.drawn.0 += redemption.amount.0;
            tranche.version += 1;
            desk.put(tranche);
        }
        Ok(())
    }

    /// The lines with their shares of the subsidy (invariant 11).
    fn shared(&self, amount: Fen) -> Vec<Line> {
        let prices: Vec<Fen> = self.lines.iter().map(|(_, price)| *price).collect();
        let shares = crate::programme::shares(&prices, amount);
        let lines = self.lines.iter().zip(shares);
        let line = |((class, price), share): (&(Class, Fen), Fen)| Line {
            class: class.clone(),
            price_fen: *price,
            share_fen: share,
        };
        lines.map(line).collect()
    }

    fn draft(
        &self,
        desk: &Desk,
        voucher: &Voucher,
        redemption: &Redemption,
        judged: &Judged,
    ) -> Draft {
        let mark = |mark: &MarkKey| json!([mark.kind, hex::encode(&mark.digest)]);
        let marks: Vec<Json> = redemption.marks.iter().map(mark).collect();
        let mut facts = self.screened.screening.facts(&self.screened.facts);
        // When it was claimed decides which rules of the claim applied; every leaf says it.
        if let Some(Value::Moment(at)) = self.screened.facts.get(Fact::VoucherClaimedAt) {
            facts.insert("voucher.claimed_at".to_owned(), json!(time::local_text(*at)));
        }
        let mut data = json!({
            "voucher": voucher.id.simple().to_string(),
            "retailer": PublicId::new(Kind::Organisation, 0, self.organisation).to_string(),
            "class": self.class,
            "amount_fen": redemption.amount,
            "derivation": judged.derivation.steps,
            "lines": redemption.lines,
            "until": time::text(redemption.until),
            "claimed_at": time::text(voucher.claimed_at),
            "marks": marks,
            "needs_review": self.needs_review,
            "facts": facts,
            "checks": self.screened.screening.checks(),
        });
        if redemption.cap_key.is_some() {
            let person = (voucher.person, redemption.cap_key.clone().unwrap_or_default());
            let tally = desk.get::<Tally>(&person).ok().flatten();
            let drawn = tally.map_or(0, |t| t.held_fen + t.used_fen - redemption.amount.0);
            data["drawn_fen"] = json!(drawn);
        }
        let mut draft = Draft::new(&RESERVED, redemption.id, data);
        draft.subject = Some(voucher.subject);
        draft.rule = Some(redemption.rule);
        draft
    }
}
