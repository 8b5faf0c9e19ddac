//! Green appliances of Shanghai, spring 2024: paid by the order, once per payment channel.

use super::shop::{Product, Shop, fen};
use crate::support::world::World;
use serde_json::{Value, json};
use tradein::identity::model::PersonId;

const CLASS: &str = "local.green_appliance";

async fn shop() -> (Shop, Vec<String>) {
    let world = World::at("2024-05-01T12:00:00+08:00");
    world.publish(&["shanghai-green-2024"]).await;
    world.book("310000", "local", 2024, 100_000).await;
    let shop = Shop::of(world, &["local"]).await;
    let mut gtins = Vec::new();
    for class in ["appliance.tv", "appliance.washer", "local.furniture"] {
        gtins.push(shop.load(Product::of(class, &json!({"energy_label": 1}))).await);
    }
    (shop, gtins)
}

fn order(shop: &Shop, person: PersonId, channel: &str, lines: &[(&str, i64)]) -> Value {
    let sum = lines.iter().map(|(_, yuan)| yuan).sum();
    let mut order = shop.checkout(person, "310000", CLASS, sum);
    order["payment_channel"] = json!(channel);
    let line = |(gtin, yuan): &(&str, i64)| json!({"gtin": gtin, "price_fen": yuan * 100});
    order["lines"] = lines.iter().map(line).collect();
    order
}

#[actix_web::test]
async fn an_order_draws_a_tenth_and_its_lines_share_it() {
    let (shop, gtins) = shop().await;
    let person = shop.world.person(35);
    let two = order(&shop, person, "alipay", &[(&gtins[0], 4_000), (&gtins[1], 5_000)]);
    let done = shop.redeems(&two).await.expect(201);
    let lines = done.body["redemption"]["lines"].as_array().unwrap().clone();
    let shares: Vec<i64> = lines.iter().map(|line| line["share_fen"].as_i64().unwrap()).collect();
    assert_eq!((fen(&done), shares), (900_00, vec![400_00, 500_00]));

    // Capped, and of three uneven lines the last takes what rounding leaves.
    let person = shop.world.person(35);
    let lines = [(&*gtins[0], 3_333), (&*gtins[1], 3_333), (&*gtins[0], 5_001)];
    let done = shop.redeems(&order(&shop, person, "alipay", &lines)).await.expect(201);
    let lines = done.body["redemption"]["lines"].as_array().unwrap().clone();
    let sum: i64 = lines.iter().map(|line| line["share_fen"].as_i64().unwrap()).sum();
    assert_eq!((fen(&done), sum), (1_000_00, 1_000_00));
}

#[actix_web::test]
async fn a_payment_channel_is_used_once_and_another_is_free() {
    let (shop, gtins) = shop().await;
    let person = shop.world.person(35);
    let one = |channel| order(&shop, person, channel, &[(&gtins[0], 4_000)]);
    let reserved = shop.buys(&one("alipay")).await.expect(201);
    shop.buys(&one("alipay")).await.refused(422, "QUOTA_EXHAUSTED");
    shop.act(&reserved, "cancel").await.expect(200);
    shop.redeems(&one("alipay")).await.expect(201);
    shop.redeems(&one("alipay")).await.refused(422, "QUOTA_EXHAUSTED");
    shop.redeems(&one("wechat")).await.expect(201);
    shop.redeems(&one("unionpay")).await.expect(201);
    shop.redeems(&one("wechat")).await.refused(422, "QUOTA_EXHAUSTED");
}

#[actix_web::test]
async fn other_goods_are_not_paid_together_with_them() {
    let (shop, gtins) = shop().await;
    let person = shop.world.person(35);
    let mixed = order(&shop, person, "alipay", &[(&gtins[0], 4_000), (&gtins[2], 1_000)]);
    shop.buys(&mixed).await.refused(422, "MIXED_BASKET");
    let mut uneven = order(&shop, person, "alipay", &[(&gtins[0], 4_000)]);
    uneven["price_fen"] = json!(4_100_00);
    let no = shop.buys(&uneven).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "lines");
    uneven["lines"] = json!([]);
    let no = shop.buys(&uneven).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "lines");
}

/// Found by trying: a request without the channel took a turn that no channel counts.
#[actix_web::test]
async fn an_order_says_through_which_channel_it_is_paid() {
    let (shop, gtins) = shop().await;
    let person = shop.world.person(35);
    let mut silent = order(&shop, person, "alipay", &[(&gtins[0], 4_000)]);
    silent["payment_channel"] = json!(null);
    let no = shop.redeems(&silent).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "payment_channel");
}
