//! Somebody applies: one command takes slot, marks, tally and hold.

use super::filing::{Filing, No};
use super::model::{Application, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Bucket, Command, Decision, Fault, Outcome, moved};
use crate::identity::store::{Fresh, Subject};
use crate::kernel::time::Moment;
use crate::voucher::claim::{BOOK_NOT_OPEN, BUDGET_EXHAUSTED};

/// A submission.
#[derive(Clone, Debug)]
pub struct Submit {
    pub filing: Filing,
    /// The login behind it.
    pub submitted_by: [u8; 16],
    /// Used where the applicant has no pseudonym in this book yet.
    pub fresh: Fresh,
    /// The day of the last document.
    pub decided_at: Moment,
}

impl Command for Submit {
    fn needs(&self, ask: &mut Ask<'_>) {
        self.filing.needs(ask);
        ask.want::<Subject>(self.filing.applicant.id);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let filing = &self.filing;
        if desk.book_state() != "open" {
            return Ok(Decision::conflict(BOOK_NOT_OPEN));
        }
        let rule = filing.screened.rule();
        let refused = |refusals| Ok(Decision::Refused { refusals, status: 422, rule });
        let decided = match filing.decide(desk, crate::kernel::money::Fen::ZERO)? {
            Ok(decided) => decided,
            Err(No::Stale) => return Ok(Decision::Stale),
            Err(No::Refused(refusals)) => return refused(refusals),
        };
        if desk.moneys.get(Bucket::Available) < decided.amount {
            return refused(vec![BUDGET_EXHAUSTED]);
        }
        let payee = filing.payee.clone();
        let payee = payee.ok_or_else(|| Fault::new("a submission without an account"))?;
        let subject = self.subject(desk)?;
        let payee = payee.committed_under(&subject)?;
        let application = Application {
            id: filing.application,
            applicant: filing.applicant,
            subject: subject.subject,
            submitted_by: self.submitted_by,
            class: filing.class.clone(),
            rule: rule.ok_or_else(|| Fault::new("an amount without a programme"))?,
            state: State::Submitted,
            amount: decided.amount,
            granted: None,
            first: filing.first,
            decided_at: self.decided_at,
            submitted_at: desk.now(),
            until: None,
            approved_by: None,
            filed: filing.filed(&decided),
            version: 0,
        };
        filing.take(desk, &decided, None)?;
        let mut draft = filing.draft(&application, &payee, &decided, true);
        draft.legs = moved(Bucket::Available, Bucket::Held, decided.amount);
        let body = filing.body(desk, &application, &payee);
        desk.put(application);
        desk.put(payee);
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

impl Submit {
    fn subject(&self, desk: &mut Desk) -> Result<Subject, Fault> {
        let person = self.filing.applicant.id;
        if let Some(known) = desk.get::<Subject>(&person)? {
            return Ok(*known);
        }
        let subject = self.fresh.of(person);
        desk.put(subject);
        Ok(subject)
    }
}
