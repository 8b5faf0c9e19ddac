//! Home furnishings of Zhejiang: no voucher, one reservation that claims by itself.

use super::shop::{Product, Shop, fen, last_entries};
use crate::support::world::World;
use serde_json::json;

const PLACE: &str = "330300";
const TOILET: &str = "home.goods.smart_toilet";
const AGE: &str = "home.age_friendly";

async fn wenzhou(programmes: &[&str]) -> (Shop, i32) {
    let world = World::at("2025-06-01T12:00:00+08:00");
    world.publish(programmes).await;
    let book = world.book(PLACE, "home", 2025, 100_000).await;
    (Shop::of(world, &["home"]).await, book)
}

#[actix_web::test]
async fn a_smart_toilet_of_level_1_draws_a_fifth_up_to_2000_yuan() {
    let (shop, book) = wenzhou(&["zhejiang-home-goods-2025"]).await;
    let gtin = shop.load(Product::of(TOILET, &json!({"water_label": 1}))).await;
    let plain = shop.load(Product::of(TOILET, &json!({"label_scheme": false}))).await;
    for (yuan, gtin, expected) in
        [(3_000, &gtin, 600_00), (12_000, &gtin, 2_000_00), (3_000, &plain, 450_00)]
    {
        let person = shop.world.person(35);
        let mut purchase = shop.checkout(person, PLACE, TOILET, yuan);
        purchase["item"]["gtin"] = json!(gtin);
        let quote = shop.world.post(&shop.till, "/v1/quotes", purchase.clone()).await.expect(200);
        assert_eq!(quote.body["quote"]["amount_fen"], expected);
        let done = shop.redeems(&purchase).await.expect(201);
        assert_eq!((fen(&done), &done.body["redemption"]["state"]), (expected, &json!("captured")));
    }
    assert_eq!(shop.money(book).await, (96_950, 0, 3_050));
}

#[actix_web::test]
async fn what_a_checkout_refuses() {
    let (shop, book) = wenzhou(&["zhejiang-home-goods-2025"]).await;
    let toilet = shop.load(Product::of(TOILET, &json!({"water_label": 1}))).await;
    let person = shop.world.person(35);
    let mut purchase = shop.checkout(person, PLACE, TOILET, 3_000);
    purchase["item"]["gtin"] = json!("6901234567892");
    shop.buys(&purchase).await.refused(422, "GOODS_NOT_IN_CATALOGUE");
    purchase["item"]["gtin"] = json!("6901234567893");
    shop.buys(&purchase).await.refused(422, "GTIN_CHECKSUM");
    purchase["item"]["gtin"] = json!(toilet);
    purchase["checkout"]["class"] = json!("home.goods.sofa");
    shop.buys(&purchase).await.refused(422, "CLASS_MISMATCH");
    purchase["checkout"]["class"] = json!("home.goods.piano");
    shop.buys(&purchase).await.refused(422, "CATEGORY_NOT_COVERED");
    purchase["checkout"]["class"] = json!(TOILET);
    purchase["hand_over"]["invoice"]["buyer"] = json!("organisation");
    shop.redeems(&purchase).await.refused(422, "INVOICE_NOT_PERSONAL");
    purchase["hand_over"]["invoice"]["buyer"] = json!(shop.world.person(35));
    shop.redeems(&purchase).await.refused(422, "INVOICE_NAME_MISMATCH");
    purchase["item"]["serial"] = json!(null);
    let no = shop.redeems(&purchase).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "item");
    purchase["item"]["serial"] = json!("SN-1");
    purchase["checkout"]["person"] = json!("per_0_00000000000000000000000000000001");
    shop.redeems(&purchase).await.refused(404, "NOT_FOUND");
    assert_eq!(shop.money(book).await, (100_000, 0, 0));
}

