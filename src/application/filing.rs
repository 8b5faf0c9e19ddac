//! What submission and correction share: an application with its papers, judged on the desk.

use super::entries::{CORRECTED, SUBMITTED};
use super::model::{Application, Filed, Part};
use super::payee::Payee;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Draft, Fault};
use crate::kernel::canonical;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time;
use crate::programme::{Judged, Screened, Standing, TermKind, judge};
use crate::redemption::reserve::{NOTHING_TO_PAY, WantedMark};
use crate::register::model::{Holder, Mark, MarkKey, PersonRef, Quota, Slot, SlotState, Tally};
use crate::voucher::claim::quota_of;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use uuid::Uuid;

/// The row of parts is at its cap, or its years are over.
pub const GRANT_USED_UP: Refusal = Refusal::new(
    "GRANT_USED_UP",
    "累计补助已达上限，或补助年限已满",
    "the grant's cumulative cap is reached, or its years are over",
);

/// An application with its papers, screened, with everything drawn that a decision must not draw.
#[derive(Clone, Debug)]
pub struct Filing {
    pub application: Uuid,
    pub applicant: PersonRef,
    pub is_enterprise: bool,
    /// The province of the book, for slots and for "held elsewhere".
    pub province: Region,
    pub class: Class,
    pub screened: Screened,
    pub marks: Vec<WantedMark>,
    pub old_item: Option<String>,
    /// Its place in a row of parts, and what the rules give for all of them together.
    pub part: Option<(Part, Fen)>,
    /// How many live parts the handler saw beside this one.
    pub other_parts: i64,
    /// The application that it continues.
    pub first: Option<Holder>,
    /// The account, sealed; nothing where a correction leaves it as it is.
    pub payee: Option<Payee>,
}

/// What the rules and the rows make of a filing.
pub struct Decided {
    pub amount: Fen,
    pub judged: Judged,
    in_use: u32,
    drawn: Fen,
}

/// A "no" of the desk, or a screening that does not hold any more.
pub enum No {
    Refused(Vec<Refusal>),
    Stale,
}

impl Filing {
    /// A later part takes no slot and no mark: the first has them.
    fn quota(&self) -> Option<(&str, u32)> {
        quota_of(&self.screened).filter(|_| self.first.is_none())
    }

    /// The tally of a cumulative cap, or that which joins the parts of a grant.
    pub fn cap_key(&self) -> Option<String> {
        let of_part = |(part, _): &(Part, Fen)| format!("{}/all/{}", self.province, part.first);
        self.part.as_ref().map(of_part).or_else(|| {
            self.screened.screening.terms.iter().find_map(|term| match &term.kind {
                TermKind::CumulativeCap { tally, .. } => Some(tally.clone()),
                _ => None,
            })
        })
    }

    pub fn needs(&self, ask: &mut Ask<'_>) {
        self.screened.needs(ask);
        // Nobody grows the registers with an application that screening refuses.
        if self.screened.refuses() {
            return;
        }
        if let Some((key, _)) = self.quota() {
            ask.take::<Quota>((self.applicant, key.to_owned()));
        }
        self.marks.iter().for_each(|mark| ask.take::<Mark>(mark.key.clone()));
        if let Some(key) = self.cap_key() {
            ask.take::<Tally>((self.applicant, key));
        }
    }

    /// Judges it. `before` is what the application itself has in `held` already.
    ///
    /// # Errors
    /// The inner "no"; the outer one is a bug.
    pub fn decide(&self, desk: &Desk, before: Fen) -> Result<Result<Decided, No>, Fault> {
        if self.screened.is_stale(desk)? {
            return Ok(Err(No::Stale));
        }
        if self.screened.refuses() {
            return Ok(Err(No::Refused(self.screened.refusals())));
        }
        let holder = Holder { book: desk.book(), id: self.application };
        let (mut standing, mut own, now) = (Standing::default(), Vec::new(), desk.now());
        if let Some((key, _)) = self.quota()
            && let Some(quota) = desk.get::<Quota>(&(self.applicant, key.to_owned()))?
        {
            let its = quota.of(holder).is_some_and(|slot| slot.is_live(now));
            standing.slots_kept = quota.kept();
            standing.slots_in_use = quota.in_use(now) - quota.kept() - u32::from(its);
            standing.held_elsewhere = !its && quota.only_elsewhere(self.province, now);
        }
        for wanted in &self.marks {
            let mark = desk.get::<Mark>(&wanted.key)?;
            if mark.is_none_or(|mark| mark.is_open_to(holder, now)) {
                continue;
            }
            standing.marks_taken.extend(wanted.rule);
            own.extend(wanted.refusal.clone());
        }
        if let Some(key) = self.cap_key()
            && let Some(tally) = desk.get::<Tally>(&(self.applicant, key))?
        {
            let others = tally.count - i64::from(before.is_positive());
            if self.part.is_some() && others != self.other_parts {
                return Ok(Err(No::Stale));
            }
            standing.drawn = Fen(tally.held_fen + tally.used_fen - before.0);
        }
        let judged = match judge(&self.screened.screening, &standing) {
            Ok(judged) if own.is_empty() => judged,
            Ok(_) => return Ok(Err(No::Refused(own))),
            Err(found) => {
                let rules = found.iter().map(|it| (*it.refusal).clone());
                return Ok(Err(No::Refused(rules.chain(own).collect())));
            }
        };
        Ok(self.counted(judged, &standing))
    }

