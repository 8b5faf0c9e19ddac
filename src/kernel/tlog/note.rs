//! Signed notes (C2SP signed-note) with Ed25519 signatures, and the cosignatures of witnesses
//! (C2SP tlog-cosignature, `cosignature/v1`).

use super::{base64, from_base64};
use crate::kernel::canonical::sha256;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;

/// More signatures than this and a note is not read; the specification asks for at least 16.
const MOST_SIGNATURES: usize = 64;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The text of the note.
    Ed25519,
    /// The text with a moment before it: "as of then this is the largest head that I have seen".
    Cosignature,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 0x01,
            KeyKind::Cosignature => 0x04,
        }
    }
}

/// A public key with its name, written as a *vkey*: `<name>+<id>+<base64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: VerifyingKey,
}

/// A secret key with its name.
#[derive(Clone)]
pub struct SignerKey {
    name: String,
    key: SigningKey,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    pub name: String,
    pub id: u32,
    /// What follows the id: 64 bytes of Ed25519, of a cosignature 8 bytes of time before them.
    pub bytes: Vec<u8>,
}

/// A text with its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Ends with a newline.
    pub text: String,
    pub signatures: Vec<SignatureLine>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadNote {
    #[error("it is no signed note")]
    Form,
    #[error("the signature of {0} does not fit its text")]
    Signature(String),
    #[error("it is signed by none of the given keys")]
    Unsigned,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a key is <name>+<8 hexadecimal digits>+<base64>, of Ed25519, and its digits fit it")]
pub struct BadKey;

fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(bad)
}

impl VerifierKey {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The first four bytes of SHA-256 over name, newline, kind and key.
    pub fn id(&self) -> u32 {
        let mut bytes = self.name.clone().into_bytes();
        bytes.extend([b'\n', self.kind.byte()]);
        bytes.extend(self.key.as_bytes());
        let [a, b, c, d, ..] = sha256(&bytes);
        u32::from_be_bytes([a, b, c, d])
    }

    fn made(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.id == self.id()
    }

    fn verifies(&self, text: &str, line: &SignatureLine) -> bool {
        let signed = match self.kind {
            KeyKind::Ed25519 => Some((text.to_owned(), line.bytes.as_slice())),
            KeyKind::Cosignature => line
                .bytes
                .split_first_chunk::<8>()
                .map(|(time, rest)| (cosigned_text(u64::from_be_bytes(*time), text), rest)),
        };
        let Some((message, signature)) = signed else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.key.verify_strict(message.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend(self.key.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, self.id(), base64(&key))
    }
}

impl FromStr for VerifierKey {
    type Err = BadKey;
    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadKey);
        };
        let key = from_base64(key).ok_or(BadKey)?;
        let (kind, key) = match key.split_first() {
            Some((0x01, key)) => (KeyKind::Ed25519, key),
            Some((0x04, key)) => (KeyKind::Cosignature, key),
            _ => return Err(BadKey),
        };
        let key = VerifyingKey::try_from(key).map_err(|_| BadKey)?;
        let read = VerifierKey { name: name.to_owned(), kind, key };
        let fits = is_name(name) && id.len() == 8 && u32::from_str_radix(id, 16) == Ok(read.id());
        if fits { Ok(read) } else { Err(BadKey) }
    }
}

impl SignerKey {
    /// A key by its 32 secret bytes. Its name has neither spaces nor `+` in it.
    pub fn new(name: &str, secret: &[u8; 32]) -> Result<SignerKey, BadKey> {
        let key = SigningKey::from_bytes(secret);
        if is_name(name) { Ok(SignerKey { name: name.to_owned(), key }) } else { Err(BadKey) }
    }

    pub fn verifier(&self, kind: KeyKind) -> VerifierKey {
        VerifierKey { name: self.name.clone(), kind, key: self.key.verifying_key() }
    }

    /// Signs a text, which ends with a newline.
    pub fn sign(&self, text: &str) -> SignatureLine {
        let id = self.verifier(KeyKind::Ed25519).id();
        let bytes = self.key.sign(text.as_bytes()).to_vec();
        SignatureLine { name: self.name.clone(), id, bytes }
    }

    /// Signs a checkpoint as a witness does, at a moment in seconds since 1970.
    pub fn cosign(&self, text: &str, at: u64) -> SignatureLine {
        let id = self.verifier(KeyKind::Cosignature).id();
        let signature = self.key.sign(cosigned_text(at, text).as_bytes());
        let bytes = [at.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
        SignatureLine { name: self.name.clone(), id, bytes }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.name)
    }
}

fn cosigned_text(at: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

impl SignatureLine {
    /// The moment that a cosignature names, in seconds since 1970.
    pub fn time(&self) -> Option<u64> {
        self.bytes.first_chunk::<8>().map(|time| u64::from_be_bytes(*time))
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.to_be_bytes().as_slice(), &self.bytes].concat();
        writeln!(f, "— {} {}", self.name, base64(&bytes))
    }
}

