//! The head of a log as it is signed: origin, size, root (C2SP tlog-checkpoint).

use super::note::{BadNote, Note, SignerKey, VerifierKey};
use super::{base64, decimal, hash_from_base64};
use crate::kernel::merkle::Hash;
use std::fmt;
use std::str::FromStr;

/// What a log says of itself. Written as three lines, without extension lines: nobody could audit
/// what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the log: deployment and book.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadCheckpoint {
    #[error("it is no checkpoint of three lines")]
    Form,
    #[error("{0}")]
    Note(#[from] BadNote),
    #[error("it is of {is}, not of {due}")]
    Origin { is: String, due: String },
}

impl Checkpoint {
    /// Signed by these keys.
    pub fn signed(&self, keys: &[SignerKey]) -> Note {
        let text = self.to_string();
        Note { signatures: keys.iter().map(|key| key.sign(&text)).collect(), text }
    }

    /// Reads a signed checkpoint and checks that one of these keys has signed it.
    ///
    /// # Errors
    /// Its form, a signature that does not fit or is missing, another origin than the keys' name.
    pub fn verified(note: &Note, keys: &[VerifierKey]) -> Result<Checkpoint, BadCheckpoint> {
        let signed = note.verify(keys)?;
        let checkpoint: Checkpoint = note.text.parse()?;
        match signed.iter().find(|key| key.name() != checkpoint.origin) {
            None => Ok(checkpoint),
            Some(key) => {
                let (is, due) = (checkpoint.origin, key.name().to_owned());
                Err(BadCheckpoint::Origin { is, due })
            }
        }
    }

    /// Whether the two cannot both be true: one log, one size, two roots. Two heads of different
    /// sizes are told apart by a consistency proof.
    pub fn contradicts(&self, other: &Checkpoint) -> bool {
        self.origin == other.origin && self.size == other.size && self.root != other.root
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }
}

impl FromStr for Checkpoint {
    type Err = BadCheckpoint;
    fn from_str(text: &str) -> Result<Self, BadCheckpoint> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, size, root, ""] = lines[..] else { return Err(BadCheckpoint::Form) };
        let (Some(size), Some(root)) = (decimal(size), hash_from_base64(root)) else {
            return Err(BadCheckpoint::Form);
        };
        if origin.is_empty() {
            return Err(BadCheckpoint::Form);
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tlog::note::KeyKind;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_example_of_the_specification_is_read() {
        let checkpoint: Checkpoint = TEXT.parse().unwrap();
        assert_eq!((checkpoint.size, checkpoint.to_string().as_str()), (20_852_163, TEXT));
        for bad in [
            "",
            &TEXT.replace("20852163", "020852163"),
            &TEXT.replace("20852163", "-1"),
            &TEXT.replace("CsUY", "CsU"),
            &format!("{TEXT}extension\n"),
            &TEXT[..TEXT.len() - 1],
            &TEXT.replace("example.com/behind-the-sofa", ""),
        ] {
            assert_eq!(bad.parse::<Checkpoint>(), Err(BadCheckpoint::Form), "{bad:?}");
        }
    }

    #[test]
    fn a_checkpoint_is_believed_under_the_name_of_its_key_only() {
        let key = SignerKey::new("a.example/one", &[1; 32]).unwrap();
        let keys = [key.verifier(KeyKind::Ed25519)];
        let one = Checkpoint { origin: "a.example/one".to_owned(), size: 7, root: [7; 32] };
        let note = one.signed(std::slice::from_ref(&key));
        assert_eq!(Checkpoint::verified(&note, &keys), Ok(one.clone()));
        let two = Checkpoint { origin: "a.example/two".to_owned(), ..one.clone() };
        let refused = Checkpoint::verified(&two.signed(std::slice::from_ref(&key)), &keys);
        assert!(matches!(refused, Err(BadCheckpoint::Origin { .. })));
        let other = SignerKey::new("a.example/one", &[2; 32]).unwrap();
        let refused = Checkpoint::verified(&one.signed(&[other]), &keys);
        assert_eq!(refused, Err(BadNote::Unsigned.into()));
    }

    #[test]
    fn two_roots_of_one_size_contradict_each_other() {
        let one = Checkpoint { origin: "a".to_owned(), size: 7, root: [7; 32] };
        assert!(!one.contradicts(&one));
        assert!(one.contradicts(&Checkpoint { root: [8; 32], ..one.clone() }));
        assert!(!one.contradicts(&Checkpoint { root: [8; 32], size: 8, ..one.clone() }));
        assert!(!one.contradicts(&Checkpoint { root: [8; 32], origin: "b".to_owned(), size: 7 }));
    }
}
