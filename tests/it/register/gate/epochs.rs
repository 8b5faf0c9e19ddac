//! When Redis is not to be believed any more: invariant 13.

use super::world::{KEY, World, asking, person, request};
use tradein::register::gate::{Admission, Gate};

/// A gate before a person who has three of three slots, as Redis knows too.
async fn full(world: &World) -> Gate {
    let gate = world.gate().await;
    for _ in 0..3 {
        let granted = world.grant(person(1), 3, None).unwrap();
        let used = granted.used.unsigned_abs();
        gate.confirm(person(1), KEY, used, granted.version, None).await;
    }
    assert_eq!(gate.reserve(person(1), KEY, request(0), 3).await, Admission::Full);
    gate
}

async fn upward(gate: &Gate) -> u64 {
    gate.check(|_| ()).await.unwrap().upward
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_is_a_non_event() {
    let world = World::new();
    let gate = full(&world).await;
    let before = gate.epoch();
    redis::cmd("FLUSHDB").exec(&mut world.redis.connect()).unwrap();
    assert_eq!(gate.reserve(person(1), KEY, request(1), 3).await, Admission::NeedLoad);
    gate.admit(asking(1, 1, 3)).await.map(drop).unwrap_err();
    assert_eq!(world.entry_of(KEY), ("3".to_owned(), "3".to_owned()), "loaded");
    gate.look().await;
    assert_eq!(gate.epoch(), before);
    // The heartbeat is there again, so that a restart is seen by a process that comes later.
    let other = world.gate().await;
    assert_eq!(other.epoch(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_empty_redis_refuses_nobody_wrongly() {
    let world = World::private();
    let gate = full(&world).await;
    world.give_back(person(1)).unwrap();
    world.restart_redis();
    // The connection is gone with the old process; the look finds the new one.
    gate.look().await;
    gate.look().await;
    drop(gate.admit(asking(1, 1, 3)).await.expect("one of three slots is free"));
    assert_eq!(upward(&gate).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_starts_from_an_older_copy_ends_the_epoch() {
    let world = World::private();
    let gate = full(&world).await;
    let before = gate.epoch();
    let _copy = world.copy_redis();
    for _ in 0..3 {
        let freed = world.give_back(person(1)).unwrap();
        let used = freed.used.unsigned_abs();
        gate.confirm(person(1), KEY, used, freed.version, None).await;
    }
    assert_eq!(upward(&gate).await, 0);
    world.restart_redis();
    // The control: whoever does not look believes the copy.
    let blind = world.gate_with(super::world::settings());
    blind.adopt().await.unwrap();
    assert_eq!(blind.epoch(), before);
    assert_eq!(blind.reserve(person(1), KEY, request(1), 3).await, Admission::Full);
    assert_eq!(upward(&blind).await, 1);
    // A process that has just started sees it as well as one that was there before.
    let fresh = world.gate().await;
    assert!(fresh.epoch() > before);
    assert_eq!(fresh.reserve(person(1), KEY, request(1), 3).await, Admission::NeedLoad);
    assert_eq!(upward(&fresh).await, 0);
    gate.look().await;
    gate.look().await;
    assert_eq!(gate.epoch(), fresh.epoch());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_see_the_same_restart_raise_the_epoch_once() {
    let world = World::private();
    let gates = [world.gate().await, world.gate().await, world.gate().await];
    for round in 0..5 {
        let _copy = world.copy_redis();
        let before = world.counter();
        world.restart_redis();
        // One look may be spent on finding that the connection is gone.
        for _ in 0..2 {
            tokio::join!(gates[0].look(), gates[1].look(), gates[2].look());
        }
        assert_eq!(world.counter(), before + 1, "round {round}");
        assert!(gates.iter().all(|gate| gate.epoch() == gates[0].epoch()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_back_in_time_ends_the_epoch() {
    let world = World::new();
    let gate = world.gate().await;
    gate.look().await;
    let mut connection = world.redis.connect();
    let names: Vec<String> = redis::cmd("KEYS").arg("{gate}:*").query(&mut connection).unwrap();
    let before = world.counter();
    gate.look().await;
    assert_eq!(world.counter(), before, "nothing happened");
    let mut set = |at: i64| {
        let [name] = &names[..] else { panic!("one heartbeat: {names:?}") };
        redis::cmd("HSET").arg(name).arg("at").arg(at).exec(&mut connection).unwrap();
    };
    set(1);
    gate.look().await;
    assert_eq!(world.counter(), before + 1, "Redis went back");
    set(1 << 50);
    gate.look().await;
    assert_eq!(world.counter(), before + 2, "Postgres went back");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_from_the_future_ends_the_epoch() {
    let world = World::new();
    let gate = world.gate().await;
    // Postgres has lost the tail that Redis was told of.
    gate.confirm(person(1), KEY, 3, 40, None).await;
    let before = gate.epoch();
    drop(gate.admit(asking(1, 1, 3)).await.expect("Postgres knows of no slot"));
    gate.look().await;
    assert!(gate.epoch() > before);
    assert_eq!(upward(&gate).await, 0);
}
