//! An old item, its facts and its edges. Pure.

use super::identifiers::mark;
use crate::book::model::Fault;
use crate::identity::model::PersonId;
use crate::infra::keys::KeyRing;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::region::Region;
use crate::kernel::time::{self, Moment};
use crate::programme::{Fact, FactError, Facts, Value};
use crate::register::model::{Holder, MarkKey};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// The most photos of one item.
pub const MOST_PHOTOS: usize = 20;

/// Words that are written as they stand in facts, rows and entries.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $type:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? }
    ) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        $(#[$doc])*
        pub enum $type {
            $($(#[$of])* #[serde(rename = $word)] $variant),+
        }

        impl $type {
            pub const ALL: &[$type] = &[$($type::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $($type::$variant => $word),+
                }
            }

            pub fn parse(text: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|it| it.as_str() == text)
            }
        }
    };
}

words! {
    #[schema(as = OldItemState)]
    State { Registered = "registered", Verified = "verified", Rejected = "rejected" }
}

words! {
    /// Why an item is rejected: the closed list, since entries hold no free text.
    #[schema(as = OldItemRejectReason)]
    RejectReason {
        /// It was never handed over.
        NotHandedOver = "not_handed_over",
        /// No serial, frame number or VIN can be read on it.
        IdentifierUnreadable = "identifier_unreadable",
        /// It carries another serial, frame number, VIN or plate.
        IdentifierMismatch = "identifier_mismatch",
        /// It is of another class.
        ClassMismatch = "class_mismatch",
        /// It belongs to somebody else, or nobody shows that he owns it.
        OwnerMismatch = "owner_mismatch",
        /// A part without which it does not count is missing: the battery of an e-bike.
        PartsMissing = "parts_missing",
        /// What was registered about it is wrong; it may be registered again.
        RegisteredInError = "registered_in_error",
    }
}

words! {
    #[schema(as = OldItemFuel)]
    Fuel { Petrol = "petrol", Diesel = "diesel", Nev = "nev", Other = "other" }
}

words! {
    #[schema(as = OldItemUse)]
    Use { Private = "private", Commercial = "commercial" }
}

words! {
    #[schema(as = OldItemBattery)]
    Battery { Lead = "lead", Lithium = "lithium" }
}

words! {
    #[schema(as = OldItemAssembly)]
    /// The five assemblies of a scrapped car (五大总成), each destroyed or sold on under control.
    Assembly {
        Engine = "engine",
        Steering = "steering",
        Gearbox = "gearbox",
        Axles = "axles",
        Frame = "frame",
    }
}

/// What the recycler states of the item, as far as its class knows it: the facts `old_item.*`
/// but the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OldItemFacts)]
pub struct OldFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<Fuel>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<Use>,
    /// First registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_name_since: Option<NaiveDate>,
    #[schema(value_type = Option<String>, example = "310000")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plate_region: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<Battery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_returned: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery_health_checked: Option<bool>,
    /// The hand-over day on the certificate of scrapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrap_certificate_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistered_on: Option<NaiveDate>,
    /// The day of the used-car invoice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferred_on: Option<NaiveDate>,
    /// Which of a car's five assemblies came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assemblies: Vec<Assembly>,
}

impl OldFacts {
    /// Each with the fact that it is.
    pub fn slots(&self) -> [(Fact, Option<Value>); 11] {
        let day = |day: Option<NaiveDate>| day.map(Value::Day);
        let bool = |bool: Option<bool>| bool.map(Value::Bool);
        [
            (Fact::OldFuel, self.fuel.map(|fuel| Value::text(fuel.as_str()))),
            (Fact::OldUse, self.use_.map(|of| Value::text(of.as_str()))),
            (Fact::OldRegisteredOn, day(self.registered_on)),
            (Fact::OldInNameSince, day(self.in_name_since)),
            (Fact::OldPlateRegion, self.plate_region.map(Value::Region)),
            (Fact::OldBattery, self.battery.map(|battery| Value::text(battery.as_str()))),
            (Fact::OldBatteryReturned, bool(self.battery_returned)),
            (Fact::OldBatteryChecked, bool(self.battery_health_checked)),
            (Fact::OldScrapCertificateOn, day(self.scrap_certificate_on)),
            (Fact::OldDeregisteredOn, day(self.deregistered_on)),
            (Fact::OldTransferredOn, day(self.transferred_on)),
        ]
    }
}

/// SHA-256 of a photo's bytes, 64 lower-case hex digits. The photos themselves live elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhotoHash(String);

#[derive(Debug, thiserror::Error)]
#[error("a photo is named by its SHA-256, 64 lower-case hex digits")]
pub struct BadPhotoHash;

impl TryFrom<String> for PhotoHash {
    type Error = BadPhotoHash;
    fn try_from(text: String) -> Result<Self, BadPhotoHash> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(hex) {
            Ok(PhotoHash(text))
        } else {
            Err(BadPhotoHash)
        }
    }
}

impl From<PhotoHash> for String {
    fn from(hash: PhotoHash) -> String {
        hash.0
    }
}

/// The row of an old item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldItem {
    pub id: Uuid,
    /// The organisation that took it in: the only one that may verify or reject it.
    pub recycler: Uuid,
    pub store: Option<Uuid>,
    pub class: Class,
    /// Whose it was, where the recycler has seen that.
    pub owner: Option<Uuid>,
    /// The marks of its identifiers.
    pub marks: Vec<MarkKey>,
    pub facts: OldFacts,
    pub photos: Vec<PhotoHash>,
    /// The day of the hand-over, in Shanghai.
    pub handed_over_on: NaiveDate,
    pub registered_at: Moment,
    pub state: State,
    /// Where it was rejected.
    pub reason: Option<RejectReason>,
    /// 1 when it is registered, 2 at its end.
    pub version: i64,
}

