//! Whose tokens are believed: the key map, and the limits on what they may say.

use super::SANDBOX_ISSUER;
use crate::identity::role::Role;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most that clocks of issuer and service may differ, in seconds.
const MOST_LEEWAY: u32 = 30;
/// The longest life of a token in service, in seconds. A sandbox's may live for a month.
const MOST_LIFE: u32 = 3_600;
const MOST_LIFE_IN_SANDBOX: u32 = 31 * 86_400;

/// How a key signs. Symmetric algorithms are not offered: who can check a token could make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDSA,
    /// ECDSA on P-256 with SHA-256 (RFC 7518).
    ES256,
}

impl KeyAlgorithm {
    pub(super) fn pinned(self) -> Algorithm {
        match self {
            KeyAlgorithm::EdDSA => Algorithm::EdDSA,
            KeyAlgorithm::ES256 => Algorithm::ES256,
        }
    }
}

/// A public key of an issuer, and what it is trusted to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// The name by which a token's header chooses it.
    pub kid: String,
    pub algorithm: KeyAlgorithm,
    /// What `iss` must be.
    pub issuer: String,
    /// The roles that this issuer may give: the citizens' app makes no finance officers.
    pub roles: Vec<Role>,
    /// PEM, `-----BEGIN PUBLIC KEY-----`.
    pub public_key: String,
}

/// Everything that decides which tokens are accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// This deployment's name in `aud`.
    pub audience: String,
    /// Seconds that the issuers' clocks may be off; at most 30.
    #[serde(default = "ten")]
    pub leeway: u32,
    /// The longest life of a token, in seconds from `iat` to `exp`; at most an hour.
    #[serde(default = "ten_minutes")]
    pub longest_life: u32,
    pub keys: Vec<TokenKey>,
}

fn ten() -> u32 {
    10
}

fn ten_minutes() -> u32 {
    600
}

impl TokenSettings {
    /// The settings of a deployment: these keys, and the usual life and leeway.
    pub fn of(audience: &str, keys: Vec<TokenKey>) -> TokenSettings {
        let (leeway, longest_life) = (ten(), ten_minutes());
        TokenSettings { audience: audience.to_owned(), leeway, longest_life, keys }
    }

    /// The same keys with the life that a sandbox's tokens may have: `tradein token` makes them
    /// for an hour and more.
    pub fn of_sandbox(audience: &str, keys: Vec<TokenKey>) -> TokenSettings {
        let longest_life = MOST_LIFE_IN_SANDBOX;
        TokenSettings { longest_life, ..TokenSettings::of(audience, keys) }
    }

    /// The settings of a sandbox that trusts the key of `tradein token` alone.
    pub fn sandbox(audience: &str, key: TokenKey) -> TokenSettings {
        TokenSettings::of_sandbox(audience, vec![key])
    }
}

/// The trusted keys as a file of their own: `[[key]]` with the fields of [`TokenKey`]. It holds
/// no secret.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    key: Vec<TokenKey>,
}

/// Reads the trusted keys from the text of such a file.
///
/// # Errors
/// What is wrong with the file and where, in one sentence.
pub fn keys_of_file(text: &str) -> Result<Vec<TokenKey>, BadTokenSettings> {
    let file = toml::from_str::<KeysFile>(text);
    file.map(|file| file.key).map_err(|error| BadTokenSettings::File(error.message().to_owned()))
}

/// Why the settings of tokens are refused; one sentence for the operator.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTokenSettings {
    #[error("the file of token keys cannot be read: {0}")]
    File(String),
    #[error("tokens.audience is empty")]
    NoAudience,
    #[error("tokens.leeway is {0} s; at most 30")]
    Leeway(u32),
    #[error("tokens.longest_life is {0} s; from 60 to {1}")]
    Life(u32, u32),
    #[error("tokens.keys is empty: nobody could sign in")]
    NoKeys,
    #[error("tokens.keys has {0:?} twice, or without a name of 1 to 128 characters")]
    Kid(String),
    #[error("tokens.keys {kid:?}: {flaw}")]
    Key { kid: String, flaw: &'static str },
}

/// A key ready for use.
pub(super) struct ReadyKey {
    pub kid: Arc<str>,
    pub algorithm: Algorithm,
    pub issuer: String,
    pub roles: Vec<Role>,
    pub key: DecodingKey,
}

/// The settings, checked.
pub(super) struct Ready {
    pub audience: String,
    pub leeway: TimeDelta,
    pub longest_life: i64,
    pub keys: BTreeMap<Arc<str>, ReadyKey>,
}

