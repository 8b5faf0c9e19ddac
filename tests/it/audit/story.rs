//! A year in which everything happens at least once, on the real stack.

use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use std::sync::Arc;
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;
use tradein::kernel::identifier::{IdNumber, Identifier, Imei, Mobile};
use tradein::register::holdings::file::read;
use tradein::register::holdings::import::ImportHoldings;

pub const VOUCHERS: &str = include_str!("vouchers.toml");
pub const CHECKOUT: &str = include_str!("checkout.toml");

/// Of the sample catalogue: a television.
const TV: &str = "6908800000067";

pub struct Story {
    pub world: World,
    admin: String,
    till: String,
    serials: u32,
}

impl Story {
    /// Programmes, goods, books, a shop: before anybody has claimed.
    pub async fn begin() -> Story {
        let world = World::at("2025-06-10T12:00:00+08:00");
        let admin = world.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
        for text in [VOUCHERS, CHECKOUT] {
            world.publish_text(&admin, text).await;
        }
        world.load_goods().await;
        world.book("310000", "appliance", 2025, 1_000_000).await;
        world.book("310000", "local", 2025, 100_000).await;
        let till = world.retailer().await;
        Story { world, admin, till, serials: 0 }
    }

    /// Everything that has an entry type.
    pub async fn whole() -> Story {
        let mut story = Story::begin().await;
        story.organisations().await;
        story.people().await;
        story.old_items().await;
        story.vouchers().await;
        story.checkouts().await;
        // The last ends are still to come: a book in the middle of its life.
        story.reserved(&story.buyer().await).await;
        story.buyer().await;
        story
    }

    async fn admin_posts(&self, path: &str, body: Value) -> Answer {
        self.world.post(&self.admin, path, body).await
    }

    async fn organisations(&self) {
        let prepared = json!({"region": "310000", "family": "digital", "year": 2025,
            "prepared": true});
        let book = self.admin_posts("/v1/books", prepared).await.expect(201);
        self.holdings(book.body["book"]["book_no"].as_i64().unwrap() as i32).await;
        let path = format!("/v1/books/{}/state", book.body["book"]["book_no"]);
        self.admin_posts(&path, json!({"state": "open"})).await.expect(200);
        let id = self.world.organisation("retailer", &["appliance"]).await;
        let stores = json!({"stores": [{"name": "徐家汇店", "region": "310104"}]});
        self.admin_posts(&format!("/v1/organisations/{id}/stores"), stores).await.expect(201);
        let body = json!({"status": "suspended"});
        self.admin_posts(&format!("/v1/organisations/{id}/status"), body).await.expect(200);
    }

    /// What an earlier system knew: a slot and a mark.
    async fn holdings(&self, book: i32) {
        let person = self.world.person(35);
        let text = format!(
            "person,quota,mark,thing\n{person},100000/2025/digital.phone,,\n\
             ,,new_imei,{}\n",
            Imei::synthetic(1).reveal()
        );
        let wiring = &self.world.wiring;
        let info = wiring.books.info(book).await.unwrap().unwrap();
        let file = read(text.as_bytes(), &info, &wiring.keys).expect("a right file");
        let (file_sha256, holdings) = (file.sha256, file.holdings);
        let province = info.region.province();
        let command = Arc::new(ImportHoldings { file_sha256, province, holdings });
        let done = wiring.books.answer(book, tradein::jobs::system(command)).await;
        assert!(done.expect("an answer").is_success());
    }

    async fn people(&self) {
        let provider = self.world.organisation("real_name_provider", &[]).await;
        let provider = self.world.organisation_token(Role::RealNameProvider, provider);
        let body = json!({
            "document": "resident_card", "id_number": IdNumber::synthetic(1).reveal(),
            "name": "欧阳思齐", "mobile": Mobile::synthetic(1).reveal(),
            "consent": {"text": "310000/2026-01", "purposes": ["payment", "identity"]},
        });
        let known = self.world.post(&provider, "/v1/people", body).await.expect(201);
        let auditor = self.world.official_token(Role::Auditor, "100000/*", "auditor");
        let body = json!({"person": known.body["person"]["id"], "clear": true,
            "reason": "audit", "case": "SH-2026/1"});
        self.world.post(&auditor, "/v1/people/lookup", body).await.expect(200);
    }

