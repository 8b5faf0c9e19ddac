//! All bundles in their order: the tree they make, time and balances across them, and what the
//! entries mean one after the other.

use super::bundle::{Bundle, Sums, Task, add, read_tile};
use super::leaf::Leaf;
use super::report::{CannotCheck, Check, Report};
use crate::audit::meaning::Meaning;
use crate::book::model::Bucket;
use crate::kernel::merkle::{Frontier, Hash};
use crate::kernel::time::Moment;
use crate::kernel::tlog::proof::fold;
use crate::kernel::tlog::tile::{self, HEIGHT, Kind, Tile, WIDTH};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, sync_channel};

/// Bundles that a thread may be ahead.
const AHEAD: usize = 4;

/// What all entries came to.
pub struct Walked {
    /// Nothing where an entry is missing or could not be read.
    pub root: Option<Hash>,
    /// The root of the older tree, where one was asked for.
    pub since: Option<Hash>,
    pub sums: Sums,
    pub span: Option<(Moment, Moment)>,
    pub entries: u64,
    pub legs: u64,
    pub amounts: u64,
    pub tiles: u64,
    pub meaning: Option<Meaning>,
}

/// Walks a log of `task.size` entries; `told` hears how many entries are behind it.
///
/// # Errors
/// Only where threads cannot be made; everything else is for the report.
pub fn walk(
    task: &Task<'_>,
    report: &mut Report,
    meaning: Option<Meaning>,
    told: &mut dyn FnMut(u64),
) -> Result<Walked, CannotCheck> {
    let count = task.size.div_ceil(WIDTH);
    let lanes = std::thread::available_parallelism().map_or(1, NonZero::get).min(8) as u64;
    let mut walk = Walk::new(task, report, meaning);
    std::thread::scope(|scope| {
        let mut receivers: Vec<Receiver<Bundle>> = Vec::new();
        for lane in 0..lanes {
            let (sender, receiver) = sync_channel(AHEAD);
            receivers.push(receiver);
            let work = move || {
                let mut bundles = (lane..count).step_by(lanes as usize);
                // The receiver goes only where the walk has ended early.
                let _ = bundles.try_for_each(|index| sender.send(task.run(index)).map_err(drop));
            };
            let spawned = std::thread::Builder::new().spawn_scoped(scope, work);
            spawned.map_err(|error| CannotCheck::Unfit(format!("no thread: {error}")))?;
        }
        for index in 0..count {
            let received = receivers[(index % lanes) as usize].recv();
            let bundle = received.map_err(|_| CannotCheck::Unfit("a thread ended".to_owned()))?;
            walk.bundle(index, bundle);
            told(((index + 1) * WIDTH).min(task.size));
        }
        Ok(())
    })?;
    walk.finish();
    Ok(walk.done)
}

struct Walk<'a> {
    task: &'a Task<'a>,
    report: &'a mut Report,
    /// Over the roots of whole bundles.
    tree: Frontier,
    edge: Frontier,
    is_whole: bool,
    levels: Vec<Level>,
    done: Walked,
}

/// The last tile of a level of hashes, as far as it has grown.
#[derive(Default)]
struct Level {
    index: u64,
    hashes: Vec<Hash>,
}