#[actix_web::test]
async fn a_cancel_and_the_sweep_end_the_voucher_and_free_all_it_took() {
    let (shop, book) = wenzhou(&["zhejiang-home-goods-2025"]).await;
    let gtin = shop.load(Product::of(TOILET, &json!({"water_label": 1}))).await;
    let mut purchase = shop.checkout(shop.world.person(35), PLACE, TOILET, 5_000);
    purchase["item"]["gtin"] = json!(gtin);
    let reserved = shop.buys(&purchase).await.expect(201);
    assert_eq!(shop.money(book).await, (99_000, 1_000, 0));
    let kinds = last_entries(&shop.world, book, 2).await;
    assert_eq!(kinds, ["voucher.claimed", "redemption.reserved"]);

    // Another person cannot have the unit while it is reserved.
    let mut other = shop.checkout(shop.world.person(35), PLACE, TOILET, 5_000);
    other["item"] = purchase["item"].clone();
    shop.buys(&other).await.refused(422, "SERIAL_REUSED");
    shop.act(&reserved, "cancel").await.expect(200);
    let kinds = last_entries(&shop.world, book, 2).await;
    assert_eq!(kinds, ["redemption.cancelled", "voucher.ended"]);
    assert_eq!(shop.money(book).await, (100_000, 0, 0));
    shop.act(&reserved, "cancel").await.refused(409, "REDEMPTION_STATE");

    // Now it can; and half an hour later time has ended it, swept or not.
    shop.buys(&other).await.expect(201);
    assert_eq!(shop.money(book).await, (99_000, 1_000, 0));
    shop.world.now_is("2025-06-01T12:31:00+08:00");
    shop.buys(&purchase).await.expect(201);
    assert_eq!(shop.world.sweep().await, 1);
    let kinds = last_entries(&shop.world, book, 2).await;
    assert_eq!(kinds, ["redemption.ended", "voucher.ended"]);
    assert_eq!(shop.money(book).await, (99_000, 1_000, 0));
}

#[actix_web::test]
async fn age_friendly_goods_draw_20000_yuan_in_all() {
    let (shop, book) = wenzhou(&["zhejiang-age-friendly-2025"]).await;
    let gtin = shop.load(Product::of(AGE, &json!({}))).await;
    let person = shop.world.person(70);
    let purchase = |yuan| {
        let mut purchase = shop.checkout(person, PLACE, AGE, yuan);
        purchase["item"]["gtin"] = json!(gtin);
        purchase
    };
    let first = shop.redeems(&purchase(50_000)).await.expect(201);
    assert_eq!(fen(&first), 15_000_00);
    // What is reserved counts, and counts no more when it is cancelled.
    let second = shop.buys(&purchase(10_000)).await.expect(201);
    assert_eq!(fen(&second), 3_000_00);
    let rest = shop.buys(&purchase(50_000)).await.expect(201);
    assert_eq!(fen(&rest), 2_000_00);
    shop.buys(&purchase(10)).await.refused(422, "QUOTA_EXHAUSTED");
    shop.act(&second, "cancel").await.expect(200);
    shop.act(&rest, "cancel").await.expect(200);
    let rest = shop.redeems(&purchase(50_000)).await.expect(201);
    assert_eq!(fen(&rest), 5_000_00);
    shop.redeems(&purchase(10)).await.refused(422, "QUOTA_EXHAUSTED");
    assert_eq!(shop.money(book).await, (80_000, 0, 20_000));
}

#[actix_web::test]
async fn a_dwelling_is_renovated_once_whoever_of_the_household_asks() {
    let (shop, book) = wenzhou(&["zhejiang-renovation-2025"]).await;
    let purchase = |unit: &str, day: &str| {
        let person = shop.world.person(35);
        let mut purchase = shop.checkout(person, PLACE, "home.renovation", 100_000);
        purchase["dwelling"] = json!({"unit": unit, "accepted_on": day});
        purchase
    };
    let unit = "330302001001GB00001F00010001";
    shop.buys(&purchase(unit, "2023-01-02")).await.refused(422, "DWELLING_TOO_NEW");
    let done = shop.redeems(&purchase(unit, "2018-05-01")).await.expect(201);
    assert_eq!((fen(&done), &done.body["redemption"]["needs_review"]), (15_000_00, &json!(true)));
    let same = "330302 001001 gb00001 f00010001";
    let no = shop.buys(&purchase(same, "2018-05-01")).await;
    no.refused(422, "DWELLING_ALREADY_SUBSIDISED");
    let mut none = purchase(unit, "2018-05-01");
    none["dwelling"] = json!(null);
    let no = shop.buys(&none).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "dwelling");
    assert_eq!(shop.money(book).await, (85_000, 0, 15_000));
}
