//! The cryptography of the people vault: finding an identity without storing it readably, and
//! storing it so that only its own place can open it.
//!
//! **Digest.** An identity number has few possible values, so a plain hash could be tried out; the
//! digest is keyed. It carries the version of its key; a look-up tries every version.
//!
//! **Ciphertext.** XChaCha20-Poly1305 with a random nonce of 24 bytes, so that no counter must be
//! kept. The envelope is `1` (its form), key version (2 bytes), nonce, ciphertext with tag. Table,
//! row, column and version are authenticated with it: a ciphertext that is copied to another row
//! or column, or given another version, does not open.
//!
//! **Rotation.** [`Vault::rewrap`] moves a ciphertext to the current key; the digest is made anew
//! from the opened value, because nobody can turn one digest into another.

use crate::infra::keys::{Digest, KeyRing, KeyVersion, Purpose};
use crate::kernel::identifier::Identifier;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::RngExt;
use secrecy::zeroize::Zeroizing;
use std::sync::Arc;
use uuid::Uuid;

/// The form of the envelope.
const FORM: u8 = 1;
const NONCE: usize = 24;
const HEAD: usize = 1 + 2 + NONCE;
const TAG: usize = 16;

/// A keyed digest of an identity, and the version of the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    pub version: KeyVersion,
    pub digest: Digest,
}

/// The one cell that a ciphertext belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub table: &'a str,
    pub row: Uuid,
    pub column: &'a str,
}

/// Why a ciphertext does not open. It says nothing about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sealed {
    #[error("not an envelope of the vault")]
    Form,
    #[error("sealed under key version {0}, which is not on the key ring")]
    Retired(KeyVersion),
    #[error("changed, or not of this place")]
    Tampered,
    #[error("not text")]
    NotText,
}

/// Seals, opens and finds. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Vault {
    keys: Arc<KeyRing>,
}

impl Vault {
    pub fn new(keys: Arc<KeyRing>) -> Vault {
        Vault { keys }
    }

    /// The digest to store beside a new row, under the current key.
    pub fn lookup<I: Identifier>(&self, identity: &I) -> Lookup {
        let (version, key) = self.keys.current(Purpose::Lookup);
        Lookup { version, digest: key.digest(&canonical(identity)) }
    }

    /// The digests that a stored row of this identity may have, the current version first.
    pub fn lookups<I: Identifier>(&self, identity: &I) -> Vec<Lookup> {
        let message = canonical(identity);
        let keys = self.keys.all(Purpose::Lookup);
        keys.map(|(version, key)| Lookup { version, digest: key.digest(&message) }).collect()
    }

    /// Seals a text for one place, under the current key.
    pub fn seal(&self, place: Place<'_>, clear: &str) -> Vec<u8> {
        let (version, key) = self.keys.current(Purpose::Vault);
        let nonce: [u8; NONCE] = rand::rng().random();
        let mut envelope = Vec::with_capacity(HEAD + clear.len() + TAG);
        envelope.push(FORM);
        envelope.extend_from_slice(&version.to_be_bytes());
        envelope.extend_from_slice(&nonce);
        let aad = place.bound_to(version);
        let sealed = XChaCha20Poly1305::new(key.expose().into())
            .encrypt(&XNonce::from(nonce), Payload { msg: clear.as_bytes(), aad: &aad })
            .expect("a text is far below the cipher's limit of 256 GiB");
        envelope.extend_from_slice(&sealed);
        envelope
    }

    /// Opens what was sealed for this place. Every call needs an audited reason; that is the
    /// caller's part.
    pub fn open(&self, place: Place<'_>, envelope: &[u8]) -> Result<Zeroizing<String>, Sealed> {
        let version = version_of(envelope)?;
        let key = self.keys.of(Purpose::Vault, version).ok_or(Sealed::Retired(version))?;
        let nonce: [u8; NONCE] = envelope[3..HEAD].try_into().map_err(|_| Sealed::Form)?;
        let aad = place.bound_to(version);
        let clear = XChaCha20Poly1305::new(key.expose().into())
            .decrypt(&XNonce::from(nonce), Payload { msg: &envelope[HEAD..], aad: &aad })
            .map_err(|_| Sealed::Tampered)?;
        String::from_utf8(clear).map(Zeroizing::new).map_err(|_| Sealed::NotText)
    }

    /// The same text under the current key; nothing when it already is.
    pub fn rewrap(&self, place: Place<'_>, envelope: &[u8]) -> Result<Option<Vec<u8>>, Sealed> {
        if version_of(envelope)? == self.keys.current(Purpose::Vault).0 {
            return Ok(None);
        }
        let clear = self.open(place, envelope)?;
        Ok(Some(self.seal(place, &clear)))
    }
}

