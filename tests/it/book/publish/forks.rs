//! What is never signed: a log that is not an extension of what was signed before. Each case has
//! its negative control, a publication that goes on.

use super::press::{BOOK, Press, head};
use diesel::connection::SimpleConnection;
use tradein::book::publish::Log;
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::SignerKey;

/// The tail of a book's log is gone, as after a failover to a standby that had not got it, or from
/// an older backup. The appropriations that the entries spoke of go with them.
fn cut(press: &Press, size: u64) {
    let book = press.book;
    let (frontier, root) = edge_at(press, size);
    let statements = format!(
        "DELETE FROM appropriation a USING entry e WHERE a.book_id = {book} AND \
         e.book_id = {book} AND e.about = a.appropriation_id AND e.seq >= {size}; \
         DELETE FROM entry WHERE book_id = {book} AND seq >= {size}; \
         UPDATE book_head SET size = {size}, frontier = '\\x{frontier}', root = '\\x{root}' \
         WHERE book_id = {book}"
    );
    press.engine.db.superuser().batch_execute(&statements).unwrap();
}

fn edge_at(press: &Press, size: u64) -> (String, String) {
    use tradein::kernel::merkle::{Frontier, leaf_hash};
    let limit = size.cast_signed();
    let mut app = press.engine.db.app();
    let leaves = tradein::book::store::list_entries(&mut app, press.book, 0, limit).unwrap();
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|(leaf, _)| frontier.push(leaf_hash(leaf)));
    (hex::encode(frontier.to_bytes()), hex::encode(frontier.root()))
}

fn halt(log: &Log, press: &Press) -> &'static str {
    log.status.halt(press.book).map_or("none", |halt| halt.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_its_tail_is_not_signed_and_says_so() {
    let press = Press::new().await;
    press.append(300).await;
    let log = press.publish();
    let before = press.files();
    assert_eq!(halt(&log, &press), "none");
    cut(&press, 290);
    let log = press.publish();
    assert_eq!(halt(&log, &press), "store_ahead");
    assert_eq!(log.status.json()["state"], "halted");
    let told = log.status.json()["halted"][0]["detail"].as_str().unwrap().to_owned();
    assert!(told.contains("300 entries are signed, 290 are there"), "{told}");
    // The other books go on.
    assert_eq!(log.status.halt(tradein::book::REGISTER), None);
    // It grows again, to the same size and beyond, and is another log than the one that was signed.
    press.append(10).await;
    assert_eq!(halt(&press.publish(), &press), "fork");
    press.append(50).await;
    let log = press.publish();
    assert_eq!(halt(&log, &press), "fork");
    let signed = format!("{BOOK}/checkpoint");
    assert_eq!(
        press.files().get(signed.as_ref() as &std::path::Path),
        before.get(signed.as_ref() as &std::path::Path)
    );
    assert_eq!(head(&log, BOOK).size, 300);
}

/// The negative control: what was cut had not been signed, so nothing contradicts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_was_never_signed_may_be_lost() {
    let press = Press::new().await;
    press.append(290).await;
    press.publish();
    press.append(10).await;
    cut(&press, 290);
    press.append(20).await;
    let log = press.publish();
    assert_eq!((halt(&log, &press), head(&log, BOOK).size), ("none", 310));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_halt_ends_when_the_database_is_the_right_one_again() {
    let press = Press::new().await;
    press.append(20).await;
    press.publish();
    let root = edge_at(&press, 20).1;
    let set = |root: &str| {
        let text =
            format!("UPDATE book_head SET root = '\\x{root}' WHERE book_id = {}", press.book);
        press.engine.db.superuser().batch_execute(&text).unwrap();
    };
    set(&"ab".repeat(32));
    let log = press.log();
    let mut publisher = press.publisher(&log);
    publisher.look();
    assert_eq!(halt(&log, &press), "fork", "two roots of one size");
    set(&root);
    publisher.look();
    assert_eq!(
        (halt(&log, &press), log.status.json()["state"].as_str()),
        ("none", Some("publishing"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_changed_before_it_was_signed_is_not_signed() {
    let press = Press::new().await;
    press.append(20).await;
    press.publish();
    press.append(20).await;
    let change = |what: &str| {
        let book = press.book;
        let text = format!("UPDATE entry SET {what} WHERE book_id = {book} AND seq = 33");
        press.engine.db.superuser().batch_execute(&text).unwrap();
    };
    change("leaf = leaf || ' '");
    let log = press.publish();
    assert_eq!(halt(&log, &press), "entry_changed");
    assert!(log.status.halt(press.book).unwrap().to_string().contains("entry 33"));
    // With its hash it is another log than the one whose root the clerk has written.
    change("leaf_hash = sha256('\\x00'::bytea || leaf)");
    assert_eq!(halt(&press.publish(), &press), "fork");
    change("leaf = substr(leaf, 1, length(leaf) - 1)");
    change("leaf_hash = sha256('\\x00'::bytea || leaf)");
    let log = press.publish();
    assert_eq!((halt(&log, &press), head(&log, BOOK).size), ("none", 40));
}

/// Somebody who has the key puts another head of the same size into the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_fork_is_not_extended() {
    let press = Press::new().await;
    press.append(20).await;
    let log = press.publish();
    let signers: Vec<SignerKey> = log.keys.signers(BOOK);
    let honest = head(&log, BOOK);
    let forked = Checkpoint { root: [7; 32], ..honest.clone() };
    assert!(forked.contradicts(&honest));
    let path = log.folder.of_book(BOOK).join("checkpoint");
    for (checkpoint, code) in [
        (Checkpoint { size: 20, ..forked.clone() }, "fork"),
        (Checkpoint { size: 19, ..forked.clone() }, "store_damaged"),
        (Checkpoint { size: 21, ..forked.clone() }, "store_ahead"),
        (
            Checkpoint { origin: "logs.example.org/other".to_owned(), ..honest.clone() },
            "store_damaged",
        ),
        (honest, "none"),
    ] {
        std::fs::write(&path, checkpoint.signed(&signers).to_string()).unwrap();
        assert_eq!(halt(&press.publish(), &press), code, "{checkpoint}");
    }
    let stranger = SignerKey::new(&log.keys.origin(BOOK), &[5; 32]).unwrap();
    let honest = head(&log, BOOK);
    std::fs::write(&path, honest.signed(&[stranger]).to_string()).unwrap();
    assert_eq!(halt(&press.publish(), &press), "store_damaged", "signed by another key");
    std::fs::write(&path, "garbage").unwrap();
    assert_eq!(halt(&press.publish(), &press), "store_damaged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_right_edge_is_not_built_upon() {
    let press = Press::new().await;
    press.append(300).await;
    let log = press.publish();
    press.append(1).await;
    for file in ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"] {
        let path = log.folder.of_book(BOOK).join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut broken = whole.clone();
        broken[20] ^= 1;
        for bytes in [Some(&broken[..]), Some(&whole[1..]), None] {
            match bytes {
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            assert_eq!(halt(&press.publish(), &press), "store_damaged", "{file}");
        }
        std::fs::write(&path, &whole).unwrap();
    }
    let log = press.publish();
    assert_eq!((halt(&log, &press), head(&log, BOOK).size), ("none", 301));
}
