//! What becomes of an organisation: approvals, stores, status.

use super::entries::{ORGANISATION_APPROVED, ORGANISATION_STATUS_CHANGED, STORE_ADDED};
use super::model::{Granted, Organisation, Status, Store, stamp_name};
use super::register::{show, show_store};
use crate::book::REGISTER;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::stamp::bump;
use crate::book::store::Stamp;
use crate::identity::model::OrganisationId;
use crate::identity::role::Scope;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::refusal::Refusal;
use serde_json::{Value, json};
use uuid::Uuid;

const ORGANISATION_STATUS: Refusal = Refusal::new(
    "ORGANISATION_STATUS",
    "该单位当前状态不允许此操作",
    "the status of this organisation does not allow this",
);

fn want(ask: &mut Ask<'_>, organisation: Uuid) {
    ask.want::<Organisation>(organisation);
    ask.want::<Stamp>(stamp_name(organisation));
}

/// Lets an organisation take part. That the admin governs the approval's region and family was
/// seen by the handler: neither is changeable.
pub struct Approve {
    pub granted: Granted,
}

impl Command for Approve {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.granted.organisation);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(found) = desk.get::<Organisation>(&self.granted.organisation)? else {
            return Ok(Decision::not_found());
        };
        if found.status == Status::Removed {
            return Ok(Decision::conflict(ORGANISATION_STATUS));
        }
        let Granted { organisation, id, approval } = &self.granted;
        let mut data = json!({
            "organisation": organisation.simple().to_string(),
            "region": approval.region,
            "family": approval.family,
            "classes": approval.classes,
            "from": approval.from,
        });
        if let Some(to) = approval.to {
            data["to"] = json!(to);
        }
        desk.put(self.granted.clone());
        bump(desk, &stamp_name(*organisation))?;
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&ORGANISATION_APPROVED, *id, data)],
            status: 201,
            body: json!({"approval": show_approval(&self.granted)}),
            ..Outcome::default()
        }))
    }
}

/// An approval as answers show it.
pub fn show_approval(granted: &Granted) -> Value {
    let Granted { organisation, id, approval } = granted;
    json!({
        "id": PublicId::new(Kind::Approval, REGISTER, *id).to_string(),
        "organisation": OrganisationId::from(*organisation),
        "region": approval.region,
        "family": approval.family,
        "classes": approval.classes,
        "from": approval.from,
        "to": approval.to,
        "status": approval.status,
    })
}

/// Gives an organisation another status.
pub struct ChangeStatus {
    pub organisation: Uuid,
    pub to: Status,
    /// The admin's: whether it holds the organisation's region is known only with its row.
    pub scope: Scope,
}

impl Command for ChangeStatus {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.organisation);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let found = desk.get::<Organisation>(&self.organisation)?.cloned();
        let Some(mut found) = found.filter(|it| self.scope.covers_region(it.region)) else {
            return Ok(Decision::not_found());
        };
        if !found.status.leads_to(self.to) {
            return Ok(Decision::conflict(ORGANISATION_STATUS));
        }
        let data = json!({"from": found.status, "to": self.to});
        found.status = self.to;
        found.version += 1;
        let body = json!({"organisation": show(&found)});
        desk.put(found);
        bump(desk, &stamp_name(self.organisation))?;
        let entries = vec![Draft::new(&ORGANISATION_STATUS_CHANGED, self.organisation, data)];
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// Adds stores. That the admin governs their regions was seen by the handler.
pub struct AddStores {
    pub organisation: Uuid,
    pub stores: Vec<Store>,
}

impl Command for AddStores {
    fn needs(&self, ask: &mut Ask<'_>) {
        want(ask, self.organisation);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(found) = desk.get::<Organisation>(&self.organisation)? else {
            return Ok(Decision::not_found());
        };
        if found.status == Status::Removed {
            return Ok(Decision::conflict(ORGANISATION_STATUS));
        }
        let entries = self.stores.iter().map(|store| add_store(desk, store)).collect();
        bump(desk, &stamp_name(self.organisation))?;
        let stores: Vec<Value> = self.stores.iter().map(show_store).collect();
        let body = json!({"stores": stores});
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

/// Puts a new store on the desk; its entry.
pub fn add_store(desk: &mut Desk, store: &Store) -> Draft {
    desk.put(store.clone());
    let organisation = store.organisation.simple().to_string();
    Draft::new(
        &STORE_ADDED,
        store.id,
        json!({"organisation": organisation, "region": store.region}),
    )
}
