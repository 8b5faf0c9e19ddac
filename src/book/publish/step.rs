//! One step for one book: from the last signed head to that of the database.

use super::folder::{NotWritten, Parcel};
use super::status::Halt;
use super::store::BookHead;
use super::{Log, LogFolder};
use crate::book::store::list_entries;
use crate::kernel::merkle::leaf_hash;
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::edge::{Edge, File};
use crate::kernel::tlog::note::{KeyKind, Note, SignerKey};
use crate::kernel::tlog::tile::Tile;
use diesel::PgConnection;

/// Entries read at once: eight bundles.
const PAGE: i64 = 2_048;

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
pub enum NoStep {
    /// A person has to look.
    #[error("{0}")]
    Halt(#[from] Halt),
    /// Passing, or somebody else's turn: to be tried again.
    #[error("{0}")]
    NotWritten(#[from] NotWritten),
    #[error("the entries cannot be read: {0}")]
    Database(#[from] diesel::result::Error),
}

impl From<std::io::Error> for NoStep {
    fn from(error: std::io::Error) -> NoStep {
        NoStep::NotWritten(NotWritten::Io(error))
    }
}

/// Publishes what a book has grown by, under this publisher's number, and gives back the signed
/// checkpoint; whether it is a new one comes with it.
///
/// # Errors
/// See [`NoStep`]; nothing was signed then that anybody could see.
pub fn publish(
    log: &Log,
    connection: &mut PgConnection,
    fence: u64,
    head: &BookHead,
) -> Result<(Note, bool), NoStep> {
    let book = head.book.name.as_str();
    let was = log.folder.checkpoint(book)?;
    let signed = was.as_deref().map(|text| last_signed(log, book, text)).transpose()?;
    if let Some((note, last)) = &signed {
        if last.size > head.size {
            return Err(Halt::Ahead { signed: last.size, size: head.size }.into());
        }
        if last.size == head.size {
            if last.root.as_slice() != head.root {
                return Err(Halt::Fork { signed: last.size }.into());
            }
            return sign_again(log, fence, book, note);
        }
    }
    let last = signed.map(|(_, last)| last);
    let mut edge = edge_of(&log.folder, book, last.as_ref())?;
    let mut full = Vec::new();
    append(log, connection, fence, was.as_deref(), head, &mut edge, &mut full)?;
    if edge.root().as_slice() != head.root {
        let signed = last.map_or(0, |last| last.size);
        return Err(Halt::Fork { signed }.into());
    }
    let checkpoint =
        Checkpoint { origin: log.keys.origin(book), size: edge.size(), root: edge.root() };
    let signers = log.keys.signers(book);
    let note = checkpoint.signed(&signers);
    let files = named(edge.partial_files());
    let keys = keys_text(&log.folder, book, &signers)?;
    let texts: &[(&str, String)] = &[("keys", keys)];
    let parcel = Parcel { files: &files, texts, checkpoint: Some(&note.to_string()) };
    log.folder.write(book, fence, was.as_deref(), &parcel)?;
    log.folder.drop_partials(book, full.iter());
    Ok((note, true))
}

/// The last signed head, believed only where one of our own keys has signed it.
fn last_signed(log: &Log, book: &str, text: &str) -> Result<(Note, Checkpoint), Halt> {
    let damaged = |what: String| Halt::Store(format!("the checkpoint of {book}: {what}"));
    let note: Note = text.parse().map_err(|bad| damaged(format!("{bad}")))?;
    let checkpoint = Checkpoint::verified(&note, &log.keys.verifiers(book));
    checkpoint.map(|checkpoint| (note, checkpoint)).map_err(|bad| damaged(format!("{bad}")))
}

/// The right edge of what is signed, read from the store and held against the signed root.
fn edge_of(folder: &LogFolder, book: &str, last: Option<&Checkpoint>) -> Result<Edge, NoStep> {
    let Some(last) = last else { return Ok(Edge::default()) };
    let damaged = |what: String| Halt::Store(format!("the tiles of {book}: {what}"));
    let edge = Edge::read(last.size, |tile| folder.tile(book, tile));
    let edge = edge.map_err(|error| {
        damaged(error.map_or("one does not hold what its name says".to_owned(), |e| e.to_string()))
    })?;
    if edge.root() != last.root {
        return Err(damaged("they do not lead to the signed root".to_owned()).into());
    }
    Ok(edge)
}

/// Reads the new entries, checks each against its hash, and writes what becomes full.
fn append(
    log: &Log,
    connection: &mut PgConnection,
    fence: u64,
    was: Option<&str>,
    head: &BookHead,
    edge: &mut Edge,
    full: &mut Vec<Tile>,
) -> Result<(), NoStep> {
    while edge.size() < head.size {
        let from = edge.size();
        let limit = PAGE.min((head.size - from).cast_signed());
        let page = list_entries(connection, head.book.no, from.cast_signed(), limit)?;
        let mut files = Vec::new();
        for (leaf, hash) in &page {
            let leaf_position = edge.size();
            if leaf_hash(leaf).as_slice() != hash {
                return Err(Halt::Changed { seq: leaf_position }.into());
            }
            edge.push(leaf, &mut files);
        }
        if page.len() as i64 != limit {
            return Err(Halt::Changed { seq: edge.size() }.into());
        }
        full.extend(files.iter().map(|file| file.tile));
        if !files.is_empty() {
            let parcel = Parcel { files: &named(files), ..Parcel::default() };
            log.folder.write(&head.book.name, fence, was, &parcel)?;
        }
    }
    Ok(())
}

/// Adds the signatures of keys that have come since, the current one's above all.
fn sign_again(log: &Log, fence: u64, book: &str, note: &Note) -> Result<(Note, bool), NoStep> {
    let signers = log.keys.signers(book);
    let missing: Vec<&SignerKey> =
        signers.iter().filter(|key| !note.is_signed_by(&key.verifier(KeyKind::Ed25519))).collect();
    if missing.is_empty() {
        return Ok((note.clone(), false));
    }
    let mut signed = note.clone();
    let lines = missing.iter().map(|key| key.sign(&note.text));
    signed.signatures.splice(0..0, lines);
    let texts = [("keys", keys_text(&log.folder, book, &signers)?)];
    let text = signed.to_string();
    let parcel = Parcel { files: &[], texts: &texts, checkpoint: Some(&text) };
    log.folder.write(book, fence, Some(&note.to_string()), &parcel)?;
    Ok((signed, true))
}

/// Every key that has signed this log, the current one first.
fn keys_text(folder: &LogFolder, book: &str, signers: &[SignerKey]) -> std::io::Result<String> {
    let mut lines: Vec<String> =
        signers.iter().map(|key| key.verifier(KeyKind::Ed25519).to_string()).collect();
    let before = folder.text(book, "keys")?.unwrap_or_default();
    for line in before.lines().filter(|line| !line.is_empty()) {
        if !lines.iter().any(|known| known == line) {
            lines.push(line.to_owned());
        }
    }
    Ok(lines.join("\n") + "\n")
}

fn named(files: Vec<File>) -> Vec<(String, Vec<u8>)> {
    files.into_iter().map(|file| (file.tile.to_string(), file.bytes)).collect()
}
