//! The rules were raised for purchases that had been granted already: the difference is paid, as
//! an application of its own, and what was booked stays as it is.

use super::APPLICATION_STATE;
use super::approve::{OWN_APPLICATION, make_payable};
use super::entries::TOPPED_UP;
use super::model::{Application, Filed, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time;
use crate::programme::Screened;
use crate::voucher::claim::BUDGET_EXHAUSTED;
use serde_json::json;
use uuid::Uuid;

/// The version in force pays no more than was granted, or the raise was paid already.
pub const NOTHING_TO_TOP_UP: Refusal = Refusal::new(
    "NOTHING_TO_TOP_UP",
    "现行标准不高于已核定金额，或差额已补发",
    "the standard in force pays no more than was granted, or the raise was paid already",
);

/// The difference to a raised standard.
#[derive(Clone, Debug)]
pub struct TopUp {
    /// The granted application, and the new one that pays the difference.
    pub of: Uuid,
    pub application: Uuid,
    /// The facts of the submission under the version in force now.
    pub screened: Screened,
    pub approver: [u8; 16],
    pub limit: Fen,
}

impl Command for TopUp {
    fn needs(&self, ask: &mut Ask<'_>) {
        self.screened.needs(ask);
        ask.want::<Application>(self.of);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        if self.screened.is_stale(desk)? {
            return Ok(Decision::Stale);
        }
        let Some(mut first) = desk.get::<Application>(&self.of)?.cloned() else {
            return Ok(Decision::not_found());
        };
        if !first.state.is_granted() || first.is_top_up() {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let rule = self.screened.rule();
        if first.submitted_by == self.approver {
            return Ok(Decision::refused(OWN_APPLICATION, rule));
        }
        if self.screened.refuses() {
            let refusals = self.screened.refusals();
            return Ok(Decision::Refused { refusals, status: 422, rule });
        }
        let rule = rule.ok_or_else(|| Fault::new("an amount without a programme"))?;
        let Some(more) = due(&first, &self.screened) else {
            return Ok(Decision::refused(NOTHING_TO_TOP_UP, Some(rule)));
        };
        let before = Fen(first.amount.0 + first.filed.raised_fen.0);
        if desk.moneys.get(Bucket::Available) < more {
            return Ok(Decision::refused(BUDGET_EXHAUSTED, Some(rule)));
        }
        let mut application = self.application(desk, &first, rule, more);
        let mut entries = vec![self.draft(&application, &first, before)];
        if more <= self.limit {
            entries.push(make_payable(&mut application, "limit")?);
        }
        first.filed.raised_fen.0 += more.0;
        first.version += 1;
        let body = json!({"application": application.view(desk.book())});
        desk.put(first);
        desk.put(application);
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

/// What a screening under the version in force pays beyond what was granted; nothing where that is
/// nothing. What an office has lowered by its own judgement no rule raises.
pub fn due(first: &Application, screened: &Screened) -> Option<Fen> {
    let is_whole = first.granted == Some(first.amount) && !first.is_top_up();
    let before = first.amount.0 + first.filed.raised_fen.0;
    let more = Fen(screened.screening.amount.unwrap_or_default().0 - before);
    Some(more).filter(|more| is_whole && more.is_positive())
}

impl TopUp {
    fn application(
        &self,
        desk: &Desk,
        first: &Application,
        rule: [u8; 32],
        amount: Fen,
    ) -> Application {
        Application {
            id: self.application,
            applicant: first.applicant,
            subject: first.subject,
            submitted_by: first.submitted_by,
            class: first.class.clone(),
            rule,
            state: State::Approved,
            amount,
            granted: Some(amount),
            first: Some(first.holder(desk.book())),
            decided_at: first.decided_at,
            submitted_at: desk.now(),
            until: None,
            approved_by: Some(self.approver),
            filed: Filed {
                is_enterprise: first.filed.is_enterprise,
                quota_key: None,
                cap_key: None,
                facts: self.screened.facts.to_json(),
                derivation: self.screened.screening.derivation.steps.clone(),
                marks: Vec::new(),
                old_item: None,
                part: None,
                reasons: Vec::new(),
                sentence: None,
                raised_fen: Fen::ZERO,
            },
            version: 0,
        }
    }

    fn draft(&self, application: &Application, first: &Application, before: Fen) -> Draft {
        let screening = &self.screened.screening;
        let data = json!({
            "of": first.id.simple().to_string(),
            "class": application.class,
            "amount_fen": application.amount,
            "before_fen": before,
            "derivation": screening.derivation.steps,
            "decided_at": time::text(application.decided_at),
            "facts": screening.facts(&self.screened.facts),
            "checks": screening.checks(),
        });
        let mut draft = Draft::new(&TOPPED_UP, application.id, data);
        draft.subject = Some(application.subject);
        draft.rule = Some(application.rule);
        draft.legs = moved(Bucket::Available, Bucket::Committed, application.amount);
        draft
    }
}
