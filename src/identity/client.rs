//! The client-credentials grant (RFC 6749, section 4.4) of a sandbox: a program shows its id and
//! secret and gets a short token. In service, tokens come from issuers outside.

use super::token::{BadGrant, Caller, Grant, Mint};
use crate::kernel::time::Moment;
use chrono::TimeDelta;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How long such a token lives.
const LIFE: TimeDelta = TimeDelta::minutes(10);

/// A program that may ask for tokens.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientSettings {
    /// SHA-256 of the secret, in hex. A secret is 32 random bytes or more, so a plain digest
    /// cannot be tried out.
    pub secret_sha256: String,
    /// The claims that its tokens carry: role, and person, org, store or bureau.
    #[serde(flatten)]
    pub caller: Caller,
}

/// Why no token was given. Which of id and secret was wrong is not told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    #[error("no such client, or another secret")]
    Client,
    #[error(transparent)]
    Grant(#[from] BadGrant),
}

/// Gives tokens to the clients of a sandbox.
pub struct Clients {
    mint: Mint,
    clients: BTreeMap<String, ClientSettings>,
}

/// A new token and its life in seconds.
pub struct Given {
    pub token: String,
    pub seconds: i64,
}

impl Clients {
    /// Clients by their id.
    pub fn new(mint: Mint, clients: BTreeMap<String, ClientSettings>) -> Clients {
        Clients { mint, clients }
    }

    /// A token for who knows the secret.
    pub fn give(&self, id: &str, secret: &str, now: Moment) -> Result<Given, NoToken> {
        let client = self.clients.get(id).ok_or(NoToken::Client)?;
        let shown = hex::encode(Sha256::digest(secret));
        let expected = client.secret_sha256.to_ascii_lowercase();
        if !bool::from(shown.as_bytes().ct_eq(expected.as_bytes())) {
            return Err(NoToken::Client);
        }
        let standing = client.caller.standing().ok_or(BadGrant::Standing)?;
        let grant = Grant { role: client.caller.role, standing, login: format!("client:{id}") };
        let token = self.mint.issue(&grant, now, LIFE, Uuid::now_v7())?;
        Ok(Given { token, seconds: LIFE.num_seconds() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::role::Role;
    use super::super::token::{TokenSettings, Verifier};
    use super::*;
    use chrono::Utc;

    #[test]
    fn only_the_secret_gives_a_token_and_only_of_the_client() {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let settings = TokenSettings::sandbox("tradein", mint.trusted());
        let verifier = Verifier::new(settings, true).unwrap();
        let text = format!(
            "[till]\nsecret_sha256 = \"{}\"\nrole = \"retailer\"\norg = \"org_0_{:032x}\"\n\
             [odd]\nsecret_sha256 = \"{}\"\nrole = \"retailer\"\n",
            hex::encode_upper(Sha256::digest("till secret")),
            7,
            hex::encode(Sha256::digest("odd secret")),
        );
        let clients = Clients::new(mint, toml::from_str(&text).unwrap());
        let now = Utc::now();
        let given = clients.give("till", "till secret", now).unwrap();
        assert_eq!(verifier.verify(&given.token, now).unwrap().role, Role::Retailer);
        assert_eq!(given.seconds, 600);
        for (id, secret, error) in [
            ("till", "odd secret", NoToken::Client),
            ("till", "", NoToken::Client),
            ("", "till secret", NoToken::Client),
            ("nobody", "till secret", NoToken::Client),
            ("odd", "odd secret", NoToken::Grant(BadGrant::Standing)),
        ] {
            assert_eq!(clients.give(id, secret, now).err(), Some(error), "{id}");
        }
    }
}
