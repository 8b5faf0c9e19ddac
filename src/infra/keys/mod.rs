//! The key ring: a few master secrets, and a key of its own for every purpose.
//!
//! A master secret is 32 random bytes and never used directly. Each purpose has a subkey by
//! HKDF-Expand (RFC 5869) with HMAC-SHA256, so that one that leaks says nothing about the others,
//! and a digest made for one purpose never equals one made for another.
//!
//! Masters have versions. A new one is added to all instances first and made `current` later; old
//! ones stay until nothing is stored under them. What is stored carries its version; a digest by
//! which rows are found is looked for under every version. The `bucket` secret stands apart and
//! is **never** rotated: the first column of every register is made from it, so another bucket
//! secret would lose every quota and mark. It protects nothing by itself.

mod secret;

pub use secret::{BadSecret, write_secret_file};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use secret::Trust;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use subtle::ConstantTimeEq;

/// The version of a master secret, from 1; stored beside everything that was made under it.
pub type KeyVersion = u16;

/// An HMAC-SHA256.
pub type Digest = [u8; 32];

/// What a subkey is for. The text enters the derivation: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Finding a person, card or firm by a digest of its identity.
    Lookup,
    /// Encryption of the people vault.
    Vault,
    /// Finding a voucher by a digest of its code.
    VoucherCode,
    /// Naming a person in Redis without its id.
    RedisTag,
    /// Signing page cursors, so that a client cannot forge one.
    Cursor,
    /// Signing the published logs (the secret of an Ed25519 key).
    Log,
    /// Proving that a form of a page is one of ours.
    Form,
}

impl Purpose {
    pub const ALL: [Purpose; 7] = {
        use Purpose::{Cursor, Form, Log, Lookup, RedisTag, Vault, VoucherCode};
        [Lookup, Vault, VoucherCode, RedisTag, Cursor, Log, Form]
    };

    fn label(self) -> &'static str {
        match self {
            Purpose::Lookup => "lookup",
            Purpose::Vault => "vault",
            Purpose::VoucherCode => "voucher-code",
            Purpose::RedisTag => "redis-tag",
            Purpose::Cursor => "cursor",
            Purpose::Log => "log",
            Purpose::Form => "form",
        }
    }
}

/// Where the master secrets are, as the settings say it.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// Version to source: `file:/run/secrets/tradein-1` or `env:TRADEIN_MASTER_1`, whose content
    /// is 32 bytes in hex or base64. A sandbox may also write the text itself.
    #[serde(deserialize_with = "by_version")]
    pub master: BTreeMap<KeyVersion, String>,
    /// The version that new things are made under; by default the highest.
    pub current: Option<KeyVersion>,
    /// The source of the bucket secret.
    pub bucket: String,
}

/// TOML and environment variables have text where a map has its keys.
fn by_version<'de, D: Deserializer<'de>>(
    source: D,
) -> Result<BTreeMap<KeyVersion, String>, D::Error> {
    let number = |(key, value): (String, String)| match key.parse::<KeyVersion>() {
        Ok(version) if version > 0 => Ok((version, value)),
        _ => Err(D::Error::custom("a key version is a number from 1 to 65535")),
    };
    BTreeMap::<String, String>::deserialize(source)?.into_iter().map(number).collect()
}

impl fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A source may be the secret itself.
        let versions: Vec<_> = self.master.keys().collect();
        write!(f, "KeySettings {{ master: {versions:?}, current: {:?} }}", self.current)
    }
}

impl KeySettings {
    /// Secrets that everybody knows, for a sandbox without a data folder, and for tests.
    /// [`KeyRing::load`] refuses them outside a sandbox.
    pub fn sandbox() -> KeySettings {
        let master = BTreeMap::from([(1, secret::sandbox_text("master 1"))]);
        KeySettings { master, current: None, bucket: secret::sandbox_text("bucket") }
    }
}

/// Why the key ring cannot be made; one sentence for the operator, without any secret.
#[derive(Debug, thiserror::Error)]
pub enum BadKeys {
    #[error("the key file {path} cannot be read: {why}")]
    File { path: String, why: String },
    #[error("the settings name no master secret: set keys.master.1")]
    NoMaster,
    #[error("keys.current is {0}, but keys.master.{0} is not set")]
    NoSuchVersion(KeyVersion),
    #[error("keys.{name} {flaw}")]
    Secret { name: String, flaw: BadSecret },
    #[error("keys.{0} and keys.{1} are the same secret: make each with `openssl rand -hex 32`")]
    Twice(String, String),
}

/// A key for one purpose under one master version.
#[derive(Clone)]
pub struct SubKey(Zeroizing<[u8; 32]>);

impl SubKey {
    /// A key that another key's digest is.
    pub fn of(digest: Digest) -> SubKey {
        SubKey(Zeroizing::new(digest))
    }

    /// HMAC-SHA256 of a message. Callers that join several parts give each its length or a
    /// separator that cannot stand in it.
    pub fn digest(&self, message: &[u8]) -> Digest {
        mac(self.expose(), &[message])
    }

    /// Whether a digest is that of the message, in time that does not depend on where they differ.
    pub fn verify(&self, message: &[u8], digest: &[u8]) -> bool {
        self.digest(message).ct_eq(digest).into()
    }

    /// The key's bytes, for a cipher.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubKey(***)")
    }
}

