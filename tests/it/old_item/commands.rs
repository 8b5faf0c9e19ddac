//! Registering, verifying and rejecting, by commands of two books.

use super::{Answer, World, day, fridge, owner, recycler};
use crate::support::save;
use tradein::book::desk::Tx;
use tradein::book::fold::{EntryView, State as Fold};
use tradein::kernel::identifier::{Identifier, Serial};
use tradein::old_item::admission::MERCHANT_NOT_ELIGIBLE;
use tradein::old_item::entries::ENTRY_TYPES;
use tradein::old_item::model::{RejectReason, State};
use tradein::old_item::reject::RejectOldItem;
use tradein::old_item::verify::VerifyOldItem;
use uuid::Uuid;

fn verify(item: Uuid) -> VerifyOldItem {
    VerifyOldItem { item, recycler: recycler() }
}

fn reject(item: Uuid) -> RejectOldItem {
    RejectOldItem { item, recycler: recycler(), reason: RejectReason::ClassMismatch }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{:?}", answer.json());
}

/// The fold of the entries of a book.
fn replay(world: &World, book: i32) -> Fold {
    let mut fold = Fold::default();
    for leaf in world.leaves(book) {
        fold.apply(ENTRY_TYPES, &EntryView::of_leaf(&leaf).unwrap()).unwrap();
    }
    fold
}

#[actix_web::test]
async fn an_item_is_registered_and_verified_and_its_entries_tell_the_same() {
    let world = World::new().await;
    let (serial, book) = (Serial::synthetic(1), world.shanghai);
    let fridge = fridge(&serial);
    let id = fridge.item;
    let answer = world.submit(book, None, fridge.clone()).await;
    assert_eq!((answer.status, &answer.json()["old_item"]["state"]), (201, &"registered".into()));
    assert!(answer.json()["receipt"].is_object());
    let item = world.item(book, id).unwrap();
    assert_eq!((item.marks.clone(), item.photos.clone()), (fridge.marks, fridge.photos));
    assert_eq!((item.state, item.owner, item.version), (State::Registered, Some(owner()), 1));
    assert_eq!(world.submit(book, None, verify(id)).await.status, 200);
    let item = world.item(book, id).unwrap();
    assert!(item.is_verified());
    assert_eq!(replay(&world, book).things.get(&id).unwrap().state, "verified");
    // Invariant 10: neither the owner nor what is written on the thing stands in the ledger.
    for leaf in world.leaves(book) {
        let leaf = String::from_utf8(leaf).unwrap();
        for secret in [owner().to_string(), owner().simple().to_string()] {
            assert!(!leaf.contains(&secret), "{leaf}");
        }
        assert!(!leaf.contains(serial.reveal()), "{leaf}");
    }
}

/// Invariant 2: one thing, one live registration, across books.
#[actix_web::test]
async fn of_two_books_that_register_one_fridge_at_once_one_wins() {
    let world = World::new().await;
    for round in 0..10 {
        let serial = Serial::synthetic(round);
        let (one, other) = tokio::join!(
            world.submit(world.shanghai, None, fridge(&serial)),
            world.submit(world.suzhou, None, fridge(&serial)),
        );
        let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
        assert_eq!(won.status, 201);
        refused(&lost, 422, "OLD_ITEM_TAKEN");
    }
    let items = |book| replay(&world, book).things.len();
    assert_eq!(items(world.shanghai) + items(world.suzhou), 10);
}

#[actix_web::test]
async fn a_rejection_frees_the_identifiers_and_a_verification_never_does() {
    let world = World::new().await;
    let serial = Serial::synthetic(7);
    let first = fridge(&serial);
    let id = first.item;
    world.submit(world.shanghai, None, first).await;
    refused(&world.submit(world.suzhou, None, fridge(&serial)).await, 422, "OLD_ITEM_TAKEN");
    let answer = world.submit(world.shanghai, None, reject(id)).await;
    let view = &answer.json()["old_item"];
    assert_eq!((&view["state"], &view["reason"]), (&"rejected".into(), &"class_mismatch".into()));
    let second = fridge(&serial);
    let id = second.item;
    assert_eq!(world.submit(world.suzhou, None, second).await.status, 201);
    assert_eq!(world.submit(world.suzhou, None, verify(id)).await.status, 200);
    refused(&world.submit(world.suzhou, None, reject(id)).await, 409, "OLD_ITEM_STATE");
    refused(&world.submit(world.shanghai, None, fridge(&serial)).await, 422, "OLD_ITEM_TAKEN");
}

