//! Redis stops, hangs, or is not there.

use super::world::{KEY, World, asking, person, settings};
use futures_util::future::join_all;
use std::time::{Duration, Instant};
use tradein::register::gate::{Gate, GateSettings, Outcome, Patience, TurnedAway};

const BESIDE: usize = 3;
const PATIENCE: Duration = Duration::from_millis(400);

fn impatient() -> GateSettings {
    let patience = Patience { answer: PATIENCE, failures: 3 };
    GateSettings { patience, postgres_only: BESIDE, ..settings() }
}

/// Looks until Redis is asked again.
async fn until_closed(gate: &Gate) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while gate.is_open() || gate.epoch().is_none() {
        assert!(Instant::now() < deadline, "the breaker does not close");
        gate.look().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_redis_lets_a_bounded_number_through_at_once() {
    let world = World::private();
    let gate = world.gate_with(impatient());
    until_closed(&gate).await;
    let before = gate.epoch();
    world.servers.stack().redis().pause().unwrap();
    let crowd = join_all((0..40).map(|n| gate.admit(asking(n, n, 1)))).await;
    assert!(gate.is_open());
    let (passed, refused): (Vec<_>, Vec<_>) = crowd.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), BESIDE);
    assert!(refused.iter().all(|it| matches!(it, Err(TurnedAway::Busy))));
    // Behind the open breaker nobody waits for Redis at all.
    let asked = Instant::now();
    assert!(gate.admit(asking(50, 50, 1)).await.is_err());
    assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    for pass in passed.into_iter().flatten() {
        assert!(pass.is_beside_redis());
        gate.settle(pass, Outcome::Refused).await;
    }
    let pass = gate.admit(asking(51, 51, 1)).await.expect("a place beside Redis is free again");
    // A probe that fails leaves it open.
    gate.look().await;
    assert!(gate.is_open());
    world.servers.stack().redis().resume().unwrap();
    until_closed(&gate).await;
    assert!(gate.epoch() > before, "what was lost meanwhile is not believed");
    gate.settle(pass, Outcome::Refused).await;
    assert!(!gate.admit(asking(52, 52, 1)).await.unwrap().is_beside_redis());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_could_not_be_told_is_made_good() {
    let world = World::private();
    let gate = world.gate_with(impatient());
    until_closed(&gate).await;
    for _ in 0..2 {
        let granted = world.grant(person(1), 3, None).unwrap();
        gate.confirm(person(1), KEY, granted.used.unsigned_abs(), granted.version, None).await;
    }
    let before = gate.epoch();
    let memory = |bytes: u32| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(bytes).exec(&mut world.redis.connect()).unwrap();
    };
    // Redis is full and refuses every write.
    memory(1);
    let freed = world.give_back(person(1)).unwrap();
    // Once: too few failures for the breaker.
    gate.confirm(person(1), KEY, freed.used.unsigned_abs(), freed.version, None).await;
    assert!(!gate.is_open());
    memory(0);
    assert_eq!(world.entry_of(KEY), ("2".to_owned(), "2".to_owned()), "it was not told");
    gate.look().await;
    assert_eq!(gate.epoch(), before);
    assert_eq!(world.entry_of(KEY), ("1".to_owned(), "3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_while_redis_is_away() {
    let world = World::private();
    world.servers.stack().redis().kill().unwrap();
    let gate = world.gate_with(impatient());
    gate.look().await;
    assert_eq!(gate.epoch(), None);
    let pass = gate.admit(asking(1, 1, 1)).await.expect("Postgres decides");
    assert!(pass.is_beside_redis());
    world.servers.stack().redis().start().unwrap();
    until_closed(&gate).await;
    gate.settle(pass, Outcome::Refused).await;
    let pass = gate.admit(asking(1, 2, 1)).await.unwrap();
    assert!(!pass.is_beside_redis());
    gate.settle(pass, Outcome::Refused).await;
}
