//! Tiles and entry bundles: 256 hashes, or 256 leaves, in a file whose name says where they stand
//! (C2SP tlog-tiles).

use super::decimal;
use std::fmt;

/// Hashes of a full tile, and leaves of a full bundle.
pub const WIDTH: u64 = 256;

/// Levels of the tree that one level of tiles spans: 2^8 = 256.
pub const HEIGHT: u8 = 8;

/// The most levels of tiles that a tree of 64-bit size has.
pub const MOST_LEVELS: u8 = 8;

/// What a file of the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Merkle tree hashes of level 0 (leaf hashes), 1 (roots of full tiles of level 0), …
    Hashes(u8),
    /// The leaves themselves.
    Entries,
}

/// One file of the log: the `index`-th of its kind, with `width` hashes or leaves in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub kind: Kind,
    pub index: u64,
    /// 1 to 256; less than 256 is a partial tile, at the right edge of a tree of some size.
    pub width: u16,
}

impl Kind {
    /// Leaves that one hash (or leaf) of the file stands for, as a power of two.
    fn shift(self) -> u32 {
        match self {
            Kind::Hashes(level) => u32::from(level) * u32::from(HEIGHT),
            Kind::Entries => 0,
        }
    }

    /// How many hashes or leaves of this kind a tree of a size has.
    pub fn count(self, size: u64) -> u64 {
        size.checked_shr(self.shift()).unwrap_or_default()
    }

    /// The file with this index as it stands in a tree of a size; nothing where it is empty.
    pub fn tile(self, index: u64, size: u64) -> Option<Tile> {
        let from = index.checked_mul(WIDTH)?;
        let width = self.count(size).checked_sub(from)?.min(WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Tile { kind: self, index, width })
    }

    /// The partial file at the right edge of a tree of a size; nothing where the last is full.
    pub fn partial(self, size: u64) -> Option<Tile> {
        let tile = self.tile(self.count(size) / WIDTH, size)?;
        (!tile.is_full()).then_some(tile)
    }
}

impl Tile {
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// Whether a tree of this size has everything that the file holds.
    pub fn is_within(&self, size: u64) -> bool {
        let last = self.index.checked_mul(WIDTH).and_then(|at| at.checked_add(self.width.into()));
        last.is_some_and(|last| last <= self.kind.count(size))
    }

    /// The same file once it is full.
    #[must_use]
    pub fn full(self) -> Tile {
        Tile { width: WIDTH as u16, ..self }
    }

    /// Reads a name that [`Tile`] writes, and no other spelling of it.
    pub fn parse(path: &str) -> Option<Tile> {
        let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => {
                let level = decimal(level).filter(|level| *level < u64::from(MOST_LEVELS))?;
                Kind::Hashes(u8::try_from(level).ok()?)
            }
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, decimal(width).filter(|width| *width < WIDTH)?),
            None => (rest, WIDTH),
        };
        let mut index: u64 = 0;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let thousand: u64 = digits.parse().ok()?;
            index = index.checked_mul(1_000)?.checked_add(thousand)?;
        }
        let tile = Tile { kind, index, width: u16::try_from(width).ok()? };
        (tile.width > 0 && tile.to_string() == path).then_some(tile)
    }
}

impl fmt::Display for Tile {
    /// `tile/0/x001/x234/067`, `tile/entries/000.p/17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Hashes(level) => write!(f, "tile/{level}/")?,
            Kind::Entries => f.write_str("tile/entries/")?,
        }
        let mut parts = vec![self.index % 1_000];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            parts.push(rest % 1_000);
            rest /= 1_000;
        }
        for part in parts[1..].iter().rev() {
            write!(f, "x{part:03}/")?;
        }
        write!(f, "{:03}", parts[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Appends a leaf to a bundle: its length in two bytes, and its bytes.
///
/// # Panics
/// Never: a leaf has at most 65,535 bytes, which is checked where it is made.
pub fn put_entry(bundle: &mut Vec<u8>, leaf: &[u8]) {
    let length = u16::try_from(leaf.len()).expect("a leaf has at most 65,535 bytes");
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(leaf);
}

/// The leaves of a bundle; nothing where it ends in the middle of one.
pub fn entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (leaf, after) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(leaf);
        bundle = after;
    }
    bundle.is_empty().then_some(leaves)
}

/// The first `width` hashes or leaves of what a larger file of the same place holds; nothing where
/// it has fewer.
pub fn first(kind: Kind, file: &[u8], width: u16) -> Option<&[u8]> {
    let width = usize::from(width);
    match kind {
        Kind::Hashes(_) => file.get(..width * 32),
        Kind::Entries => {
            let leaves = entries(file)?;
            let bytes: usize = leaves.get(..width)?.iter().map(|leaf| leaf.len() + 2).sum();
            file.get(..bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let tile = |kind, index, width| Tile { kind, index, width };
        for (tile, path) in [
            (tile(Kind::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067"),
            (tile(Kind::Hashes(2), 0, 1), "tile/2/000.p/1"),
            (tile(Kind::Entries, 999, 256), "tile/entries/999"),
            (tile(Kind::Entries, 1_000, 17), "tile/entries/x001/000.p/17"),
        ] {
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        for bad in [
            "tile/0/x001/x234/67",
            "tile/0/1",
            "tile/00/000",
            "tile/8/000",
            "tile/-1/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/07",
            "tile/0/x000/001",
            "tile/0/001/000",
            "tile/0/../checkpoint",
            "tile/entries/",
            "tile/0/+01",
            "checkpoint",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad}");
        }
    }

    /// The example of the specification: a tree of 70,000 leaves.
    #[test]
    fn a_tree_has_the_tiles_that_the_specification_counts() {
        let size = 70_000;
        let widths = |level| Kind::Hashes(level).partial(size).map(|tile| (tile.index, tile.width));
        assert_eq!(widths(0), Some((273, 112)));
        assert_eq!(widths(1), Some((1, 17)));
        assert_eq!(widths(2), Some((0, 1)));
        assert_eq!(widths(3), None);
        assert_eq!(Kind::Hashes(0).partial(256), None);
        assert_eq!(Kind::Hashes(1).partial(256).map(|tile| tile.width), Some(1));
        assert!(Kind::Hashes(0).tile(272, size).unwrap().is_full());
        assert_eq!(Kind::Hashes(0).tile(274, size), None);
        assert_eq!(Kind::Entries.tile(u64::MAX, size), None);
        let last = Kind::Entries.partial(size).unwrap();
        assert!(last.is_within(size) && !last.full().is_within(size));
        assert!(!last.is_within(size - 1));
    }

    #[test]
    fn a_bundle_gives_its_leaves_back_and_a_cut_one_nothing() {
        let leaves: [&[u8]; 3] = [b"one", b"", &[7; 65_535]];
        let mut bundle = Vec::new();
        leaves.iter().for_each(|leaf| put_entry(&mut bundle, leaf));
        assert_eq!(entries(&bundle).unwrap(), leaves);
        assert_eq!(entries(&bundle[..bundle.len() - 1]), None);
        assert_eq!(entries(&bundle[..1]), None);
        assert_eq!(first(Kind::Entries, &bundle, 2), Some(&b"\0\x03one\0\0"[..]));
        assert_eq!(first(Kind::Entries, &bundle, 4), None);
        assert_eq!(first(Kind::Hashes(0), &[1; 64], 1), Some(&[1; 32][..]));
        assert_eq!(first(Kind::Hashes(0), &[1; 64], 3), None);
    }
}
