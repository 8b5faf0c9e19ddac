//! A proof that an entry is in a log, whole in itself: checked offline with the leaf's hash and the
//! public keys alone (C2SP tlog-proof).

use super::checkpoint::{BadCheckpoint, Checkpoint};
use super::note::{Note, VerifierKey};
use super::{base64, decimal, hash_from_base64, proof};
use crate::kernel::merkle::Hash;
use std::fmt;
use std::str::FromStr;

/// The first line, which says what follows.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^64 leaves is 64 levels high.
const MOST_HASHES: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// The position of the entry.
    pub index: u64,
    /// From the leaf's sibling up to the root's child.
    pub path: Vec<Hash>,
    /// The signed checkpoint, with whatever cosignatures it has.
    pub checkpoint: Note,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadProof {
    #[error("it is no proof of the form {HEADER}")]
    Form,
    #[error("its checkpoint is not good: {0}")]
    Checkpoint(#[from] BadCheckpoint),
    #[error("it does not lead from this leaf to the signed root")]
    Path,
}

impl LogProof {
    /// Checks that the leaf with this hash stands at `index` of a log that one of these keys has
    /// signed, and gives back the head of that log.
    ///
    /// # Errors
    /// A checkpoint that none of the keys has signed rightly, or a path that leads elsewhere.
    pub fn verify(&self, leaf: &Hash, keys: &[VerifierKey]) -> Result<Checkpoint, BadProof> {
        let head = Checkpoint::verified(&self.checkpoint, keys)?;
        match proof::includes(leaf, self.index, head.size, &self.path, &head.root) {
            true => Ok(head),
            false => Err(BadProof::Path),
        }
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", base64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = BadProof;
    /// Reads a proof; extra data, which nobody has signed, is passed over.
    fn from_str(text: &str) -> Result<Self, BadProof> {
        let (lines, checkpoint) = text.split_once("\n\n").ok_or(BadProof::Form)?;
        let mut lines = lines.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(BadProof::Form);
        }
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let path: Option<Vec<Hash>> = lines.take(MOST_HASHES + 1).map(hash_from_base64).collect();
        let checkpoint = checkpoint.parse().map_err(BadCheckpoint::from)?;
        match (index, path) {
            (Some(index), Some(path)) if path.len() <= MOST_HASHES => {
                Ok(LogProof { index, path, checkpoint })
            }
            _ => Err(BadProof::Form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::merkle::{leaf_hash, node_hash};
    use crate::kernel::tlog::note::{KeyKind, SignerKey};

    #[test]
    fn a_receipt_is_checked_with_hash_and_key_alone() {
        let leaves = [leaf_hash(b"one"), leaf_hash(b"two"), leaf_hash(b"three")];
        let left = node_hash(&leaves[0], &leaves[1]);
        let root = node_hash(&left, &leaves[2]);
        let key = SignerKey::new("a.example/log", &[1; 32]).unwrap();
        let head = Checkpoint { origin: "a.example/log".to_owned(), size: 3, root };
        let checkpoint = head.signed(std::slice::from_ref(&key));
        let proof = LogProof { index: 1, path: vec![leaves[0], leaves[2]], checkpoint };
        let text = proof.to_string();
        assert_eq!(text.parse(), Ok(proof.clone()));
        let keys = [key.verifier(KeyKind::Ed25519)];
        assert_eq!(proof.verify(&leaves[1], &keys), Ok(head));
        assert_eq!(proof.verify(&leaves[0], &keys), Err(BadProof::Path));
        let elsewhere = LogProof { index: 0, ..proof.clone() };
        assert_eq!(elsewhere.verify(&leaves[1], &keys), Err(BadProof::Path));
        let other = SignerKey::new("a.example/log", &[2; 32]).unwrap();
        let refused = proof.verify(&leaves[1], &[other.verifier(KeyKind::Ed25519)]);
        assert!(matches!(refused, Err(BadProof::Checkpoint(_))));
        let extra = text.replace("\nindex", "\nextra AAAA\nindex");
        assert_eq!(extra.parse(), Ok(proof));
        for bad in [
            "",
            &text.replace("@v1", "@v2"),
            &text.replace("index 1", "index 01"),
            &text.replacen("\nindex 1", "", 1),
            &text.replacen("=\n", "\n", 1),
            &text.replace("index 1\n", &format!("index 1\n{}", "AA==\n".repeat(65))),
        ] {
            assert_eq!(bad.parse::<LogProof>(), Err(BadProof::Form), "{bad}");
        }
    }
}
