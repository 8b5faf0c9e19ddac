//! What a handler gives to a book, and what comes back.

use super::model::{Actor, Command};
use crate::http::problem::Language;
use std::any::Any;
use std::sync::Arc;

/// A command with what the book must know of its request.
#[derive(Clone)]
pub struct Envelope {
    pub actor: Actor,
    /// The caller's `Idempotency-Key`; timed jobs have none.
    pub key: Option<String>,
    /// Digest of route and body: the same key with another fingerprint is refused.
    pub fingerprint: [u8; 16],
    pub language: Language,
    pub request_id: String,
    pub command: Arc<dyn Command>,
}

impl Envelope {
    /// A command of the system itself, under no key: what it does twice must do nothing twice.
    pub fn of_system(command: Arc<dyn Command>) -> Envelope {
        Envelope {
            actor: Actor::System,
            key: None,
            fingerprint: [0; 16],
            language: Language::default(),
            request_id: String::new(),
            command,
        }
    }

    /// The stored form of the key.
    pub fn key_digest(&self) -> Option<[u8; 16]> {
        self.key.as_ref().map(|key| self.actor.key_digest(key))
    }
}

/// What became of a command.
pub enum Reply {
    Answer {
        status: u16,
        body: Vec<u8>,
        replayed: bool,
        hint: Option<Box<dyn Any + Send + Sync>>,
    },
    /// Screen again and submit anew.
    Stale,
    /// Not decided, nothing written; the same key may be tried again.
    Busy,
    /// A bug; nothing written.
    Failed,
}
