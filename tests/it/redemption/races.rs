//! Two tills at one moment: invariant 2, and no batch lost to a register collision.

use crate::support::races::{Lost, lost};
use crate::support::world::{Answer, World};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Of the sample catalogue: a television.
const TV: &str = "6908800000067";
const ROUNDS: usize = 40;

async fn world() -> (World, Vec<i32>, String, String) {
    let world = World::at("2025-06-10T12:00:00+08:00");
    world.publish(&["nation-appliance-2025"]).await;
    world.load_goods().await;
    let mut books = Vec::new();
    for region in ["310000", "110000"] {
        books.push(world.book(region, "appliance", 2025, 1_000_000).await);
    }
    let (one, other) = (world.retailer().await, world.retailer().await);
    (world, books, one, other)
}

fn purchase(code: &str, order: &str, serial: &str) -> Value {
    json!({"voucher_code": code, "order_no": order, "price_fen": 500_000, "channel": "offline",
        "delivery_region": "310000", "item": {"gtin": TV, "serial": serial}, "capture": true})
}

#[track_caller]
fn one_of(answers: [&Answer; 2], status: u16, code: &str) {
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(won, 1, "{} {}", answers[0].text, answers[1].text);
    let no = answers.iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!((no.status, no.code()), (status, code), "{}", no.text);
}

#[actix_web::test]
async fn one_voucher_at_two_tills_is_redeemed_once() {
    let (world, books, one, other) = world().await;
    let mut codes = Vec::new();
    for _ in 0..ROUNDS {
        codes.push(world.claimed(world.person(35), "310000", "appliance.tv").await.1);
    }
    let pairs = codes.iter().enumerate().map(|(n, code)| {
        let (world, one, other) = (&world, &one, &other);
        async move {
            let (mine, yours) = (format!("SN-{n}-A"), format!("SN-{n}-B"));
            futures_util::join!(
                world.post(one, "/v1/redemptions", purchase(code, &mine, &mine)),
                world.post(other, "/v1/redemptions", purchase(code, &yours, &yours)),
            )
        }
    });
    for (a, b) in join_all(pairs).await {
        one_of([&a, &b], 409, "VOUCHER_STATE");
    }
    assert_eq!(world.balances(books[0]).await["committed"], 100_000 * ROUNDS as i64);
    assert_eq!(world.balances(books[0]).await["held"], 0);
    assert_eq!(lost(&world.db), Lost { rollbacks: 0, deadlocks: 0 });
}

#[actix_web::test]
async fn one_thing_in_two_cities_draws_once() {
    let (world, books, one, other) = world().await;
    let mut codes = Vec::new();
    for _ in 0..ROUNDS {
        let here = world.claimed(world.person(35), "310000", "appliance.tv").await.1;
        let there = world.claimed(world.person(35), "110000", "appliance.tv").await.1;
        codes.push((here, there));
    }
    let pairs = codes.iter().enumerate().map(|(n, (here, there))| {
        let (world, one, other) = (&world, &one, &other);
        async move {
            let serial = format!("SN-{n}");
            futures_util::join!(
                world.post(one, "/v1/redemptions", purchase(here, &serial, &serial)),
                world.post(other, "/v1/redemptions", purchase(there, &serial, &serial)),
            )
        }
    });
    let mut won = 0;
    for (a, b) in join_all(pairs).await {
        one_of([&a, &b], 422, "SERIAL_REUSED");
        won += 1;
    }
    let mut committed = 0;
    for book in books {
        committed += world.balances(book).await["committed"].as_i64().unwrap();
    }
    assert_eq!(committed, 100_000 * won);
    assert_eq!(lost(&world.db), Lost { rollbacks: 0, deadlocks: 0 });
}
