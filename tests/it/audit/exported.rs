//! An exported book proves itself, and every tampering with its bytes is found by the check that
//! is there for it, with the first bad entry named. A forger may lay the whole log out anew and
//! even sign it with the log's own key: what an entry says must still follow.

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

const ORIGIN: &str = "test.example/book";

fn key() -> SignerKey {
    SignerKey::new(ORIGIN, &[1; 32]).unwrap()
}

fn verifier() -> VerifierKey {
    key().verifier(KeyKind::Ed25519)
}

/// What the log's publisher would sign for a book as it stands.
fn head(connection: &mut PgConnection, book: &BookInfo) -> Note {
    let head = read_head(connection, book.no).unwrap();
    let (size, root) = (head.size as u64, head.root.try_into().unwrap());
    Checkpoint { origin: ORIGIN.into(), size, root }.signed(&[key()])
}

fn exported(
    connection: &mut PgConnection,
    book: &BookInfo,
    folder: &Path,
) -> Result<Exported, export::Failed> {
    let note = head(connection, book);
    let order = Order { book, folder, note: &note, keys: &[verifier()] };
    export::run(connection, &order, |_, _| {})
}

fn verified_since(folder: &Path, since: Option<&Path>) -> Report {
    let question = Question { folder, keys: &[verifier()], since, only_structure: false };
    verify::run(&question, |_, _| {}).expect("it can be checked")
}

fn verified(folder: &Path) -> Report {
    verified_since(folder, None)
}

#[track_caller]
fn good(report: &Report) {
    assert!(report.is_good(), "{}", report.lines().join("\n"));
}

