//! An official is given a file: the entry first, the bytes afterwards.

use super::entries::OPENED;
use super::model::{DOCUMENT_NOT_RECEIVED, Document};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use serde_json::json;
use uuid::Uuid;

/// Whether he may see it was found by the handler: reviewers and scopes are its matter.
pub struct OpenFile {
    pub document: Uuid,
}

impl Command for OpenFile {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Document>(self.document);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(document) = desk.get::<Document>(&self.document)? else {
            return Ok(Decision::not_found());
        };
        if !document.is_received() {
            return Ok(Decision::conflict(DOCUMENT_NOT_RECEIVED));
        }
        let entries = vec![Draft::new(&OPENED, document.id, json!({}))];
        let body = json!({"document": document.view(desk.book())});
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}
