//! The file of a document has arrived.

use super::entries::RECEIVED;
use super::model::{DOCUMENT_DIFFERS, Document};
use crate::application::APPLICATION_STATE;
use crate::application::model::Application;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::infra::blobs::{ContentHash, MediaType};
use serde_json::json;
use uuid::Uuid;

/// A file that is kept already; the second time it changes nothing.
pub struct ReceiveFile {
    pub application: Uuid,
    pub document: Uuid,
    pub sha256: ContentHash,
    pub bytes: i64,
    pub media: Option<MediaType>,
}

impl Command for ReceiveFile {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Application>(self.application);
        ask.want::<Document>(self.document);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Document>(&self.document)?.cloned();
        let application = desk.get::<Application>(&self.application)?;
        let (Some(mut document), Some(application)) = (found, application) else {
            return Ok(Decision::not_found());
        };
        if document.application != application.id {
            return Ok(Decision::not_found());
        }
        let is_it = document.sha256 == self.sha256
            && document.bytes == self.bytes
            && Some(document.media) == self.media;
        if !is_it {
            return Ok(Decision::refused(DOCUMENT_DIFFERS, None));
        }
        let mut entries = Vec::new();
        if !document.is_received() {
            if !application.state.is_open() || application.is_overdue(desk.now()) {
                return Ok(Decision::conflict(APPLICATION_STATE));
            }
            let mut draft = Draft::new(&RECEIVED, document.id, json!({}));
            draft.subject = Some(application.subject);
            entries.push(draft);
            document.received_at = Some(desk.now());
        }
        let body = json!({"document": document.view(desk.book())});
        if !entries.is_empty() {
            desk.put(document);
        }
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}
