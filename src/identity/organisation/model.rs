//! What an organisation is, and whether it may act. Pure.

use crate::book::store::Stamp;
use crate::identity::model::{Approval, OrganisationKind};
use crate::kernel::class::Class;
use crate::kernel::identifier::CreditCode;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where an organisation stands: the fact `merchant.status` of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    /// Stopped for the time being.
    Suspended,
    /// Out for good. Who comes back is registered by hand, since the code is taken.
    Removed,
}

impl Status {
    pub const ALL: [Status; 3] = [Status::Active, Status::Suspended, Status::Removed];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Removed => "removed",
        }
    }

    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether there is an edge to another status (invariant 9).
    pub fn leads_to(self, next: Status) -> bool {
        self != Status::Removed && self != next
    }
}

/// The name of a firm or a store, as it is shown: 1 to 100 characters, none of them a control
/// character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

#[derive(Debug, thiserror::Error)]
#[error("a name has 1 to 100 characters")]
pub struct BadName;

impl TryFrom<String> for Name {
    type Error = BadName;
    fn try_from(text: String) -> Result<Name, BadName> {
        let text = text.trim();
        let fits = (1..=100).contains(&text.chars().count());
        let plain = !text.chars().any(char::is_control);
        if fits && plain { Ok(Name(text.to_owned())) } else { Err(BadName) }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    pub id: Uuid,
    pub kind: OrganisationKind,
    pub name: Name,
    pub uscc: CreditCode,
    /// Where it is registered: whose bureau governs it.
    pub region: Region,
    pub status: Status,
    pub version: i64,
}

/// One firm registers once for each kind: this row says which organisation it became. It has no
/// table of its own; the organisation's row makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub uscc: String,
    pub kind: OrganisationKind,
    pub organisation: Uuid,
}

/// An approval with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub organisation: Uuid,
    pub id: Uuid,
    pub approval: Approval,
}

/// A shop of a retailer, or a yard of a recycler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    pub organisation: Uuid,
    pub id: Uuid,
    pub name: Name,
    pub region: Region,
}

/// The stamp of all that is known of one organisation.
pub fn stamp_name(organisation: Uuid) -> String {
    format!("organisation:{organisation}")
}

/// What a till asks of an organisation, and the stamp by which it learns that it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub kind: OrganisationKind,
    /// For the fact `merchant.status`: the programmes say what follows from it.
    pub status: Status,
    pub covers: Vec<Approval>,
    pub stamp: Stamp,
}

/// No approval covers the class, the region and the day.
pub const NOT_APPROVED: Refusal = Refusal::new(
    "NOT_APPROVED",
    "该单位未获准在此地区参与该品类，请联系当地主管部门",
    "this organisation is not approved for this class here; ask the local bureau",
);

impl Standing {
    /// Whether an approval covers a class in a region on a day, whatever the status.
    ///
    /// # Errors
    /// [`NOT_APPROVED`].
    pub fn may_act(&self, class: &Class, region: Region, day: NaiveDate) -> Result<(), Refusal> {
        if self.covers.iter().any(|approval| approval.covers(region, class, day)) {
            Ok(())
        } else {
            Err(NOT_APPROVED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::model::ApprovalStatus;

    #[test]
    fn removed_is_final_and_nothing_leads_to_itself() {
        for from in Status::ALL {
            for to in Status::ALL {
                let edge = matches!(
                    (from, to),
                    (Status::Active | Status::Suspended, Status::Removed)
                        | (Status::Active, Status::Suspended)
                        | (Status::Suspended, Status::Active)
                );
                assert_eq!(from.leads_to(to), edge, "{from:?} to {to:?}");
            }
            assert_eq!(Status::parse(from.as_str()), Some(from));
        }
    }

    #[test]
    fn one_approval_that_covers_is_enough() {
        let approval = |region: &str, status| Approval {
            region: region.parse().unwrap(),
            family: "appliance".into(),
            classes: vec![],
            from: "2026-01-01".parse().unwrap(),
            to: None,
            status,
        };
        let covers = vec![
            approval("310000", ApprovalStatus::Revoked),
            approval("320500", ApprovalStatus::Active),
        ];
        let stamp = Stamp { name: stamp_name(Uuid::nil()), version: 1 };
        let kind = OrganisationKind::Retailer;
        let standing = Standing { kind, status: Status::Suspended, covers, stamp };
        let (tv, day) = ("appliance.tv".parse().unwrap(), "2026-05-01".parse().unwrap());
        assert_eq!(standing.may_act(&tv, "320582".parse().unwrap(), day), Ok(()));
        let refused = standing.may_act(&tv, "310000".parse().unwrap(), day).unwrap_err();
        assert_eq!(refused.code, "NOT_APPROVED");
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert_eq!(Name::try_from(" 苏宁 ".to_owned()).unwrap().as_str(), "苏宁");
        for bad in [String::new(), "  ".into(), "a\nb".into(), "长".repeat(101)] {
            assert!(Name::try_from(bad).is_err());
        }
    }
}
