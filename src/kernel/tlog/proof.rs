//! Proofs over a Merkle tree: that a leaf is in it, and that one tree is the beginning of another.
//!
//! They are made from the hashes of perfect subtrees as RFC 6962, section 2.1, defines them, and
//! verified as RFC 9162, sections 2.1.3.2 and 2.1.4.2, say.

use super::tile::{HEIGHT, Kind, Tile, WIDTH};
use crate::kernel::merkle::{BadFrontier, Frontier, Hash, node_hash};
use std::collections::HashMap;

/// Where the hashes of a tree are read.
pub trait Nodes {
    type Error;
    /// The root of the perfect subtree over the leaves from `index * 2^level` to
    /// `(index + 1) * 2^level`, which the tree has.
    fn node(&mut self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// The root over the leaves from `start` to before `end`, which are more than none; `start` is a
/// place where RFC 6962 splits a tree.
fn root_of<N: Nodes>(nodes: &mut N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let size = end - start;
    if size.is_power_of_two() {
        let level = size.trailing_zeros() as u8;
        return nodes.node(level, start >> level);
    }
    let split = largest_split(size);
    let left = root_of(nodes, start, start + split)?;
    let right = root_of(nodes, start + split, end)?;
    Ok(node_hash(&left, &right))
}

/// The largest power of two that is less than a size of two or more.
fn largest_split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// The root of the tree of the first `size` leaves.
pub fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 {
        return Ok(Frontier::default().root());
    }
    root_of(nodes, 0, size)
}

/// The frontier of the tree of the first `size` leaves.
pub fn frontier<N: Nodes>(
    nodes: &mut N,
    size: u64,
) -> Result<Result<Frontier, BadFrontier>, N::Error> {
    let mut roots = Vec::new();
    for level in (0..64u8).rev().filter(|level| size >> level & 1 == 1) {
        roots.extend_from_slice(&nodes.node(level, (size >> level) - 1)?);
    }
    Ok(Frontier::from_bytes(size, &roots))
}

/// The hashes that lead from a leaf to the root: its sibling first. `index` is below `size`.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let (mut start, mut end) = (0, size);
    let mut siblings = Vec::new();
    while end - start > 1 {
        let split = start + largest_split(end - start);
        if index < split {
            siblings.push((split, end));
            end = split;
        } else {
            siblings.push((start, split));
            start = split;
        }
    }
    siblings.into_iter().rev().map(|(start, end)| root_of(nodes, start, end)).collect()
}

/// The hashes that show that the tree of `old` leaves is the beginning of that of `size` leaves.
/// None are needed where `old` is zero or `size`; it is never more.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old == size {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, size);
    let mut rest = Vec::new();
    while old != end {
        let split = start + largest_split(end - start);
        if old <= split {
            rest.push((split, end));
            end = split;
        } else {
            rest.push((start, split));
            start = split;
        }
    }
    // The old tree itself is known to whoever asks; only a part of it has to be told.
    if start > 0 {
        proof.push(root_of(nodes, start, end)?);
    }
    for (start, end) in rest.into_iter().rev() {
        proof.push(root_of(nodes, start, end)?);
    }
    Ok(proof)
}

