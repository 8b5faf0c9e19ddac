//! Many claims for one slot: invariant 1, and no batch lost to a register collision.

use crate::support::TestDb;
use crate::support::races::{Lost, lost};
use crate::support::world::World;
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NATION: &str = "nation-appliance-2025";

fn claim(region: &str, class: &str) -> Value {
    json!({"region": region, "class": class, "channel": "offline", "location": region})
}

#[actix_web::test]
async fn two_hundred_clients_get_a_persons_last_slot_once() {
    let world = World::at("2025-06-10T12:00:00+08:00");
    world.publish(&[NATION]).await;
    let book = world.book("310000", "appliance", 2025, 1_000_000).await;
    let token = world.person_token(world.person(35));
    let air = claim("310000", "appliance.air_conditioner");
    // Three pieces: two are taken, one is left.
    for _ in 0..2 {
        world.post(&token, "/v1/vouchers", air.clone()).await.expect(201);
    }
    let posts = (0..200).map(|_| world.post(&token, "/v1/vouchers", air.clone()));
    let mut seen: BTreeMap<(u16, String), usize> = BTreeMap::new();
    for answer in join_all(posts).await {
        let code = if answer.status < 400 { "" } else { answer.code() };
        *seen.entry((answer.status, code.to_owned())).or_default() += 1;
    }
    assert_eq!(seen.remove(&(201, String::new())), Some(1), "{seen:?}");
    // A claim that is on its way may hold the slot at the gate: then "come back" is said.
    seen.remove(&(422, "QUOTA_EXHAUSTED".to_owned()));
    seen.retain(|(status, _), _| *status != 503);
    assert!(seen.is_empty(), "{seen:?}");
    world.post(&token, "/v1/vouchers", air).await.refused(422, "QUOTA_EXHAUSTED");
    assert_eq!(world.balances(book).await["held"], 3 * 200_000);
    assert_eq!(lost(&world.db), Lost { rollbacks: 0, deadlocks: 0 });
}

#[actix_web::test]
async fn two_cities_cannot_both_give_one_national_slot() {
    let world = World::at("2025-06-10T12:00:00+08:00");
    world.publish(&[NATION]).await;
    let mut books = Vec::new();
    for region in ["310000", "110000"] {
        books.push(world.book(region, "appliance", 2025, 1_000_000).await);
    }
    let people: Vec<String> = (0..60).map(|_| world.person_token(world.person(35))).collect();
    let pairs = people.iter().map(|token| {
        let world = &world;
        async move {
            futures_util::join!(
                world.post(token, "/v1/vouchers", claim("310000", "appliance.tv")),
                world.post(token, "/v1/vouchers", claim("110000", "appliance.tv")),
            )
        }
    });
    let mut granted = 0;
    for (here, there) in join_all(pairs).await {
        let statuses = [here.status, there.status];
        assert!(statuses.iter().filter(|status| **status == 201).count() <= 1, "{statuses:?}");
        granted += statuses.iter().filter(|status| **status == 201).count();
        for answer in [here, there].iter().filter(|answer| answer.status != 201) {
            let known = ["QUOTA_EXHAUSTED", "CLAIMED_ELSEWHERE"].contains(&answer.code());
            assert!(known && answer.status == 422 || answer.status == 503, "{}", answer.text);
        }
    }
    let mut held = 0;
    for book in books {
        held += world.balances(book).await["held"].as_i64().unwrap();
    }
    assert_eq!(held, 200_000 * granted as i64);
    assert_eq!(lost(&world.db), Lost { rollbacks: 0, deadlocks: 0 });
}

/// The control of what these races end with.
#[test]
fn a_batch_that_is_rolled_back_is_counted() {
    let db = TestDb::new();
    assert_eq!(lost(&db), Lost { rollbacks: 0, deadlocks: 0 });
    db.app().batch_execute("BEGIN; SELECT 1; ROLLBACK").unwrap();
    assert_eq!(lost(&db).rollbacks, 1);
}
