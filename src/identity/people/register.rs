//! A person is registered by a real-name provider.

use super::entries::PERSON_REGISTERED;
use super::model::{DigestKey, Identified, Person, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::{ConsentPurpose, OrganisationKind, PersonId};
use crate::identity::organisation::model::{Organisation, Status};
use crate::identity::vault::Lookup;
use crate::infra::keys::{KeyRing, bucket_of};
use crate::kernel::refusal::Refusal;
use crate::kernel::time::Moment;
use chrono::NaiveDate;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// The person was erased at his own wish; he stays erased.
pub const PERSON_ERASED: Refusal = Refusal::new(
    "PERSON_ERASED",
    "该身份信息已按本人要求删除，不能再次登记或查询",
    "this identity was erased at its owner's request and cannot be registered or looked up again",
);

const PROVIDER_NOT_ACTIVE: Refusal = Refusal::new(
    "PROVIDER_NOT_ACTIVE",
    "该实名核验机构未登记或已停用",
    "this real-name provider is not registered, or is suspended or removed",
);

/// A registration, without anything clear: identity and ids were digested, sealed and drawn by
/// the handler.
pub struct RegisterPerson {
    /// For the bucket of a person who is found.
    pub keys: Arc<KeyRing>,
    pub provider: Uuid,
    /// The id and the row of the person, if the identity is new.
    pub id: PersonId,
    pub cipher: Vec<u8>,
    pub born_on: NaiveDate,
    /// The identity's digests, that of the current key first.
    pub lookups: Vec<Lookup>,
    pub purposes: Vec<ConsentPurpose>,
    /// What the entry is about: random, and used for nothing else.
    pub about: Uuid,
}

fn key(lookup: &Lookup) -> DigestKey {
    (bucket_of(&lookup.digest).cast_signed(), lookup.digest.to_vec())
}

impl Command for RegisterPerson {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Organisation>(self.provider);
        for lookup in &self.lookups {
            ask.want::<Identified>(key(lookup));
            if let Some(found) = ask.seen::<Identified>(&key(lookup)).map(|found| found.person) {
                ask.want::<Person>((self.bucket(found), found));
            }
        }
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let provider = desk.get::<Organisation>(&self.provider)?;
        let active = provider.is_some_and(|provider| {
            provider.kind == OrganisationKind::RealNameProvider && provider.status == Status::Active
        });
        if !active {
            return Ok(Decision::refused(PROVIDER_NOT_ACTIVE, None));
        }
        let (found, is_current) = self.found(desk)?;
        if let Some(found) = found {
            let person = desk.get::<Person>(&(self.bucket(found), found))?;
            let person = person.ok_or_else(|| Fault::new("an identity without a person"))?;
            if person.state == State::Erased {
                return Ok(Decision::refused(PERSON_ERASED, None));
            }
            if !is_current {
                self.identify(desk, found)?;
            }
            let body = json!({"person": {"id": PersonId::from(found)}});
            return Ok(Decision::Done(Outcome { status: 200, body, ..Outcome::default() }));
        }
        let now = desk.now();
        desk.put(self.person(now));
        self.identify(desk, self.id.uuid())?;
        let data = json!({"purposes": self.purposes});
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&PERSON_REGISTERED, self.about, data)],
            status: 201,
            body: json!({"person": {"id": self.id}}),
            ..Outcome::default()
        }))
    }
}

impl RegisterPerson {
    fn bucket(&self, person: Uuid) -> i16 {
        bucket_of_person(&self.keys, person.into())
    }

    /// Whose identity it is already, and whether he stands under the current key.
    fn found(&self, desk: &Desk) -> Result<(Option<Uuid>, bool), Fault> {
        for (place, lookup) in self.lookups.iter().enumerate() {
            if let Some(found) = desk.get::<Identified>(&key(lookup))? {
                return Ok((Some(found.person), place == 0));
            }
        }
        Ok((None, false))
    }

    /// Makes the identity findable under the current key.
    fn identify(&self, desk: &mut Desk, person: Uuid) -> Result<(), Fault> {
        let current = self.lookups.first().ok_or_else(|| Fault::new("no lookup key"))?;
        desk.put(Identified { key: key(current), version: current.version, person });
        Ok(())
    }

    fn person(&self, now: Moment) -> Person {
        Person {
            bucket: self.bucket(self.id.uuid()),
            id: self.id.uuid(),
            cipher: Some(self.cipher.clone()),
            born_on: Some(self.born_on),
            // The provider registers a person in the act of consenting.
            consent_at: now,
            registered_at: now,
            state: State::Active,
        }
    }
}
