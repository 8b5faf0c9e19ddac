//! E-bikes: the old one comes first, verified by a recycler, and draws once.

use super::shop::{Product, Shop, codes, fen};
use crate::support::world::World;
use serde_json::{Value, json};
use tradein::identity::model::PersonId;

async fn shop(at: &str, programme: &str, region: &str) -> (Shop, i32, String) {
    let world = World::at(at);
    world.publish(&[programme]).await;
    let year = at[..4].parse().unwrap();
    let book = world.book(region, "ebike", year, 100_000).await;
    let shop = Shop::of(world, &["ebike"]).await;
    let bike = json!({"ccc": true, "in_catalogue": true, "battery": "lead"});
    let gtin = shop.load(Product::of("ebike", &bike)).await;
    (shop, book, gtin)
}

fn handed_in(plate: &str) -> Value {
    json!({"plate_region": plate, "battery": "lithium", "battery_returned": true,
        "registered_on": "2019-05-01"})
}

fn purchase(shop: &Shop, person: PersonId, region: &str, gtin: &str, old: &str) -> Value {
    let mut purchase = shop.checkout(person, region, "ebike", 3_000);
    let serial = purchase["item"]["serial"].clone();
    purchase["item"] = json!({"gtin": gtin, "frame": serial});
    purchase["old_item"] = json!(old);
    purchase
}

#[actix_web::test]
async fn shanghai_pays_500_yuan_for_an_old_bike_with_its_battery_once() {
    let (shop, book, gtin) =
        shop("2024-10-01T12:00:00+08:00", "shanghai-ebike-2024", "310000").await;
    let day = "2024-09-30";
    let person = shop.world.person(35);
    let old = shop.handed_in("310000", day, person, handed_in("310000")).await;
    let first = purchase(&shop, person, "310000", &gtin, &old);
    let reserved = shop.buys(&first).await.expect(201);
    assert_eq!(fen(&reserved), 500_00);

    // It is bound: neither its owner nor anybody else draws for it again.
    let again = purchase(&shop, person, "310000", &gtin, &old);
    let no = shop.buys(&again).await.expect(422);
    assert_eq!(codes(&no), ["QUOTA_EXHAUSTED", "OLD_ITEM_USED"]);
    let stranger = purchase(&shop, shop.world.person(35), "310000", &gtin, &old);
    let no = shop.buys(&stranger).await;
    assert!(codes(&no).contains(&"OWNER_MISMATCH"), "{}", no.text);

    // A cancel frees it, a capture binds it for good.
    shop.act(&reserved, "cancel").await.expect(200);
    shop.redeems(&again).await.expect(201);
    assert_eq!(shop.money(book).await, (99_500, 0, 500));
    let no = shop.buys(&first).await.expect(422);
    assert!(codes(&no).contains(&"OLD_ITEM_USED"), "{}", no.text);
}

#[actix_web::test]
async fn shanghai_refuses_what_is_not_a_whole_verified_old_bike_of_ones_own() {
    let (shop, _, gtin) = shop("2024-10-01T12:00:00+08:00", "shanghai-ebike-2024", "310000").await;
    let person = shop.world.person(35);
    let mut none = purchase(&shop, person, "310000", &gtin, "");
    none["old_item"] = json!(null);
    let no = shop.buys(&none).await.expect(422);
    assert!(codes(&no).contains(&"OLD_ITEM_NEEDED"), "{}", no.text);

    let body = json!({"region": "310000", "class": "ebike", "handed_over_on": "2024-09-30",
        "owner": person, "identifiers": {"frame": "NOT-VERIFIED-1"}, "facts": handed_in("310000")});
    let post = |body: Value| shop.world.post(&shop.recycler, "/v1/old-items", body);
    let registered = post(body.clone()).await.expect(201);
    let id = registered.body["old_item"]["id"].as_str().unwrap();
    let waiting = purchase(&shop, person, "310000", &gtin, id);
    shop.buys(&waiting).await.refused(422, "OLD_ITEM_NOT_VERIFIED");
    post(body).await.refused(422, "OLD_ITEM_TAKEN");
    let reject = format!("/v1/old-items/{id}/reject");
    let reason = json!({"reason": "parts_missing"});
    shop.world.post(&shop.recycler, &reject, reason).await.expect(200);
    shop.buys(&waiting).await.refused(422, "OLD_ITEM_NOT_VERIFIED");

    for (change, code) in [
        (json!({"battery_returned": false}), "OLD_BATTERY_MISSING"),
        (json!({"battery_returned": null}), "OLD_BATTERY_MISSING"),
        (json!({"plate_region": "320500"}), "OLD_ITEM_NOT_LOCAL"),
    ] {
        let mut facts = handed_in("310000");
        change.as_object().unwrap().iter().for_each(|(name, to)| facts[name] = to.clone());
        let old = shop.handed_in("310000", "2024-09-30", person, facts).await;
        shop.buys(&purchase(&shop, person, "310000", &gtin, &old)).await.refused(422, code);
    }
    let uncertified = shop.load(Product::of("ebike", &json!({"ccc": false}))).await;
    let old = shop.handed_in("310000", "2024-09-30", person, handed_in("310000")).await;
    let bike = purchase(&shop, person, "310000", &uncertified, &old);
    shop.buys(&bike).await.refused(422, "NEW_BIKE_NOT_CERTIFIED");
}

#[actix_web::test]
async fn shandong_pays_more_for_lead_after_lithium_and_yancheng_by_tiers() {
    let (shop, _, gtin) = shop("2025-06-01T12:00:00+08:00", "shandong-ebike-2025", "370100").await;
    for (battery, yuan, expected) in
        [("lithium", 3_500, 600_00), ("lead", 3_500, 500_00), ("lithium", 1_000, 200_00)]
    {
        let person = shop.world.person(35);
        let mut facts = handed_in("370100");
        facts["battery"] = json!(battery);
        let old = shop.handed_in("370100", "2025-05-30", person, facts).await;
        let mut bike = purchase(&shop, person, "370100", &gtin, &old);
        bike["price_fen"] = json!(yuan * 100);
        assert_eq!(fen(&shop.redeems(&bike).await.expect(201)), expected, "{battery} {yuan}");
    }
    let (shop, _, gtin) =
        self::shop("2024-10-15T12:00:00+08:00", "yancheng-ebike-2024", "320900").await;
    for (price, expected) in [(199_999, 300_00), (200_000, 400_00), (300_000, 500_00)] {
        let person = shop.world.person(35);
        let old = shop.handed_in("320900", "2024-10-10", person, handed_in("320900")).await;
        let mut bike = purchase(&shop, person, "320900", &gtin, &old);
        bike["price_fen"] = json!(price);
        assert_eq!(fen(&shop.redeems(&bike).await.expect(201)), expected, "{price}");
    }
}
