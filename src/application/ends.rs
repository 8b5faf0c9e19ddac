//! The ends of an application that draws nothing: rejected, withdrawn, lapsed. Each frees slot,
//! marks, tally and money.

use super::APPLICATION_STATE;
use super::entries::{LAPSED, REJECTED, WITHDRAWN};
use super::model::{Application, State};
use crate::book::desk::{Ask, Desk};
use crate::book::fold::EntryType;
use crate::book::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use crate::kernel::time::{self, Moment};
use crate::register::model::{Mark, PersonRef, Quota, SlotState, Tally};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// Asks for an application, and in the next round for the rows that its end touches.
pub fn want(ask: &mut Ask<'_>, id: Uuid) {
    ask.want::<Application>(id);
    let Some(application) = ask.seen::<Application>(&id).cloned() else { return };
    let (applicant, filed) = (application.applicant, application.filed);
    if let Some(key) = filed.quota_key {
        ask.take::<Quota>((applicant, key));
    }
    filed.marks.into_iter().for_each(|mark| ask.take::<Mark>(mark));
    if let Some(key) = filed.cap_key {
        ask.take::<Tally>((applicant, key));
    }
}

/// A reviewer rejects.
pub struct Reject {
    pub application: Uuid,
    /// Codes of the closed list, or of the programme.
    pub reasons: Vec<String>,
    /// For the applicant; it stands in no entry.
    pub sentence: Option<String>,
}

impl Command for Reject {
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
        application.filed.reasons.clone_from(&self.reasons);
        application.filed.sentence.clone_from(&self.sentence);
        let data = json!({"reasons": self.reasons});
        ended(desk, application, State::Rejected, (&REJECTED, data))
    }
}

/// The applicant takes it back.
pub struct Withdraw {
    pub application: Uuid,
    pub applicant: PersonRef,
}

impl Command for Withdraw {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Application>(&self.application)?.cloned();
        let Some(application) = found.filter(|a| a.applicant == self.applicant) else {
            return Ok(Decision::not_found());
        };
        if !application.state.is_open() || application.is_overdue(desk.now()) {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        ended(desk, application, State::Withdrawn, (&WITHDRAWN, json!({})))
    }
}

/// The sweep writes that time has ended an application.
pub struct Lapse {
    pub application: Uuid,
}

impl Command for Lapse {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Application>(&self.application)?.cloned();
        match found.filter(|application| application.is_overdue(desk.now())) {
            None => {
                Ok(Decision::Done(Outcome { status: 200, body: json!({}), ..Outcome::default() }))
            }
            Some(application) => {
                let data = json!({"until": application.until.map(time::text)});
                ended(desk, application, State::Lapsed, (&LAPSED, data))
            }
        }
    }
}

fn ended(
    desk: &mut Desk,
    mut application: Application,
    to: State,
    (kind, data): (&'static EntryType, Json),
) -> Result<Decision, Fault> {
    application.become_state(to)?;
    if to != State::Lapsed {
        application.until = None;
    }
    free(desk, &application)?;
    let mut draft = Draft::new(kind, application.id, data);
    draft.subject = Some(application.subject);
    draft.rule = Some(application.rule);
    draft.legs = moved(Bucket::Held, Bucket::Available, application.amount);
    let body = json!({"application": application.view(desk.book())});
    desk.put(application);
    let entries = vec![draft];
    Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
}

/// Frees what still names the application.
fn free(desk: &mut Desk, application: &Application) -> Result<(), Fault> {
    let (holder, applicant) = (application.holder(desk.book()), application.applicant);
    if let Some(key) = &application.filed.quota_key
        && let Some(mut quota) = desk.get::<Quota>(&(applicant, key.clone()))?.cloned()
        && quota.release(holder)
    {
        desk.put(quota);
    }
    for key in &application.filed.marks {
        if let Some(mut mark) = desk.get::<Mark>(key)?.cloned()
            && mark.release(holder)
        {
            desk.put(mark);
        }
    }
    if let Some(key) = &application.filed.cap_key
        && let Some(mut tally) = desk.get::<Tally>(&(applicant, key.clone()))?.cloned()
    {
        tally.held_fen -= application.amount.0;
        tally.count -= 1;
        tally.version += 1;
        desk.put(tally);
    }
    Ok(())
}

/// Gives slot and marks the end that the application has: the deadline of a correction, or none.
///
/// # Errors
/// A slot that is gone is a bug.
pub fn until_is(
    desk: &mut Desk,
    application: &Application,
    until: Option<Moment>,
) -> Result<(), Fault> {
    let holder = application.holder(desk.book());
    if let Some(key) = &application.filed.quota_key {
        let key = (application.applicant, key.clone());
        let found = desk.get::<Quota>(&key)?.cloned();
        let mut quota = found.ok_or_else(|| Fault::new("a live application without its quota"))?;
        if !quota.set(holder, SlotState::Held, until) {
            return Err(Fault::new("a live application has lost its slot"));
        }
        desk.put(quota);
    }
    for key in &application.filed.marks {
        let found = desk.get::<Mark>(key)?.cloned();
        let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
        if !mark.is_open_to(holder, desk.now()) {
            return Err(Fault::new("a live application has lost its mark"));
        }
        mark.hold(holder, until);
        desk.put(mark);
    }
    Ok(())
}
