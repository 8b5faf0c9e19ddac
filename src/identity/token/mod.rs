//! Bearer access tokens: JWT signed by an issuer that this deployment trusts (RFC 7519, RFC 9068,
//! with the advice of RFC 8725).
//!
//! **What is believed, in order.** The header's `kid` only chooses an entry of the local key map;
//! the entry fixes algorithm, issuer and the roles that the issuer may give. Header members that
//! point to keys elsewhere (`jku`, `x5u`, `jwk`, `x5c`) or change the form (`crit`, `zip`, `enc`,
//! `cty`) refuse the token. Then signature, audience, the times, and last what the claims say of
//! the caller, which must fit the role exactly: a person token with an organisation in it comes
//! from a confused issuer.
//!
//! | claim | meaning |
//! | --- | --- |
//! | `iss`, `aud`, `sub`, `jti` | required; `aud` may be a list; `sub` is the login at the issuer |
//! | `exp`, `nbf`, `iat` | required whole seconds; life at most the setting's |
//! | `role` | one word of [`Role`] |
//! | `person` | `per_0_…`, of a person |
//! | `org`, `store` | `org_0_…` of an organisation, `sto_0_…` where it acts for one store |
//! | `bureau` | `["310000/appliance"]`, of an official: where it may act |
//!
//! **Time** is the real one, also in a sandbox whose books live in another year: a token is a key
//! to the door today.
//!
//! **Cost.** A first look costs an Ed25519 verification (27 µs), later ones a SHA-256 and a map
//! look-up. The cache holds only verified tokens; times and revocation are judged after it, each
//! time.

mod cache;
mod claims;
mod mint;
mod revoked;
mod settings;
mod supposed;
mod verify;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod attacks_on_claims;

pub use mint::{BadGrant, BadKeyFile, Grant, Mint, SANDBOX_ISSUER};
pub use revoked::{BadRevocations, Revoked, RevokedFile};
pub use settings::{BadTokenSettings, KeyAlgorithm, TokenKey, TokenSettings, keys_of_file};
pub use supposed::supposed_person;
pub use verify::{TokenRefused, Verifier};

use super::model::{OrganisationId, PersonId, StoreId};
use super::role::{Role, Scope};
use crate::kernel::time::Moment;
use std::fmt;
use std::sync::Arc;

/// Who is asking, as a verified token says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub role: Role,
    pub standing: Standing,
    /// The login behind the token: what "two different persons" is judged by.
    pub login: LoginId,
    /// The token's own id, for revocation and the audit trail.
    pub token_id: String,
    /// The key that signed it.
    pub key_id: Arc<str>,
    pub not_before: Moment,
    pub expires: Moment,
}

/// What a role acts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Person(PersonId),
    Organisation { id: OrganisationId, store: Option<StoreId> },
    Official(Scope),
}

/// One login at one issuer: 16 bytes of SHA-256 over `iss` and `sub`. The subject itself, which
/// an issuer may have made from a name or a telephone number, is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId([u8; 16]);

/// Whom an idempotency key belongs to, and whom an entry names as its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    Person(PersonId),
    Organisation(OrganisationId),
    /// An official acts under its own login, not under an organisation.
    Official(LoginId),
}

impl Actor {
    pub fn principal(&self) -> Principal {
        match &self.standing {
            Standing::Person(id) => Principal::Person(*id),
            Standing::Organisation { id, .. } => Principal::Organisation(*id),
            Standing::Official(_) => Principal::Official(self.login),
        }
    }
}

impl LoginId {
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl From<[u8; 16]> for LoginId {
    fn from(bytes: [u8; 16]) -> LoginId {
        LoginId(bytes)
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "login_{}", hex::encode(self.0))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Person(id) => id.fmt(f),
            Principal::Organisation(id) => id.fmt(f),
            Principal::Official(id) => id.fmt(f),
        }
    }
}
