//! An office asks for a correction, and the applicant brings it before the deadline.

use super::APPLICATION_STATE;
use super::ends::{until_is, want};
use super::entries::CORRECTION_REQUESTED;
use super::filing::{Filing, No};
use super::model::{Application, State};
use super::payee::Payee;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Leg, Outcome};
use crate::identity::store::Subject;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{self, Moment};
use crate::voucher::claim::BUDGET_EXHAUSTED;
use serde_json::json;
use uuid::Uuid;

/// The day until which corrections are taken is over.
pub const CORRECTION_DEADLINE_PASSED: Refusal = Refusal::new(
    "CORRECTION_DEADLINE_PASSED",
    "已过补正截止日期",
    "the last day for corrections has passed",
);

/// A reviewer asks for a correction.
pub struct RequestCorrection {
    pub application: Uuid,
    /// Codes of the closed list, or of the programme.
    pub reasons: Vec<String>,
    /// For the applicant; it stands in no entry.
    pub sentence: Option<String>,
    pub until: Moment,
}

impl Command for RequestCorrection {
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
        if self.until <= desk.now() {
            let rule = Some(application.rule);
            return Ok(Decision::refused(CORRECTION_DEADLINE_PASSED, rule));
        }
        application.become_state(State::CorrectionRequested)?;
        application.until = Some(self.until);
        application.filed.reasons.clone_from(&self.reasons);
        application.filed.sentence.clone_from(&self.sentence);
        until_is(desk, &application, Some(self.until))?;
        let data = json!({"reasons": self.reasons, "until": time::text(self.until)});
        let mut draft = Draft::new(&CORRECTION_REQUESTED, application.id, data);
        draft.subject = Some(application.subject);
        draft.rule = Some(application.rule);
        let body = json!({"application": application.view(desk.book())});
        desk.put(application);
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// The applicant's correction, screened under the programme version of the submission.
#[derive(Clone, Debug)]
pub struct Correct {
    pub filing: Filing,
}

impl Command for Correct {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.filing.application);
        ask.want::<Payee>(self.filing.application);
        ask.want::<Subject>(self.filing.applicant.id);
        self.filing.needs(ask);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let filing = &self.filing;
        let found = desk.get::<Application>(&filing.application)?.cloned();
        let Some(mut application) = found.filter(|a| a.applicant == filing.applicant) else {
            return Ok(Decision::not_found());
        };
        let rule = Some(application.rule);
        let refused = |refusals| Ok(Decision::Refused { refusals, status: 422, rule });
        if application.is_overdue(desk.now()) || application.state == State::Lapsed {
            return refused(vec![CORRECTION_DEADLINE_PASSED]);
        }
        if application.state != State::CorrectionRequested {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let decided = match filing.decide(desk, application.amount)? {
            Ok(decided) => decided,
            Err(No::Stale) => return Ok(Decision::Stale),
            Err(No::Refused(refusals)) => return refused(refusals),
        };
        let more = Fen(decided.amount.0 - application.amount.0);
        if desk.moneys.get(Bucket::Available) < more {
            return refused(vec![BUDGET_EXHAUSTED]);
        }
        let payee = self.payee(desk)?;
        filing.take(desk, &decided, Some(&application))?;
        application.become_state(State::Submitted)?;
        application.amount = decided.amount;
        application.until = None;
        application.filed = filing.filed(&decided);
        let mut draft = filing.draft(&application, &payee, &decided, false);
        if more != Fen::ZERO {
            let available = Leg { bucket: Bucket::Available, amount: Fen(-more.0) };
            draft.legs = vec![available, Leg { bucket: Bucket::Held, amount: more }];
        }
        let body = filing.body(desk, &application, &payee);
        desk.put(application);
        desk.put(payee);
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

impl Correct {
    /// The account that the correction brings, or that which is there.
    fn payee(&self, desk: &Desk) -> Result<Payee, Fault> {
        let known = desk.get::<Payee>(&self.filing.application)?.cloned();
        let known = known.ok_or_else(|| Fault::new("an application without an account"))?;
        let version = known.version + 1;
        let Some(brought) = self.filing.payee.clone() else {
            return Ok(Payee { version, ..known });
        };
        let subject = desk.get::<Subject>(&self.filing.applicant.id)?;
        let subject = subject.ok_or_else(|| Fault::new("an applicant without a pseudonym"))?;
        Ok(Payee { version, ..brought.committed_under(subject)? })
    }
}
