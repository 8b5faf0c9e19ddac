//! The limits that reach over purchases: a day's money, three air conditioners, one slot for the
//! whole nation.

use super::shop::{Product, Shop, fen};
use crate::support::world::{Answer, World};
use serde_json::json;
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;

async fn claim(world: &World, person: PersonId, region: &str, class: &str) -> Answer {
    let body = json!({"region": region, "class": class, "channel": "offline", "location": region});
    world.post(&world.person_token(person), "/v1/vouchers", body).await
}

#[actix_web::test]
async fn a_days_money_ends_is_given_back_the_same_day_and_begins_anew() {
    let world = World::at("2025-06-10T12:00:00+08:00");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/programmes/jiangsu-appliance-2025-v2");
    let text = std::fs::read_to_string(format!("{path}.toml")).unwrap();
    // 3,000 yuan a day instead of 6.7 million.
    let small = text.replace("limit_fen = 6_700_000_00", "limit_fen = 3_000_00");
    assert_ne!(small, text);
    world.publish(&["jiangsu-appliance-2025-v1"]).await;
    let admin = world.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
    world.publish_text(&admin, &small).await;
    world.book("320500", "appliance", 2025, 1_000_000).await;
    let shop = Shop::of(world, &["appliance"]).await;
    let gtin = shop.load(Product::of("appliance.tv", &json!({"energy_label": 1}))).await;
    let buy = async |yuan: i64| {
        let person = shop.world.person(35);
        let claimed = claim(&shop.world, person, "320500", "appliance.tv").await.expect(201);
        let code = claimed.body["code"].as_str().unwrap().to_owned();
        let mut purchase = shop.with_code(&code, &gtin, yuan);
        purchase["delivery_region"] = json!("320500");
        shop.buys(&purchase).await
    };
    let first = buy(10_000).await.expect(201);
    assert_eq!(fen(&first), 2_000_00);
    // What is left does not cover it, and no part is paid; a smaller one is.
    buy(10_000).await.refused(422, "BUDGET_EXHAUSTED");
    buy(5_000).await.expect(201);
    buy(5).await.refused(422, "BUDGET_EXHAUSTED");
    shop.act(&first, "cancel").await.expect(200);
    let again = buy(10_000).await.expect(201);
    buy(5).await.refused(422, "BUDGET_EXHAUSTED");
    // Time gives a day's money back only while the day lasts; the next day has its own.
    shop.world.now_is("2025-06-11T00:00:00+08:00");
    buy(10_000).await.expect(201);
    shop.world.sweep().await;
    shop.act(&again, "cancel").await.refused(409, "REDEMPTION_STATE");
    buy(5_000).await.expect(201);
    buy(5).await.refused(422, "BUDGET_EXHAUSTED");
}

async fn two_provinces() -> World {
    let world = World::at("2025-06-10T12:00:00+08:00");
    world.publish(&["shanghai-appliance-2025-v1", "zhejiang-appliance-2025"]).await;
    world.book("310000", "appliance", 2025, 100_000).await;
    world.book("330300", "appliance", 2025, 100_000).await;
    world
}

#[actix_web::test]
async fn three_air_conditioners_and_no_fourth_wherever() {
    let world = two_provinces().await;
    let person = world.person(35);
    let class = "appliance.air_conditioner";
    let first = claim(&world, person, "310000", class).await.expect(201);
    claim(&world, person, "310000", class).await.expect(201);
    claim(&world, person, "330300", class).await.expect(201);
    claim(&world, person, "310000", class).await.refused(422, "QUOTA_EXHAUSTED");
    claim(&world, person, "330300", class).await.refused(422, "QUOTA_EXHAUSTED");
    let id = first.body["voucher"]["id"].as_str().unwrap();
    let path = format!("/v1/vouchers/{id}/give-back");
    world.post(&world.person_token(person), &path, json!({})).await.expect(200);
    claim(&world, person, "330300", class).await.expect(201);
    claim(&world, person, "310000", class).await.refused(422, "QUOTA_EXHAUSTED");
}

#[actix_web::test]
async fn a_refrigerator_that_another_province_holds_is_claimed_elsewhere() {
    let world = two_provinces().await;
    let person = world.person(35);
    let class = "appliance.refrigerator";
    let first = claim(&world, person, "310000", class).await.expect(201);
    claim(&world, person, "330300", class).await.refused(422, "CLAIMED_ELSEWHERE");
    claim(&world, person, "310000", class).await.refused(422, "QUOTA_EXHAUSTED");
    let id = first.body["voucher"]["id"].as_str().unwrap();
    let path = format!("/v1/vouchers/{id}/give-back");
    world.post(&world.person_token(person), &path, json!({})).await.expect(200);
    claim(&world, person, "330300", class).await.expect(201);
    claim(&world, person, "310000", class).await.refused(422, "CLAIMED_ELSEWHERE");
}

#[actix_web::test]
async fn a_hundred_claims_of_one_person_in_two_provinces_are_one_voucher() {
    let world = two_provinces().await;
    let person = world.person(35);
    let class = "appliance.refrigerator";
    let claims = (0..100).map(|n| {
        let region = if n % 2 == 0 { "310000" } else { "330300" };
        claim(&world, person, region, class)
    });
    let answers = futures_util::future::join_all(claims).await;
    let granted = answers.iter().filter(|answer| answer.status == 201).count();
    let refused = answers
        .iter()
        .filter(|answer| ["QUOTA_EXHAUSTED", "CLAIMED_ELSEWHERE", "BUSY"].contains(&answer.code()));
    assert_eq!((granted, refused.count()), (1, 99));
}