/// All keys of a deployment. Made once at the start and shared.
#[derive(Debug)]
pub struct KeyRing {
    current: KeyVersion,
    subkeys: BTreeMap<(Purpose, KeyVersion), SubKey>,
    bucket: SubKey,
}

impl KeyRing {
    /// Reads every secret and derives the subkeys.
    ///
    /// # Errors
    /// A secret is missing, not 32 bytes, or two are the same; outside a `sandbox` also one that
    /// is written in the settings themselves, looks typed by hand, or is a sandbox's.
    pub fn load(settings: &KeySettings, sandbox: bool) -> Result<KeyRing, BadKeys> {
        KeyRing::build(settings, Trust { literal: sandbox, weak: sandbox })
    }

    /// Reads a key file: TOML with the fields of [`KeySettings`], as [`new_key_file`] writes it.
    /// Its secrets may stand in it, since it holds nothing else.
    ///
    /// # Errors
    /// As [`KeyRing::load`], and when the file cannot be read.
    pub fn from_file(path: &Path, sandbox: bool) -> Result<KeyRing, BadKeys> {
        let unreadable = |why: &str| {
            let (path, why) = (path.display().to_string(), why.to_owned());
            BadKeys::File { path, why }
        };
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(&e.to_string()))?;
        let text = Zeroizing::new(text);
        // The message alone: with its excerpt the error would show the line, secret and all.
        let settings =
            toml::from_str(&text).map_err(|error: toml::de::Error| unreadable(error.message()))?;
        KeyRing::build(&settings, Trust { literal: true, weak: sandbox })
    }

    fn build(settings: &KeySettings, trust: Trust) -> Result<KeyRing, BadKeys> {
        let read = |name: String, source: &str| match secret::read(source, trust) {
            Ok(bytes) => Ok((name, bytes)),
            Err(flaw) => Err(BadKeys::Secret { name, flaw }),
        };
        let highest = *settings.master.keys().next_back().ok_or(BadKeys::NoMaster)?;
        let current = settings.current.unwrap_or(highest);
        if !settings.master.contains_key(&current) {
            return Err(BadKeys::NoSuchVersion(current));
        }
        let mut secrets = vec![read("bucket".to_owned(), &settings.bucket)?];
        let mut subkeys = BTreeMap::new();
        for (version, source) in &settings.master {
            let (name, master) = read(format!("master.{version}"), source)?;
            for purpose in Purpose::ALL {
                subkeys.insert((purpose, *version), derive(&master, purpose.label()));
            }
            secrets.push((name, master));
        }
        for (place, (name, secret)) in secrets.iter().enumerate() {
            if let Some((other, _)) = secrets[..place].iter().find(|(_, s)| *s == *secret) {
                return Err(BadKeys::Twice(other.clone(), name.clone()));
            }
        }
        Ok(KeyRing { current, subkeys, bucket: derive(&secrets[0].1, "bucket") })
    }

    /// The ring of [`KeySettings::sandbox`].
    pub fn sandbox() -> KeyRing {
        KeyRing::load(&KeySettings::sandbox(), true).expect("the sandbox's secrets are well formed")
    }

    /// The version and key that new things are made under.
    pub fn current(&self, purpose: Purpose) -> (KeyVersion, &SubKey) {
        (self.current, &self.subkeys[&(purpose, self.current)])
    }

    /// The key of a version that something was stored under; nothing when it was retired.
    pub fn of(&self, purpose: Purpose, version: KeyVersion) -> Option<&SubKey> {
        self.subkeys.get(&(purpose, version))
    }

    /// Every version, the current one first: the order in which to look for a digest.
    pub fn all(&self, purpose: Purpose) -> impl Iterator<Item = (KeyVersion, &SubKey)> {
        let older = self.subkeys.range((purpose, 0)..=(purpose, KeyVersion::MAX)).rev();
        let older = older.map(|((_, version), key)| (*version, key));
        std::iter::once(self.current(purpose)).chain(older.filter(|(v, _)| *v != self.current))
    }

    /// The never-rotated digest of a person or thing that registers are keyed by. `kind` keeps
    /// kinds apart (`person`, `new_serial`, …).
    pub fn bucket_digest(&self, kind: &str, value: &[u8]) -> Digest {
        mac(self.bucket.expose(), &[kind.as_bytes(), &[0], value])
    }
}

/// The text of a new key file, with fresh secrets of version 1.
pub fn new_key_file() -> Zeroizing<String> {
    let (bucket, master) = (secret::fresh_text(), secret::fresh_text());
    Zeroizing::new(format!(
        "# The secrets of one deployment. Keep a copy, apart from the backups of its database:\n\
         # without them the vault cannot be read and no quota can be found.\n\
         # To rotate, add `2 = ...` here, restart every instance, then set current = 2.\n\
         current = 1\n\
         # Never change the bucket secret: registers are keyed by it.\n\
         bucket = \"{}\"\n\n[master]\n1 = \"{}\"\n",
        bucket.as_str(),
        master.as_str()
    ))
}

/// The bucket of a digest: its first 12 bits, 0 to 4095.
pub fn bucket_of(digest: &Digest) -> u16 {
    u16::from_be_bytes([digest[0], digest[1]]) >> 4
}

/// The first 32 bytes of HKDF-Expand with SHA-256 (RFC 5869, section 2.3), where the master
/// secret is the pseudorandom key.
fn derive(master: &[u8; 32], purpose: &str) -> SubKey {
    SubKey(Zeroizing::new(mac(master, &[b"tradein ", purpose.as_bytes(), &[1]])))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
