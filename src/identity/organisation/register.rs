//! An organisation is registered, with the stores that it has.

use super::change::add_store;
use super::entries::ORGANISATION_REGISTERED;
use super::model::{Organisation, Registered, Store, stamp_name};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::stamp::bump;
use crate::book::store::Stamp;
use crate::identity::model::{OrganisationId, OrganisationKind, StoreId};
use crate::kernel::refusal::Refusal;
use serde_json::{Value, json};

/// The new organisation and its stores, with the ids that its handler drew.
pub struct RegisterOrganisation {
    pub organisation: Organisation,
    pub stores: Vec<Store>,
}

impl RegisterOrganisation {
    fn key(&self) -> (String, OrganisationKind) {
        (self.organisation.uscc.as_str().to_owned(), self.organisation.kind)
    }
}

impl Command for RegisterOrganisation {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Registered>(self.key());
        ask.want::<Stamp>(stamp_name(self.organisation.id));
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let new = &self.organisation;
        let (uscc, kind) = self.key();
        if desk.get::<Registered>(&(uscc.clone(), kind))?.is_some() {
            return Ok(Decision::conflict(Refusal::new(
                "ORGANISATION_EXISTS",
                "该统一社会信用代码已登记为此类单位",
                "an organisation of this kind is already registered under this credit code",
            )));
        }
        desk.put(Registered { uscc, kind, organisation: new.id });
        desk.put(new.clone());
        let data = json!({"kind": new.kind.as_str(), "uscc": new.uscc, "region": new.region});
        let mut entries = vec![Draft::new(&ORGANISATION_REGISTERED, new.id, data)];
        entries.extend(self.stores.iter().map(|store| add_store(desk, store)));
        bump(desk, &stamp_name(new.id))?;
        let stores: Vec<Value> = self.stores.iter().map(show_store).collect();
        let body = json!({"organisation": show(new), "stores": stores});
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

/// An organisation as answers show it.
pub fn show(organisation: &Organisation) -> Value {
    json!({
        "id": OrganisationId::from(organisation.id),
        "kind": organisation.kind,
        "name": organisation.name,
        "uscc": organisation.uscc,
        "region": organisation.region,
        "status": organisation.status,
    })
}

/// A store as answers show it.
pub fn show_store(store: &Store) -> Value {
    json!({"id": StoreId::from(store.id), "name": store.name, "region": store.region})
}
