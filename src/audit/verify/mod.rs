//! The proof of an exported log, from its files alone: no database, no network, no trust.
//!
//! | check | what is proven |
//! | --- | --- |
//! | signatures | the checkpoint is signed with a key that the auditor brought |
//! | tree | the entries make the signed root (RFC 6962), and every tile is theirs (6) |
//! | since | the log extends the older checkpoint or export that the auditor kept (6) |
//! | order and time | entry n says that it is n, of this book, and time never runs back (6, 9) |
//! | schema | each entry has exactly the fields of its type; its bytes are canonical |
//! | postings | the legs of each entry sum to zero (5) |
//! | buckets | no bucket but `authority` is below zero after any entry (3) |
//! | rule texts | each text that an entry names is there under its hash, and is that text |
//! | states | the fold of the book: each thing moves along its graph, with its money (5, 9, 11) |
//! | amounts | each amount, hold, end and quota follows from the facts in the leaf (8) |
//! | slots | no leaf says less than what this book has given its pseudonym (1) |
//! | marks | no thing of this book draws twice (2) |
//!
//! The numbers are those of the invariants. The first five of the entries and the buckets need
//! no rule text; they are "structure" and run at disk speed. Bundles are read on every core and
//! put together in order, a few at a time. Memory is flat for the structure; the rest keeps what
//! lives in the book, some hundred bytes a thing.

mod bundle;
mod leaf;
mod report;
mod walk;

pub use report::{CannotCheck, Check, Fault, Report};

use super::entry_types;
use super::export::PROGRAMMES;
use super::meaning::Meaning;
use super::rules::Rules;
use crate::book::model::Bucket;
use crate::kernel::time;
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::{Note, VerifierKey};
use crate::kernel::tlog::tile::{Kind, WIDTH};
use bundle::{Task, read_tile};
use std::path::{Path, PathBuf};
use walk::{Walked, walk};

/// What an auditor asks.
pub struct Question<'a> {
    /// An exported log.
    pub folder: &'a Path,
    /// The keys under which the log is known; any one of them must have signed.
    pub keys: &'a [VerifierKey],
    /// A checkpoint that was kept, or the folder of an older export.
    pub since: Option<&'a Path>,
    /// Only what needs no rule text and no memory of other entries.
    pub only_structure: bool,
}

/// An older head.
struct Since {
    checkpoint: Checkpoint,
    /// The older export, where it is one.
    folder: Option<PathBuf>,
}

/// Verifies an exported log; `told` hears how many entries are behind it, of how many.
///
/// # Errors
/// Where nothing can be said: there is no checkpoint, or a file cannot be read at all.
pub fn run(question: &Question<'_>, mut told: impl FnMut(u64, u64)) -> Result<Report, CannotCheck> {
    let folder = question.folder;
    let text = text(&folder.join("checkpoint"))?;
    let note: Note = text.parse().map_err(|why| unfit("checkpoint", &why))?;
    let read: Checkpoint = note.text.parse().map_err(|why| unfit("checkpoint", &why))?;
    let mut report = Report::new(read.size);
    match Checkpoint::verified(&note, question.keys) {
        Ok(_) => {
            let signed = note.verify(question.keys).map_or(0, |keys| keys.len());
            let what = format!("{signed} on the checkpoint of {}, size {}", read.origin, read.size);
            report.counted(Check::Signatures, what);
        }
        Err(why) => report.say(Check::Signatures, None, format!("the checkpoint: {why}")),
    }
    let since = question.since.map(|path| older(path, question.keys, &mut report)).transpose()?;
    let since = since.flatten();
    let (types, rules) = (
        entry_types(),
        match question.only_structure {
            true => None,
            false => Some(texts(folder, &mut report)?),
        },
    );
    let size = since.as_ref().map(|since| since.checkpoint.size).filter(|old| *old <= read.size);
    let task = Task { folder, size: read.size, types: &types, since: size, rules: rules.as_ref() };
    let meaning = rules.as_ref().map(|_| Meaning::new(types.clone()));
    let all = read.size;
    let walked = walk(&task, &mut report, meaning, &mut |behind| told(behind, all))?;
    tree(&mut report, &read, &walked);
    if let Some(since) = &since {
        consistent(&mut report, &read, since, walked.since, folder);
    }
    structure(&mut report, &walked, types.len());
    if let Some(rules) = &rules {
        understood(&mut report, &walked, rules);
    }
    Ok(report)
}

fn text(path: &Path) -> Result<String, CannotCheck> {
    std::fs::read_to_string(path).map_err(|error| CannotCheck::Unreadable {
        path: path.display().to_string(),
        why: error.to_string(),
    })
}

fn unfit(name: &str, why: &dyn std::fmt::Display) -> CannotCheck {
    CannotCheck::Unfit(format!("{name}: {why}"))
}

/// The older head; nothing where its own signature does not hold, which is told.
fn older(
    path: &Path,
    keys: &[VerifierKey],
    report: &mut Report,
) -> Result<Option<Since>, CannotCheck> {
    let folder = path.is_dir().then(|| path.to_owned());
    let file = folder.as_ref().map_or_else(|| path.to_owned(), |it| it.join("checkpoint"));
    let note: Note = text(&file)?.parse().map_err(|why| unfit("the older checkpoint", &why))?;
    match Checkpoint::verified(&note, keys) {
        Ok(checkpoint) => Ok(Some(Since { checkpoint, folder })),
        Err(why) => {
            report.say(Check::Since, None, format!("the older checkpoint: {why}"));
            Ok(None)
        }
    }
}

