//! A reviewer grants; a second person releases what is above the limit.

use super::APPLICATION_STATE;
use super::ends::want;
use super::entries::{APPROVED, MADE_PAYABLE};
use super::model::{Application, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Leg, Outcome, moved};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time;
use crate::programme::{Screened, Screening};
use crate::register::model::{Mark, Quota, SlotState, Tally};
use serde_json::json;
use uuid::Uuid;

/// Who submitted it may not decide on it.
pub const OWN_APPLICATION: Refusal = Refusal::new(
    "OWN_APPLICATION",
    "不得审批本人提交的申请",
    "nobody decides on an application of his own",
);

/// Who granted it may not release it too.
pub const SECOND_PERSON_REQUIRED: Refusal =
    Refusal::new("SECOND_PERSON_REQUIRED", "须由另一人复核", "a second person must do this");

/// A figure below that of the rules, and why.
#[derive(Clone, Debug)]
pub struct Lower {
    pub granted: Fen,
    /// A code of the closed list.
    pub reason: &'static str,
}

/// The base that the office accepts instead of the declared one, and what the rules make of it.
#[derive(Clone, Debug)]
pub struct ApprovedBase {
    pub base: Fen,
    pub amount: Fen,
    pub screening: Screening,
}

/// An approval; its review phase is screened under the programme version of the submission.
#[derive(Clone, Debug)]
pub struct Approve {
    pub application: Uuid,
    /// The version of the row that was screened.
    pub version: i64,
    pub screened: Screened,
    pub base: Option<ApprovedBase>,
    pub lower: Option<Lower>,
    pub approver: [u8; 16],
    /// Up to this sum one person is enough.
    pub limit: Fen,
}

impl Command for Approve {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(mut application) = desk.get::<Application>(&self.application)?.cloned() else {
            return Ok(Decision::not_found());
        };
        if application.state != State::Submitted {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        if application.version != self.version {
            return Ok(Decision::Stale);
        }
        let rule = Some(application.rule);
        if application.submitted_by == self.approver {
            return Ok(Decision::refused(OWN_APPLICATION, rule));
        }
        if self.screened.refuses() {
            let refusals = self.screened.refusals();
            return Ok(Decision::Refused { refusals, status: 422, rule });
        }
        let granted = self.granted(&application);
        let mut entries = vec![self.draft(&application, granted)?];
        application.become_state(State::Approved)?;
        application.granted = Some(granted);
        application.approved_by = Some(self.approver);
        let reason = self.reason(&application, granted);
        application.filed.reasons = reason.into_iter().map(str::to_owned).collect();
        if let (Some(base), Some(part)) = (&self.base, &mut application.filed.part)
            && let Some(last) = part.bases_fen.last_mut()
        {
            *last = base.base;
        }
        take_for_good(desk, &application, granted)?;
        if granted <= self.limit {
            entries.push(make_payable(&mut application, "limit")?);
        }
        let body = json!({"application": application.view(desk.book())});
        desk.put(application);
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

impl Approve {
    /// The figure of the rules, of the approved base where that is lower, or the reviewer's.
    fn granted(&self, application: &Application) -> Fen {
        let by_base = self.base.as_ref().map_or(application.amount, |base| base.amount);
        let by_reviewer = self.lower.as_ref().map_or(application.amount, |lower| lower.granted);
        application.amount.min(by_base).min(by_reviewer)
    }

    fn reason(&self, application: &Application, granted: Fen) -> Option<&'static str> {
        match &self.lower {
            Some(lower) if granted < application.amount => Some(lower.reason),
            _ => (granted < application.amount).then_some("APPROVED_BASE"),
        }
    }

    fn draft(&self, application: &Application, granted: Fen) -> Result<Draft, Fault> {
        let screening = &self.screened.screening;
        let mut facts = screening.facts(&self.screened.facts);
        if let Some(base) = &self.base {
            facts.extend(base.screening.facts(&self.screened.facts));
        }
        let mut data = json!({
            "class": application.class,
            "decided_at": time::text(application.decided_at),
            "granted_fen": granted,
            "facts": facts,
            "checks": screening.checks(),
        });
        if let Some(reason) = self.reason(application, granted) {
            data["reason"] = json!(reason);
        }
        if let Some(base) = &self.base {
            data["approved_base_fen"] = json!(base.base);
            data["derivation"] = json!(base.screening.derivation.steps);
        }
        let rest = application.amount.checked_sub(granted).filter(|rest| rest.0 >= 0);
        let rest = rest.ok_or_else(|| Fault::new("more is granted than was held"))?;
        let mut draft = Draft::new(&APPROVED, application.id, data);
        draft.subject = Some(application.subject);
        draft.rule = Some(application.rule);
        draft.legs = moved(Bucket::Held, Bucket::Committed, granted);
        if rest.is_positive() {
            draft.legs[0].amount = Fen(-application.amount.0);
            draft.legs.push(Leg { bucket: Bucket::Available, amount: rest });
        }
        Ok(draft)
    }
}

/// Makes slot and marks permanent and moves the tally from held to used.
fn take_for_good(desk: &mut Desk, application: &Application, granted: Fen) -> Result<(), Fault> {
    let (holder, applicant) = (application.holder(desk.book()), application.applicant);
    if let Some(key) = &application.filed.quota_key {
        let found = desk.get::<Quota>(&(applicant, key.clone()))?.cloned();
        let mut quota = found.ok_or_else(|| Fault::new("an approval without its quota"))?;
        if !quota.set(holder, SlotState::Used, None) {
            return Err(Fault::new("an approval without its slot"));
        }
        desk.put(quota);
    }
    for key in &application.filed.marks {
        let found = desk.get::<Mark>(key)?.cloned();
        let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
        if !mark.is_open_to(holder, desk.now()) {
            return Err(Fault::new("an approval without its mark"));
        }
        mark.hold(holder, None);
        desk.put(mark);
    }
    if let Some(key) = &application.filed.cap_key {
        let found = desk.get::<Tally>(&(applicant, key.clone()))?.cloned();
        let mut tally = found.ok_or_else(|| Fault::new("a tally was taken and is not there"))?;
        tally.held_fen -= application.amount.0;
        tally.used_fen += granted.0;
        tally.version += 1;
        desk.put(tally);
    }
    Ok(())
}

/// Releases a granted application for payment.
///
/// # Errors
/// One that is not granted is a bug of the caller.
pub fn make_payable(application: &mut Application, by: &str) -> Result<Draft, Fault> {
    application.become_state(State::Payable)?;
    let granted = application.granted.ok_or_else(|| Fault::new("released, and not granted"))?;
    let mut draft = Draft::new(&MADE_PAYABLE, application.id, json!({"by": by}));
    draft.subject = Some(application.subject);
    draft.legs = moved(Bucket::Committed, Bucket::Payable, granted);
    Ok(draft)
}

/// A second person releases what is above the limit.
pub struct Confirm {
    pub application: Uuid,
    pub confirmer: [u8; 16],
}

impl Command for Confirm {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(mut application) = desk.get::<Application>(&self.application)?.cloned() else {
            return Ok(Decision::not_found());
        };
        if application.state != State::Approved {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let rule = Some(application.rule);
        if application.submitted_by == self.confirmer {
            return Ok(Decision::refused(OWN_APPLICATION, rule));
        }
        if application.approved_by == Some(self.confirmer) {
            return Ok(Decision::refused(SECOND_PERSON_REQUIRED, rule));
        }
        let entries = vec![make_payable(&mut application, "second_person")?];
        let body = json!({"application": application.view(desk.book())});
        desk.put(application);
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}
