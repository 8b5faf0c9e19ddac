//! The applicant says what a document is.

use super::entries::FILED;
use super::model::Document;
use crate::application::APPLICATION_STATE;
use crate::application::model::Application;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::register::model::PersonRef;
use serde_json::json;

/// A document, sealed and committed to by the handler; the desk gives it its time.
pub struct FileDocument {
    pub applicant: PersonRef,
    pub document: Document,
}

impl Command for FileDocument {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.document.application);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Application>(&self.document.application)?;
        let Some(application) = found.filter(|a| a.applicant == self.applicant) else {
            return Ok(Decision::not_found());
        };
        if !application.state.is_open() || application.is_overdue(desk.now()) {
            return Ok(Decision::conflict(APPLICATION_STATE));
        }
        let subject = application.subject;
        let document = Document { filed_at: desk.now(), ..self.document.clone() };
        let data = json!({
            "application": document.application.to_string(),
            "kind": document.kind.as_str(),
            "bytes": document.bytes,
            "media_type": document.media.mime(),
            "commitment": hex::encode(document.commitment),
        });
        let mut draft = Draft::new(&FILED, document.id, data);
        draft.subject = Some(subject);
        let body = json!({"document": document.view(desk.book())});
        desk.put(document);
        let entries = vec![draft];
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}