/// Exactly one kind of check finds it first, at this entry.
#[track_caller]
fn found(report: &Report, check: Check, entry: Option<u64>, says: &str) {
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
fn bundles(folder: &Path) -> Vec<PathBuf> {
    let size = signed(folder).size;
    let tiles = (0..).map_while(|index| tile::Kind::Entries.tile(index, size));
    tiles.map(|tile| folder.join(tile.to_string())).collect()
}

fn signed(folder: &Path) -> Checkpoint {
    let note: Note = fs::read_to_string(folder.join("checkpoint")).unwrap().parse().unwrap();
    note.text.parse().unwrap()
}

fn leaves(folder: &Path) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    for bundle in bundles(folder) {
        let bytes = fs::read(bundle).unwrap();
        leaves.extend(tile::entries(&bytes).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    leaves
}

/// Lays other leaves out beside the papers of an export, and signs them.
fn relaid(honest: &Path, folder: &Path, leaves: &[Vec<u8>], key: &SignerKey) {
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
struct Home {
    scratch: Scratch,
    honest: PathBuf,
    count: usize,
}

impl Home {
    fn fresh(&mut self) -> PathBuf {
        self.count += 1;
        self.scratch.path().join(self.count.to_string())
    }

    /// A copy whose files are changed.
    #[track_caller]
    fn with_files(&mut self, tamper: impl FnOnce(&Path)) -> Report {
        let folder = self.fresh();
        copy(&self.honest, &folder);
        tamper(&folder);
        verified(&folder)
    }

    /// A log of other leaves, signed with the log's own key.
    fn with_leaves(&mut self, edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Report {
        let mut leaves = leaves(&self.honest);
        edit(&mut leaves);
        let folder = self.fresh();
        relaid(&self.honest, &folder, &leaves, &key());
        verified(&folder)
    }

    /// The same where one entry of a kind says something else: the report, and its place.
    fn with_entry(&mut self, kind: &str, edit: impl FnOnce(&mut Value)) -> (Report, u64) {
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
    fn lies(&mut self, kind: &str, check: Check, says: &str, edit: impl FnOnce(&mut Value)) {
        let (report, seq) = self.with_entry(kind, edit);
        found(&report, check, Some(seq), says);
    }
}

fn first_of(leaves: &[Vec<u8>], kind: &str) -> (u64, Value) {
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
    files(&mut home);
    whole_logs(&mut home);
    entries(&mut home);
    amounts(&mut home);
    older_heads(&mut home);
    drop(story);
}

/// Changes of the exported bytes themselves.
fn files(home: &mut Home) {
    let bundle = bundles(&home.honest).remove(0);
    let name = bundle.strip_prefix(&home.honest).unwrap().to_owned();
    let bytes = fs::read(&bundle).unwrap();
    let whole: Vec<Vec<u8>> = leaves(&home.honest);
    let place = |n: usize| whole[..n].iter().map(|leaf| leaf.len() + 2).sum::<usize>();
    let put = |leaves: &[&Vec<u8>]| {
        let mut bundle = Vec::new();
        leaves.iter().for_each(|leaf| tile::put_entry(&mut bundle, leaf));
        bundle
    };
    let refs: Vec<&Vec<u8>> = whole.iter().collect();
    let last = whole.len() - 1;
    let mut flipped = bytes.clone();
    // A digit of the time: still a leaf, and another one.
    let at = whole[5].windows(6).position(|part| part == b"\"at\":\"").unwrap();
    flipped[place(5) + 2 + at + 24] ^= 1;
    let (mut deleted, mut inserted, mut swapped) = (refs.clone(), refs.clone(), refs.clone());
    deleted.remove(7);
    inserted.insert(8, refs[8]);
    swapped.swap(4, 9);
    for (bytes, entry) in [
        (flipped, 5),
        (put(&deleted), 7),
        (put(&inserted), 9),
        (put(&swapped), 4),
        (put(&refs[..last]), last),
    ] {
        let report = home.with_files(|folder| fs::write(folder.join(&name), bytes).unwrap());
        found(&report, Check::Tree, Some(entry as u64), "");
    }
    let cut = bytes[..bytes.len() - 1].to_vec();
    let report = home.with_files(|folder| fs::write(folder.join(&name), cut).unwrap());
    found(&report, Check::Tree, Some(0), "ends in the middle");
    let report = home.with_files(|folder| fs::remove_file(folder.join(&name)).unwrap());
    found(&report, Check::Tree, Some(0), "are not there");
    // A rule text that is another under its hash, and one that is gone.
    let text = |folder: &Path| {
        let mut texts = fs::read_dir(folder.join("programmes")).unwrap();
        texts.find_map(|text| {
            let path = text.unwrap().path();
            let is = fs::read_to_string(&path).unwrap().contains("test-appliance");
            is.then_some(path)
        })
    };
    let report = home.with_files(|folder| {
        let path = text(folder).unwrap();
        let other = fs::read_to_string(&path).unwrap().replace("20%", "25%");
        fs::write(path, other).unwrap();
    });
    found(&report, Check::Rules, Some(first_of(&whole, "voucher.claimed").0), "there is no text");
    let report = home.with_files(|folder| fs::remove_file(text(folder).unwrap()).unwrap());
    found(&report, Check::Rules, Some(first_of(&whole, "voucher.claimed").0), "there is no text");
}

/// Logs that are laid out and signed anew.
fn whole_logs(home: &mut Home) {
    let honest = leaves(&home.honest);
    let folder = home.fresh();
    let other = SignerKey::new(ORIGIN, &[2; 32]).unwrap();
    relaid(&home.honest, &folder, &honest, &other);
    found(&verified(&folder), Check::Signatures, None, "none of the given keys");
    let report = home.with_leaves(|leaves| {
        leaves.remove(6);
    });
    found(&report, Check::Order, Some(6), "it says that it is entry 7");
    let report = home.with_leaves(|leaves| leaves.swap(4, 5));
    found(&report, Check::Order, Some(4), "it says that it is entry 5");
    let report = home.with_leaves(|leaves| leaves.insert(3, leaves[3].clone()));
    found(&report, Check::Order, Some(4), "it says that it is entry 3");
    let report = home.with_leaves(|leaves| {
        let text = String::from_utf8(leaves[3].clone()).unwrap();
        leaves[3] = text.replace("{\"about\"", "{ \"about\"").into_bytes();
    });
    found(&report, Check::Schema, Some(3), "not canonical");
    let report = home.with_leaves(|leaves| leaves[3] = b"no leaf".to_vec());
    found(&report, Check::Schema, Some(3), "no leaf");
}

/// Single entries that say something else, in a log that is signed anew.
fn entries(home: &mut Home) {
    let early = |leaf: &mut Value| leaf["at"] = json!("2001-01-01T00:00:00.000000Z");
    home.lies("voucher.given_back", Check::Order, "time runs back", early);
    let form = |leaf: &mut Value| leaf["at"] = json!("2025-06-10T12:00:00+08:00");
    home.lies("voucher.given_back", Check::Order, "no time as leaves write it", form);
    let other = |leaf: &mut Value| leaf["book"] = json!("310000/digital/2025");
    home.lies("voucher.given_back", Check::Order, "of another book", other);
    let more = |leaf: &mut Value| leaf["data"]["note"] = json!("x");
    home.lies("voucher.claimed", Check::Schema, "undeclared note", more);
    let outside = |leaf: &mut Value| leaf["note"] = json!("x");
    home.lies("voucher.claimed", Check::Schema, "unknown field", outside);
    let actor = |leaf: &mut Value| leaf["actor"] = json!("somebody");
    home.lies("voucher.claimed", Check::Schema, "actor is nobody", actor);
    let unbalanced = |leaf: &mut Value| leaf["legs"][0][1] = json!(-1);
    home.lies("voucher.claimed", Check::Postings, "its legs sum to", unbalanced);
    let account = |leaf: &mut Value| leaf["legs"][0][0] = json!("pocket");
    home.lies("voucher.claimed", Check::Postings, "no account pocket", account);
    // All the money of the book goes with one voucher: the next has none.
    let much = |leaf: &mut Value| {
        leaf["legs"] = json!([["available", -1e14 as i64], ["held", 1e14 as i64]])
    };
    home.lies("voucher.claimed", Check::Buckets, "available falls to", much);
    home.lies("redemption.captured", Check::States, "no redemption", |leaf| {
        leaf["about"] = json!("0".repeat(32));
    });
    let (_, captured) = first_of(&leaves(&home.honest), "redemption.captured");
    home.lies("redemption.cancelled", Check::States, "goes from captured", |leaf| {
        leaf["about"] = captured["about"].clone();
    });
}

/// What the rules say otherwise.
fn amounts(home: &mut Home) {
    // A hold that is higher, its legs re-balanced.
    home.lies("voucher.claimed", Check::Amounts, "its hold is", |leaf| {
        let fen = leaf["data"]["hold_fen"].as_i64().unwrap() + 100;
        leaf["data"]["hold_fen"] = json!(fen);
        leaf["legs"] = json!([["available", -fen], ["held", fen]]);
    });
    home.lies("voucher.claimed", Check::Amounts, "it ends", |leaf| {
        leaf["data"]["until"] = json!("2025-12-31T00:00:00.000000Z");
    });
    home.lies("voucher.claimed", Check::Amounts, "its quota is not", |leaf| {
        leaf["data"]["quota"]["slots"] = json!(3);
    });
    home.lies("redemption.reserved", Check::Amounts, "its amount is", |leaf| {
        leaf["data"]["amount_fen"] = json!(leaf["data"]["amount_fen"].as_i64().unwrap() - 1);
    });
    home.lies("redemption.reserved", Check::Amounts, "its amount is", |leaf| {
        leaf["data"]["facts"]["purchase.price_fen"] = json!(123_456);
    });
    home.lies("redemption.reserved", Check::Amounts, "derivation", |leaf| {
        leaf["data"]["derivation"][0]["rule"] = json!("another");
    });
    home.lies("redemption.reserved", Check::Amounts, "INVENTED was not met", |leaf| {
        leaf["data"]["checks"]["INVENTED"] = json!(false);
    });
    // One amount through all its entries, postings and derivation: only the rule text knows.
    let (report, seq) = {
        let mut seq = 0;
        let report = home.with_leaves(|leaves| {
            let (captured, mut capture) = first_of(leaves, "redemption.captured");
            let about = capture["about"].clone();
            let of = |leaf: &Value| leaf["kind"] == "redemption.reserved" && leaf["about"] == about;
            let read = |leaf: &Vec<u8>| serde_json::from_slice::<Value>(leaf).unwrap();
            let place = leaves.iter().position(|leaf| of(&read(leaf))).unwrap();
            let mut reserve = read(&leaves[place]);
            let fen = reserve["data"]["amount_fen"].as_i64().unwrap() - 10_000;
            reserve["data"]["amount_fen"] = json!(fen);
            let steps = reserve["data"]["derivation"].as_array_mut().unwrap();
            steps.last_mut().unwrap()["result_fen"] = json!(fen);
            capture["data"]["amount_fen"] = json!(fen);
            let hold = capture["legs"][0][1].as_i64().unwrap();
            capture["legs"] =
                json!([["held", hold], ["committed", fen], ["available", -hold - fen]]);
            leaves[place] = canonical::bytes(&reserve);
            leaves[captured as usize] = canonical::bytes(&capture);
            seq = place as u64;
        });
        (report, seq)
    };
    found(&report, Check::Amounts, Some(seq), "by the rules it is");
    // A second voucher of a person that says that it is his first.
    let claims = |leaves: &[Vec<u8>]| -> Vec<(usize, Value)> {
        let read = leaves.iter().map(|leaf| serde_json::from_slice::<Value>(leaf).unwrap());
        read.enumerate().filter(|(_, leaf)| leaf["data"]["quota"]["in_use"] == 1).collect()
    };
    let mut seq = 0;
    let report = home.with_leaves(|leaves| {
        let (place, mut leaf) = claims(leaves).remove(0);
        leaf["data"]["quota"]["in_use"] = json!(0);
        leaves[place] = canonical::bytes(&leaf);
        seq = place as u64;
    });
    found(&report, Check::Slots, Some(seq), "this book had given 1");
    // A thing that has drawn already.
    let report = home.with_leaves(|leaves| {
        let (captured, capture) = first_of(leaves, "redemption.captured");
        let read = |leaf: &Vec<u8>| serde_json::from_slice::<Value>(leaf).unwrap();
        let taken = leaves.iter().map(read).find(|leaf| {
            leaf["kind"] == "redemption.reserved" && leaf["about"] == capture["about"]
        });
        let mut later = leaves.iter().map(read).enumerate().filter(|(place, leaf)| {
            *place as u64 > captured && leaf["kind"] == "redemption.reserved"
        });
        let (place, mut leaf) = later.next().unwrap();
        leaf["data"]["marks"] = taken.unwrap()["data"]["marks"].clone();
        leaves[place] = canonical::bytes(&leaf);
        seq = place as u64;
    });
    found(&report, Check::Marks, Some(seq), "has drawn for good");
}

/// What an auditor kept from an earlier day.
fn older_heads(home: &mut Home) {
    let all = leaves(&home.honest);
    let (older, forked, kept) = (home.fresh(), home.fresh(), home.fresh());
    relaid(&home.honest, &older, &all[..12], &key());
    let old = older.join("checkpoint");
    good(&verified_since(&home.honest, Some(&old)));
    good(&verified_since(&home.honest, Some(&older)));
    good(&verified_since(&home.honest, Some(&home.honest.join("checkpoint"))));
    // The tail cut, and a backup of an earlier day restored.
    let report = verified_since(&older, Some(&home.honest.join("checkpoint")));
    found(&report, Check::Since, Some(12), "its tail is cut");
    // The past of one entry written anew: the checkpoint tells that, the older export where.
    let mut other = all.clone();
    let mut leaf: Value = serde_json::from_slice(&other[9]).unwrap();
    leaf["about"] = json!("f".repeat(32));
    other[9] = canonical::bytes(&leaf);
    relaid(&home.honest, &forked, &other, &key());
    let report = verified_since(&forked, Some(&old));
    found(&report, Check::Since, None, "are not those of the older checkpoint");
    let first = verified_since(&forked, Some(&older));
    assert_eq!(first.first_of(Check::Since).and_then(|first| first.entry), Some(9));
    // Two heads of one size.
    let report = verified_since(&forked, Some(&home.honest.join("checkpoint")));
    found(&report, Check::Since, None, "two checkpoints of size");
    // A head that somebody else signed says nothing.
    let stranger = SignerKey::new(ORIGIN, &[3; 32]).unwrap();
    relaid(&home.honest, &kept, &all[..12], &stranger);
    let report = verified_since(&home.honest, Some(&kept));
    found(&report, Check::Since, None, "none of the given keys");
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
