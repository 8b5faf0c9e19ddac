//! People and organisations as the rest of the project knows them: by id, kind and approval.

use crate::kernel::class::Class;
use crate::kernel::id::{BadId, Kind, PublicId};
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;
use uuid::Uuid;

/// People and organisations live in the register book, whatever books they act in.
const REGISTER_BOOK: i32 = 0;

macro_rules! register_id {
    ($(#[$doc:meta])* $type:ident, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Uuid);

        impl $type {
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $type {
            fn from(id: Uuid) -> Self {
                $type(id)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                PublicId::new($kind, REGISTER_BOOK, self.0).fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                PublicId::parse_in($kind, REGISTER_BOOK, text).map(|id| $type(id.id))
            }
        }

        impl TryFrom<String> for $type {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(id: $type) -> String {
                id.to_string()
            }
        }
    };
}

register_id!(
    /// A natural person: a random UUID, written `per_0_…`. It says nothing about who it is.
    PersonId,
    Kind::Person
);
register_id!(
    /// A retailer, recycler, dismantler or provider: a UUIDv7, written `org_0_…`.
    OrganisationId,
    Kind::Organisation
);
register_id!(
    /// One shop or yard of an organisation: a UUIDv7, written `sto_0_…`.
    StoreId,
    Kind::Store
);

/// What an organisation does here. One firm that does two of them registers twice, because each
/// is admitted and watched by other rules.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    Retailer,
    Recycler,
    Dismantler,
    RealNameProvider,
    /// Applies for grants itself.
    Enterprise,
}

impl OrganisationKind {
    pub const ALL: [OrganisationKind; 5] = [
        OrganisationKind::Retailer,
        OrganisationKind::Recycler,
        OrganisationKind::Dismantler,
        OrganisationKind::RealNameProvider,
        OrganisationKind::Enterprise,
    ];

    /// The word of the role that its tokens carry.
    pub fn as_str(self) -> &'static str {
        match self {
            OrganisationKind::Retailer => "retailer",
            OrganisationKind::Recycler => "recycler",
            OrganisationKind::Dismantler => "dismantler",
            OrganisationKind::RealNameProvider => "real_name_provider",
            OrganisationKind::Enterprise => "enterprise",
        }
    }

    pub fn parse(text: &str) -> Option<OrganisationKind> {
        OrganisationKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where an approval stands. Only an active one lets its holder act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    Active,
    /// Stopped for the time being; may become active again.
    Suspended,
    /// Taken away; final. A new approval is a new row.
    Revoked,
}

impl ApprovalStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            ApprovalStatus::Active => "active",
            ApprovalStatus::Suspended => "suspended",
            ApprovalStatus::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<ApprovalStatus> {
        use ApprovalStatus::{Active, Revoked, Suspended};
        [Active, Suspended, Revoked].into_iter().find(|status| status.as_str() == text)
    }
}

/// A bureau's permission for an organisation to take part with some goods for some days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Where it holds: a province's approval holds in its cities.
    pub region: Region,
    /// First segment of the classes that it is for.
    pub family: String,
    /// The classes within the family; empty means all of them.
    pub classes: Vec<Class>,
    /// First day, in Shanghai.
    pub from: NaiveDate,
    /// Last day, still within; nothing means until further notice.
    pub to: Option<NaiveDate>,
    pub status: ApprovalStatus,
}

impl Approval {
    /// Whether its holder may act for a class in a region on a day. A listed class stands for
    /// those under it, too: `car` for `car.scrap`.
    pub fn covers(&self, region: Region, class: &Class, day: NaiveDate) -> bool {
        let listed = self.classes.is_empty() || self.classes.iter().any(|c| stands_for(c, class));
        self.status == ApprovalStatus::Active
            && self.region.contains(region)
            && self.family == class.family()
            && listed
            && self.from <= day
            && self.to.is_none_or(|last| day <= last)
    }
}

