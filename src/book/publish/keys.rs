//! The keys that sign logs, and the names of the logs that they sign.

use crate::infra::keys::{KeyRing, Purpose};
use crate::kernel::tlog::note::{BadKey, KeyKind, SignerKey, VerifierKey};
use std::sync::Arc;

/// The signing keys of a deployment.
#[derive(Clone)]
pub struct LogKeys {
    ring: Arc<KeyRing>,
    deployment: String,
}

/// The deployment's name cannot stand in a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("log.origin is the name of the deployment, without spaces and +: logs.example.gov.cn")]
pub struct BadLogKeys(#[from] BadKey);

impl LogKeys {
    /// Keys for the logs of a deployment by this name.
    ///
    /// # Errors
    /// A name that cannot stand in a checkpoint.
    pub fn new(ring: Arc<KeyRing>, deployment: &str) -> Result<LogKeys, BadLogKeys> {
        SignerKey::new(deployment, &[0; 32])?;
        Ok(LogKeys { ring, deployment: deployment.trim_end_matches('/').to_owned() })
    }

    /// The origin of a book's log, which is also the name of its keys.
    pub fn origin(&self, book: &str) -> String {
        format!("{}/{book}", self.deployment)
    }

    /// The keys that sign a book's log: the current one, then every older one.
    pub fn signers(&self, book: &str) -> Vec<SignerKey> {
        let current = self.ring.current(Purpose::Log).0;
        self.versions(book, |version| version <= current)
    }

    /// The keys that a checkpoint of this book may be signed with, also those that are announced
    /// and do not sign yet.
    pub fn verifiers(&self, book: &str) -> Vec<VerifierKey> {
        let all = self.versions(book, |_| true);
        all.iter().map(|key| key.verifier(KeyKind::Ed25519)).collect()
    }

    fn versions(&self, book: &str, wanted: impl Fn(u16) -> bool) -> Vec<SignerKey> {
        let origin = self.origin(book);
        let keys = self.ring.all(Purpose::Log).filter(|(version, _)| wanted(*version));
        // The name was tried when the keys were made, and the names of books have no space in them.
        keys.filter_map(|(_, key)| SignerKey::new(&origin, key.expose()).ok()).collect()
    }
}
