//! The till over HTTP: quote, reserve, capture, cancel, ends.

use crate::support::world::World;
use serde_json::{Value, json};

/// Grade 1, of the sample catalogue.
const FRIDGE: &str = "6908800000012";

struct Shop {
    world: World,
    book: i32,
    till: String,
}

async fn shop() -> Shop {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&["shanghai-appliance-2024"]).await;
    world.load_goods().await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    let till = world.retailer().await;
    Shop { world, book, till }
}

impl Shop {
    fn purchase(&self, code: &str, serial: &str) -> Value {
        json!({"voucher_code": code, "order_no": format!("order-{serial}"),
            "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
            "item": {"gtin": FRIDGE, "serial": serial}})
    }

    async fn fridge_code(&self) -> String {
        let person = self.world.person(35);
        self.world.claimed(person, "310000", "appliance.refrigerator").await.1
    }

    async fn act(&self, id: &Value, act: &str, body: Value) -> crate::support::world::Answer {
        let id = id["redemption"]["id"].as_str().expect("an id");
        self.world.post(&self.till, &format!("/v1/redemptions/{id}/{act}"), body).await
    }

    async fn money(&self) -> (i64, i64, i64) {
        let balances = self.world.balances(self.book).await;
        let fen = |name: &str| balances[name].as_i64().expect("fen");
        (fen("available"), fen("held"), fen("committed"))
    }
}

fn invoice() -> Value {
    json!({"hand_over": {"opened_and_checked": true}})
}

#[actix_web::test]
async fn a_refrigerator_draws_a_fifth_of_its_price() {
    let shop = shop().await;
    let code = shop.fridge_code().await;
    let purchase = shop.purchase(&code, "SN-0001");

    let quote = shop.world.post(&shop.till, "/v1/quotes", purchase.clone()).await.expect(200);
    assert_eq!(quote.body["quote"]["amount_fen"], 179_980);
    assert_eq!(shop.money().await, (9_800_000, 200_000, 0));

    let reserved = shop.world.post(&shop.till, "/v1/redemptions", purchase).await.expect(201);
    assert_eq!(reserved.body["redemption"]["amount_fen"], 179_980);
    assert_eq!(shop.money().await, (9_800_000, 200_000, 0));

    let captured = shop.act(&reserved.body, "capture", invoice()).await.expect(200);
    assert_eq!(captured.body["redemption"]["state"], "captured");
    assert_eq!(shop.money().await, (9_820_020, 0, 179_980));
    shop.act(&reserved.body, "capture", invoice()).await.refused(409, "REDEMPTION_STATE");
    shop.act(&reserved.body, "cancel", json!({})).await.refused(409, "REDEMPTION_STATE");
}

/// The marks of a purchase are made held by it before it is decided. Whoever is then refused, for
/// a reason that only the desk knows, has held nothing.
#[actix_web::test]
async fn a_refused_purchase_leaves_the_unit_to_others() {
    let shop = shop().await;
    for capture in [false, true] {
        let serial = format!("SN-{capture}");
        let mut purchase = shop.purchase(&shop.fridge_code().await, &serial);
        purchase["capture"] = json!(capture);
        let mut nothing = purchase.clone();
        nothing["price_fen"] = json!(1);
        let refused = shop.world.post(&shop.till, "/v1/redemptions", nothing).await;
        refused.refused(422, "NOTHING_TO_PAY");
        purchase["voucher_code"] = json!(shop.fridge_code().await);
        shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await.expect(201);
        purchase["voucher_code"] = json!(shop.fridge_code().await);
        purchase["order_no"] = json!("another");
        let taken = shop.world.post(&shop.till, "/v1/redemptions", purchase).await;
        assert_eq!(taken.status, 422, "a unit draws once: {}", taken.body);
    }
}

#[actix_web::test]
async fn a_simple_till_redeems_in_one_call_and_a_unit_draws_once() {
    let shop = shop().await;
    let mut purchase = shop.purchase(&shop.fridge_code().await, "SN-0002");
    purchase["capture"] = json!(true);
    let done = shop.world.post(&shop.till, "/v1/redemptions", purchase).await.expect(201);
    assert_eq!(done.body["redemption"]["state"], "captured");
    assert_eq!(shop.money().await, (9_820_020, 0, 179_980));

    let mut again = shop.purchase(&shop.fridge_code().await, "sn-0002");
    again["order_no"] = json!("another order");
    let key = shop.world.fresh_key();
    let post = async || {
        let (world, till) = (&shop.world, &shop.till);
        world.post_with_key(till, "/v1/redemptions", &key, again.clone()).await
    };
    let no = post().await.refused(422, "SERIAL_REUSED");
    // A refusal by the rules is stored and replayed like every answer.
    let still = post().await;
    assert_eq!((still.text, still.replayed), (no.text, true));
    again["item"]["serial"] = json!("SN-0003");
    again["order_no"] = json!("order-SN-0002");
    let no = shop.world.post(&shop.till, "/v1/redemptions", again).await;
    no.refused(422, "ORDER_NO_USED");
}

