//! An exported book proves itself, and every tampering with its bytes is found by the check that
//! is there for it, with the first bad entry named. A forger may lay the whole log out anew and
//! even sign it with the log's own key: what an entry says must still follow.

use super::lies;
use super::replay::changed;
use super::story::Story;
use crate::support::scratch::Scratch;
use diesel::{Connection, PgConnection};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tradein::audit::export::{self, Exported, Order, Writer};
use tradein::audit::verify::{self, Check, Question, Report};
use tradein::bench::log::lay;
use tradein::book::BookInfo;
use tradein::book::store::{list_books, read_head};
use tradein::kernel::canonical;
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::{KeyKind, Note, SignerKey, VerifierKey};
use tradein::kernel::tlog::tile;

pub const ORIGIN: &str = "test.example/book";

pub fn key() -> SignerKey {
    SignerKey::new(ORIGIN, &[1; 32]).unwrap()
}

pub fn verifier() -> VerifierKey {
    key().verifier(KeyKind::Ed25519)
}

/// What the log's publisher would sign for a book as it stands.
fn head(connection: &mut PgConnection, book: &BookInfo) -> Note {
    let head = read_head(connection, book.no).unwrap();
    let (size, root) = (head.size as u64, head.root.try_into().unwrap());
    Checkpoint { origin: ORIGIN.into(), size, root }.signed(&[key()])
}

pub fn exported(
    connection: &mut PgConnection,
    book: &BookInfo,
    folder: &Path,
) -> Result<Exported, export::Failed> {
    let note = head(connection, book);
    let order = Order { book, folder, note: &note, keys: &[verifier()] };
    export::run(connection, &order, |_, _| {})
}

pub fn verified_since(folder: &Path, since: Option<&Path>) -> Report {
    let question = Question { folder, keys: &[verifier()], since, only_structure: false };
    verify::run(&question, |_, _| {}).expect("it can be checked")
}

pub fn verified(folder: &Path) -> Report {
    verified_since(folder, None)
}

#[track_caller]
pub fn good(report: &Report) {
    assert!(report.is_good(), "{}", report.lines().join("\n"));
}

