//! The claims as they travel, and what they make of a caller.

use super::{Actor, LoginId, Standing};
use crate::identity::model::{OrganisationId, PersonId, StoreId};
use crate::identity::role::{Role, Scope};
use crate::kernel::time::Moment;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Claims of other names are ignored: an issuer may have its own. Those named here are read
/// strictly: a second one of the same name, or one of another type, refuses the token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    /// Seconds since 1970, whole. RFC 7519 would allow fractions; no issuer needs them.
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: String,
    #[serde(flatten)]
    pub caller: Caller,
}

/// The claims of this project.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Caller {
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrganisationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    #[serde(default, skip_serializing_if = "is_empty")]
    pub bureau: Scope,
}

fn is_empty(scope: &Scope) -> bool {
    scope.reaches().is_empty()
}

/// `aud`: one name or a list of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Audience::One(one) => one == name,
            Audience::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

impl Caller {
    /// What the role acts for, where exactly the claims that it needs are there.
    pub fn standing(&self) -> Option<Standing> {
        let reaches = self.bureau.reaches().len();
        match (self.person, self.org, self.store, reaches) {
            (Some(person), None, None, 0) if self.role == Role::Person => {
                Some(Standing::Person(person))
            }
            (None, Some(id), store, 0) if self.role.is_organisation() => {
                Some(Standing::Organisation { id, store })
            }
            (None, None, None, 1..=Scope::MOST) if self.role.is_official() => {
                Some(Standing::Official(self.bureau.clone()))
            }
            _ => None,
        }
    }
}

impl Claims {
    /// The caller, for claims whose signature, audience and times were found right.
    pub fn actor(self, key_id: Arc<str>) -> Option<Actor> {
        let named = |text: &str| (1..=255).contains(&text.len());
        if !named(&self.sub) || !named(&self.jti) {
            return None;
        }
        Some(Actor {
            role: self.caller.role,
            standing: self.caller.standing()?,
            login: login_of(&self.iss, &self.sub),
            token_id: self.jti,
            key_id,
            not_before: moment(self.nbf)?,
            expires: moment(self.exp)?,
        })
    }
}

fn moment(seconds: i64) -> Option<Moment> {
    DateTime::from_timestamp(seconds, 0)
}

/// The length of the issuer comes first, so that no two pairs give the same bytes.
fn login_of(iss: &str, sub: &str) -> LoginId {
    let mut digest = Sha256::new();
    digest.update((iss.len() as u64).to_be_bytes());
    digest.update(iss);
    digest.update(sub);
    let digest = digest.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    LoginId(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_claims_must_fit_the_role_exactly() {
        let person = "per_0_00000000000000000000000000000001";
        let org = "org_0_00000000000000000000000000000002";
        let store = "sto_0_00000000000000000000000000000003";
        let bureau = json!(["310000/appliance"]);
        for (claims, fits) in [
            (json!({"role": "person", "person": person}), true),
            (json!({"role": "person"}), false),
            (json!({"role": "person", "person": person, "org": org}), false),
            (json!({"role": "person", "person": person, "bureau": bureau}), false),
            (json!({"role": "person", "org": org}), false),
            (json!({"role": "retailer", "org": org}), true),
            (json!({"role": "retailer", "org": org, "store": store}), true),
            (json!({"role": "retailer", "store": store}), false),
            (json!({"role": "retailer", "person": person}), false),
            (json!({"role": "retailer", "org": org, "bureau": bureau}), false),
            (json!({"role": "recycler", "org": org}), true),
            (json!({"role": "dismantler", "org": org, "store": store}), true),
            (json!({"role": "real_name_provider", "org": org}), true),
            (json!({"role": "reviewer", "bureau": bureau}), true),
            (json!({"role": "reviewer"}), false),
            (json!({"role": "reviewer", "bureau": []}), false),
            (json!({"role": "finance", "bureau": bureau, "org": org}), false),
            (json!({"role": "auditor", "bureau": ["100000/*"]}), true),
            (json!({"role": "auditor", "bureau": vec!["310000/car"; 65]}), false),
        ] {
            let caller: Caller = serde_json::from_value(claims.clone()).unwrap();
            assert_eq!(caller.standing().is_some(), fits, "{claims}");
        }
    }

    #[test]
    fn a_login_is_one_subject_of_one_issuer() {
        assert_eq!(login_of("a", "b"), login_of("a", "b"));
        assert_ne!(login_of("a", "b"), login_of("b", "b"));
        assert_ne!(login_of("ab", "c"), login_of("a", "bc"));
    }
}
