//! The Merkle tree of RFC 6962, section 2.1, grown at its right edge.
//!
//! Only the frontier is kept: the roots of the perfect subtrees that make up the tree, largest
//! first, one for each bit that is set in the size. That is at most 64 hashes, so the root can be
//! computed inside the transaction that appends.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// `SHA-256(0x00 || leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0u8]).chain_update(leaf).finalize().into()
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1u8]).chain_update(left).chain_update(right).finalize().into()
}

/// The right edge of a tree of a known size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frontier of {size} leaves has {expected} hashes of 32 bytes, not {got} bytes")]
pub struct BadFrontier {
    size: u64,
    expected: u32,
    got: usize,
}

impl Frontier {
    /// Reads what [`Frontier::to_bytes`] wrote for a tree of this size.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Frontier, BadFrontier> {
        let (chunks, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || chunks.len() != size.count_ones() as usize {
            return Err(BadFrontier { size, expected: size.count_ones(), got: bytes.len() });
        }
        Ok(Frontier { size, roots: chunks.to_vec() })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.roots.concat()
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends one leaf by its hash: equal subtrees at the edge are joined, as a carry runs
    /// through a binary counter.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.roots.pop().expect("a set bit of the size has its root");
            hash = node_hash(&left, &hash);
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The tree whose left part are whole subtrees of `2^height` leaves, given by their roots, and
    /// whose right edge is a tree of fewer leaves.
    ///
    /// # Panics
    /// Where the right edge has as many leaves as a whole subtree, or more.
    pub fn of_subtrees(subtrees: &Frontier, height: u32, edge: &Frontier) -> Frontier {
        assert!(edge.size < 1 << height, "the edge is smaller than a subtree");
        let roots = subtrees.roots.iter().chain(&edge.roots).copied().collect();
        Frontier { size: (subtrees.size << height) + edge.size, roots }
    }

    /// The root of the whole tree; of the empty tree `SHA-256("")`.
    pub fn root(&self) -> Hash {
        let mut roots = self.roots.iter().rev();
        let Some(last) = roots.next() else { return Sha256::digest([]).into() };
        roots.fold(*last, |right, left| node_hash(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 as it is printed, to hold the frontier against.
    fn defined_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node_hash(&defined_root(&many[..split]), &defined_root(&many[split..]))
            }
        }
    }

    #[test]
    fn the_frontier_gives_the_root_that_the_rfc_defines() {
        let mut frontier = Frontier::default();
        let mut leaves = Vec::new();
        assert_eq!(frontier.root(), defined_root(&leaves));
        for n in 0u32..300 {
            leaves.push(leaf_hash(&n.to_be_bytes()));
            frontier.push(leaves[n as usize]);
            assert_eq!(frontier.root(), defined_root(&leaves), "{n}");
            let stored = Frontier::from_bytes(frontier.size(), &frontier.to_bytes());
            assert_eq!(stored, Ok(frontier.clone()));
        }
        assert!(Frontier::from_bytes(3, &[0; 32]).is_err());
        assert!(Frontier::from_bytes(1, &[0; 31]).is_err());
    }

    #[test]
    fn a_tree_is_joined_of_subtrees_and_an_edge() {
        let leaves: Vec<Hash> = (0u32..43).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let grown = |leaves: &[Hash]| {
            let mut frontier = Frontier::default();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            frontier
        };
        for size in 0..=leaves.len() {
            let (whole, edge) = leaves[..size].split_at(size / 8 * 8);
            let subtrees: Vec<Hash> = whole.chunks(8).map(|part| grown(part).root()).collect();
            let joined = Frontier::of_subtrees(&grown(&subtrees), 3, &grown(edge));
            assert_eq!(joined, grown(&leaves[..size]), "{size}");
        }
    }

    #[test]
    fn the_empty_tree_has_the_published_root() {
        let root = hex::encode(Frontier::default().root());
        assert_eq!(root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
