//! An official sees an identity in clear text: an entry first, the vault afterwards.

use super::entries::PERSON_LOOKED_UP;
use super::model::{CaseNo, Person, Reason, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::PersonId;
use crate::identity::store::{PERSON_ERASED, Secret};
use crate::infra::keys::{Digest, KeyRing};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// The record of a look-up. It holds nothing of the identity; its answer, which is stored beside
/// the receipt of the entry, names nobody, and the handler adds whom it was asked for.
pub struct LookUp {
    pub keys: Arc<KeyRing>,
    pub person: PersonId,
    pub reason: Reason,
    pub case: CaseNo,
    /// What the entry is about.
    pub id: Uuid,
}

impl LookUp {
    fn key(&self) -> (i16, Uuid) {
        (bucket_of_person(&self.keys, self.person), self.person.uuid())
    }
}

/// By which an entry names a person: a digest under a key that is half the key ring's, for as long
/// as the ledger is kept, and half the person's own. So the look-ups of one person can be counted
/// until he is erased.
pub fn commitment(keys: &KeyRing, person: PersonId, secret: &Secret) -> Digest {
    secret.key(keys, "looked_up").digest(person.uuid().as_bytes())
}

impl Command for LookUp {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Person>(self.key());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let person = match desk.get::<Person>(&self.key())? {
            None => return Ok(Decision::not_found()),
            Some(person) if person.state == State::Erased => {
                return Ok(Decision::refused(PERSON_ERASED, None));
            }
            Some(person) => person,
        };
        let secret = person.secret.ok_or_else(|| Fault::new("a person without a secret"))?;
        let data = json!({
            "reason": self.reason,
            "case": self.case,
            "commitment": hex::encode(commitment(&self.keys, self.person, &secret)),
        });
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&PERSON_LOOKED_UP, self.id, data)],
            status: 200,
            body: json!({}),
            ..Outcome::default()
        }))
    }
}