impl<'a> Walk<'a> {
    fn new(task: &'a Task<'a>, report: &'a mut Report, meaning: Option<Meaning>) -> Walk<'a> {
        let done = Walked {
            root: None,
            since: None,
            sums: Sums::default(),
            span: None,
            entries: 0,
            legs: 0,
            amounts: 0,
            tiles: 0,
            meaning,
        };
        Walk {
            task,
            report,
            tree: Frontier::default(),
            edge: Frontier::default(),
            is_whole: true,
            levels: Vec::new(),
            done,
        }
    }

    fn bundle(&mut self, index: u64, mut bundle: Bundle) {
        std::mem::take(&mut bundle.faults).into_iter().for_each(|fault| self.report.fault(fault));
        let first = index * WIDTH;
        self.is_whole &= bundle.is_whole;
        self.done.entries += bundle.tree.size();
        self.done.legs += bundle.legs;
        self.done.amounts += bundle.amounts;
        self.order(first, &bundle);
        self.balances(index, &bundle);
        if let Some(part) = &bundle.since {
            self.since(part);
        }
        self.grow(&bundle.tree);
        self.meaning(&bundle);
    }

    fn order(&mut self, first: u64, bundle: &Bundle) {
        if self.report.book.is_empty() {
            self.report.book.clone_from(&bundle.book);
        } else if !bundle.book.is_empty() && bundle.book != self.report.book {
            let what = format!("it is of another book, {}", bundle.book);
            self.report.say(Check::Order, Some(first), what);
        }
        let Some((from, to)) = bundle.span else { return };
        match self.done.span {
            None => self.done.span = Some((from, to)),
            Some((earliest, last)) => {
                if from < last {
                    self.report.say(Check::Order, Some(first), "time runs back");
                }
                self.done.span = Some((earliest, to));
            }
        }
    }

    /// Invariant 3: no bucket but `authority` falls below zero after any entry.
    fn balances(&mut self, index: u64, bundle: &Bundle) {
        let falls = |bucket: &Bucket| {
            let place = *bucket as usize;
            *bucket != Bucket::Authority && self.done.sums[place] + bundle.least[place] < 0
        };
        if Bucket::ALL.iter().any(falls)
            && let Some((seq, what)) = self.first_fall(index)
        {
            self.report.say(Check::Buckets, Some(seq), what);
        }
        self.done.sums.iter_mut().zip(bundle.sum).for_each(|(sum, fen)| *sum += fen);
    }

    /// Reads a bundle once more, for the entry in which a bucket first falls below zero.
    fn first_fall(&self, index: u64) -> Option<(u64, String)> {
        let file = Kind::Entries.tile(index, self.task.size)?;
        let bytes = std::fs::read(self.task.folder.join(file.to_string())).ok()?;
        let mut sums = self.done.sums;
        for (seq, leaf) in (index * WIDTH..).zip(tile::entries(&bytes)?) {
            let Ok(moves) = Leaf::read(leaf).and_then(|leaf| leaf.moves()) else { continue };
            add(&mut sums, &moves);
            let below = Bucket::ALL
                .into_iter()
                .find(|bucket| *bucket != Bucket::Authority && sums[*bucket as usize] < 0);
            if let Some(bucket) = below {
                let fen = sums[bucket as usize];
                return Some((seq, format!("{} falls to {fen} fen", bucket.name())));
            }
        }
        None
    }

    fn since(&mut self, part: &Frontier) {
        if self.is_whole {
            self.done.since = Some(self.joined(part).root());
        }
    }

    fn joined(&self, edge: &Frontier) -> Frontier {
        Frontier::of_subtrees(&self.tree, u32::from(HEIGHT), edge)
    }

    fn grow(&mut self, tree: &Frontier) {
        match tree.size() {
            WIDTH => {
                let root = tree.root();
                self.tree.push(root);
                self.tile(root);
            }
            _ => self.edge = tree.clone(),
        }
    }

    /// Adds the root of a bundle to the tiles above it, and compares each that becomes whole.
    fn tile(&mut self, root: Hash) {
        let mut hash = root;
        for level in 1u8.. {
            let place = usize::from(level) - 1;
            if self.levels.len() == place {
                self.levels.push(Level::default());
            }
            let grown = &mut self.levels[place];
            grown.hashes.push(hash);
            if grown.hashes.len() < WIDTH as usize {
                break;
            }
            let whole = std::mem::take(&mut grown.hashes);
            let index = grown.index;
            grown.index += 1;
            self.compare(level, index, &whole);
            hash = fold(&whole);
        }
    }

    fn compare(&mut self, level: u8, index: u64, hashes: &[Hash]) {
        let width = u16::try_from(hashes.len()).unwrap_or(u16::MAX);
        let file = Tile { kind: Kind::Hashes(level), index, width };
        self.done.tiles += 1;
        // Where an entry is missing, every tile above it differs: it was told once.
        if !self.is_whole {
            return;
        }
        match read_tile(self.task.folder, &file) {
            Ok(told) if told == hashes => {}
            Ok(_) => {
                let what = format!("{file} does not hold the hashes of its entries");
                self.report.say(Check::Tree, None, what);
            }
            Err(what) => self.report.say(Check::Tree, None, what),
        }
    }

    fn meaning(&mut self, bundle: &Bundle) {
        let Some(meaning) = &mut self.done.meaning else { return };
        for view in &bundle.views {
            match meaning.take(view) {
                Ok(()) => {}
                Err(fault) => {
                    let is_over = fault.check == Check::States && meaning.state.size() <= view.seq;
                    self.report.fault(fault);
                    if is_over {
                        self.done.meaning = None;
                        return;
                    }
                }
            }
        }
        // What follows an entry that cannot be read cannot be judged.
        if !bundle.is_whole || bundle.stops {
            self.done.meaning = None;
        }
    }

    fn finish(&mut self) {
        for (level, grown) in (1u8..).zip(std::mem::take(&mut self.levels)) {
            if !grown.hashes.is_empty() {
                self.compare(level, grown.index, &grown.hashes);
            }
        }
        self.done.tiles += self.task.size.div_ceil(WIDTH);
        if self.is_whole {
            self.done.root = Some(self.joined(&self.edge).root());
        }
        if self.task.since == Some(self.task.size) {
            self.done.since = self.done.root;
        }
    }
}
