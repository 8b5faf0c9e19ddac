//! A world in which every route has an object that it can be called for, and its owner.

use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use std::collections::HashMap;
use tradein::identity::model::{OrganisationId, PersonId};
use tradein::identity::role::Role;
use tradein::kernel::identifier::{BankCard, CreditCode, Identifier, Vin};
use tradein::routes::{Row, Verb};

/// Two books, two of every kind of caller, and objects of the first of them.
pub struct Stage {
    pub world: World,
    pub book: i32,
    pub other_book: i32,
    people: [PersonId; 2],
    organisations: HashMap<(Role, usize), OrganisationId>,
    pub voucher: String,
    pub code: String,
    pub redemption: String,
    pub old_item: String,
    pub appropriation: String,
    pub programme: String,
    pub application: String,
    pub document: String,
    papers: Value,
}

/// Of which of the two callers of a kind a token is.
pub const OWNER: usize = 0;
pub const STRANGER: usize = 1;

pub const KINDS: [(Role, &str); 5] = [
    (Role::Retailer, "retailer"),
    (Role::Recycler, "recycler"),
    (Role::Dismantler, "dismantler"),
    (Role::RealNameProvider, "real_name_provider"),
    (Role::Enterprise, "enterprise"),
];

impl Stage {
    pub async fn new() -> Stage {
        let world = World::at("2024-10-01T12:00:00+08:00");
        let cars = ["nation-car-scrap-2024-v1", "nation-car-scrap-2024-v2"];
        world.publish(&["shanghai-appliance-2024", cars[0], cars[1]]).await;
        world.load_goods().await;
        let book = world.book("310000", "appliance", 2024, 100_000).await;
        world.book("310000", "car", 2024, 100_000).await;
        let other_book = world.book("320500", "appliance", 2024, 100_000).await;
        let people = [world.person(35), world.person(35)];
        let mut organisations = HashMap::new();
        for (role, kind) in KINDS {
            for whose in [OWNER, STRANGER] {
                let id = world.organisation(kind, &[]).await;
                for family in ["appliance", "car"] {
                    let body = json!({"region": "310000", "family": family,
                        "from": "2020-01-01"});
                    let path = format!("/v1/organisations/{id}/approvals");
                    let admin = world.official_token(Role::ProgrammeAdmin, "310000/*", "admin");
                    world.post(&admin, &path, body).await.expect(201);
                }
                organisations.insert((role, whose), id);
            }
        }
        let (voucher, code) = world.claimed(people[0], "310000", "appliance.refrigerator").await;
        let mut stage = Stage {
            world,
            book,
            other_book,
            people,
            organisations,
            voucher,
            code,
            redemption: String::new(),
            old_item: String::new(),
            appropriation: String::new(),
            programme: String::new(),
            application: String::new(),
            document: String::new(),
            papers: Value::Null,
        };
        stage.fill().await;
        stage
    }

    async fn fill(&mut self) {
        let id = |answer: &Answer, thing: &str| {
            answer.body[thing]["id"].as_str().expect("an id").to_owned()
        };
        let till = self.token(Role::Retailer, OWNER);
        let reserved = self.world.post(&till, "/v1/redemptions", self.purchase()).await;
        self.redemption = id(&reserved.expect(201), "redemption");
        let recycler = self.token(Role::Recycler, OWNER);
        let registered =
            self.world.post(&recycler, "/v1/old-items", self.handed_over("SN-OLD-0001")).await;
        self.old_item = id(&registered.expect(201), "old_item");
        let finance = self.token(Role::Finance, OWNER);
        let path = format!("/v1/books/{}/appropriations", self.book);
        let proposed = self.world.post(&finance, &path, money()).await.expect(201);
        self.appropriation = id(&proposed, "appropriation");
        self.papers = self.papers().await;
        let person = self.token(Role::Person, OWNER);
        let applied = self.world.post(&person, "/v1/applications", self.application()).await;
        self.application = id(&applied.expect(201), "application");
        let path = format!("/v1/applications/{}/documents", self.application);
        let filed = self.world.post(&person, &path, document()).await;
        self.document = id(&filed.expect(201), "document");
        let programmes = self.world.get(&finance, "/v1/programmes").await.expect(200);
        let hash = programmes.body["data"][0]["sha256"].as_str().expect("a hash");
        self.programme = hash.to_owned();
    }

    pub fn person(&self, whose: usize) -> PersonId {
        self.people[whose]
    }

    pub fn organisation(&self, role: Role, whose: usize) -> OrganisationId {
        self.organisations[&(role, whose)]
    }

    /// A token of a role. Officials are of the whole nation; two logins differ.
    pub fn token(&self, role: Role, whose: usize) -> String {
        match role {
            Role::Person => self.world.person_token(self.people[whose]),
            role if role.is_official() => {
                self.world.official_token(role, "100000/*", ["one", "two"][whose])
            }
            role => self.world.organisation_token(role, self.organisation(role, whose)),
        }
    }

    /// A row's path with the ids of the owner's objects in it.
    pub fn path(&self, row: &Row) -> String {
        let id = match row.path.split('/').nth(2).unwrap_or_default() {
            "organisations" => self.organisation(Role::Retailer, OWNER).to_string(),
            "vouchers" => self.voucher.clone(),
            "redemptions" => self.redemption.clone(),
            "old-items" => self.old_item.clone(),
            "books" if row.path.ends_with("/stories/{id}") => self.voucher.clone(),
            "books" => self.appropriation.clone(),
            "applications" | "reviews" => self.application.clone(),
            _ => String::new(),
        };
        let path = row.path.replace("{id}", &id).replace("{book}", &self.book.to_string());
        let path = path.replace("{sha256}", &self.programme).replace("{file:.*}", "");
        let path = path.replace("{document}", &self.document);
        match row.path {
            "/v1/redemptions" | "/v1/applications" | "/v1/reviews" if row.verb == Verb::See => {
                format!("{path}?book={}", self.book)
            }
            "/v1/books/{book}/sums" => format!("{path}?by=day"),
            _ => path,
        }
    }

