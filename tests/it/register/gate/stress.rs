//! Many claims and give-backs of few people while Redis is flushed, killed, set back and paused:
//! no cap is broken, and what Redis says in the end refuses nobody wrongly.

use super::world::{KEY, World, asking, person, settings};
use futures_util::future::join_all;
use rand::RngExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tradein::register::gate::{Gate, GateSettings, Outcome, Patience};

const PEOPLE: u128 = 40;
const CAP: i32 = 3;
const WORKERS: usize = 8;
const OPERATIONS: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_redis_break_no_cap_and_leave_no_entry_wrong_upward() {
    let world = Arc::new(World::private());
    let patience = Patience { answer: Duration::from_millis(100), failures: 3 };
    let reservation = Duration::from_millis(500);
    let settings = GateSettings { patience, reservation, ..settings() };
    let gates = [world.gate_with(settings), world.gate_with(settings)];
    join_all(gates.iter().map(Gate::look)).await;
    let _copy = world.copy_redis();
    let done = Arc::new(AtomicBool::new(false));
    let looks: Vec<_> = gates.iter().map(|gate| watch(gate.clone(), done.clone())).collect();
    let faults = {
        let (world, done) = (world.clone(), done.clone());
        tokio::task::spawn_blocking(move || break_redis(&world, &done))
    };
    work(&world, &gates).await;
    done.store(true, Ordering::Relaxed);
    let faults = faults.await.unwrap();
    join_all(looks).await.into_iter().for_each(|done| done.unwrap());
    assert!(faults >= 4, "only {faults} faults");
    quiet(&gates).await;
    assert_eq!(upward(&gates[0]).await, 0);
    from_a_copy_of_better_days(&world, &gates).await;
    // Everything is loaded, and then there is no difference at all.
    gates[0].warm().await.unwrap();
    let report = gates[0].check(|_| ()).await.unwrap();
    assert_eq!((report.upward, report.downward, report.ended), (0, 0, 0), "{report}");
    assert_eq!(report.entries, report.rows);
}

/// The last fault of a run, with its control: every entry of the copy is wrong upward, and the
/// new epoch believes none of them.
async fn from_a_copy_of_better_days(world: &World, gates: &[Gate]) {
    for n in 0..PEOPLE {
        while world.grant(person(n), CAP, None).is_some() {}
    }
    gates[0].warm().await.unwrap();
    let _copy = world.copy_redis();
    for n in 0..PEOPLE {
        while let Some(freed) = world.give_back(person(n)) {
            let used = freed.used.unsigned_abs();
            gates[1].confirm(person(n), KEY, used, freed.version, None).await;
        }
    }
    world.restart_redis();
    let blind = world.gate_with(settings());
    blind.adopt().await.unwrap();
    assert_eq!(u128::from(upward(&blind).await), PEOPLE);
    quiet(gates).await;
    assert_eq!(upward(&gates[0]).await, 0);
}

async fn upward(gate: &Gate) -> u64 {
    gate.check(|_| ()).await.unwrap().upward
}

/// Looks until both believe the same and have nothing left to make good.
async fn quiet(gates: &[Gate]) {
    for _ in 0..100 {
        join_all(gates.iter().map(Gate::look)).await;
        if !gates.iter().any(Gate::is_open) {
            break;
        }
    }
    join_all(gates.iter().map(Gate::look)).await;
    assert_eq!(gates[0].epoch(), gates[1].epoch());
}

/// Every worker at its instance, until all are done.
async fn work(world: &Arc<World>, gates: &[Gate; 2]) {
    let next = Arc::new(AtomicU64::new(1));
    let work = (0..WORKERS).map(|n| {
        let (world, gate, next) = (world.clone(), gates[n % 2].clone(), next.clone());
        tokio::spawn(async move {
            for _ in 0..OPERATIONS {
                one(&world, &gate, u128::from(next.fetch_add(1, Ordering::Relaxed))).await;
            }
        })
    });
    join_all(work).await.into_iter().for_each(|done| done.unwrap());
}

fn watch(gate: Gate, done: Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut second = tokio::time::interval(Duration::from_millis(50));
        while !done.load(Ordering::Relaxed) {
            second.tick().await;
            gate.look().await;
        }
    })
}

/// One claim or one give-back. A claim dies now and then, before or after its commit.
async fn one(world: &Arc<World>, gate: &Gate, n: u128) {
    let (who, dies) = (rand::rng().random_range(0..PEOPLE), rand::rng().random_range(0..100));
    if rand::rng().random_bool(0.4) {
        let there = world.clone();
        let freed = tokio::task::spawn_blocking(move || there.give_back(person(who)));
        if let Some(freed) = freed.await.unwrap() {
            let used = freed.used.unsigned_abs();
            gate.confirm(person(who), KEY, used, freed.version, None).await;
        }
        return;
    }
    let Ok(pass) = gate.admit(asking(who, n, CAP.unsigned_abs())).await else { return };
    if dies < 3 {
        return;
    }
    let there = world.clone();
    let granted = tokio::task::spawn_blocking(move || there.grant(person(who), CAP, None));
    let outcome = match granted.await.unwrap() {
        Some(granted) => {
            assert!(granted.used <= CAP, "a broken cap");
            Outcome::Granted { used: granted.used.unsigned_abs(), version: granted.version }
        }
        None => Outcome::QuotaFull,
    };
    if dies < 8 {
        return;
    }
    gate.settle(pass, outcome).await;
}

/// Breaks Redis in turn, until the work is done; at least once in each way. The sleeps are the
/// lengths of faults and of the calm between them; nothing waits for anything here.
fn break_redis(world: &World, done: &AtomicBool) -> usize {
    let redis = world.servers.stack().redis();
    let mut faults = 0;
    while faults < 4 || !done.load(Ordering::Relaxed) {
        match faults % 4 {
            0 => redis::cmd("FLUSHALL").exec(&mut world.redis.connect()).unwrap(),
            // From the copy that was made at the start, or a later one.
            1 => world.restart_redis(),
            2 => {
                redis.pause().unwrap();
                std::thread::sleep(Duration::from_millis(250));
                redis.resume().unwrap();
            }
            _ => redis::cmd("SAVE").exec(&mut world.redis.connect()).unwrap(),
        }
        faults += 1;
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(20..150)));
    }
    faults
}