impl Place<'_> {
    /// What is authenticated with the ciphertext. Lengths come first, so that no two places give
    /// the same bytes.
    fn bound_to(&self, version: KeyVersion) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&version.to_be_bytes());
        for part in [self.table.as_bytes(), self.row.as_bytes(), self.column.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// The key version that an envelope names; it is believed only once the envelope opens.
pub fn version_of(envelope: &[u8]) -> Result<KeyVersion, Sealed> {
    match envelope {
        [FORM, high, low, rest @ ..] if rest.len() >= NONCE + TAG => {
            Ok(KeyVersion::from_be_bytes([*high, *low]))
        }
        _ => Err(Sealed::Form),
    }
}

fn canonical<I: Identifier>(identity: &I) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(I::KIND.as_bytes().to_vec());
    message.push(0);
    message.extend_from_slice(identity.reveal().as_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::keys::KeySettings;
    use crate::kernel::identifier::{IdNumber, Mobile, Serial};
    use std::collections::BTreeMap;

    fn vault(versions: &[KeyVersion]) -> Vault {
        let master: BTreeMap<_, _> =
            versions.iter().map(|v| (*v, hex::encode([*v as u8; 32]))).collect();
        let settings = KeySettings { master, ..KeySettings::sandbox() };
        Vault::new(Arc::new(KeyRing::load(&settings, true).unwrap()))
    }

    fn place() -> Place<'static> {
        Place { table: "person", row: Uuid::from_u128(7), column: "id_number" }
    }

    #[test]
    fn opens_at_its_own_place_only() {
        let vault = vault(&[1]);
        let envelope = vault.seal(place(), "11010519491231002X");
        assert_eq!(vault.open(place(), &envelope).unwrap().as_str(), "11010519491231002X");
        for other in [
            Place { table: "person_name", ..place() },
            Place { row: Uuid::from_u128(8), ..place() },
            Place { column: "name", ..place() },
            // The same bytes cut elsewhere.
            Place { table: "perso", row: place().row, column: "nid_number" },
        ] {
            assert_eq!(vault.open(other, &envelope).unwrap_err(), Sealed::Tampered, "{other:?}");
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let vault = vault(&[1, 2]);
        let envelope = vault.seal(place(), "张三");
        for place_of_bit in 0..envelope.len() * 8 {
            let mut changed = envelope.clone();
            changed[place_of_bit / 8] ^= 1 << (place_of_bit % 8);
            assert!(vault.open(place(), &changed).is_err(), "bit {place_of_bit}");
        }
        for length in 0..envelope.len() {
            assert!(vault.open(place(), &envelope[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn the_same_text_never_gives_the_same_envelope() {
        let vault = vault(&[1]);
        let (one, other) = (vault.seal(place(), "x"), vault.seal(place(), "x"));
        assert_ne!(one, other);
        assert_ne!(one[3..HEAD], other[3..HEAD], "a nonce is used once");
    }

    #[test]
    fn rotation_loses_nothing() {
        let (old, both, new) = (vault(&[1]), vault(&[1, 2]), vault(&[2]));
        let person = IdNumber::synthetic(42);
        let stored = (old.lookup(&person), old.seal(place(), person.reveal()));
        assert!(both.lookups(&person).contains(&stored.0), "an old row is still found");
        assert_eq!(both.lookup(&person).version, 2);
        assert_eq!(both.lookups(&person)[0], both.lookup(&person), "current version first");
        let moved = both.rewrap(place(), &stored.1).unwrap().expect("it was under version 1");
        assert_eq!(version_of(&moved), Ok(2));
        assert_eq!(both.rewrap(place(), &moved).unwrap(), None, "a second pass does nothing");
        assert_eq!(new.open(place(), &moved).unwrap().as_str(), person.reveal());
        assert_eq!(new.open(place(), &stored.1).unwrap_err(), Sealed::Retired(1));
        assert_eq!(new.lookups(&person), [both.lookup(&person)]);
    }

    #[test]
    fn a_digest_depends_on_key_kind_and_value() {
        let vault = vault(&[1]);
        let mobile = Mobile::synthetic(1);
        let serial: Serial = mobile.reveal().parse().unwrap();
        assert_ne!(vault.lookup(&mobile), vault.lookup(&serial), "kinds never meet");
        assert_ne!(vault.lookup(&mobile), vault.lookup(&Mobile::synthetic(2)));
        let same: Mobile = "+86 199-0000-0001".parse().unwrap();
        assert_eq!(vault.lookup(&mobile), vault.lookup(&same), "one person, one digest");
        assert_ne!(vault.lookup(&mobile).digest, self::vault(&[2]).lookup(&mobile).digest);
    }
}
