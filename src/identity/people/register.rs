//! A person is registered by a real-name provider.

use super::entries::PERSON_REGISTERED;
use super::model::{DigestKey, Identified, Person, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::{ConsentPurpose, OrganisationKind, PersonId};
use crate::identity::organisation::model::{Organisation, Status};
use crate::identity::store::Secret;
use crate::identity::vault::Lookup;
use crate::infra::keys::{KeyRing, bucket_of};
use crate::kernel::refusal::Refusal;
use crate::kernel::time::Moment;
use chrono::NaiveDate;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

const PROVIDER_NOT_ACTIVE: Refusal = Refusal::new(
    "PROVIDER_NOT_ACTIVE",
    "该实名核验机构未登记或已停用",
    "this real-name provider is not registered, or is suspended or removed",
);

/// A registration, without anything clear: identity and ids were digested, sealed and drawn by
/// the handler. Its answer names nobody, because it is stored beside the receipt of the entry; the
/// handler adds the person, whom it finds by the identity.
pub struct RegisterPerson {
    /// For the bucket of a person who is found.
    pub keys: Arc<KeyRing>,
    pub provider: Uuid,
    /// The id and the row of the person, if the identity is new.
    pub id: PersonId,
    pub cipher: Vec<u8>,
    /// His part of the keys of what names him in entries, if he is new.
    pub secret: Secret,
    pub born_on: NaiveDate,
    /// The identity's digests, that of the current key first.
    pub lookups: Vec<Lookup>,
    pub purposes: Vec<ConsentPurpose>,
    /// What the entry is about: random, and used for nothing else.
    pub about: Uuid,
}

/// By which an identity is found.
pub fn digest_key(lookup: &Lookup) -> DigestKey {
    (bucket_of(&lookup.digest).cast_signed(), lookup.digest.to_vec())
}

impl Command for RegisterPerson {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Organisation>(self.provider);
        for lookup in &self.lookups {
            ask.want::<Identified>(digest_key(lookup));
            if let Some(found) =
                ask.seen::<Identified>(&digest_key(lookup)).map(|found| found.person)
            {
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
            if desk.get::<Person>(&(self.bucket(found), found))?.is_none() {
                return Err(Fault::new("an identity without a person"));
            }
            // An erased one as well: who comes back is who he was.
            if !is_current {
                self.identify(desk, found)?;
            }
            return Ok(Decision::Done(Outcome {
                status: 200,
                body: json!({}),
                ..Outcome::default()
            }));
        }
        let now = desk.now();
        desk.put(self.person(now));
        self.identify(desk, self.id.uuid())?;
        let data = json!({"purposes": self.purposes});
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&PERSON_REGISTERED, self.about, data)],
            status: 201,
            body: json!({}),
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
            if let Some(found) = desk.get::<Identified>(&digest_key(lookup))? {
                return Ok((Some(found.person), place == 0));
            }
        }
        Ok((None, false))
    }

    /// Makes the identity findable under the current key.
    fn identify(&self, desk: &mut Desk, person: Uuid) -> Result<(), Fault> {
        let current = self.lookups.first().ok_or_else(|| Fault::new("no lookup key"))?;
        desk.put(Identified { key: digest_key(current), version: current.version, person });
        Ok(())
    }

    fn person(&self, now: Moment) -> Person {
        Person {
            bucket: self.bucket(self.id.uuid()),
            id: self.id.uuid(),
            cipher: Some(self.cipher.clone()),
            born_on: Some(self.born_on),
            // The provider registers a person in the act of consenting.
            consent_at: Some(now),
            registered_at: Some(now),
            secret: Some(self.secret),
            state: State::Active,
            keep_year: None,
        }
    }
}