    /// A body that a route takes.
    pub fn body(&self, row: &Row) -> Value {
        match row.path {
            "/v1/people" => person(),
            "/v1/people/lookup" => json!({"person": self.person(OWNER)}),
            "/v1/organisations" => json!({"kind": "retailer", "name": "测试", "region": "310000",
                "uscc": CreditCode::synthetic(9_000_001).reveal()}),
            "/v1/organisations/{id}/approvals" => {
                json!({"region": "310000", "family": "ebike", "from": "2024-01-01"})
            }
            "/v1/organisations/{id}/status" => json!({"status": "suspended"}),
            "/v1/organisations/{id}/stores" => {
                json!({"stores": [{"name": "一店", "region": "310101"}]})
            }
            "/v1/books" => json!({"region": "310000", "family": "ebike", "year": 2024}),
            "/v1/books/{book}/state" => json!({"state": "closed"}),
            "/v1/books/{book}/appropriations" => money(),
            "/v1/programmes" => json!({"text": text_of("shanghai-ebike-2024")}),
            "/v1/old-items" => self.handed_over("SN-OLD-0002"),
            "/v1/old-items/{id}/reject" => json!({"reason": "parts_missing"}),
            "/v1/vouchers" => json!({"region": "310000", "class": "appliance.tv",
                "channel": "offline", "location": "310000"}),
            "/v1/vouchers/lookup" => json!({"code": self.code}),
            "/v1/quotes" | "/v1/redemptions" => self.purchase(),
            "/v1/applications" => self.application(),
            "/v1/applications/{id}/corrections" => json!({"papers": self.papers}),
            "/v1/applications/{id}/request-correction" | "/v1/applications/{id}/reject" => {
                json!({"reasons": ["DOCUMENT_MISSING"], "sentence": "请补充材料"})
            }
            "/v1/applications/{id}/documents" => document(),
            "/v1/applications/{id}/approve" => json!({"still_owned": true}),
            _ => json!({}),
        }
    }

    pub fn purchase(&self) -> Value {
        json!({"voucher_code": self.code, "order_no": "order-1", "price_fen": 899_900,
            "channel": "offline", "delivery_region": "310000",
            "item": {"gtin": "6908800000012", "serial": "SN-4711"}})
    }

    /// The application of the owner for a car that a dismantler took in.
    pub fn application(&self) -> Value {
        json!({"region": "310000", "class": "car.scrap", "location": "310000",
            "papers": self.papers,
            "payee": {"account": BankCard::synthetic(1).reveal(), "bank": "中国银行测试支行"}})
    }

    async fn papers(&self) -> Value {
        let day = "2024-09-20";
        let dismantler = self.token(Role::Dismantler, OWNER);
        let body = json!({"region": "310000", "class": "car.scrap", "handed_over_on": day,
            "owner": self.person(OWNER), "identifiers": {"vin": "LSVAB2188E2100001",
                "certificate": "310000202409200001"},
            "facts": {"fuel": "petrol", "use": "private", "registered_on": "2009-01-01",
                "in_name_since": "2010-01-01", "scrap_certificate_on": day,
                "deregistered_on": day}});
        let taken = self.world.post(&dismantler, "/v1/old-items", body).await.expect(201);
        json!({"price_fen": 15_000_000, "old_item": taken.body["old_item"]["id"],
            "invoice": {"number": "INV-0001", "buyer": self.person(OWNER), "issued_on": day,
                "region": "310000"},
            "item": {"vin": Vin::synthetic(1).reveal(), "power": "nev", "in_catalogue": true,
                "registered_on": day, "registration_region": "310000"}})
    }

    fn handed_over(&self, serial: &str) -> Value {
        json!({"region": "310000", "class": "appliance.refrigerator",
            "handed_over_on": "2024-09-30", "identifiers": {"serial": serial}})
    }

    /// Calls a route with everything that it wants but the token, which is given or not.
    pub async fn call(&self, row: &Row, path: &str, token: Option<&str>) -> Answer {
        self.call_with(row, path, token, self.body(row)).await
    }

    pub async fn call_with(
        &self,
        row: &Row,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let mut request = self.world.request(row.verb.method(), path);
        request = request.header("accept-language", "en");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if row.verb.method() == "POST" {
            request = request.header("idempotency-key", self.world.fresh_key()).json(&body);
        }
        World::sent(request).await
    }
}

fn money() -> Value {
    json!({"amount_fen": 10_000, "document_sha256": "ab".repeat(32)})
}

/// A document whose file never comes.
fn document() -> Value {
    json!({"document": {"kind": "photo"}, "sha256": "ab".repeat(32), "bytes": 1_000,
        "media_type": "jpeg"})
}

pub fn person() -> Value {
    json!({"document": "resident_card", "id_number": "11010519491231002X", "name": "张三",
        "mobile": "13800005678",
        "consent": {"text": "310000/2026-01", "purposes": ["identity"]}})
}

pub fn text_of(programme: &str) -> String {
    let path = format!("{}/config/programmes/{programme}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a programme of this name")
}
