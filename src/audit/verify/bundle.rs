//! One entry bundle, checked by itself: what needs no other entry is found here, on every core.

use super::leaf::{Leaf, Moves};
use super::report::{Check, Fault};
use crate::audit::rules::Rules;
use crate::book::fold::{EntryType, EntryView};
use crate::book::model::Bucket;
use crate::kernel::canonical;
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};
use crate::kernel::time::Moment;
use crate::kernel::tlog::tile::{self, Kind, Tile, WIDTH};
use serde_json::Value;
use std::path::Path;

/// What all bundles of a log are checked with.
pub struct Task<'a> {
    pub folder: &'a Path,
    /// The size of the log.
    pub size: u64,
    pub types: &'a [&'static EntryType],
    /// The size of an older tree whose root is wanted.
    pub since: Option<u64>,
    /// With them the meaning of each entry is read, too.
    pub rules: Option<&'a Rules>,
}

/// What a bundle holds.
#[derive(Default)]
pub struct Bundle {
    /// Its tree; of fewer leaves than it should have where something is broken.
    pub tree: Frontier,
    /// Its tree as far as the older one goes, where that ends in it.
    pub since: Option<Frontier>,
    /// Whether every leaf could be read.
    pub is_whole: bool,
    pub book: String,
    /// The moments of the first entry and the last.
    pub span: Option<(Moment, Moment)>,
    pub legs: u64,
    /// What its entries move in all.
    pub sum: Sums,
    /// The least that a bucket comes to after any of its entries, from nothing.
    pub least: Sums,
    pub faults: Vec<Fault>,
    /// Amounts that were recomputed.
    pub amounts: u64,
    /// The entries, where their meaning is asked for, as far as they stand in their places.
    pub views: Vec<EntryView>,
    /// Whether something stands where it does not belong, so that nothing more can be judged.
    pub stops: bool,
}

/// Fen by bucket; wide enough that no forged entry overflows it.
pub type Sums = [i128; Bucket::ALL.len()];

/// Adds what an entry moves.
pub fn add(sums: &mut Sums, moves: &Moves) {
    sums.iter_mut().zip(moves).for_each(|(sum, fen)| *sum += i128::from(*fen));
}

impl Task<'_> {
    /// Reads and checks the bundle of this index.
    pub fn run(&self, index: u64) -> Bundle {
        let mut bundle = Bundle::default();
        let first = index * WIDTH;
        let Some(file) = Kind::Entries.tile(index, self.size) else { return bundle };
        let due = u64::from(file.width);
        let bytes = match std::fs::read(self.folder.join(file.to_string())) {
            Ok(bytes) => bytes,
            Err(error) => {
                let last = first + due - 1;
                bundle.say(
                    Check::Tree,
                    Some(first),
                    format!("{file}: {error}; {first} to {last} are not there"),
                );
                return bundle;
            }
        };
        let Some(leaves) = tile::entries(&bytes) else {
            bundle.say(Check::Tree, Some(first), format!("{file} ends in the middle of an entry"));
            return bundle;
        };
        if leaves.len() as u64 != due {
            let at = first + (leaves.len() as u64).min(due);
            bundle.say(Check::Tree, Some(at), format!("{file} has {} entries", leaves.len()));
        }
        bundle.is_whole = leaves.len() as u64 == due;
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
        self.tree(&mut bundle, index, &hashes);
        for (seq, leaf) in (first..).zip(&leaves) {
            self.entry(&mut bundle, seq, leaf);
        }
        bundle
    }

    /// Grows the tree, and holds the leaves against the tile of their hashes.
    fn tree(&self, bundle: &mut Bundle, index: u64, hashes: &[Hash]) {
        let first = index * WIDTH;
        for (seq, hash) in (first..).zip(hashes) {
            if self.since == Some(seq) {
                bundle.since = Some(bundle.tree.clone());
            }
            bundle.tree.push(*hash);
        }
        let Some(file) = Kind::Hashes(0).tile(index, self.size) else { return };
        match read_tile(self.folder, &file) {
            Ok(told) => {
                let mut pairs = (first..).zip(told.iter().zip(hashes));
                if let Some((seq, _)) = pairs.find(|(_, (told, is))| told != is) {
                    let what = format!("it does not hash to what {file} says");
                    bundle.say(Check::Tree, Some(seq), what);
                }
            }
            Err(what) => bundle.say(Check::Tree, None, what),
        }
    }

    fn entry(&self, bundle: &mut Bundle, seq: u64, bytes: &[u8]) {
        let entry = Some(seq);
        let leaf = match Leaf::read(bytes) {
            Ok(leaf) => leaf,
            Err(what) => {
                (bundle.is_whole, bundle.stops) = (false, true);
                return bundle.say(Check::Schema, entry, what);
            }
        };
        if let Err(what) = leaf.schema(self.types) {
            bundle.say(Check::Schema, entry, what);
        }
        bundle.order(seq, &leaf);
        match leaf.moves() {
            Ok(moves) => {
                bundle.legs += leaf.legs();
                add(&mut bundle.sum, &moves);
                for (least, sum) in bundle.least.iter_mut().zip(bundle.sum) {
                    *least = sum.min(*least);
                }
            }
            Err(what) => bundle.say(Check::Postings, entry, what),
        }
        bundle.stops |= leaf.seq != seq;
        if let Some(rules) = self.rules {
            bundle.meaning(seq, bytes, rules);
        }
    }
}

impl Bundle {
    fn say(&mut self, check: Check, entry: Option<u64>, what: impl Into<String>) {
        self.faults.push(Fault { check, entry, what: what.into() });
    }

    /// Place, time and book.
    fn order(&mut self, seq: u64, leaf: &Leaf<'_>) {
        let entry = Some(seq);
        if leaf.seq != seq {
            self.say(Check::Order, entry, format!("it says that it is entry {}", leaf.seq));
        }
        if self.book.is_empty() {
            leaf.book.clone_into(&mut self.book);
        } else if self.book != leaf.book {
            self.say(Check::Order, entry, format!("it is of another book, {}", leaf.book));
        }
        match (leaf.at(), self.span) {
            (Err(what), _) => self.say(Check::Order, entry, what),
            (Ok(at), None) => self.span = Some((at, at)),
            (Ok(at), Some((first, last))) => {
                if at < last {
                    self.say(Check::Order, entry, "time runs back");
                }
                self.span = Some((first, at));
            }
        }
    }

    fn meaning(&mut self, seq: u64, bytes: &[u8], rules: &Rules) {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        if canonical::bytes(&value) != bytes {
            self.say(Check::Schema, Some(seq), "its leaf is not canonical (RFC 8785)");
        }
        match EntryView::of_value(value) {
            Ok(view) => {
                self.faults.extend(rules.check(&view, &mut self.amounts));
                if !self.stops {
                    self.views.push(view);
                }
            }
            Err(what) => {
                self.is_whole = false;
                self.stops = true;
                self.say(Check::Schema, Some(seq), what);
            }
        }
    }
}

/// The hashes of a tile in a folder.
///
/// # Errors
/// A sentence that names the file.
pub fn read_tile(folder: &Path, tile: &Tile) -> Result<Vec<Hash>, String> {
    let bytes = std::fs::read(folder.join(tile.to_string()));
    let bytes = bytes.map_err(|error| format!("{tile}: {error}"))?;
    let hashes = crate::kernel::tlog::proof::hashes(tile, &bytes);
    hashes.ok_or_else(|| format!("{tile} does not hold what its name says"))
}
