//! The process of the service is killed in the middle of captures, and asked to stop.

use super::process::{Process, deployment};
use super::sales::{NOW, Shop};
use crate::support::{TestDb, TestRedis, eventually};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use rand::RngExt;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const KILLS: usize = 20;
const TILLS: usize = 8;
/// Sales that are acknowledged between two kills.
const BETWEEN: u64 = 6;

/// Invariant 4.
#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_capture_survives_twenty_kills_of_the_process() {
    let (world, process) = deployment(TestDb::new(), TestRedis::new(), NOW);
    let shop = Arc::new(Shop::open(world, 480).await);
    let breaking = {
        let shop = shop.clone();
        tokio::task::spawn_blocking(move || {
            break_process(&shop, &process);
            process
        })
    };
    let steps = shop.redeem(TILLS).await;
    let _process = breaking.await.expect("twenty kills");
    shop.reckon(&steps).await;
}

fn break_process(shop: &Shop, process: &Process) {
    for _ in 0..KILLS {
        let before = shop.counts.acknowledged();
        eventually("captures go on", || shop.counts.acknowledged() >= before + BETWEEN);
        // Anywhere in the course of a batch.
        std::thread::sleep(Duration::from_micros(rand::rng().random_range(0..10_000)));
        process.kill();
        process.start();
    }
    shop.done.store(true, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_service_says_so_first_and_answers_what_is_under_way() {
    let (world, process) = deployment(TestDb::new(), TestRedis::new(), NOW);
    let shop = Arc::new(Shop::open(world, 2).await);
    let mut fence = shop.world.db.owner();
    let take = format!("BEGIN; SELECT FROM book_head WHERE book_id = {} FOR UPDATE", shop.book);
    fence.batch_execute(&take).expect("the head is free");
    let under_way = tokio::spawn({
        let shop = shop.clone();
        async move { shop.one_more().await }
    });
    let mut watcher = shop.world.db.superuser();
    let stopping = tokio::task::spawn_blocking(move || {
        eventually("the clerk waits for the head", || waiting(&mut watcher) == 1);
        process.terminate();
        eventually("the balancer hears of it", || process.status("/readyz") == Some(503));
        assert_eq!(process.status("/livez"), Some(200), "it still serves");
        fence.batch_execute("COMMIT").expect("the head is given back");
        let ended = process.ended();
        let log = process.log_text();
        assert_eq!((ended.code(), ended.signal()), (Some(0), None), "{log}");
        assert!(log.contains("serve.stopped"), "{log}");
        assert_eq!(process.status("/livez"), None);
        process.start();
        process
    });
    let _process = stopping.await.expect("the service stops");
    let step = under_way.await.expect("an answer");
    assert_eq!(shop.counts.unknown.load(Ordering::Relaxed), 0, "it was answered at once");
    shop.is_kept(&step).await;
}

/// How many sessions of this database wait for a lock.
fn waiting(connection: &mut PgConnection) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let waits = "SELECT count(*) AS n FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sql_query(waits).get_result::<Count>(connection).expect("a count").n
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_within_seconds_and_a_broken_list_revokes_nothing() {
    let (world, process) = deployment(TestDb::new(), TestRedis::new(), NOW);
    let token = world.person_token(world.person(35));
    world.get(&token, "/v1/people/me").await.expect(200);
    let claims = token.split('.').nth(1).expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    let id = claims["jti"].as_str().expect("an id");
    let status = async || world.get(&token, "/v1/people/me").await.status;
    let wait_for = async |wanted: u16| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while status().await != wanted {
            assert!(Instant::now() < deadline, "waited in vain for {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    std::fs::write(process.revoked_file(), format!("token {id}\n")).expect("a list");
    wait_for(401).await;
    std::fs::write(process.revoked_file(), "tokens?\n").expect("a list");
    eventually("it is complained of", || process.log_text().contains("revoked_file_not_taken"));
    assert_eq!(status().await, 401, "what held goes on holding");
    std::fs::write(process.revoked_file(), "").expect("a list");
    wait_for(200).await;
}
