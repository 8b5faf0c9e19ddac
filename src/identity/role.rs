//! What a caller may be, and for officials, where.

use crate::kernel::class::Class;
use crate::kernel::region::{BadRegion, Region};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a caller is. One token carries one role; who has two uses two tokens, so that every act
/// says in which role it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A natural person who claims, redeems and applies for itself.
    Person,
    /// A shop or platform that sells the new item.
    Retailer,
    /// Verifies and takes the old item.
    Recycler,
    /// A recycler of vehicles, which issues the certificate of scrapping (报废机动车回收证明).
    Dismantler,
    /// Looks at applications and doubtful redemptions before money moves.
    Reviewer,
    /// Opens budgets and pays; money needs two persons.
    Finance,
    /// Publishes programmes, admits organisations.
    ProgrammeAdmin,
    /// Reads everything in its scope, changes nothing, and is itself logged.
    Auditor,
    /// Registers people whose identity it has checked.
    RealNameProvider,
    /// A firm that applies for itself, known by its social credit code.
    Enterprise,
}

impl Role {
    pub const ALL: [Role; 10] = [
        Role::Person,
        Role::Retailer,
        Role::Recycler,
        Role::Dismantler,
        Role::Reviewer,
        Role::Finance,
        Role::ProgrammeAdmin,
        Role::Auditor,
        Role::RealNameProvider,
        Role::Enterprise,
    ];

    /// The word in tokens, settings and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Person => "person",
            Role::Retailer => "retailer",
            Role::Recycler => "recycler",
            Role::Dismantler => "dismantler",
            Role::Reviewer => "reviewer",
            Role::Finance => "finance",
            Role::ProgrammeAdmin => "programme_admin",
            Role::Auditor => "auditor",
            Role::RealNameProvider => "real_name_provider",
            Role::Enterprise => "enterprise",
        }
    }

    /// Whether it acts for a bureau, within a scope.
    pub fn is_official(self) -> bool {
        matches!(self, Role::Reviewer | Role::Finance | Role::ProgrammeAdmin | Role::Auditor)
    }

    /// Whether it acts for an organisation.
    pub fn is_organisation(self) -> bool {
        !self.is_official() && self != Role::Person
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a role is one of {}", Role::ALL.map(Role::as_str).join(", "))]
pub struct BadRole;

impl FromStr for Role {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Role, BadRole> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

/// One place and one family of goods, `310000/appliance`, or all families there, `310000/*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reach {
    pub region: Region,
    /// Nothing means every family.
    pub family: Option<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadReach {
    #[error("a scope is <region>/<family> or <region>/*, such as 310000/appliance")]
    Form,
    #[error(transparent)]
    Region(#[from] BadRegion),
}

impl FromStr for Reach {
    type Err = BadReach;
    fn from_str(text: &str) -> Result<Reach, BadReach> {
        let (region, family) = text.split_once('/').ok_or(BadReach::Form)?;
        let family = match family {
            "*" => None,
            // A family is a class of one segment.
            word => match word.parse::<Class>() {
                Ok(class) if class.family() == word => Some(word.to_owned()),
                _ => return Err(BadReach::Form),
            },
        };
        Ok(Reach { region: region.parse()?, family })
    }
}

impl TryFrom<String> for Reach {
    type Error = BadReach;
    fn try_from(text: String) -> Result<Reach, BadReach> {
        text.parse()
    }
}

impl From<Reach> for String {
    fn from(reach: Reach) -> String {
        reach.to_string()
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.family.as_deref().unwrap_or("*"))
    }
}

/// Where an official may act: the union of its reaches. The default reaches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Vec<Reach>);

impl Scope {
    /// A scope has at most this many reaches: it travels in every token.
    pub const MOST: usize = 64;

    pub fn new(reaches: Vec<Reach>) -> Scope {
        Scope(reaches)
    }

    pub fn reaches(&self) -> &[Reach] {
        &self.0
    }

    /// Whether it holds a book's region and family. A province's scope holds its cities; the
    /// nation's (`100000`) holds every place.
    pub fn covers(&self, region: Region, family: &str) -> bool {
        self.0.iter().any(|reach| {
            reach.region.contains(region) && reach.family.as_deref().is_none_or(|f| f == family)
        })
    }

    /// Whether it holds every family of a region, for what has no family, such as a person or an
    /// organisation as such.
    pub fn covers_region(&self, region: Region) -> bool {
        self.0.iter().any(|reach| reach.region.contains(region) && reach.family.is_none())
    }

    /// Whether any of it lies in or around a region, for lists that are filtered afterwards.
    pub fn touches(&self, region: Region) -> bool {
        let meets = |reach: &Reach| reach.region.contains(region) || region.contains(reach.region);
        self.0.iter().any(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::new(text.split_whitespace().map(|reach| reach.parse().unwrap()).collect())
    }

    #[test]
    fn a_scope_covers_its_places_and_families() {
        for (text, region, family, covers) in [
            ("310000/appliance", "310000", "appliance", true),
            ("310000/appliance", "310104", "appliance", true),
            ("310000/appliance", "310000", "car", false),
            ("310000/appliance", "320000", "appliance", false),
            ("320500/appliance", "320000", "appliance", false),
            ("320500/appliance", "320582", "appliance", true),
            ("310000/*", "310000", "car", true),
            ("100000/car", "650000", "car", true),
            ("100000/car", "650000", "ebike", false),
            ("310000/car 320500/ebike", "320500", "ebike", true),
            ("310000/car 320500/ebike", "310000", "ebike", false),
            ("", "310000", "car", false),
        ] {
            let covered = scope(text).covers(region.parse().unwrap(), family);
            assert_eq!(covered, covers, "{text}: {region}/{family}");
        }
        let shanghai = "310000".parse().unwrap();
        assert!(scope("310000/*").covers_region(shanghai));
        assert!(!scope("310000/car").covers_region(shanghai));
        assert!(scope("310104/car").touches(shanghai) && scope("100000/car").touches(shanghai));
        assert!(!scope("320000/*").touches(shanghai));
    }

    #[test]
    fn only_a_region_and_a_family_are_a_reach() {
        for bad in ["", "310000", "310000/", "/car", "31/car", "310000/car.scrap", "310000/CAR"] {
            assert!(bad.parse::<Reach>().is_err(), "{bad}");
        }
        for good in ["310000/appliance", "100000/*"] {
            assert_eq!(good.parse::<Reach>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn each_role_has_one_word_and_one_standing() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            let standings = [role == Role::Person, role.is_official(), role.is_organisation()];
            assert_eq!(standings.into_iter().filter(|s| *s).count(), 1, "{role}");
        }
        assert!("Person".parse::<Role>().is_err());
    }
}
