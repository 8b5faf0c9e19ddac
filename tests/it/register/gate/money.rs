//! A drop's money: tokens in flight, refills, and "sold out".

use super::world::{World, asking, person, request, round, settings};
use crate::support::eventually;
use futures_util::future::join_all;
use std::time::Duration;
use tokio::runtime::Handle;
use tradein::kernel::money::Fen;
use tradein::register::gate::{Asking, Gate, GateSettings, Outcome, Take, TurnedAway};

const HOLD: Fen = Fen(100);

/// A round with some money, of which the gate knows.
async fn drop_of(world: &World, limit: i64, settings: GateSettings) -> Gate {
    world.run(&format!(
        "INSERT INTO tranche (book_id, name, limit_fen, drawn_fen, version) \
         VALUES (0, 'round', {limit}, 0, 0)"
    ));
    let gate = world.gate_with(settings);
    gate.look().await;
    assert!(!gate.sold_out(&[round()], HOLD), "nobody has read it yet");
    gate.reconcile().await;
    gate
}

/// What Postgres says from now on: drawn of the round, and the size of the book's log.
fn drawn(world: &World, fen: i64, size: i64) {
    world.run(&format!("UPDATE tranche SET drawn_fen = {fen} WHERE name = 'round'"));
    world.run(&format!("UPDATE book_head SET size = {size} WHERE book_id = 0"));
}

/// The log of the register book is as empty as it was.
fn tidy(world: &World) {
    world.run("UPDATE book_head SET size = 0 WHERE book_id = 0");
    world.run("UPDATE tranche SET drawn_fen = 0");
}

fn left(world: &World) -> i64 {
    let mut ask = redis::cmd("HGET");
    ask.arg("{t0:round}:m").arg("left").query(&mut world.redis.connect()).unwrap()
}

fn claim(n: u128) -> Asking {
    Asking { tranches: vec![round()], ..asking(n, n, 1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_once_and_handed_in_once() {
    let world = World::new();
    let gate = drop_of(&world, 250, settings()).await;
    let take = async |n| gate.take(&round(), request(n), HOLD).await.unwrap();
    for _ in 0..3 {
        assert_eq!(take(1).await, Take::Taken);
    }
    assert_eq!(left(&world), 150);
    gate.reconcile().await;
    assert_eq!(left(&world), 150, "what is in flight is not left, drawn or not");
    assert_eq!(take(2).await, Take::Taken);
    assert_eq!(take(3).await, Take::NotEnough, "50 are left, below the hold");
    for _ in 0..2 {
        gate.hand_in(&round(), request(1), false).await;
        assert_eq!(left(&world), 150, "money that was not drawn is left again");
    }
    gate.hand_in(&round(), request(2), true).await;
    assert_eq!(left(&world), 150, "drawn money stays away");
    drawn(&world, 100, 0);
    gate.reconcile().await;
    assert_eq!(left(&world), 150, "and Postgres says the same");
    tidy(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_token_runs_out() {
    let world = World::new();
    let reservation = Duration::from_millis(200);
    let gate = drop_of(&world, 100, GateSettings { reservation, ..settings() }).await;
    assert_eq!(gate.take(&round(), request(1), HOLD).await, Ok(Take::Taken));
    assert_eq!(gate.take(&round(), request(2), HOLD).await, Ok(Take::NotEnough));
    let handle = Handle::current();
    tokio::task::block_in_place(|| {
        eventually("the money is left again", || {
            handle.block_on(gate.reconcile());
            left(&world) == 100
        });
    });
    assert_eq!(gate.take(&round(), request(2), HOLD).await, Ok(Take::Taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refill_that_was_read_earlier_is_refused() {
    let world = World::new();
    let gate = drop_of(&world, 1000, settings()).await;
    drawn(&world, 400, 7);
    gate.reconcile().await;
    assert_eq!(left(&world), 600);
    drawn(&world, 100, 6);
    gate.reconcile().await;
    assert_eq!(left(&world), 600, "it was read before the last one");
    // A new epoch begins anew: the Postgres of now may have lost entries.
    world.run("UPDATE gate_epoch SET counter = counter + 1");
    gate.look().await;
    assert_eq!(gate.take(&round(), request(1), HOLD).await, Ok(Take::NeedRefill));
    gate.reconcile().await;
    assert_eq!(left(&world), 900);
    tidy(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn sold_out_is_money_that_is_drawn_and_not_money_in_flight() {
    let world = World::new();
    let gate = drop_of(&world, 100, settings()).await;
    let pass = gate.admit(claim(1)).await.expect("there is money");
    let busy = gate.admit(claim(2)).await.map(drop).unwrap_err();
    assert!(matches!(busy, TurnedAway::Busy), "the last money is in flight: {busy:?}");
    assert!(!gate.sold_out(&[round()], HOLD));
    // It comes back, and the next one has it.
    gate.settle(pass, Outcome::Refused).await;
    let pass = gate.admit(claim(2)).await.expect("the money is left again");
    drawn(&world, 100, 1);
    gate.settle(pass, Outcome::Granted { used: 1, version: 1 }).await;
    let sold_out = gate.admit(claim(3)).await.map(drop).unwrap_err();
    assert!(matches!(sold_out, TurnedAway::SoldOut), "{sold_out:?}");
    assert!(gate.sold_out(&[round()], HOLD));
    assert!(!gate.sold_out(&[round()], Fen::ZERO), "a class without a hold is not");
    // Whoever is told no keeps no place.
    let place = gate.reserve(person(3), super::world::KEY, request(99), 1).await;
    assert_eq!(place, tradein::register::gate::Admission::Admitted);
    // An answered key goes on, and given-back money is claimed within one reconciliation.
    world.answer(request(4));
    drop(gate.admit(claim(4)).await.expect("the book has its answer"));
    drawn(&world, 0, 2);
    gate.reconcile().await;
    assert!(!gate.sold_out(&[round()], HOLD));
    drop(gate.admit(claim(5)).await.expect("there is money again"));
    tidy(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_takes_no_more_tokens_than_there_is_money_even_after_a_flush() {
    let world = World::new();
    let gate = drop_of(&world, 1000, settings()).await;
    redis::cmd("FLUSHDB").exec(&mut world.redis.connect()).unwrap();
    let crowd = join_all((0..100).map(|n| gate.admit(claim(n)))).await;
    let passed: Vec<_> = crowd.into_iter().flatten().collect();
    assert_eq!(passed.len(), 10);
    assert!(passed.iter().all(|pass| !pass.is_beside_redis()));
}