impl FromStr for SignatureLine {
    type Err = BadNote;
    /// Reads a line without its newline.
    fn from_str(line: &str) -> Result<Self, BadNote> {
        let (name, bytes) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(BadNote::Form)?;
        let bytes = from_base64(bytes).ok_or(BadNote::Form)?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(BadNote::Form)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(BadNote::Form);
        }
        let (id, bytes) = (u32::from_be_bytes(*id), bytes.to_vec());
        Ok(SignatureLine { name: name.to_owned(), id, bytes })
    }
}

impl Note {
    /// Checks the signatures of these keys: which of them signed.
    ///
    /// # Errors
    /// One of the keys is named with a signature that does not fit, or none has signed.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, BadNote> {
        let mut signed = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.made(line)) else { continue };
            if !key.verifies(&self.text, line) {
                return Err(BadNote::Signature(key.name.clone()));
            }
            if !signed.contains(&key) {
                signed.push(key);
            }
        }
        if signed.is_empty() { Err(BadNote::Unsigned) } else { Ok(signed) }
    }

    /// Whether this key has signed it, and rightly.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        self.verify(std::slice::from_ref(key)).is_ok()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

impl FromStr for Note {
    type Err = BadNote;
    fn from_str(note: &str) -> Result<Self, BadNote> {
        let (text, lines) = note.rsplit_once("\n\n").ok_or(BadNote::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(BadNote::Form)?;
        if note.contains(|c: char| c.is_ascii_control() && c != '\n') {
            return Err(BadNote::Form);
        }
        let signatures: Result<Vec<SignatureLine>, BadNote> =
            lines.split('\n').take(MOST_SIGNATURES + 1).map(str::parse).collect();
        match signatures? {
            many if many.len() > MOST_SIGNATURES => Err(BadNote::Form),
            signatures => Ok(Note { text: format!("{text}\n"), signatures }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72\
        IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key: VerifierKey = VKEY.parse().unwrap();
        assert_eq!((key.to_string().as_str(), key.name()), (VKEY, "example.com/foo"));
        let note: Note = NOTE.parse().unwrap();
        assert_eq!(note.to_string(), NOTE);
        assert!(note.is_signed_by(&key));
        let changed: Note = NOTE.replace("example message", "exemple message").parse().unwrap();
        let bad = BadNote::Signature("example.com/foo".to_owned());
        assert_eq!(changed.verify(std::slice::from_ref(&key)), Err(bad));
    }

    #[test]
    fn only_known_keys_count() {
        let signer = SignerKey::new("a.example/log", &[1; 32]).unwrap();
        let other = SignerKey::new("a.example/log", &[2; 32]).unwrap();
        let text = "text\n".to_owned();
        let note = Note { signatures: vec![signer.sign(&text), other.sign(&text)], text };
        let (key, unknown) = (signer.verifier(KeyKind::Ed25519), [9; 32]);
        let unknown = SignerKey::new("a.example/log", &unknown).unwrap();
        let unknown = unknown.verifier(KeyKind::Ed25519);
        let read: Note = note.to_string().parse().unwrap();
        assert_eq!(read, note);
        assert_eq!(read.verify(&[unknown.clone(), key.clone()]).unwrap(), [&key]);
        assert_eq!(read.verify(&[unknown]), Err(BadNote::Unsigned));
        assert_eq!(read.verify(&[]), Err(BadNote::Unsigned));
        // The same bytes as another kind of key are another key.
        assert!(!read.is_signed_by(&signer.verifier(KeyKind::Cosignature)));
    }

    #[test]
    fn a_cosignature_binds_its_time() {
        let witness = SignerKey::new("w.example", &[3; 32]).unwrap();
        let key = witness.verifier(KeyKind::Cosignature);
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let text = "a.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".to_owned();
        let mut line = witness.cosign(&text, 1_679_315_147);
        assert_eq!(line.time(), Some(1_679_315_147));
        let note = Note { text: text.clone(), signatures: vec![line.clone()] };
        assert!(note.is_signed_by(&key));
        line.bytes[7] ^= 1;
        assert!(!Note { text, signatures: vec![line] }.is_signed_by(&key));
    }

    #[test]
    fn what_is_no_note_or_key_is_not_read() {
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n— a AAAAAAAA\n",
            "text\n\n— a AAAAAAAA",
            "text\n\n- a AAAAAAAA\n",
            "text\n\n— a AAAA\n",
            "text\n\n— a+b AAAAAAAA\n",
            "te\txt\n\n— a AAAAAAAA\n",
        ] {
            assert_eq!(bad.parse::<Note>(), Err(BadNote::Form), "{bad:?}");
        }
        let many = format!("text\n\n{}", "— a AAAAAAAA\n".repeat(MOST_SIGNATURES + 1));
        assert_eq!(many.parse::<Note>(), Err(BadNote::Form));
        for bad in [
            "",
            "a+b",
            &VKEY.replace("530d903a", "530d903b"),
            &VKEY.replace("foo", "fob"),
            &VKEY.replace("+Aeky", "+Auky"),
            &VKEY[..VKEY.len() - 4],
        ] {
            assert_eq!(bad.parse::<VerifierKey>(), Err(BadKey), "{bad}");
        }
        assert!(SignerKey::new("with space", &[1; 32]).is_err());
    }
}
