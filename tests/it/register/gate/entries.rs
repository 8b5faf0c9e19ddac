//! Reservations and confirmations, as Redis keeps them.

use super::world::{KEY, World, person, request, settings};
use crate::support::eventually;
use chrono::TimeDelta;
use std::time::Duration;
use tokio::runtime::Handle;
use tradein::register::gate::{Admission, Gate, GateSettings};

async fn loaded(world: &World) -> Gate {
    let gate = world.gate().await;
    gate.confirm(person(1), KEY, 0, 0, None).await;
    gate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_reservation_is_one_place() {
    let world = World::new();
    let gate = loaded(&world).await;
    let reserve = |n| gate.reserve(person(1), KEY, request(n), 2);
    for _ in 0..3 {
        assert_eq!(reserve(1).await, Admission::Admitted);
    }
    assert_eq!(reserve(2).await, Admission::Admitted);
    assert_eq!(reserve(3).await, Admission::Full);
    assert_eq!(reserve(1).await, Admission::Admitted, "also when it is full");
    gate.release(person(1), KEY, request(2)).await;
    assert_eq!(reserve(3).await, Admission::Admitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn used_slots_and_reservations_count_together() {
    let world = World::new();
    let gate = loaded(&world).await;
    gate.confirm(person(1), KEY, 2, 2, None).await;
    assert_eq!(gate.reserve(person(1), KEY, request(1), 3).await, Admission::Admitted);
    assert_eq!(gate.reserve(person(1), KEY, request(2), 3).await, Admission::Full);
    // The grant takes the reservation's place in one step.
    gate.confirm(person(1), KEY, 3, 3, Some(request(1))).await;
    assert_eq!(gate.reserve(person(1), KEY, request(2), 4).await, Admission::Admitted);
    assert_eq!(gate.reserve(person(1), KEY, request(3), 4).await, Admission::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_ends_by_the_clock_of_redis_and_no_other() {
    let world = World::new();
    // A sandbox that plays another year reserves for seconds all the same.
    world.clock.set(chrono::Utc::now() + TimeDelta::days(4000));
    let life = |reservation| GateSettings { reservation, ..settings() };
    let short = world.gate_with(life(Duration::from_millis(300)));
    let long = world.gate_with(life(Duration::from_secs(600)));
    short.look().await;
    long.look().await;
    for (n, gate) in [(1, &short), (2, &long)] {
        gate.confirm(person(n), KEY, 0, 0, None).await;
        assert_eq!(gate.reserve(person(n), KEY, request(1), 1).await, Admission::Admitted);
        assert_eq!(gate.reserve(person(n), KEY, request(2), 1).await, Admission::Full);
    }
    let handle = Handle::current();
    let again = || handle.block_on(short.reserve(person(1), KEY, request(2), 1));
    tokio::task::block_in_place(|| {
        eventually("a reservation has ended", || again() == Admission::Admitted);
    });
    assert_eq!(long.reserve(person(2), KEY, request(2), 1).await, Admission::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_wins_in_any_order_and_any_number() {
    let world = World::new();
    let gate = loaded(&world).await;
    for (used, version, (expected_used, expected_version)) in [
        (1, 2, ("1", "2")),
        (3, 1, ("1", "2")), // Reordered.
        (1, 2, ("1", "2")), // Repeated.
        (2, 2, ("1", "2")), // At one version a count only falls,
        (0, 2, ("0", "2")), // because slots end by time.
        (2, 5, ("2", "5")),
        (1, 4, ("2", "5")),
    ] {
        gate.confirm(person(1), KEY, used, version, None).await;
        let expected = (expected_used.to_owned(), expected_version.to_owned());
        assert_eq!(world.entry_of(KEY), expected, "after {used} at version {version}");
    }
    // Each quota has a version of its own.
    gate.confirm(person(1), "310000/2026/car", 1, 1, None).await;
    assert_eq!(world.entry_of("310000/2026/car"), ("1".to_owned(), "1".to_owned()));
    assert_eq!(world.entry_of(KEY), ("2".to_owned(), "5".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_of_an_old_epoch_is_refused_and_made_good() {
    let world = World::new();
    let (late, early) = (world.gate().await, world.gate().await);
    world.grant(person(1), 3, None).unwrap();
    world.run("UPDATE gate_epoch SET counter = counter + 1");
    early.look().await;
    assert!(early.epoch() > late.epoch());
    early.confirm(person(1), KEY, 1, 1, None).await;
    let freed = world.give_back(person(1)).unwrap();
    late.confirm(person(1), KEY, 0, freed.version, None).await;
    assert_eq!(world.entry_of(KEY), ("1".to_owned(), "1".to_owned()), "refused");
    late.look().await;
    assert_eq!(late.epoch(), early.epoch());
    assert_eq!(world.entry_of(KEY), ("0".to_owned(), "2".to_owned()), "made good");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_older_epoch_survives_a_load() {
    let world = World::new();
    let gate = loaded(&world).await;
    gate.confirm(person(1), "310000/2026/car", 1, 9, None).await;
    world.run("UPDATE gate_epoch SET counter = counter + 1");
    gate.look().await;
    assert_eq!(gate.reserve(person(1), KEY, request(1), 1).await, Admission::NeedLoad);
    // Even a lower version: the newer one belongs to a past that Postgres may have lost.
    gate.confirm(person(1), KEY, 1, 0, None).await;
    assert_eq!(world.entry_of(KEY), ("1".to_owned(), "0".to_owned()));
    assert_eq!(world.entry_of("310000/2026/car"), (String::new(), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_holds_no_person_and_every_entry_ends() {
    let world = World::new();
    let gate = loaded(&world).await;
    gate.reserve(person(1), KEY, request(1), 1).await;
    let mut connection = world.redis.connect();
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert_eq!(names.len(), 3, "{names:?}");
    let id = person(1).id.simple().to_string();
    for name in names.iter().filter(|name| !name.starts_with("{gate}")) {
        assert!(!name.contains(&id) && name.starts_with("{b1}:"), "{name}");
        let life: i64 = redis::cmd("PTTL").arg(name).query(&mut connection).unwrap();
        assert!(life > 0, "{name} never ends");
    }
}
