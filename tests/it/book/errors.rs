//! What becomes of a batch when something breaks: invariants 4 and 7.

use super::engine::{Engine, HeldHead, Panics, Poison, envelope, propose, status};
use super::proxy::{Next, Proxy};
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tradein::book::Reply;

#[actix_web::test]
async fn an_unknown_commit_is_one_effect_and_one_answer() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    let proxy = Proxy::before(&engine.db);
    let books = engine.also(&proxy.url, 256, 64);
    for (round, next) in
        [Next::LoseTheAnswer, Next::LoseTheCommit, Next::LoseTheAnswer, Next::LoseTheCommit]
            .into_iter()
            .enumerate()
    {
        let before = engine.entries(book);
        let (one, other) = (format!("unknown-{round}"), format!("beside-{round}"));
        proxy.next(next);
        // Two commands share the batch or follow each other; both keys have one answer.
        let (a, b) = futures_util::join!(
            books.submit(book, envelope(Some(&one), propose(1))),
            books.submit(book, envelope(Some(&other), propose(2))),
        );
        assert_eq!((status(&a), status(&b)), (201, 201), "{next:?}");
        assert_eq!(engine.entries(book), before + 2, "{next:?}");
        let Ok(Reply::Answer { body: first, .. }) = a else { unreachable!() };
        let again = engine.books.submit(book, envelope(Some(&one), propose(1))).await;
        let Ok(Reply::Answer { body, replayed, .. }) = again else { panic!("it is answered") };
        assert!(replayed && body == first, "{next:?}");
        assert_eq!(engine.entries(book), before + 2, "{next:?}");
    }
    assert_eq!(proxy.lost(), 4);
}

#[actix_web::test]
async fn a_lock_timeout_is_tried_again() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    let held = HeldHead::of(&engine.db, book);
    let letting_go = tokio::task::spawn_blocking(move || {
        // Longer than the lock time-out of 150 ms.
        std::thread::sleep(Duration::from_millis(400));
        drop(held);
    });
    let reply = engine.books.submit(book, envelope(Some("patient-key"), propose(1))).await;
    assert_eq!(status(&reply), 201);
    letting_go.await.unwrap();
    assert_eq!(engine.entries(book), 1);
}

#[actix_web::test]
async fn who_waits_in_vain_is_busy_and_may_ask_again() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    let held = HeldHead::of(&engine.db, book);
    let reply = engine.books.submit(book, envelope(Some("impatient-key"), propose(1))).await;
    assert_eq!(status(&reply), 503);
    drop(held);
    assert_eq!(engine.entries(book), 0);
    let reply = engine.books.submit(book, envelope(Some("impatient-key"), propose(1))).await;
    assert_eq!((status(&reply), engine.entries(book)), (201, 1));
}

#[actix_web::test]
async fn a_poison_command_fails_alone() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    // The head is held until all of them wait, so that they share a batch.
    let held = HeldHead::of(&engine.db, book);
    let books = &engine.books;
    let good = (0..40).map(|n| {
        let key = format!("good-key-{n}");
        async move { books.submit(book, envelope(Some(&key), propose(1))).await }
    });
    let bad = (0..3).map(|n| {
        let key = format!("poison-key-{n}");
        async move { books.submit(book, envelope(Some(&key), Poison)).await }
    });
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(held);
    };
    let (good, bad, ()) = futures_util::join!(join_all(good), join_all(bad), letting_go);
    assert!(good.iter().all(|reply| status(reply) == 201));
    assert!(bad.iter().all(|reply| status(reply) == 500));
    assert_eq!(engine.entries(book), 40);
    // Nothing is stored under a key that failed.
    let reply = engine.books.submit(book, envelope(Some("poison-key-0"), propose(1))).await;
    assert_eq!(status(&reply), 201);
}

#[actix_web::test]
async fn a_panic_is_an_error_of_its_own_command_only() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    let held = HeldHead::of(&engine.db, book);
    let books = &engine.books;
    let good = (0..20).map(|_| books.submit(book, envelope(None, propose(1))));
    let bad = [Panics::InNeeds, Panics::InDecide, Panics::WithAFault];
    let bad = bad.into_iter().map(|command| books.submit(book, envelope(None, command)));
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(held);
    };
    let (good, bad, ()) = futures_util::join!(join_all(good), join_all(bad), letting_go);
    assert!(good.iter().all(|reply| status(reply) == 201));
    assert!(bad.iter().all(|reply| status(reply) == 500));
    assert_eq!(engine.entries(book), 20);
}

#[actix_web::test]
async fn a_full_queue_says_so_at_once() {
    let engine = Engine::new();
    let book = engine.open("310000").await;
    let books = engine.also(&engine.db.app_url(), 1, 4);
    let held = HeldHead::of(&engine.db, book);
    let all = (0..40).map(|_| {
        let books = &books;
        async move {
            let begun = Instant::now();
            let reply = books.submit(book, envelope(None, propose(1))).await;
            (status(&reply), begun.elapsed())
        }
    });
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(held);
    };
    let (all, ()) = futures_util::join!(join_all(all), letting_go);
    let taken = all.iter().filter(|(status, _)| *status == 201).count();
    let away: Vec<Duration> =
        all.iter().filter(|(status, _)| *status == 503).map(|(_, waited)| *waited).collect();
    // Four wait, and a fifth may be in the clerk's hands.
    assert!((4..=5).contains(&taken), "{all:?}");
    assert_eq!(taken + away.len(), 40);
    assert!(away.iter().all(|waited| *waited < Duration::from_millis(200)), "{away:?}");
    assert_eq!(engine.entries(book), taken);
}
