//! PostgreSQL is killed in the middle of captures.

use super::process::get;
use super::sales::{NOW, Shop, Step};
use crate::support::world::World;
use crate::support::{Servers, TestDb, TestRedis, eventually};
use futures_util::FutureExt;
use rand::RngExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const KILLS: usize = 20;
const TILLS: usize = 8;
/// Sales that are acknowledged between two kills.
const BETWEEN: u64 = 6;

/// Invariant 4.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_capture_survives_twenty_kills_of_postgres() {
    let servers = Servers::private();
    let (db, redis) = (TestDb::on(servers.clone()), TestRedis::on(servers.clone()));
    let shop = Arc::new(Shop::open(World::on(db, redis, NOW), 480).await);
    let breaking = {
        let shop = shop.clone();
        tokio::task::spawn_blocking(move || break_postgres(&shop, &servers))
    };
    let steps = shop.redeem(TILLS).await;
    breaking.await.expect("twenty kills");
    shop.reckon(&steps).await;
    the_reckoning_notices(&shop, steps).await;
}

/// The negative controls of the reckoning: an effect that nobody was told of, and an answer whose
/// entry is another one.
async fn the_reckoning_notices(shop: &Shop, mut steps: Vec<Step>) {
    let at = steps.iter().position(Step::is_capture).expect("something was captured");
    let mut untold = steps.swap_remove(at);
    fails(shop, &steps).await;
    untold.forge_receipt();
    steps.push(untold);
    fails(shop, &steps).await;
}

async fn fails(shop: &Shop, steps: &[Step]) {
    let reckoned = AssertUnwindSafe(shop.reckon(steps)).catch_unwind().await;
    assert!(reckoned.is_err(), "the reckoning sees nothing");
}

fn break_postgres(shop: &Shop, servers: &Servers) {
    let address = shop.world.url.trim_start_matches("http://").parse().expect("an address");
    let readyz = || get(address, "/readyz").unwrap_or_default();
    let postgres = servers.stack().postgres();
    for kill in 0..KILLS {
        let before = shop.counts.acknowledged();
        eventually("captures go on", || shop.counts.acknowledged() >= before + BETWEEN);
        // Anywhere in the course of a batch.
        std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..10_000)));
        postgres.kill().expect("it ran");
        if kill == 0 {
            // Once only: the answer waits as long as a read does.
            let answer = readyz();
            assert!(answer.contains("503") && answer.contains("not reachable"), "{answer}");
        }
        postgres.start().expect("it recovers");
        eventually("the service is ready by itself", || readyz().contains("200 OK"));
    }
    shop.done.store(true, Ordering::Relaxed);
}