/// Whether the proof leads from this leaf hash at `index` to the root of a tree of `size` leaves.
pub fn includes(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the proof shows that a tree of `old` leaves with one root is the beginning of a tree
/// of `size` leaves with another.
pub fn extends(old: u64, old_root: &Hash, size: u64, root: &Hash, proof: &[Hash]) -> bool {
    if old == 0 {
        return proof.is_empty() && *old_root == Frontier::default().root();
    }
    if old == size {
        return proof.is_empty() && old_root == root;
    }
    let first = if old.is_power_of_two() { Some(old_root) } else { None };
    let mut path = first.into_iter().chain(proof);
    let Some(start) = path.next().filter(|_| old < size) else { return false };
    let shift = (old - 1).trailing_ones();
    let (mut place, mut last) = ((old - 1) >> shift, (size - 1) >> shift);
    let (mut old_hash, mut hash) = (*start, *start);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && hash == *root
}

/// The root of the perfect subtree over these hashes, of which there are a power of two.
pub fn fold(hashes: &[Hash]) -> Hash {
    let mut hashes = hashes.to_vec();
    while hashes.len() > 1 {
        hashes = hashes.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    hashes.first().copied().unwrap_or_else(|| Frontier::default().root())
}

/// Why a tile could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTile<E> {
    #[error("{tile} cannot be read: {error}")]
    Unreadable { tile: Tile, error: E },
    #[error("{0} does not hold what its name says")]
    Length(Tile),
}

/// The nodes of a tree of a size, read from its tiles, each at most once.
pub struct TileNodes<F> {
    size: u64,
    read: F,
    tiles: HashMap<Tile, Vec<Hash>>,
}

impl<F> TileNodes<F> {
    /// `read` gives the bytes of a tile.
    pub fn new(size: u64, read: F) -> TileNodes<F> {
        TileNodes { size, read, tiles: HashMap::new() }
    }
}

impl<E, F: FnMut(&Tile) -> Result<Vec<u8>, E>> Nodes for TileNodes<F> {
    type Error = BadTile<E>;

    fn node(&mut self, level: u8, index: u64) -> Result<Hash, BadTile<E>> {
        let kind = Kind::Hashes(level / HEIGHT);
        let (first, count) = (index << (level % HEIGHT), 1usize << (level % HEIGHT));
        let place = first / WIDTH;
        let tile = kind.tile(place, self.size);
        let tile = tile.ok_or(BadTile::Length(Tile { kind, index: place, width: 0 }))?;
        if !self.tiles.contains_key(&tile) {
            let bytes = (self.read)(&tile).map_err(|error| BadTile::Unreadable { tile, error })?;
            self.tiles.insert(tile, hashes(&tile, &bytes).ok_or(BadTile::Length(tile))?);
        }
        let from = (first % WIDTH) as usize;
        let hashes = self.tiles.get(&tile).and_then(|hashes| hashes.get(from..from + count));
        hashes.map(fold).ok_or(BadTile::Length(tile))
    }
}

/// The hashes of a tile; nothing where it has not as many as its name says.
pub fn hashes(tile: &Tile, bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == usize::from(tile.width)).then(|| hashes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::merkle::leaf_hash;
    use std::convert::Infallible;

    /// Leaves kept in memory.
    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        type Error = Infallible;
        fn node(&mut self, level: u8, index: u64) -> Result<Hash, Infallible> {
            let (from, to) = ((index << level) as usize, ((index + 1) << level) as usize);
            Ok(fold(&self.0[from..to]))
        }
    }

    fn leaves(count: u32) -> Leaves {
        Leaves((0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect())
    }

    fn root_at(leaves: &mut Leaves, size: u64) -> Hash {
        let Ok(root) = root(leaves, size);
        root
    }

    #[test]
    fn roots_and_frontiers_are_those_of_the_growing_tree() {
        let mut nodes = leaves(300);
        let mut grown = Frontier::default();
        for size in 0..300u64 {
            assert_eq!(root_at(&mut nodes, size), grown.root(), "{size}");
            let Ok(read) = frontier(&mut nodes, size);
            assert_eq!(read, Ok(grown.clone()));
            grown.push(nodes.0[size as usize]);
        }
    }

    #[test]
    fn each_leaf_is_included_and_nothing_else_is() {
        let mut nodes = leaves(70);
        for size in 1..70u64 {
            let root = root_at(&mut nodes, size);
            for index in 0..size {
                let Ok(proof) = inclusion(&mut nodes, index, size);
                let leaf = nodes.0[index as usize];
                assert!(includes(&leaf, index, size, &proof, &root), "{index} of {size}");
                assert!(!includes(&leaf, index + 1, size, &proof, &root));
                assert!(!includes(&leaf_hash(b"other"), index, size, &proof, &root));
                assert!(!includes(&leaf, index, size, &proof, &leaf_hash(b"")));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!includes(&leaf, index, size, shorter, &root));
                }
                let longer = [proof.as_slice(), &[leaf]].concat();
                assert!(!includes(&leaf, index, size, &longer, &root));
            }
        }
        assert!(!includes(&leaf_hash(b""), 0, 0, &[], &Frontier::default().root()));
    }

    #[test]
    fn each_tree_extends_each_earlier_one_and_no_other() {
        let mut nodes = leaves(66);
        let mut other = leaves(66);
        other.0[2] = leaf_hash(b"another past");
        for size in 0..66u64 {
            let root = root_at(&mut nodes, size);
            for old in 0..=size {
                let old_root = root_at(&mut nodes, old);
                let Ok(proof) = consistency(&mut nodes, old, size);
                assert!(extends(old, &old_root, size, &root, &proof), "{old} of {size}");
                let longer = [proof.as_slice(), &[root]].concat();
                assert!(!extends(old, &old_root, size, &root, &longer));
                if old > 2 {
                    let forked = root_at(&mut other, old);
                    assert!(!extends(old, &forked, size, &root, &proof));
                }
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!extends(old, &old_root, size, &root, shorter));
                }
            }
            assert!(!extends(size + 1, &root, size, &root, &[root]), "a tree never shrinks");
        }
    }

    #[test]
    fn tiles_give_the_same_nodes_as_leaves() {
        let mut nodes = leaves(1_000);
        let kept = leaves(1_000);
        let read = |tile: &Tile| -> Result<Vec<u8>, Infallible> {
            let Kind::Hashes(level) = tile.kind else { panic!("only hashes are read") };
            let span = WIDTH.pow(u32::from(level)) as usize;
            let from = tile.index as usize * WIDTH as usize * span;
            let roots = (0..usize::from(tile.width))
                .map(|n| fold(&kept.0[from + n * span..from + (n + 1) * span]));
            Ok(roots.collect::<Vec<Hash>>().concat())
        };
        for size in [1u64, 255, 256, 257, 511, 512, 700, 1_000] {
            let mut tiles = TileNodes::new(size, read);
            assert_eq!(root(&mut tiles, size).unwrap(), root_at(&mut nodes, size), "{size}");
            for index in [0, size / 2, size - 1] {
                let Ok(due) = inclusion(&mut nodes, index, size);
                assert_eq!(inclusion(&mut tiles, index, size).unwrap(), due);
            }
            let Ok(due) = consistency(&mut nodes, size / 3, size);
            assert_eq!(consistency(&mut tiles, size / 3, size).unwrap(), due);
        }
        let cut = |_: &Tile| -> Result<Vec<u8>, Infallible> { Ok(vec![0; 31]) };
        assert!(matches!(root(&mut TileNodes::new(3, cut), 3), Err(BadTile::Length(_))));
    }
}
