//! From a verified caller and a read body to the envelope that a book takes.

use super::model::PersonId;
use super::token::{self, Standing};
use crate::book::Envelope;
use crate::book::model::{Actor, Command};
use crate::http::extract::Posted;
use crate::infra::keys::{KeyRing, bucket_of};
use std::sync::Arc;

/// The caller as entries and idempotency keys know him.
pub fn book_actor(actor: &token::Actor) -> Actor {
    let role = actor.role.as_str();
    match &actor.standing {
        Standing::Person(id) => Actor::Person(id.uuid()),
        Standing::Organisation { id, .. } => Actor::Organisation { role, id: id.uuid() },
        Standing::Official(_) => Actor::Official { role, login: actor.login.bytes() },
    }
}

/// The envelope of a command that a request makes.
pub fn envelope<T>(
    actor: &token::Actor,
    posted: &Posted<T>,
    command: Arc<dyn Command>,
) -> Envelope {
    Envelope {
        actor: book_actor(actor),
        key: Some(posted.key.clone()),
        fingerprint: posted.fingerprint,
        language: posted.context.language,
        request_id: posted.context.id.clone(),
        command,
    }
}

/// The bucket of a person in registers and vault: 12 bits of a keyed digest of the person's id,
/// under a key that is never rotated.
pub fn bucket_of_person(keys: &KeyRing, person: PersonId) -> i16 {
    let digest = keys.bucket_digest("person", person.uuid().as_bytes());
    bucket_of(&digest).cast_signed()
}
