//! Beijing 2026: opens daily at ten, online vouchers end with the day, offline ones with the
//! week, and four lapses are enough.

use super::shop::{Product, Shop};
use crate::support::world::{Answer, World};
use serde_json::json;
use tradein::identity::model::PersonId;

async fn shop(at: &str) -> (Shop, String) {
    let world = World::at(at);
    world.publish(&["beijing-appliance-2026-v1", "beijing-appliance-2026-v2"]).await;
    world.book("110000", "appliance", 2026, 100_000).await;
    let shop = Shop::of(world, &["appliance"]).await;
    let gtin = shop.load(Product::of("appliance.tv", &json!({"energy_label": 1}))).await;
    (shop, gtin)
}

async fn claim(shop: &Shop, person: PersonId, channel: &str) -> Answer {
    let body = json!({"region": "110000", "class": "appliance.tv", "channel": channel,
        "location": "110000"});
    shop.world.post(&shop.world.person_token(person), "/v1/vouchers", body).await
}

async fn buy(shop: &Shop, claimed: &Answer, gtin: &str, channel: &str) -> Answer {
    let code = claimed.body["code"].as_str().expect("a code");
    let mut purchase = shop.with_code(code, gtin, 6_000);
    purchase["channel"] = json!(channel);
    purchase["delivery_region"] = json!("110000");
    shop.redeems(&purchase).await
}

#[actix_web::test]
async fn it_opens_at_ten_and_a_voucher_ends_with_its_day_or_its_week() {
    // A Wednesday.
    let (shop, gtin) = shop("2026-02-11T09:59:59+08:00").await;
    let people: Vec<PersonId> = (0..4).map(|_| shop.world.person(35)).collect();
    claim(&shop, people[0], "online").await.refused(422, "NOT_OPEN_YET");
    shop.world.now_is("2026-02-11T10:00:00+08:00");
    let mut claimed = Vec::new();
    for (person, channel) in people.iter().zip(["online", "online", "offline", "offline"]) {
        claimed.push(claim(&shop, *person, channel).await.expect(201));
    }
    buy(&shop, &claimed[0], &gtin, "offline").await.refused(422, "CHANNEL_MISMATCH");
    shop.world.now_is("2026-02-11T23:59:58+08:00");
    buy(&shop, &claimed[0], &gtin, "online").await.expect(201);
    shop.world.now_is("2026-02-12T00:00:00+08:00");
    buy(&shop, &claimed[1], &gtin, "online").await.refused(422, "VOUCHER_EXPIRED");
    shop.world.now_is("2026-02-15T23:59:58+08:00");
    buy(&shop, &claimed[2], &gtin, "offline").await.expect(201);
    shop.world.now_is("2026-02-16T00:00:00+08:00");
    buy(&shop, &claimed[3], &gtin, "offline").await.refused(422, "VOUCHER_EXPIRED");
}

#[actix_web::test]
async fn four_lapses_that_the_sweep_wrote_close_a_channel() {
    let (shop, _) = shop("2026-02-10T11:00:00+08:00").await;
    let person = shop.world.person(35);
    for day in 10..14 {
        shop.world.now_is(&format!("2026-02-{day}T11:00:00+08:00"));
        claim(&shop, person, "online").await.expect(201);
        shop.world.now_is(&format!("2026-02-{}T00:30:00+08:00", day + 1));
        assert_eq!(shop.world.sweep().await, 1, "a lapse of day {day}");
    }
    shop.world.now_is("2026-02-14T11:00:00+08:00");
    claim(&shop, person, "online").await.refused(422, "LAPSE_LIMIT");
    // Each channel has its own count, and giving back is no lapse.
    let offline = claim(&shop, person, "offline").await.expect(201);
    let id = offline.body["voucher"]["id"].as_str().unwrap();
    let token = shop.world.person_token(person);
    let path = format!("/v1/vouchers/{id}/give-back");
    shop.world.post(&token, &path, json!({})).await.expect(200);
    claim(&shop, person, "offline").await.expect(201);
}

/// Without the sweep, too: whoever takes over an overdue slot counts its lapse.
#[actix_web::test]
async fn a_lapse_counts_whether_or_not_it_was_swept() {
    let (shop, _) = shop("2026-02-10T11:00:00+08:00").await;
    let person = shop.world.person(35);
    for day in 10..14 {
        shop.world.now_is(&format!("2026-02-{day}T11:00:00+08:00"));
        claim(&shop, person, "online").await.expect(201);
    }
    shop.world.now_is("2026-02-14T11:00:00+08:00");
    claim(&shop, person, "online").await.refused(422, "LAPSE_LIMIT");
    shop.world.sweep().await;
    claim(&shop, person, "online").await.refused(422, "LAPSE_LIMIT");
}
