//! Phones of Shanghai 2025.

use super::shop::{Product, Shop, fen};
use crate::support::world::World;
use serde_json::{Value, json};
use tradein::kernel::identifier::{Identifier, Imei};

struct Phones {
    shop: Shop,
    book: i32,
    gtin: String,
}

impl Phones {
    async fn new() -> Phones {
        let world = World::at("2025-06-01T12:00:00+08:00");
        world.publish(&["shanghai-digital-2025-v1"]).await;
        let book = world.book("310000", "digital", 2025, 100_000).await;
        let shop = Shop::of(world, &["digital"]).await;
        let gtin = shop.load(Product::of("digital.phone", &json!({"label_scheme": false}))).await;
        Phones { shop, book, gtin }
    }

    /// A purchase by somebody new.
    async fn purchase(&self, fen: i64) -> Value {
        let person = self.shop.world.person(35);
        let code = self.shop.world.claimed(person, "310000", "digital.phone").await.1;
        let mut purchase = self.shop.with_code(&code, &self.gtin, 1);
        purchase["price_fen"] = json!(fen);
        purchase
    }
}

#[actix_web::test]
async fn a_phone_draws_15_percent_up_to_500_yuan() {
    let phones = Phones::new().await;
    for (price, expected) in
        [(6_000_00, 500_00), (3_333_34, 500_00), (3_333_33, 499_99), (3_333_00, 499_95), (7, 1)]
    {
        let purchase = phones.purchase(price).await;
        let answer = phones.shop.redeems(&purchase).await.expect(201);
        assert_eq!(fen(&answer), expected, "{price}");
    }
    // Found by trying: this was a 500.
    let nothing = phones.purchase(6).await;
    phones.shop.redeems(&nothing).await.refused(422, "NOTHING_TO_PAY");
    let over = phones.purchase(6_000_01).await;
    phones.shop.redeems(&over).await.refused(422, "PRICE_OVER_LIMIT");
}

#[actix_web::test]
async fn a_phone_is_known_by_its_imei_however_it_is_written() {
    let phones = Phones::new().await;
    let mut wrong = phones.purchase(3_000_00).await;
    wrong["item"]["imei"] = json!("352000000000001");
    phones.shop.redeems(&wrong).await.refused(422, "IMEI_CHECKSUM");
    let imei = Imei::synthetic(77);
    let imei = imei.reveal();
    let mut first = phones.purchase(3_000_00).await;
    first["item"]["imei"] = json!(imei);
    phones.shop.redeems(&first).await.expect(201);
    let (tac, rest) = imei.split_at(8);
    for written in [imei.to_owned(), format!("{tac}-{rest}"), format!(" {tac} {rest} ")] {
        let mut again = phones.purchase(3_000_00).await;
        again["item"]["imei"] = json!(written);
        phones.shop.redeems(&again).await.refused(422, "SERIAL_REUSED");
    }
    let mut same = phones.purchase(3_000_00).await;
    same["item"]["serial"] = first["item"]["serial"].clone();
    phones.shop.redeems(&same).await.refused(422, "SERIAL_REUSED");
    let mut nameless = phones.purchase(3_000_00).await;
    nameless["item"] = json!({"gtin": phones.gtin});
    phones.shop.redeems(&nameless).await.refused(400, "BAD_REQUEST");
    let mut sealed = phones.purchase(3_000_00).await;
    sealed["hand_over"] = json!({});
    phones.shop.redeems(&sealed).await.refused(422, "UNSEAL_CHECK_MISSING");
    assert_eq!(phones.shop.money(phones.book).await.2, 450);
}
