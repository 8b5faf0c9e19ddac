//! A reviewer takes an application, and may hand it back.

use super::entries::{HANDED_BACK, TAKEN};
use super::model::{REVIEW_NOT_TAKEN, REVIEW_TAKEN, Review};
use crate::application::APPLICATION_STATE;
use crate::application::approve::OWN_APPLICATION;
use crate::application::model::Application;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use serde_json::json;
use uuid::Uuid;

/// Taking what one has already changes nothing.
pub struct Take {
    pub application: Uuid,
    pub reviewer: [u8; 16],
    /// Also where another has it.
    pub over: bool,
}

impl Command for Take {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
        ask.want::<Review>(self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(application) = desk.get::<Application>(&self.application)? else {
            return Ok(Decision::not_found());
        };
        if !application.state.is_open() || application.is_overdue(desk.now()) {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        if application.submitted_by == self.reviewer {
            return Ok(Decision::refused(OWN_APPLICATION, Some(application.rule)));
        }
        let subject = application.subject;
        let known = desk.get::<Review>(&self.application)?.cloned();
        let holder = known.as_ref().and_then(|review| review.reviewer);
        if holder.is_some_and(|holder| holder != self.reviewer) && !self.over {
            return Ok(Decision::conflict(REVIEW_TAKEN));
        }
        let mut entries = Vec::new();
        if holder != Some(self.reviewer) {
            let data = json!({"over": holder.is_some()});
            let mut draft = Draft::new(&TAKEN, self.application, data);
            draft.subject = Some(subject);
            entries.push(draft);
            let taken_at = known.as_ref().map_or(desk.now(), |review| review.taken_at);
            let version = known.map_or(0, |review| review.version + 1);
            let (application, reviewer) = (self.application, Some(self.reviewer));
            desk.put(Review { application, reviewer, taken_at, version });
        }
        let body = json!({"review": {"is_taken": true, "is_mine": true}});
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// Hands an application back to the queue.
pub struct HandBack {
    pub application: Uuid,
    pub reviewer: [u8; 16],
}

impl Command for HandBack {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
        ask.want::<Review>(self.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(application) = desk.get::<Application>(&self.application)? else {
            return Ok(Decision::not_found());
        };
        if !application.state.is_open() || application.is_overdue(desk.now()) {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let subject = application.subject;
        let known = desk.get::<Review>(&self.application)?.cloned();
        let Some(mut review) = known.filter(|it| it.reviewer == Some(self.reviewer)) else {
            return Ok(Decision::conflict(REVIEW_NOT_TAKEN));
        };
        review.reviewer = None;
        review.version += 1;
        desk.put(review);
        let mut draft = Draft::new(&HANDED_BACK, self.application, json!({}));
        draft.subject = Some(subject);
        let body = json!({"review": {"is_taken": false, "is_mine": false}});
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}
