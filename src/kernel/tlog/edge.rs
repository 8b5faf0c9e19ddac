//! The right edge of a tiled log: what must be known of it to append leaves.

use super::proof::{fold, hashes};
use super::tile::{self, HEIGHT, Kind, Tile, WIDTH};
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};

/// The partial tile of every level, and the partial bundle. At most 256 hashes a level and 256
/// leaves, however long the log is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
    bundle: Vec<u8>,
}

/// A file of the log with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub tile: Tile,
    pub bytes: Vec<u8>,
}

impl Edge {
    /// Reads the edge of a log of a size from its partial files.
    ///
    /// # Errors
    /// What `read` fails with, or `Err(None)` where a file does not hold what its name says.
    pub fn read<E>(
        size: u64,
        mut read: impl FnMut(&Tile) -> Result<Vec<u8>, E>,
    ) -> Result<Edge, Option<E>> {
        let mut edge = Edge { size, ..Edge::default() };
        for level in 0..=u8::MAX {
            if Kind::Hashes(level).count(size) == 0 {
                break;
            }
            let found = match Kind::Hashes(level).partial(size) {
                Some(tile) => hashes(&tile, &read(&tile).map_err(Some)?).ok_or(None)?,
                None => Vec::new(),
            };
            edge.levels.push(found);
        }
        if let Some(tile) = Kind::Entries.partial(size) {
            edge.bundle = read(&tile).map_err(Some)?;
            let leaves = tile::entries(&edge.bundle).ok_or(None)?;
            let same = leaves.iter().map(|leaf| leaf_hash(leaf)).eq(edge.levels[0].iter().copied());
            if !same {
                return Err(None);
            }
        }
        Ok(edge)
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let mut roots: Vec<u8> = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            for bit in (0..HEIGHT).rev().filter(|bit| hashes.len() >> bit & 1 == 1) {
                let (perfect, after) = rest.split_at(1 << bit);
                roots.extend_from_slice(&fold(perfect));
                rest = after;
            }
        }
        let frontier = Frontier::from_bytes(self.size, &roots);
        frontier.expect("a level has as many hashes as its digit of the size says").root()
    }

    /// Appends a leaf; what became full by that is added to `files`.
    pub fn push(&mut self, leaf: &[u8], files: &mut Vec<File>) {
        let index = self.size / WIDTH;
        tile::put_entry(&mut self.bundle, leaf);
        self.size += 1;
        if self.size.is_multiple_of(WIDTH) {
            let tile = Tile { kind: Kind::Entries, index, width: WIDTH as u16 };
            files.push(File { tile, bytes: std::mem::take(&mut self.bundle) });
        }
        let mut hash = leaf_hash(leaf);
        for level in 0u8.. {
            let at = usize::from(level);
            if self.levels.len() == at {
                self.levels.push(Vec::new());
            }
            self.levels[at].push(hash);
            if self.levels[at].len() < WIDTH as usize {
                break;
            }
            let full = std::mem::take(&mut self.levels[at]);
            let kind = Kind::Hashes(level);
            let tile = Tile { kind, index: kind.count(self.size) / WIDTH - 1, width: WIDTH as u16 };
            files.push(File { tile, bytes: full.concat() });
            hash = fold(&full);
        }
    }

    /// The partial files of a log of this size.
    pub fn partial_files(&self) -> Vec<File> {
        let mut files = Vec::new();
        if let Some(tile) = Kind::Entries.partial(self.size) {
            files.push(File { tile, bytes: self.bundle.clone() });
        }
        for (level, hashes) in (0u8..).zip(&self.levels) {
            if let Some(tile) = Kind::Hashes(level).partial(self.size) {
                files.push(File { tile, bytes: hashes.concat() });
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn leaf(n: u32) -> Vec<u8> {
        format!("leaf {n}").into_bytes()
    }

    #[test]
    fn a_log_grows_the_same_in_one_go_and_from_its_files() {
        let mut frontier = Frontier::default();
        let mut disk: HashMap<String, Vec<u8>> = HashMap::new();
        let mut edge = Edge::default();
        let mut next = 0;
        for step in [1u32, 254, 1, 1, 700, 64_579, 3, 1_000] {
            let mut files = Vec::new();
            for _ in 0..step {
                edge.push(&leaf(next), &mut files);
                frontier.push(leaf_hash(&leaf(next)));
                next += 1;
            }
            files.extend(edge.partial_files());
            disk.extend(files.into_iter().map(|file| (file.tile.to_string(), file.bytes)));
            assert_eq!((edge.size(), edge.root()), (frontier.size(), frontier.root()), "{next}");
            let read = |tile: &Tile| disk.get(&tile.to_string()).cloned().ok_or(());
            assert_eq!(Edge::read(edge.size(), read).unwrap(), edge, "{next}");
        }
        assert!(disk.contains_key("tile/1/000") && disk.contains_key("tile/2/000.p/1"));
        assert_eq!(tile::entries(&disk["tile/entries/256"]).unwrap()[255], leaf(256 * 256 + 255));
        // What a file does not hold cannot be built upon.
        for path in ["tile/0/259.p/235", "tile/1/001.p/3", "tile/entries/259.p/235"] {
            let mut broken = disk.clone();
            broken.get_mut(path).unwrap().pop();
            let read = |tile: &Tile| broken.get(&tile.to_string()).cloned().ok_or(());
            assert_eq!(Edge::read(edge.size(), read), Err(None), "{path}");
        }
        let mut changed = disk.clone();
        *changed.get_mut("tile/entries/259.p/235").unwrap().last_mut().unwrap() ^= 1;
        let read = |tile: &Tile| changed.get(&tile.to_string()).cloned().ok_or(());
        assert_eq!(Edge::read(edge.size(), read), Err(None), "a leaf that is not its hash");
    }
}