/// The rule texts of an export.
fn texts(folder: &Path, report: &mut Report) -> Result<Rules, CannotCheck> {
    let mut rules = Rules::default();
    let folder = folder.join(PROGRAMMES);
    let unreadable = |error: std::io::Error| CannotCheck::Unreadable {
        path: folder.display().to_string(),
        why: error.to_string(),
    };
    if !folder.exists() {
        return Ok(rules);
    }
    for file in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = file.map_err(unreadable)?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if !rules.add(&name, &text(&path)?) {
            let what = format!("the text {PROGRAMMES}/{name}.toml does not hash to its name");
            report.say(Check::Rules, None, what);
        }
    }
    Ok(rules)
}

fn tree(report: &mut Report, head: &Checkpoint, walked: &Walked) {
    match walked.root {
        Some(root) if root == head.root => {
            let (entries, tiles) = (walked.entries, walked.tiles);
            let root = hex::encode(root);
            let what = format!("{entries} entries and {tiles} tiles make the signed root {root}");
            report.counted(Check::Tree, what);
        }
        Some(root) => {
            let (is, due) = (hex::encode(root), hex::encode(head.root));
            let what = format!("the entries make the root {is}, signed is {due}");
            report.say(Check::Tree, None, what);
        }
        None => report.say(Check::Tree, None, "entries are missing or broken: there is no root"),
    }
}

fn consistent(
    report: &mut Report,
    head: &Checkpoint,
    since: &Since,
    root: Option<[u8; 32]>,
    folder: &Path,
) {
    let old = &since.checkpoint;
    let size = old.size;
    if old.origin != head.origin {
        let what =
            format!("the older checkpoint is of {}, this one of {}", old.origin, head.origin);
        return report.say(Check::Since, None, what);
    }
    if size > head.size {
        let what = format!("the log had {size} entries and has {}: its tail is cut", head.size);
        return report.say(Check::Since, Some(head.size), what);
    }
    if head.contradicts(old) {
        let what = format!("two checkpoints of size {size} are signed with different roots");
        return report.say(Check::Since, None, what);
    }
    if root == Some(old.root) {
        let what = format!("the first {size} entries are those of the older checkpoint");
        return report.counted(Check::Since, what);
    }
    let changed = since.folder.as_deref().and_then(|old| first_change(old, folder, size));
    let what = match changed {
        Some(_) => "it is another than in the older export".to_owned(),
        None => format!("the first {size} entries are not those of the older checkpoint"),
    };
    report.say(Check::Since, changed, what);
}

/// The first entry that has another hash in the older export.
fn first_change(old: &Path, new: &Path, size: u64) -> Option<u64> {
    for index in 0..size.div_ceil(WIDTH) {
        let read = |folder: &Path, size| {
            let tile = Kind::Hashes(0).tile(index, size)?;
            read_tile(folder, &tile).ok()
        };
        let before = read(old, size)?;
        let whole = read(new, (index + 1) * WIDTH);
        let after = whole.or_else(|| {
            let size = text(&new.join("checkpoint")).ok()?.parse::<Note>().ok()?;
            read(new, size.text.parse::<Checkpoint>().ok()?.size)
        })?;
        let mut pairs = (index * WIDTH..).zip(before.iter().zip(&after));
        if let Some((seq, _)) = pairs.find(|(_, (before, after))| before != after) {
            return Some(seq);
        }
    }
    None
}

fn structure(report: &mut Report, walked: &Walked, types: usize) {
    let entries = walked.entries;
    let span = walked.span.map_or(String::new(), |(from, to)| {
        format!(", from {} to {}", time::local_text(from), time::local_text(to))
    });
    report.counted(Check::Order, format!("{entries} entries{span}"));
    report.counted(Check::Schema, format!("{entries} entries, {types} types known"));
    report.counted(Check::Postings, format!("{} legs of {entries} entries", walked.legs));
    let held = |bucket: &Bucket| {
        let fen = walked.sums[*bucket as usize];
        (fen != 0).then(|| format!("{} {fen}", bucket.name()))
    };
    let held: Vec<String> = Bucket::ALL.iter().filter_map(held).collect();
    let held = if held.is_empty() { "all are empty".to_owned() } else { held.join(", ") + " fen" };
    report.counted(Check::Buckets, format!("after each of {entries} entries; {held}"));
}

fn understood(report: &mut Report, walked: &Walked, rules: &Rules) {
    report.counted(Check::Rules, format!("{} texts by their hashes", rules.count()));
    report.counted(Check::Amounts, format!("{} computed anew", walked.amounts));
    let Some(meaning) = &walked.meaning else {
        if report.first_of(Check::States).is_none() {
            let what = "entries that cannot be read stand before others, which were not judged";
            report.say(Check::States, None, what);
        }
        return;
    };
    for what in meaning.keepers() {
        report.say(Check::States, None, what);
    }
    let things = meaning.state.things.len();
    report.counted(Check::States, format!("{things} things along their graphs"));
    let (slots, marks) = meaning.holds.counted;
    report.counted(Check::Slots, format!("{slots} given"));
    report.counted(Check::Marks, format!("{marks} taken"));
}