/// Exactly one kind of check finds it first, at this entry.
#[track_caller]
pub fn found(report: &Report, check: Check, entry: Option<u64>, says: &str) {
    let lines = report.lines().join("\n");
    let first = report.first_of(check).unwrap_or_else(|| panic!("not found:\n{lines}"));
    assert_eq!(first.entry, entry, "{lines}");
    assert!(first.what.contains(says), "no {says:?} in\n{lines}");
    if entry.is_some() {
        assert_eq!(report.first().and_then(|first| first.entry), entry, "{lines}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap().path()) {
        let to = to.join(file.file_name().unwrap());
        if file.is_dir() { copy(&file, &to) } else { fs::copy(&file, &to).map(|_| ()).unwrap() }
    }
}

/// The bundles of a log, in order.
pub fn bundles(folder: &Path) -> Vec<PathBuf> {
    let size = signed(folder).size;
    let tiles = (0..).map_while(|index| tile::Kind::Entries.tile(index, size));
    tiles.map(|tile| folder.join(tile.to_string())).collect()
}

fn signed(folder: &Path) -> Checkpoint {
    let note: Note = fs::read_to_string(folder.join("checkpoint")).unwrap().parse().unwrap();
    note.text.parse().unwrap()
}

pub fn leaves(folder: &Path) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for bundle in bundles(folder) {
        let bytes = fs::read(bundle).unwrap();
        leaves.extend(tile::entries(&bytes).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    leaves
}

/// Lays other leaves out beside the papers of an export, and signs them.
pub fn relaid(honest: &Path, folder: &Path, leaves: &[Vec<u8>], key: &SignerKey) {
    copy(honest, folder);
    fs::remove_dir_all(folder.join("tile")).unwrap();
    let mut writer = Writer::open(folder, leaves.len() as u64).unwrap();
    leaves.iter().for_each(|leaf| writer.push(leaf).unwrap());
    writer.finish().unwrap();
    let (size, root) = (writer.size(), writer.root());
    let note = Checkpoint { origin: ORIGIN.into(), size, root }.signed(std::slice::from_ref(key));
    fs::write(folder.join("checkpoint"), note.to_string()).unwrap();
}

/// An export of a whole story, to be tampered with.
pub struct Home {
    pub scratch: Scratch,
    pub honest: PathBuf,
    count: usize,
}

impl Home {
    pub fn fresh(&mut self) -> PathBuf {
        self.count += 1;
        self.scratch.path().join(self.count.to_string())
    }

    /// A copy whose files are changed.
    #[track_caller]
    pub fn with_files(&mut self, tamper: impl FnOnce(&Path)) -> Report {
        let folder = self.fresh();
        copy(&self.honest, &folder);
        tamper(&folder);
        verified(&folder)
    }

    /// A log of other leaves, signed with the log's own key.
    pub fn with_leaves(&mut self, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Report {
        let mut leaves = leaves(&self.honest);
        edit(&mut leaves);
        let folder = self.fresh();
        relaid(&self.honest, &folder, &leaves, &key());
        verified(&folder)
    }

    /// The same where one entry of a kind says something else: the report, and its place.
    pub fn with_entry(&mut self, kind: &str, edit: impl FnOnce(&mut Value)) -> (Report, u64) {
        let mut seq = 0;
        let report = self.with_leaves(|leaves| {
            let (place, mut leaf) = first_of(leaves, kind);
            edit(&mut leaf);
            seq = place;
            leaves[place as usize] = canonical::bytes(&leaf);
        });
        (report, seq)
    }

    #[track_caller]
    pub fn lies(&mut self, kind: &str, check: Check, says: &str, edit: impl FnOnce(&mut Value)) {
        let (report, seq) = self.with_entry(kind, edit);
        found(&report, check, Some(seq), says);
    }
}

pub fn first_of(leaves: &[Vec<u8>], kind: &str) -> (u64, Value) {
    let read = leaves.iter().map(|leaf| serde_json::from_slice::<Value>(leaf).unwrap());
    let mut of_kind = (0..).zip(read).filter(|(_, leaf)| leaf["kind"] == kind);
    of_kind.next().unwrap_or_else(|| panic!("the story has no {kind}"))
}

/// The book of vouchers of a story, exported.
async fn home() -> (Story, Home) {
    let story = Story::whole().await;
    let scratch = Scratch::new();
    let mut owner = PgConnection::establish(&story.world.db.owner_url()).unwrap();
    for book in list_books(&mut owner).unwrap() {
        let folder = scratch.path().join(format!("book-{}", book.no));
        exported(&mut owner, &book, &folder).unwrap();
        let report = verified(&folder);
        good(&report);
        assert_eq!(report.book, book.name);
    }
    let honest = scratch.path().join("book-1");
    (story, Home { scratch, honest, count: 0 })
}

#[actix_web::test]
async fn an_export_verifies_and_every_tampering_is_found_with_its_entry() {
    let (story, mut home) = home().await;
    // The negative control of all that follows: a forger who changes nothing is not noticed.
    good(&home.with_files(|_| {}));
    good(&home.with_leaves(|_| {}));
    lies::files(&mut home);
    lies::whole_logs(&mut home);
    lies::entries(&mut home);
    lies::amounts(&mut home);
    lies::slots_and_marks(&mut home);
    lies::older_heads(&mut home);
    home.honest = home.scratch.path().join("book-3");
    lies::applications(&mut home);
    drop(story);
}

#[actix_web::test]
async fn an_export_of_a_database_that_was_changed_is_refused() {
    let (story, home) = home().await;
    let mut superuser = PgConnection::establish(&story.world.db.superuser_url()).unwrap();
    let book = list_books(&mut superuser).unwrap().remove(1);
    let fresh = home.scratch.path().join("changed");
    let note = head(&mut superuser, &book);
    for (statement, says) in [
        (
            "UPDATE entry SET leaf = set_byte(leaf, 10, 32) WHERE book_id = 1 AND seq = 3",
            "signed root",
        ),
        ("DELETE FROM entry WHERE book_id = 1 AND seq = 3", "entry 3 of"),
        ("DELETE FROM entry WHERE book_id = 1 AND seq > 20", "its tail is lost"),
    ] {
        let _ = fs::remove_dir_all(&fresh);
        let failed = changed(&mut superuser, statement, |connection| {
            let order = Order { book: &book, folder: &fresh, note: &note, keys: &[verifier()] };
            export::run(connection, &order, |_, _| {}).map(|_| ())
        });
        let failed = failed.expect_err(statement).to_string();
        assert!(failed.contains(says), "{statement}: {failed}");
        assert!(!fresh.join("checkpoint").exists(), "what is not proven has no checkpoint");
    }
    // The negative control, and the same folder again: nothing is new.
    let _ = fs::remove_dir_all(&fresh);
    exported(&mut superuser, &book, &fresh).unwrap();
    let again = exported(&mut superuser, &book, &fresh).unwrap();
    assert_eq!(again.size, signed(&fresh).size);
    good(&verified(&fresh));
    let other = list_books(&mut superuser).unwrap().remove(2);
    let refused = exported(&mut superuser, &other, &fresh).unwrap_err().to_string();
    assert!(refused.contains("another book"), "{refused}");
}

/// A book of several bundles and levels, made with the product's own encoding.
#[test]
fn a_long_book_verifies_and_faults_far_in_are_named() {
    let scratch = Scratch::new();
    let honest = scratch.path().join("honest");
    fs::create_dir_all(&honest).unwrap();
    let size = lay(&honest, 400, &key(), ORIGIN).unwrap();
    assert_eq!(size, 1_202);
    good(&verified(&honest));
    let mut home = Home { scratch, honest, count: 0 };
    // Captures that move more than they may, beyond the first bundle.
    let report = home.with_leaves(|leaves| {
        let mut leaf: Value = serde_json::from_slice(&leaves[904]).unwrap();
        assert_eq!(leaf["kind"], "redemption.captured");
        leaf["legs"] = json!([["held", -1e12 as i64], ["committed", 1e12 as i64]]);
        leaves[904] = canonical::bytes(&leaf);
    });
    found(&report, Check::Buckets, Some(904), "held falls to");
    let report = home.with_leaves(|leaves| {
        let mut leaf: Value = serde_json::from_slice(&leaves[768]).unwrap();
        leaf["at"] = json!("2024-09-10T02:00:00.000000Z");
        leaves[768] = canonical::bytes(&leaf);
    });
    found(&report, Check::Order, Some(768), "time runs back");
    let report = home.with_files(|folder| {
        let tile = folder.join("tile/1/000.p/4");
        let mut bytes = fs::read(&tile).unwrap();
        bytes[40] ^= 1;
        fs::write(tile, bytes).unwrap();
    });
    found(&report, Check::Tree, None, "tile/1/000.p/4 does not hold");
}

#[test]
fn the_command_ends_with_0_1_or_2_and_says_what_it_counted() {
    let scratch = Scratch::new();
    let honest = scratch.path().join("honest");
    fs::create_dir_all(&honest).unwrap();
    lay(&honest, 20, &key(), ORIGIN).unwrap();
    let run = |folder: &Path, key: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
        let done = command.args(["audit", "verify", "--key", key]).arg(folder).output().unwrap();
        let text =
            String::from_utf8(done.stdout).unwrap() + std::str::from_utf8(&done.stderr).unwrap();
        (done.status.code(), text)
    };
    let own = verifier().to_string();
    let (code, text) = run(&honest, &own);
    assert_eq!(code, Some(0), "{text}");
    for line in
        ["ok   tree 默克尔树: 62 entries", "ok   amounts 金额复算: 40 computed anew", "verified"]
    {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let broken = scratch.path().join("broken");
    let mut all = leaves(&honest);
    all.swap(7, 8);
    relaid(&honest, &broken, &all, &key());
    let (code, text) = run(&broken, &own);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("WRONG 有误: entry 7: it says that it is entry 8"), "{text}");
    for (folder, key) in [(scratch.path(), own.as_str()), (&honest, "no-key"), (&honest, "")] {
        let (code, text) = run(folder, key);
        assert_eq!(code, Some(2), "{text}");
    }
}
