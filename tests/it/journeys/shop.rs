//! A shop and a recycler in a world, and what they do over HTTP.

use crate::support::world::{Answer, World};
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;
use tradein::kernel::identifier::{Gtin, Identifier, Imei};
use tradein::programme::goods::load::LoadGoods;
use tradein::programme::goods::model::{Days, Goods};
use uuid::Uuid;

pub struct Shop {
    pub world: World,
    pub till: String,
    pub recycler: String,
    products: AtomicU64,
}

/// What the catalogue is to hold.
pub struct Product {
    class: String,
    facts: Value,
}

impl Product {
    /// Facts as examples write them: `{"energy_label": 1, "ccc": true}`.
    pub fn of(class: &str, facts: &Value) -> Product {
        Product { class: class.to_owned(), facts: facts.clone() }
    }

    fn goods(&self, gtin: Gtin) -> Goods {
        let grade = |name: &str| self.facts.get(name).and_then(Value::as_i64).map(|it| it as i16);
        let flag = |name: &str| self.facts.get(name).and_then(Value::as_bool);
        let text = |name: &str| self.facts.get(name).and_then(Value::as_str).map(str::to_owned);
        Goods {
            gtin,
            class: self.class.parse().expect("a class"),
            brand: "示例".to_owned(),
            model: "M-1".to_owned(),
            energy_label: grade("energy_label"),
            water_label: grade("water_label"),
            label_scheme: flag("label_scheme"),
            ccc: flag("ccc"),
            in_catalogue: flag("in_catalogue"),
            power: text("power"),
            displacement_ml: None,
            emission: None,
            battery: text("battery"),
            central_set: flag("central_set"),
            days: Days { from: NaiveDate::from_ymd_opt(2020, 1, 1).expect("a day"), to: None },
            source: "a test".to_owned(),
            version: 0,
        }
    }
}

impl Shop {
    /// A shop and a recycler that may take part with these families everywhere.
    pub async fn of(world: World, families: &[&str]) -> Shop {
        let retailer = world.organisation("retailer", families).await;
        let recycler = world.organisation("recycler", families).await;
        let till = world.retailer_token(retailer);
        let recycler = world.organisation_token(Role::Recycler, recycler);
        Shop { world, till, recycler, products: AtomicU64::new(1) }
    }

    /// Loads a product of its own; its barcode.
    pub async fn load(&self, product: Product) -> String {
        let gtin = Gtin::synthetic(self.products.fetch_add(1, Ordering::Relaxed));
        let command = LoadGoods {
            goods: vec![product.goods(gtin.clone())],
            prices: Vec::new(),
            goods_sha256: Some("ab".repeat(32)),
            prices_sha256: None,
            id: Uuid::now_v7(),
        };
        let envelope = tradein::jobs::system(Arc::new(command));
        let done = self.world.wiring.books.answer(tradein::book::REGISTER, envelope).await;
        assert!(done.expect("an answer").is_success());
        gtin.to_string()
    }

    /// Registers and verifies an old e-bike; its id. `facts` are those of examples.
    pub async fn handed_in(
        &self,
        region: &str,
        day: &str,
        owner: PersonId,
        mut facts: Value,
    ) -> String {
        facts.as_object_mut().expect("an object").remove("owner");
        let n = self.products.fetch_add(1, Ordering::Relaxed);
        let body = json!({"region": region, "class": "ebike", "handed_over_on": day,
            "owner": owner, "identifiers": {"frame": format!("OLD{n:012}")}, "facts": facts});
        let answer = self.world.post(&self.recycler, "/v1/old-items", body).await.expect(201);
        let id = answer.body["old_item"]["id"].as_str().expect("an id").to_owned();
        let path = format!("/v1/old-items/{id}/verify");
        self.world.post(&self.recycler, &path, json!({})).await.expect(200);
        id
    }

    /// A purchase of flow `checkout`, with an order number of its own.
    pub fn checkout(&self, person: PersonId, region: &str, class: &str, yuan: i64) -> Value {
        let n = self.products.fetch_add(1, Ordering::Relaxed);
        json!({"checkout": {"region": region, "class": class, "person": person},
            "order_no": format!("order-{n}"), "price_fen": yuan * 100, "channel": "offline",
            "payer": person, "recipient": person, "delivery_region": region,
            "item": {"serial": format!("SERIAL-{n:06}")},
            "hand_over": {"opened_and_checked": true, "invoice": {"buyer": person, "lines": 1,
                "subsidised_lines": 1, "region": region}}})
    }

    /// A purchase with a voucher's code.
    pub fn with_code(&self, code: &str, gtin: &str, yuan: i64) -> Value {
        let n = self.products.fetch_add(1, Ordering::Relaxed);
        json!({"voucher_code": code, "order_no": format!("order-{n}"), "price_fen": yuan * 100,
            "channel": "offline", "item": {"gtin": gtin, "serial": format!("SERIAL-{n:06}"),
                "imei": Imei::synthetic(n).reveal()},
            "hand_over": {"opened_and_checked": true}})
    }

    pub async fn buys(&self, purchase: &Value) -> Answer {
        self.world.post(&self.till, "/v1/redemptions", purchase.clone()).await
    }

    /// Reserves and captures in one call.
    pub async fn redeems(&self, purchase: &Value) -> Answer {
        let mut purchase = purchase.clone();
        purchase["capture"] = json!(true);
        self.buys(&purchase).await
    }

    /// Acts on the redemption of an answer.
    pub async fn act(&self, answer: &Answer, act: &str) -> Answer {
        let id = answer.body["redemption"]["id"].as_str().expect("an id");
        self.world.post(&self.till, &format!("/v1/redemptions/{id}/{act}"), json!({})).await
    }

    /// `available`, `held` and `committed` of a book, in yuan.
    pub async fn money(&self, book: i32) -> (i64, i64, i64) {
        let balances = self.world.balances(book).await;
        let yuan = |name: &str| balances[name].as_i64().expect("fen") / 100;
        (yuan("available"), yuan("held"), yuan("committed"))
    }
}

/// The kinds of the last entries of a book, oldest first.
pub async fn last_entries(world: &World, book: i32, count: usize) -> Vec<String> {
    let auditor = world.official_token(Role::Auditor, "100000/*", "auditor");
    let path = format!("/v1/books/{book}/entries?limit=200");
    let page = world.get(&auditor, &path).await.expect(200);
    let entries = page.body["data"].as_array().expect("a page");
    let kind = |entry: &Value| entry["leaf"]["kind"].as_str().expect("a kind").to_owned();
    entries.iter().skip(entries.len() - count).map(kind).collect()
}

/// Every code of a refusal.
pub fn codes(answer: &Answer) -> Vec<&str> {
    let rules = answer.body["failed_rules"].as_array().expect("rules");
    rules.iter().map(|rule| rule["code"].as_str().expect("a code")).collect()
}

/// The amount of a redemption, in fen.
pub fn fen(answer: &Answer) -> i64 {
    answer.body["redemption"]["amount_fen"].as_i64().expect("an amount")
}