fn stands_for(listed: &Class, class: &Class) -> bool {
    match class.as_str().strip_prefix(listed.as_str()) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

/// What a person agreed to. The law asks for a separate consent to the use of sensitive data
/// (PIPL, articles 29 and 14), given to a text of a known version, and revocable (article 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub purpose: ConsentPurpose,
    /// Which text was shown: its version, such as `310000/2025-03`.
    pub text: String,
    pub given: Moment,
    pub withdrawn: Option<Moment>,
}

/// What sensitive data is used for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPurpose {
    /// Identity number and name, to know the person and count its quota.
    Identity,
    /// Bank account, to pay a subsidy.
    Payment,
    /// Place at the moment of a claim or a redemption.
    Location,
}

impl Consent {
    /// Whether it held at a moment. Withdrawing does not undo what was done before.
    pub fn holds_at(&self, moment: Moment) -> bool {
        self.given <= moment && self.withdrawn.is_none_or(|end| moment < end)
    }
}

/// Whether one of several consents holds for a purpose at a moment.
pub fn consents_to(consents: &[Consent], purpose: ConsentPurpose, moment: Moment) -> bool {
    consents.iter().any(|consent| consent.purpose == purpose && consent.holds_at(moment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn an_approval_covers_its_classes_days_and_places() {
        let approval = Approval {
            region: "310000".parse().unwrap(),
            family: "appliance".into(),
            classes: vec!["appliance.tv".parse().unwrap(), "appliance.cooling".parse().unwrap()],
            from: day("2025-03-01"),
            to: Some(day("2025-12-31")),
            status: ApprovalStatus::Active,
        };
        let cases = [
            ("310000", "appliance.tv", "2025-03-01", true),
            ("310104", "appliance.tv", "2025-12-31", true),
            ("310000", "appliance.cooling.fridge", "2025-06-01", true),
            ("310000", "appliance.tvset", "2025-06-01", false),
            ("310000", "appliance.heater", "2025-06-01", false),
            ("310000", "car.scrap", "2025-06-01", false),
            ("320000", "appliance.tv", "2025-06-01", false),
            ("310000", "appliance.tv", "2025-02-28", false),
            ("310000", "appliance.tv", "2026-01-01", false),
        ];
        for (region, class, on, covers) in cases {
            let (region, class) = (region.parse().unwrap(), class.parse().unwrap());
            assert_eq!(approval.covers(region, &class, day(on)), covers, "{class} {on}");
            for status in [ApprovalStatus::Suspended, ApprovalStatus::Revoked] {
                let stopped = Approval { status, ..approval.clone() };
                assert!(!stopped.covers(region, &class, day(on)));
            }
        }
        let open = Approval { classes: vec![], to: None, ..approval };
        let heater = "appliance.heater".parse().unwrap();
        assert!(open.covers(open.region, &heater, day("2030-01-01")));
        assert!(!open.covers(open.region, &"car".parse().unwrap(), day("2030-01-01")));
    }

    #[test]
    fn consent_holds_until_it_is_withdrawn() {
        let given: Moment = "2025-03-01T00:00:00Z".parse().unwrap();
        let hour = TimeDelta::hours(1);
        let consent = Consent {
            purpose: ConsentPurpose::Identity,
            text: "310000/2025-03".into(),
            given,
            withdrawn: Some(given + hour),
        };
        for (moment, holds) in [(given - hour, false), (given, true), (given + hour, false)] {
            assert_eq!(consent.holds_at(moment), holds, "{moment}");
        }
        let all = [consent];
        assert!(consents_to(&all, ConsentPurpose::Identity, given));
        assert!(!consents_to(&all, ConsentPurpose::Payment, given));
    }

    #[test]
    fn ids_are_read_only_as_their_own_kind_in_the_register_book() {
        let person = PersonId::from(Uuid::from_u128(7));
        let text = person.to_string();
        assert_eq!(text, "per_0_00000000000000000000000000000007");
        assert_eq!(text.parse(), Ok(person));
        assert_eq!(serde_json::to_value(person).unwrap(), text);
        assert!(text.parse::<OrganisationId>().is_err());
        assert!("per_17_00000000000000000000000000000007".parse::<PersonId>().is_err());
        assert!("00000000000000000000000000000007".parse::<StoreId>().is_err());
    }
}