#[actix_web::test]
async fn both_ends_are_final() {
    let world = World::new().await;
    let book = world.shanghai;
    for (n, verified) in [(1, true), (2, false)] {
        let item = fridge(&Serial::synthetic(n));
        let id = item.item;
        world.submit(book, None, item).await;
        let ended = match verified {
            true => world.submit(book, None, verify(id)).await,
            false => world.submit(book, None, reject(id)).await,
        };
        assert_eq!(ended.status, 200);
        let leaves = world.leaves(book).len();
        refused(&world.submit(book, None, verify(id)).await, 409, "OLD_ITEM_STATE");
        refused(&world.submit(book, None, reject(id)).await, 409, "OLD_ITEM_STATE");
        assert_eq!(world.leaves(book).len(), leaves, "a refusal writes no entry");
    }
}

/// Invariant 7.
#[actix_web::test]
async fn a_key_that_was_answered_has_that_answer() {
    let world = World::new().await;
    let book = world.shanghai;
    let item = fridge(&Serial::synthetic(1));
    let id = item.item;
    let first = world.submit(book, Some("key-register"), item.clone()).await;
    // A handler draws a new id for every try; the first one stands.
    let again = fridge(&Serial::synthetic(1));
    let replayed = world.submit(book, Some("key-register"), again).await;
    assert_eq!(replayed, Answer { replayed: true, ..first });
    let first = world.submit(book, Some("key-verify"), verify(id)).await;
    let replayed = world.submit(book, Some("key-verify"), verify(id)).await;
    assert_eq!((first.status, first.replayed, replayed.replayed), (200, false, true));
    assert_eq!(first.body, replayed.body);
    assert_eq!(world.leaves(book).len(), 2);
    // A refusal is replayed, too.
    let first = world.submit(book, Some("key-second"), fridge(&Serial::synthetic(1))).await;
    refused(&first, 422, "OLD_ITEM_TAKEN");
    let replayed = world.submit(book, Some("key-second"), fridge(&Serial::synthetic(1))).await;
    assert_eq!(replayed, Answer { replayed: true, ..first });
}

#[actix_web::test]
async fn what_is_not_there_or_not_yet_is_refused() {
    let world = World::new().await;
    let book = world.shanghai;
    let serial = Serial::synthetic(1);
    let mut tomorrow = fridge(&serial);
    tomorrow.handed_over_on = day("2040-06-02");
    refused(&world.submit(book, None, tomorrow).await, 422, "HAND_OVER_IN_FUTURE");
    let mut unknown = fridge(&serial);
    unknown.admission.refusal = Some(MERCHANT_NOT_ELIGIBLE);
    refused(&world.submit(book, None, unknown).await, 422, "MERCHANT_NOT_ELIGIBLE");
    let mut today = fridge(&serial);
    today.handed_over_on = day("2040-06-01");
    let id = today.item;
    assert_eq!(world.submit(book, None, today).await.status, 201, "no mark was left behind");
    let stranger = Uuid::from_u128(5);
    let foreign = VerifyOldItem { item: id, recycler: stranger };
    refused(&world.submit(book, None, foreign).await, 404, "NOT_FOUND");
    let foreign = RejectOldItem { recycler: stranger, ..reject(id) };
    refused(&world.submit(book, None, foreign).await, 404, "NOT_FOUND");
    refused(&world.submit(world.suzhou, None, verify(id)).await, 404, "NOT_FOUND");
    let closed = tradein::book::open::ChangeBookState { to: "closed", id: Uuid::now_v7() };
    assert_eq!(world.submit(book, None, closed).await.status, 200);
    refused(&world.submit(book, None, verify(id)).await, 409, "BOOK_NOT_OPEN");
    refused(&world.submit(book, None, fridge(&serial)).await, 409, "BOOK_NOT_OPEN");
}

/// Negative control of the guard of invariant 9: what was decided over an older row is not saved.
#[actix_web::test]
async fn a_stale_version_is_never_saved() {
    let world = World::new().await;
    let book = world.shanghai;
    let item = fridge(&Serial::synthetic(1));
    let id = item.item;
    world.submit(book, None, item).await;
    let stale = world.item(book, id).unwrap();
    world.submit(book, None, verify(id)).await;
    let mut other_end = stale.clone();
    other_end.end(Some(RejectReason::PartsMissing)).unwrap();
    let mut connection = world.db.app();
    let mut tx = Tx { connection: &mut connection, book, now: stale.registered_at };
    save(&mut tx, Some(&stale), &other_end).expect_err("the row was verified in between");
    save(&mut tx, None, &stale).expect_err("a new item does not replace one that is there");
    assert!(world.item(book, id).unwrap().is_verified());
}

/// A recycler that was suspended after its request was read registers nothing.
#[actix_web::test]
async fn an_admission_that_has_changed_is_found_on_the_desk() {
    let world = World::new().await;
    world.suspend().await;
    let stale = world.submit(world.shanghai, None, fridge(&Serial::synthetic(1))).await;
    assert_eq!(stale.status, 0);
    assert!(world.leaves(world.shanghai).is_empty());
}
