//! A book taken home: everything that the verifier needs, as plain files.
//!
//! | file | what |
//! | --- | --- |
//! | `checkpoint` | the signed head up to which the export goes |
//! | `tile/…` | hash tiles and entry bundles (C2SP tlog-tiles) |
//! | `log.vkey` | the public keys of the log, one a line; an auditor trusts his own copy |
//! | `accounts.json` | the chart of accounts |
//! | `programmes/<sha256>.toml` | every published rule text |
//! | `goods/<sha256>.csv` | the goods catalogue and the filed prices as they stand |
//! | `commitments.csv` | digests in the entries, to find the entry of a paper that one holds |
//! | `export.json` | which book this is, and where goods and prices are |
//!
//! The tree is built anew from the leaves and must have the checkpoint's root; the checkpoint is
//! written last. Files are written whole or not at all, so an export that was interrupted, or one
//! of an earlier day, is continued where its whole bundles end. Memory: one page of entries and
//! the tree's edge, however long the book is.

mod files;
pub mod http;
mod papers;

pub use files::Writer;
pub use papers::meaning;

use super::store;
use crate::book::BookInfo;
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::{Note, VerifierKey};
use crate::kernel::tlog::tile::{Kind, Tile, WIDTH};
use diesel::PgConnection;
use papers::Commitments;
use serde_json::{Value, json};
use std::path::Path;

/// The folder of the rule texts.
pub const PROGRAMMES: &str = "programmes";
const GOODS: &str = "goods";

/// Leaves that are read at once.
const PAGE: i64 = 2_048;

/// Why there is no export, in one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("the database cannot be read: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("the folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
    #[error("{0}")]
    Unfit(String),
}

/// What to export.
pub struct Order<'a> {
    pub book: &'a BookInfo,
    pub folder: &'a Path,
    /// The signed checkpoint up to which the export goes.
    pub note: &'a Note,
    /// The keys of the log.
    pub keys: &'a [VerifierKey],
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Exported {
    pub size: u64,
    /// How many entries an earlier run had brought.
    pub found: u64,
}

/// Exports a book; `told` hears how many entries are there, of how many.
///
/// # Errors
/// A checkpoint that no key has signed, a folder of another book, a database that does not have
/// the entries of the checkpoint: then what the export holds differs from what was signed.
pub fn run(
    connection: &mut PgConnection,
    order: &Order<'_>,
    mut told: impl FnMut(u64, u64),
) -> Result<Exported, Failed> {
    let head = Checkpoint::verified(order.note, order.keys);
    let head = head.map_err(|why| Failed::Unfit(format!("the checkpoint: {why}")))?;
    let book = &order.book.name;
    let (folder, size) = (order.folder, head.size);
    of_book(folder, book)?;
    let mut writer = Writer::open(folder, size)?;
    let found = writer.size();
    let mut commitments = Commitments::begin(folder)?;
    for index in 0..found / WIDTH {
        let tile = Tile { kind: Kind::Entries, index, width: WIDTH as u16 };
        commitments.take_bundle(index * WIDTH, &std::fs::read(folder.join(tile.to_string()))?)?;
    }
    while writer.size() < size {
        let from = i64::try_from(writer.size()).unwrap_or(i64::MAX);
        let limit = i64::try_from(size - writer.size()).unwrap_or(PAGE).min(PAGE);
        let page = store::leaves(connection, order.book.no, from, limit)?;
        if page.is_empty() {
            let has = writer.size();
            return Err(Failed::Unfit(format!(
                "the database has {has} entries of {book}, the checkpoint {size}: its tail is lost"
            )));
        }
        for row in page {
            let due = writer.size();
            if u64::try_from(row.seq) != Ok(due) {
                return Err(Failed::Unfit(format!("entry {due} of {book} is not there")));
            }
            commitments.take(due, &row.kind, &row.leaf)?;
            writer.push(&row.leaf)?;
        }
        told(writer.size(), size);
    }
    if writer.root() != head.root {
        return Err(Failed::Unfit(format!(
            "the entries of {book} do not make the signed root of size {size}: they were changed; \
             export into an empty folder, and hold it against an older export with \
             `tradein audit verify --since`"
        )));
    }
    writer.finish()?;
    commitments.finish(folder)?;
    papers(connection, order)?;
    files::write(folder, "checkpoint", order.note.to_string().as_bytes())?;
    Ok(Exported { size, found })
}

/// A folder is empty or of this book.
fn of_book(folder: &Path, book: &str) -> Result<(), Failed> {
    std::fs::create_dir_all(folder)?;
    let Ok(text) = std::fs::read_to_string(folder.join("export.json")) else {
        return match std::fs::read_dir(folder)?.next() {
            None => Ok(files::write(folder, "export.json", &about(book, &[]))?),
            Some(_) => Err(Failed::Unfit(format!(
                "{} is neither empty nor an earlier export",
                folder.display()
            ))),
        };
    };
    let about: Value = serde_json::from_str(&text).unwrap_or_default();
    match about.get("book").and_then(Value::as_str) {
        Some(is) if is == book => Ok(()),
        _ => Err(Failed::Unfit(format!("{} is the export of another book", folder.display()))),
    }
}

fn about(book: &str, goods: &[(&str, String)]) -> Vec<u8> {
    let goods: serde_json::Map<String, Value> =
        goods.iter().map(|(name, path)| ((*name).to_owned(), json!(path))).collect();
    let text = json!({"format": "tradein-export-1", "book": book, "goods": goods});
    format!("{text:#}\n").into_bytes()
}

/// Everything beside the log.
fn papers(connection: &mut PgConnection, order: &Order<'_>) -> Result<(), Failed> {
    let folder = order.folder;
    let keys: String = order.keys.iter().map(|key| format!("{key}\n")).collect();
    files::write(folder, "log.vkey", keys.as_bytes())?;
    files::write(folder, "accounts.json", &papers::accounts())?;
    for row in store::programmes(connection)? {
        let path = format!("{PROGRAMMES}/{}.toml", hex::encode(row.hash));
        files::write(folder, &path, row.text.as_bytes())?;
    }
    let mut paths = Vec::new();
    for (name, (head, rows)) in [
        ("catalogue", (store::GOODS_COLUMNS, store::goods_cells(connection)?)),
        ("prices", (store::PRICE_COLUMNS, store::price_cells(connection)?)),
    ] {
        let bytes = papers::csv(head, &rows)?;
        let sha256 = hex::encode(crate::kernel::canonical::sha256(&bytes));
        let path = format!("{GOODS}/{sha256}.csv");
        files::write(folder, &path, &bytes)?;
        paths.push((name, path));
    }
    files::write(folder, "export.json", &about(&order.book.name, &paths))?;
    Ok(())
}
