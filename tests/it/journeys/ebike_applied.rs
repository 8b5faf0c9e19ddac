//! Beijing's e-bikes: bought from a shop that takes part, then applied for.

use super::office::{Office, id, stands};
use super::shop::{Product, Shop, codes};
use crate::support::world::World;
use serde_json::{Value, json};
use tradein::identity::model::PersonId;

struct Bikes {
    office: Office,
    book: i32,
    merchant: String,
    gtin: String,
    plain: String,
    n: std::cell::Cell<u32>,
}

async fn beijing() -> Bikes {
    let world = World::at("2025-06-10T10:00:00+08:00");
    world.publish(&["beijing-ebike-2025"]).await;
    let book = world.book("110000", "ebike", 2025, 100_000).await;
    let merchant = world.organisation("retailer", &["ebike"]).await.to_string();
    let shop = Shop::of(world, &["ebike"]).await;
    let known = json!({"ccc": true, "in_catalogue": true, "battery": "lead"});
    let gtin = shop.load(Product::of("ebike", &known)).await;
    let plain = json!({"ccc": false, "in_catalogue": true, "battery": "lead"});
    let plain = shop.load(Product::of("ebike", &plain)).await;
    let office = Office::of(shop.world).await;
    Bikes { office, book, merchant, gtin, plain, n: std::cell::Cell::new(0) }
}

impl Bikes {
    async fn handed_in(&self, owner: PersonId, change: Value) -> String {
        self.n.set(self.n.get() + 1);
        let mut facts = json!({"battery": "lithium", "battery_returned": true,
            "battery_health_checked": true, "registered_on": "2019-05-01",
            "deregistered_on": "2025-06-01"});
        for (name, value) in change.as_object().expect("an object") {
            facts[name] = value.clone();
        }
        let body = json!({"region": "110000", "class": "ebike", "owner": owner,
            "handed_over_on": "2025-06-01", "facts": facts,
            "identifiers": {"frame": format!("OLD{:012}", self.n.get())}});
        let (world, yard) = (&self.office.world, &self.office.dismantler);
        let taken = world.post(yard, "/v1/old-items", body).await.expect(201);
        let old_item = taken.body["old_item"]["id"].as_str().expect("an id").to_owned();
        self.office.verifies(&old_item).await;
        old_item
    }

    fn application(&self, person: PersonId, old_item: &str) -> Value {
        self.n.set(self.n.get() + 1);
        let papers = json!({"price_fen": 3_000_00, "old_item": old_item,
            "merchant": self.merchant,
            "invoice": {"number": format!("INV-{:08}", self.n.get()), "buyer": person,
                "issued_on": "2025-06-02", "region": "110000"},
            "item": {"gtin": self.gtin, "frame": format!("NEW{:012}", self.n.get()),
                "registered_on": "2025-06-03"}});
        self.office.application("110000", "ebike", &papers)
    }
}

#[actix_web::test]
async fn an_exchanged_battery_adds_to_beijings_500_yuan() {
    let bikes = beijing().await;
    let person = bikes.office.world.person(35);
    let old_item = bikes.handed_in(person, json!({})).await;
    let application = bikes.application(person, &old_item);
    let submitted = bikes.office.submits(person, &application).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 650_00), "500, 100 and 50");
    let approve = json!({});
    let office = &bikes.office;
    let approved = office.acts(&office.reviewer, &id(&submitted), "approve", approve).await;
    assert_eq!(stands(&approved.expect(200)), ("payable", 650_00));
    assert_eq!(office.money(bikes.book).await, (99_350, 0, 0, 650));
    let again = office.submits(person, &application).await.expect(422);
    let turn = ["QUOTA_EXHAUSTED", "SERIAL_REUSED", "OLD_ITEM_REUSED", "INVOICE_USED"];
    assert_eq!(codes(&again), turn);
}

#[actix_web::test]
async fn beijing_refuses_what_is_not_certified_whole_and_from_a_shop_that_takes_part() {
    let bikes = beijing().await;
    let person = bikes.office.world.person(35);
    let whole = bikes.handed_in(person, json!({})).await;
    let stray = bikes.office.world.organisation("retailer", &["ebike"]).await;
    let admin = tradein::identity::role::Role::ProgrammeAdmin;
    let admin = bikes.office.world.official_token(admin, "100000/*", "admin");
    let path = format!("/v1/organisations/{stray}/status");
    let body = json!({"status": "suspended"});
    bikes.office.world.post(&admin, &path, body).await.expect(200);
    let changes: [(&str, Value, &str); 4] = [
        ("/papers/merchant", json!(stray), "MERCHANT_NOT_ELIGIBLE"),
        ("/papers/item/gtin", json!(bikes.plain), "NEW_BIKE_NOT_CERTIFIED"),
        ("/papers/price_fen", json!(1_499_99), "PRICE_BELOW_MINIMUM"),
        ("/papers/item/registered_on", json!("2024-12-31"), "DOCUMENT_DATE_OUT_OF_WINDOW"),
    ];
    for (pointer, value, code) in changes {
        let mut application = bikes.application(person, &whole);
        *application.pointer_mut(pointer).expect("it is there") = value;
        let no = bikes.office.submits(person, &application).await.expect(422);
        assert_eq!(codes(&no), [code], "{pointer}");
    }
    // Without its barcode nobody knows whether it is certified or in the catalogue.
    let mut bare = bikes.application(person, &whole);
    bare["papers"]["item"].as_object_mut().expect("an object").remove("gtin");
    let no = bikes.office.submits(person, &bare).await.expect(422);
    assert_eq!(codes(&no), ["NEW_BIKE_NOT_CERTIFIED", "NEW_BIKE_NOT_IN_CATALOGUE"]);
    let mut nowhere = bikes.application(person, &whole);
    nowhere["papers"].as_object_mut().expect("an object").remove("merchant");
    let no = bikes.office.submits(person, &nowhere).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "merchant.status");
    let without = bikes.handed_in(person, json!({"battery_returned": false})).await;
    let no = bikes.office.submits(person, &bikes.application(person, &without)).await;
    no.refused(422, "OLD_BATTERY_MISSING");
    let closed = "2025-12-11T00:00:00+08:00";
    bikes.office.world.now_is(closed);
    let no = bikes.office.submits(person, &bikes.application(person, &whole)).await;
    no.refused(422, "APPLICATION_DEADLINE_PASSED");
}