impl OldItem {
    /// How its marks name it.
    pub fn holder(&self, book: BookNo) -> Holder {
        Holder { book, id: self.id }
    }

    /// Whether it may be bound to a voucher.
    pub fn is_verified(&self) -> bool {
        self.state == State::Verified
    }

    /// Whether the recycler has yet to verify or reject it.
    pub fn is_open(&self) -> bool {
        self.state == State::Registered
    }

    /// Ends it, verified or rejected for a reason (invariant 9).
    ///
    /// # Errors
    /// An item that has ended is a bug of the caller, who has tested the state.
    pub fn end(&mut self, rejected: Option<RejectReason>) -> Result<(), Fault> {
        if self.state != State::Registered {
            return Err(Fault::new(format!("an old item that is {} ended", self.state.as_str())));
        }
        self.state = if rejected.is_some() { State::Rejected } else { State::Verified };
        self.reason = rejected;
        self.version += 1;
        Ok(())
    }

    /// Puts what is known of it into the slots of source `old_item`, and empties the others. The
    /// owner is given as the fact `person.id` is where he is the claimant; somebody else's id is
    /// nobody's business, so he is only "other".
    ///
    /// # Errors
    /// None for values that this type holds.
    pub fn facts(&self, facts: &mut Facts, claimant: Uuid) -> Result<(), FactError> {
        let owner = self.owner.map(|owner| match owner == claimant {
            true => Value::text(PersonId::from(owner).to_string()),
            false => Value::text("other"),
        });
        for (fact, value) in self.facts.slots().into_iter().chain([(Fact::OldOwner, owner)]) {
            match value {
                Some(value) => facts.set(fact, value).map(|_| ())?,
                None => facts.clear(fact),
            }
        }
        Ok(())
    }

    /// As answers show it; never its owner or identifiers.
    pub fn view(&self, book: BookNo) -> Json {
        let mut view = json!({
            "id": PublicId::new(Kind::OldItem, book, self.id).to_string(),
            "state": self.state,
            "class": self.class,
            "handed_over_on": self.handed_over_on,
            "registered_at": time::text(self.registered_at),
            "facts": self.facts,
            "photos": self.photos,
        });
        if let Some(reason) = self.reason {
            view["reason"] = json!(reason);
        }
        view
    }
}

/// The mark that binds an old item to the voucher that uses it: of kind `old_item`.
pub fn binding_mark(keys: &KeyRing, id: Uuid) -> MarkKey {
    mark(keys, "old_item", id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programme::{Flow, Source};

    fn item() -> OldItem {
        OldItem {
            id: Uuid::from_u128(1),
            recycler: Uuid::from_u128(2),
            store: None,
            class: "ebike".parse().unwrap(),
            owner: Some(Uuid::from_u128(3)),
            marks: Vec::new(),
            facts: OldFacts { battery: Some(Battery::Lead), ..OldFacts::default() },
            photos: Vec::new(),
            handed_over_on: "2026-01-05".parse().unwrap(),
            registered_at: "2026-01-05T02:00:00Z".parse().unwrap(),
            state: State::Registered,
            reason: None,
            version: 1,
        }
    }

    #[test]
    fn both_ends_are_final() {
        for end in [None, Some(RejectReason::ClassMismatch)] {
            let mut item = item();
            item.end(end).unwrap();
            assert_eq!((item.is_verified(), item.version), (end.is_none(), 2));
            assert!(item.end(None).is_err() && item.end(Some(RejectReason::PartsMissing)).is_err());
        }
    }

    #[test]
    fn only_the_claimant_is_named_as_owner() {
        let (owner, mut facts) = (Uuid::from_u128(3), Facts::new());
        item().facts(&mut facts, owner).unwrap();
        let own = Value::text(PersonId::from(owner).to_string());
        assert_eq!(facts.get(Fact::OldOwner), Some(&own));
        item().facts(&mut facts, Uuid::from_u128(4)).unwrap();
        assert_eq!(facts.get(Fact::OldOwner), Some(&Value::text("other")));
        OldItem { owner: None, ..item() }.facts(&mut facts, owner).unwrap();
        assert_eq!(facts.get(Fact::OldOwner), None);
        assert_eq!(facts.get(Fact::OldBattery), Some(&Value::text("lead")));
    }

    #[test]
    fn every_fact_of_this_source_has_its_slot() {
        let of_source = |fact: &&Fact| {
            fact.row().in_flow(Flow::Voucher).is_some_and(|(source, _)| source == Source::OldItem)
        };
        let table: Vec<Fact> = Fact::ALL.iter().filter(of_source).copied().collect();
        let slots = item().facts.slots().map(|(fact, _)| fact);
        assert!(table.iter().all(|fact| slots.contains(fact) || *fact == Fact::OldOwner));
        assert_eq!(table.len(), slots.len() + 1);
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::parse(reason.as_str()), Some(*reason));
            assert_eq!(json!(reason), json!(reason.as_str()));
        }
        for hash in ["", "AB", &"a".repeat(63), &"A".repeat(64), &"g".repeat(64)] {
            assert!(PhotoHash::try_from(hash.to_owned()).is_err(), "{hash}");
        }
    }
}
