//! An official sees an identity in clear text: an entry first, the vault afterwards.

use super::entries::PERSON_LOOKED_UP;
use super::model::{CaseNo, Person, Reason, State};
use super::register::PERSON_ERASED;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::PersonId;
use crate::infra::keys::{Digest, KeyRing};
use serde_json::json;
use uuid::Uuid;

/// The record of a look-up. It holds nothing of the identity, and neither does its answer.
pub struct LookUp {
    pub person: PersonId,
    /// The bucket of the person.
    pub bucket: i16,
    /// By which the entry names the person.
    pub commitment: Digest,
    pub reason: Reason,
    pub case: CaseNo,
    /// What the entry is about.
    pub id: Uuid,
}

impl LookUp {
    pub fn new(keys: &KeyRing, person: PersonId, reason: Reason, case: CaseNo, id: Uuid) -> LookUp {
        let bucket = bucket_of_person(keys, person);
        LookUp { person, bucket, commitment: commitment(keys, person), reason, case, id }
    }
}

/// A keyed digest of the person under the key that is never rotated, so that the look-ups of one
/// person can be counted as long as the ledger is kept.
pub fn commitment(keys: &KeyRing, person: PersonId) -> Digest {
    keys.bucket_digest("looked_up", person.uuid().as_bytes())
}

impl Command for LookUp {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Person>((self.bucket, self.person.uuid()));
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        match desk.get::<Person>(&(self.bucket, self.person.uuid()))? {
            None => return Ok(Decision::not_found()),
            Some(person) if person.state == State::Erased => {
                return Ok(Decision::refused(PERSON_ERASED, None));
            }
            Some(_) => {}
        }
        let data = json!({
            "reason": self.reason,
            "case": self.case,
            "commitment": hex::encode(self.commitment),
        });
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&PERSON_LOOKED_UP, self.id, data)],
            status: 200,
            body: json!({"person": {"id": self.person}}),
            ..Outcome::default()
        }))
    }
}