    /// The amount: of one part of a grant no more than what all parts together leave.
    fn counted(&self, mut judged: Judged, standing: &Standing) -> Result<Decided, No> {
        let drawn = standing.drawn;
        if let Some((_, whole)) = self.part.as_ref().filter(|_| self.first.is_some()) {
            let left = Fen((whole.0 - drawn.0).max(0));
            if left == Fen::ZERO {
                return Err(No::Refused(vec![GRANT_USED_UP]));
            }
            judged.derivation.cap(&Arc::from("grant.all_parts"), left);
            judged.amount = Some(judged.derivation.result());
        }
        let amount = judged.amount.unwrap_or_default();
        if !amount.is_positive() {
            return Err(No::Refused(vec![NOTHING_TO_PAY]));
        }
        let in_use = standing.slots_in_use + standing.slots_kept;
        Ok(Decided { amount, judged, in_use, drawn })
    }

    /// Takes slot, marks and tally without an end, and frees marks that it named before.
    ///
    /// # Errors
    /// A row that was taken and is not there is a bug.
    pub fn take(
        &self,
        desk: &mut Desk,
        decided: &Decided,
        before: Option<&Application>,
    ) -> Result<(), Fault> {
        let holder = Holder { book: desk.book(), id: self.application };
        let gone = || Fault::new("a register row was taken and is not there");
        if let Some((key, _)) = self.quota() {
            let found = desk.get::<Quota>(&(self.applicant, key.to_owned()))?.cloned();
            let mut quota = found.ok_or_else(gone)?;
            if !quota.set(holder, SlotState::Held, None) {
                let (province, lapse_key) = (self.province, None);
                let state = SlotState::Held;
                quota.take(Slot { holder, province, state, until: None, lapse_key });
            }
            desk.put(quota);
        }
        for wanted in &self.marks {
            let mut mark = desk.get::<Mark>(&wanted.key)?.cloned().ok_or_else(gone)?;
            mark.hold(holder, None);
            desk.put(mark);
        }
        let kept = |key: &&MarkKey| self.marks.iter().any(|wanted| wanted.key == **key);
        let named = before.into_iter().flat_map(|before| &before.filed.marks);
        for key in named.filter(|key| !kept(key)) {
            if let Some(mut mark) = desk.get::<Mark>(key)?.cloned()
                && mark.release(holder)
            {
                desk.put(mark);
            }
        }
        if let Some(key) = self.cap_key() {
            let found = desk.get::<Tally>(&(self.applicant, key))?.cloned();
            let mut tally = found.ok_or_else(gone)?;
            tally.held_fen += decided.amount.0 - before.map_or(0, |before| before.amount.0);
            tally.count += i64::from(before.is_none());
            tally.version += 1;
            desk.put(tally);
        }
        Ok(())
    }

    /// What the row keeps of it.
    ///
    /// # Errors
    /// Facts that are no JSON would be a bug.
    pub fn filed(&self, decided: &Decided) -> Filed {
        Filed {
            is_enterprise: self.is_enterprise,
            quota_key: self.quota().map(|(key, _)| key.to_owned()),
            cap_key: self.cap_key(),
            facts: self.screened.facts.to_json(),
            derivation: decided.judged.derivation.steps.clone(),
            marks: self.marks.iter().map(|mark| mark.key.clone()).collect(),
            old_item: self.old_item.clone(),
            part: self.part.as_ref().map(|(part, _)| part.clone()),
            reasons: Vec::new(),
            sentence: None,
            raised_fen: Fen::ZERO,
        }
    }

    /// The entry: of a submission, or where it was there before, of a correction.
    pub fn draft(
        &self,
        application: &Application,
        payee: &Payee,
        decided: &Decided,
        is_new: bool,
    ) -> Draft {
        let kind = if is_new { &SUBMITTED } else { &CORRECTED };
        let mut draft = Draft::new(kind, self.application, self.data(application, payee, decided));
        draft.subject = Some(application.subject);
        draft.rule = Some(application.rule);
        draft
    }

    fn data(&self, application: &Application, payee: &Payee, decided: &Decided) -> Json {
        let mark = |mark: &WantedMark| json!([mark.key.kind, hex::encode(&mark.key.digest)]);
        let (key, slots) = self.quota().unwrap_or(("", u32::MAX));
        let in_use = if key.is_empty() { 0 } else { decided.in_use };
        let screening = &self.screened.screening;
        let up_to = self.screened.programme.as_ref().is_some_and(|p| p.is_up_to(&self.class));
        let mut data = json!({
            "class": self.class,
            "applicant": if self.is_enterprise { "enterprise" } else { "person" },
            "amount_fen": decided.amount,
            "up_to": up_to,
            "derivation": decided.judged.derivation.steps,
            "decided_at": time::text(application.decided_at),
            "quota": {"key": key, "slots": slots, "in_use": in_use},
            "marks": self.marks.iter().map(mark).collect::<Vec<_>>(),
            "payee": payee.commitment,
            "facts": screening.facts(&self.screened.facts),
            "checks": screening.checks(),
        });
        if let Some(old_item) = &self.old_item {
            data["old_item"] = json!(old_item);
        }
        if self.cap_key().is_some() {
            data["drawn_fen"] = json!(decided.drawn);
        }
        if let Some((part, whole)) = &self.part {
            data["part"] = json!(part);
            data["whole_fen"] = json!(whole);
        }
        data
    }

    /// What the applicant is answered.
    pub fn body(&self, desk: &Desk, application: &Application, payee: &Payee) -> Json {
        let mut view = application.view(desk.book());
        view["payee"] = json!(payee.masked);
        let derivation =
            crate::programme::Derivation { steps: application.filed.derivation.clone() };
        json!({
            "application": view,
            "derivation": derivation.steps,
            "derivation_zh": derivation.zh(),
            "derivation_en": derivation.en(),
        })
    }
}

/// The canonical text of what a row keeps.
pub fn text_of(filed: &Filed) -> String {
    String::from_utf8(canonical::bytes_of(filed)).unwrap_or_default()
}