    async fn old_items(&self) {
        let id = self.world.organisation("recycler", &["appliance"]).await;
        let token = self.world.organisation_token(Role::Recycler, id);
        for (serial, end) in [("OLD-1", "verify"), ("OLD-2", "reject"), ("OLD-3", "")] {
            let body = json!({"region": "310000", "class": "appliance.tv",
                "handed_over_on": "2025-06-09", "identifiers": {"serial": serial}});
            let new = self.world.post(&token, "/v1/old-items", body).await.expect(201);
            let id = new.body["old_item"]["id"].as_str().expect("an id").to_owned();
            let body = match end {
                "verify" => json!({}),
                "reject" => json!({"reason": "not_handed_over"}),
                _ => continue,
            };
            let path = format!("/v1/old-items/{id}/{end}");
            self.world.post(&token, &path, body).await.expect(200);
        }
    }

    /// A person with a voucher for a television: its id and code.
    async fn buyer(&self) -> (String, String) {
        let person = self.world.person(35);
        self.world.claimed(person, "310000", "appliance.tv").await
    }

    async fn reserved(&mut self, (_, code): &(String, String)) -> String {
        self.serials += 1;
        let n = self.serials;
        let body = json!({"voucher_code": code, "order_no": format!("order-{n}"),
            "price_fen": 400_000, "channel": "offline", "delivery_region": "310000",
            "item": {"gtin": TV, "serial": format!("SN-{n}")}});
        let reserved = self.world.post(&self.till, "/v1/redemptions", body).await.expect(201);
        reserved.body["redemption"]["id"].as_str().expect("an id").to_owned()
    }

    async fn act(&self, redemption: &str, act: &str) -> Answer {
        let path = format!("/v1/redemptions/{redemption}/{act}");
        self.world.post(&self.till, &path, json!({})).await
    }

    async fn vouchers(&mut self) {
        let person = self.world.person(35);
        let token = self.world.person_token(person);
        let (id, _) = self.world.claimed(person, "310000", "appliance.tv").await;
        let path = format!("/v1/vouchers/{id}/give-back");
        self.world.post(&token, &path, json!({})).await.expect(200);
        // Two vouchers of one person, one used and one not, which will lapse.
        let used = self.world.claimed(person, "310000", "appliance.tv").await;
        self.world.claimed(person, "310000", "appliance.tv").await;
        let redemption = self.reserved(&used).await;
        self.act(&redemption, "capture").await.expect(200);
        let redemption = self.reserved(&self.buyer().await).await;
        self.act(&redemption, "cancel").await.expect(200);
        // Late, within the grace; and after it.
        let (late, later) =
            (self.reserved(&self.buyer().await).await, self.reserved(&self.buyer().await).await);
        self.world.now_is("2025-06-10T13:00:00+08:00");
        self.act(&late, "capture").await.expect(200);
        assert!(self.world.sweep().await > 0);
        self.world.now_is("2025-06-10T16:00:00+08:00");
        self.act(&later, "capture").await.expect(202);
        self.world.now_is("2025-06-20T12:00:00+08:00");
        assert!(self.world.sweep().await > 0);
    }

    async fn checkouts(&mut self) {
        for (n, act) in ["capture", "cancel", ""].into_iter().enumerate() {
            let redemption = self.checkout(self.world.person(40), n).await;
            if !act.is_empty() {
                self.act(&redemption, act).await.expect(200);
            }
        }
        self.world.now_is("2025-06-20T13:00:00+08:00");
        assert!(self.world.sweep().await > 0);
        self.checkout(self.world.person(40), 9).await;
    }

    async fn checkout(&self, person: PersonId, n: usize) -> String {
        let body = json!({
            "checkout": {"region": "310000", "class": "local.furniture", "person": person},
            "order_no": format!("furniture-{n}"), "price_fen": 200_000, "channel": "offline",
            "delivery_region": "310000", "item": {"serial": format!("FURN-{n:04}")}});
        let reserved = self.world.post(&self.till, "/v1/redemptions", body).await.expect(201);
        reserved.body["redemption"]["id"].as_str().expect("an id").to_owned()
    }
}