#[actix_web::test]
async fn a_cancelled_reservation_gives_everything_back() {
    let shop = shop().await;
    let code = shop.fridge_code().await;
    let purchase = shop.purchase(&code, "SN-0004");
    let reserved =
        shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await.expect(201);
    let other = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    other.refused(409, "VOUCHER_STATE");
    let stranger = shop.world.retailer().await;
    let id = reserved.body["redemption"]["id"].as_str().unwrap();
    let path = format!("/v1/redemptions/{id}/cancel");
    shop.world.post(&stranger, &path, json!({})).await.refused(404, "NOT_FOUND");
    shop.act(&reserved.body, "cancel", json!({})).await.expect(200);
    let mut capture = purchase;
    capture["capture"] = json!(true);
    shop.world.post(&shop.till, "/v1/redemptions", capture).await.expect(201);
    assert_eq!(shop.money().await, (9_820_020, 0, 179_980));
}

#[actix_web::test]
async fn time_ends_a_reservation_and_then_the_voucher() {
    let shop = shop().await;
    let code = shop.fridge_code().await;
    let purchase = shop.purchase(&code, "SN-0005");
    let reserved =
        shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await.expect(201);
    // The reservation is over; nobody has swept, and the next reservation ends it by an entry.
    shop.world.now_is("2024-10-03T12:00:00+08:00");
    let again = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    let again = again.expect(201);
    shop.world.now_is("2024-10-20T12:00:00+08:00");
    let late = shop.world.post(&shop.till, "/v1/redemptions", purchase).await;
    late.refused(422, "VOUCHER_EXPIRED");
    assert_eq!(shop.world.sweep().await, 1, "the reservation, and with it the voucher");
    assert_eq!(shop.world.sweep().await, 0);
    assert_eq!(shop.money().await, (10_000_000, 0, 0));
    let late = shop.act(&again.body, "capture", invoice()).await;
    assert_eq!((late.status, &late.body["redemption"]["state"]), (202, &json!("disputed")));
    let late = shop.act(&reserved.body, "capture", invoice()).await.expect(202);
    assert_eq!(late.body["reasons"][0], "GRACE_OVER");
}

#[actix_web::test]
async fn the_till_hears_every_rule_that_refuses() {
    let shop = shop().await;
    let mut purchase = shop.purchase(&shop.fridge_code().await, "SN-0006");
    purchase["item"]["gtin"] = json!("6908800000013");
    let no = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    no.refused(422, "GTIN_CHECKSUM");
    purchase["item"]["gtin"] = json!("6908800000036");
    let no = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    no.refused(422, "LABEL_GRADE_TOO_LOW");
    purchase["item"]["gtin"] = json!("6908800000043");
    let no = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    no.refused(422, "CLASS_MISMATCH");
    purchase["item"]["gtin"] = json!("6901234567892");
    let no = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    assert!(no.body["failed_rules"].to_string().contains("GOODS_NOT_IN_CATALOGUE"), "{}", no.text);
    purchase["price_fen"] = json!(0);
    let no = shop.world.post(&shop.till, "/v1/redemptions", purchase.clone()).await;
    let no = no.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "price_fen");
    purchase["voucher_code"] = json!("H-AAAAA-AAAAA-AAAAA-AAAAA-A");
    purchase["price_fen"] = json!(1);
    shop.world.post(&shop.till, "/v1/redemptions", purchase).await.refused(400, "BAD_REQUEST");
}

#[actix_web::test]
async fn a_suspended_shop_and_one_without_approval_are_refused() {
    let shop = shop().await;
    let purchase = shop.purchase(&shop.fridge_code().await, "SN-0007");
    let id = shop.world.organisation("retailer", &["ebike"]).await;
    let till = shop.world.retailer_token(id);
    let no = shop.world.post(&till, "/v1/redemptions", purchase.clone()).await;
    no.refused(422, "NOT_APPROVED");
    let id = shop.world.organisation("retailer", &["appliance"]).await;
    let till = shop.world.retailer_token(id);
    let admin = shop.world.official_token(
        tradein::identity::role::Role::ProgrammeAdmin,
        "100000/*",
        "admin",
    );
    let path = format!("/v1/organisations/{id}/status");
    shop.world.post(&admin, &path, json!({"status": "suspended"})).await.expect(200);
    let no = shop.world.post(&till, "/v1/redemptions", purchase).await;
    no.refused(422, "MERCHANT_NOT_ELIGIBLE");
}