/// Checks every setting. Outside a sandbox its well-known issuer is refused, so that a demo's
/// key file cannot open a real deployment.
pub(super) fn ready(settings: TokenSettings, sandbox: bool) -> Result<Ready, BadTokenSettings> {
    let longest = if sandbox { MOST_LIFE_IN_SANDBOX } else { MOST_LIFE };
    if settings.audience.is_empty() {
        return Err(BadTokenSettings::NoAudience);
    }
    if settings.leeway > MOST_LEEWAY {
        return Err(BadTokenSettings::Leeway(settings.leeway));
    }
    if !(60..=longest).contains(&settings.longest_life) {
        return Err(BadTokenSettings::Life(settings.longest_life, longest));
    }
    if settings.keys.is_empty() {
        return Err(BadTokenSettings::NoKeys);
    }
    let mut keys = BTreeMap::new();
    for key in settings.keys {
        let kid: Arc<str> = key.kid.as_str().into();
        if !(1..=128).contains(&kid.len()) || keys.contains_key(&kid) {
            return Err(BadTokenSettings::Kid(key.kid));
        }
        let ready = ready_key(&key, kid.clone(), sandbox)
            .map_err(|flaw| BadTokenSettings::Key { kid: key.kid, flaw })?;
        keys.insert(kid, ready);
    }
    Ok(Ready {
        audience: settings.audience,
        leeway: TimeDelta::seconds(settings.leeway.into()),
        longest_life: settings.longest_life.into(),
        keys,
    })
}

fn ready_key(key: &TokenKey, kid: Arc<str>, sandbox: bool) -> Result<ReadyKey, &'static str> {
    if key.issuer.is_empty() {
        return Err("issuer is empty");
    }
    if key.issuer == SANDBOX_ISSUER && !sandbox {
        return Err("is of the sandbox's issuer, whose key anybody may hold");
    }
    if key.roles.is_empty() {
        return Err("roles is empty: its tokens could do nothing");
    }
    let pem = key.public_key.as_bytes();
    // A private key in PEM would be read as readily, and show that it was copied to where it
    // must not be.
    if !key.public_key.contains("BEGIN PUBLIC KEY") {
        return Err("public_key is not a PEM public key");
    }
    let decoded = match key.algorithm {
        KeyAlgorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        KeyAlgorithm::ES256 => DecodingKey::from_ec_pem(pem),
    };
    let decoded = decoded.map_err(|_| "public_key is not a key of this algorithm")?;
    let bytes = decoded.try_get_as_bytes().unwrap_or_default();
    let strong = match key.algorithm {
        KeyAlgorithm::EdDSA => bytes
            .try_into()
            .ok()
            .and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).ok())
            .is_some_and(|key| !key.is_weak()),
        // An uncompressed point of P-256; P-384 would be longer.
        KeyAlgorithm::ES256 => bytes.len() == 65 && bytes[0] == 4,
    };
    if !strong {
        return Err("public_key is not a point of the algorithm's curve, or a weak one");
    }
    let (issuer, roles) = (key.issuer.clone(), key.roles.clone());
    Ok(ReadyKey { kid, algorithm: key.algorithm.pinned(), issuer, roles, key: decoded })
}

#[cfg(test)]
mod tests {
    use super::super::Mint;
    use super::*;

    fn good() -> TokenSettings {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let key = TokenKey { issuer: "https://id.example".into(), ..mint.trusted() };
        TokenSettings { longest_life: 600, ..TokenSettings::sandbox("tradein", key) }
    }

    #[test]
    fn weak_settings_are_refused_with_one_sentence() {
        assert!(ready(good(), false).is_ok());
        type Change = fn(&mut TokenSettings);
        let small_order = "-----BEGIN PUBLIC KEY-----\n\
            MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
            -----END PUBLIC KEY-----\n";
        let changes: [(Change, &str); 13] = [
            (|s| s.audience.clear(), "audience"),
            (|s| s.leeway = 31, "leeway"),
            (|s| s.longest_life = 0, "longest_life"),
            (|s| s.longest_life = 3_601, "longest_life"),
            (|s| s.keys.clear(), "nobody"),
            (|s| s.keys.push(s.keys[0].clone()), "twice"),
            (|s| s.keys[0].kid.clear(), "name"),
            (|s| s.keys[0].issuer.clear(), "issuer"),
            (|s| s.keys[0].issuer = SANDBOX_ISSUER.into(), "sandbox"),
            (|s| s.keys[0].roles.clear(), "roles"),
            (|s| s.keys[0].public_key.clear(), "PEM"),
            (|s| s.keys[0].public_key = Mint::generate_pem().to_string(), "PEM public"),
            (|s| s.keys[0].algorithm = KeyAlgorithm::ES256, "algorithm"),
        ];
        for (change, says) in changes {
            let mut settings = good();
            change(&mut settings);
            let error = ready(settings, false).err().expect(says).to_string();
            assert!(error.contains(says), "{error}");
        }
        let mut weak = good();
        weak.keys[0].public_key = small_order.to_owned();
        assert!(ready(weak, true).err().expect("weak").to_string().contains("weak"));
    }
}
