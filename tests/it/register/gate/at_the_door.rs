//! Who goes on to the clerk and who is told no: "three kinds of no" of the design.

use super::world::{KEY, World, asking, person, request};
use chrono::{TimeDelta, Utc};
use tradein::register::gate::{Admission, Outcome, TurnedAway};

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_is_told_only_when_postgres_says_so() {
    let world = World::new();
    let gate = world.gate().await;
    let pass = gate.admit(asking(1, 1, 1)).await.expect("nothing is used");
    // A second request while the first is on its way: Redis is full, Postgres is not.
    let second = gate.admit(asking(1, 2, 1)).await.expect("nothing is used yet");
    let granted = world.grant(person(1), 1, None).unwrap();
    let (used, version) = (granted.used.unsigned_abs(), granted.version);
    gate.settle(pass, Outcome::Granted { used, version }).await;
    assert_eq!(world.grant(person(1), 1, None), None, "Postgres decides");
    gate.settle(second, Outcome::QuotaFull).await;
    let refused = gate.admit(asking(1, 3, 1)).await.map(drop).unwrap_err();
    let TurnedAway::Full(row) = refused else { panic!("{refused:?}") };
    assert_eq!((row.used(), row.quota.version), (1, 1));
    // Another programme allows more.
    drop(gate.admit(asking(1, 3, 2)).await.expect("one of two is free"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_is_wrong_refuses_nobody() {
    let world = World::new();
    let gate = world.gate().await;
    world.grant(person(1), 3, None).unwrap();
    world.grant(person(1), 3, None).unwrap();
    gate.confirm(person(1), KEY, 2, 2, None).await;
    // A process died between its commit and its confirmation.
    world.give_back(person(1)).unwrap();
    assert_eq!(gate.reserve(person(1), KEY, request(9), 2).await, Admission::Full, "the control");
    let pass = gate.admit(asking(1, 1, 2)).await.expect("one of two is free");
    assert_eq!(world.entry_of(KEY), ("1".to_owned(), "3".to_owned()), "made good");
    gate.settle(pass, Outcome::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_key_goes_on_to_its_answer() {
    let world = World::new();
    let gate = world.gate().await;
    world.grant(person(1), 1, None).unwrap();
    world.answer(request(1));
    let pass = gate.admit(asking(1, 1, 1)).await.expect("the book has its answer");
    gate.settle(pass, Outcome::Refused).await;
    assert!(gate.is_answered(0, request(1)).await.unwrap());
    assert!(!gate.is_answered(0, request(2)).await.unwrap());
    let refused = gate.admit(asking(1, 2, 1)).await.map(drop).unwrap_err();
    assert!(matches!(refused, TurnedAway::Full(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_ends_by_time_is_free_at_its_end() {
    let world = World::new();
    let gate = world.gate().await;
    let until = Utc::now() + TimeDelta::days(30);
    world.grant(person(1), 1, Some(until)).unwrap();
    let refused = gate.admit(asking(1, 1, 1)).await.map(drop).unwrap_err();
    assert!(matches!(refused, TurnedAway::Full(_)), "{refused:?}");
    world.clock.set(until);
    drop(gate.admit(asking(1, 2, 1)).await.expect("the slot has ended"));
    assert_eq!(world.entry_of(KEY), ("0".to_owned(), "1".to_owned()), "same version, fewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_one_person_is_let_through_as_often_as_the_cap() {
    let world = World::new();
    let gate = world.gate().await;
    let admit = async |n| gate.reserve(person(1), KEY, request(n), 3).await;
    gate.confirm(person(1), KEY, 0, 0, None).await;
    let all = futures_util::future::join_all((0..200).map(admit)).await;
    assert_eq!(all.iter().filter(|it| **it == Admission::Admitted).count(), 3);
    assert_eq!(all.iter().filter(|it| **it == Admission::Full).count(), 197);
}
