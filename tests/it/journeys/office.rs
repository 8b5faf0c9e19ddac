//! An office that reviews applications, a dismantler that takes old cars in, and the people who
//! apply.

use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;
use tradein::kernel::identifier::{BankCard, IdNumber, Identifier, Mobile, Vin};

pub struct Office {
    pub world: World,
    pub dismantler: String,
    pub reviewer: String,
    pub second: String,
    numbers: AtomicU64,
}

/// A petrol car that was registered long ago and scrapped on a day, as examples write it.
pub fn scrapped(day: &str) -> Value {
    json!({"fuel": "petrol", "use": "private", "registered_on": "2010-03-15",
        "in_name_since": "2015-06-01", "plate_region": "310000", "scrap_certificate_on": day,
        "deregistered_on": day,
        "assemblies": ["engine", "steering", "gearbox", "axles", "frame"]})
}

impl Office {
    pub async fn of(world: World) -> Office {
        let dismantler = world.organisation("dismantler", &["car", "ebike"]).await;
        Office {
            dismantler: world.organisation_token(Role::Dismantler, dismantler),
            reviewer: world.official_token(Role::Reviewer, "100000/*", "reviewer one"),
            second: world.official_token(Role::Reviewer, "100000/*", "reviewer two"),
            numbers: AtomicU64::new(1),
            world,
        }
    }

    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A person whose identity a provider has registered.
    pub async fn registered(&self, n: u64) -> PersonId {
        let provider = self.world.organisation("real_name_provider", &[]).await;
        let provider = self.world.organisation_token(Role::RealNameProvider, provider);
        let body = json!({"document": "resident_card",
            "id_number": IdNumber::synthetic(n).reveal(), "name": "欧阳望舒",
            "mobile": Mobile::synthetic(n).reveal(),
            "consent": {"text": "310000/2026-01", "purposes": ["identity"]}});
        let made = self.world.post(&provider, "/v1/people", body).await.expect(201);
        made.body["person"]["id"].as_str().expect("an id").parse().expect("a person's id")
    }

    /// Registers an old car; its id. It is yet to be verified.
    pub async fn taken_in(&self, region: &str, owner: PersonId, facts: Value) -> String {
        let vin = Vin::synthetic(90_000 + self.number()).reveal().to_owned();
        let body = json!({"region": region, "class": "car.scrap", "owner": owner,
            "handed_over_on": facts["scrap_certificate_on"],
            "identifiers": {"vin": vin, "certificate": format!("3100002025{:08}", self.number())},
            "facts": facts});
        let taken = self.world.post(&self.dismantler, "/v1/old-items", body).await.expect(201);
        taken.body["old_item"]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn verifies(&self, old_item: &str) {
        let path = format!("/v1/old-items/{old_item}/verify");
        self.world.post(&self.dismantler, &path, json!({})).await.expect(200);
    }

    /// The same, verified.
    pub async fn scrapped(&self, region: &str, owner: PersonId, day: &str) -> String {
        let old_item = self.taken_in(region, owner, scrapped(day)).await;
        self.verifies(&old_item).await;
        old_item
    }

    /// A new-energy car bought and registered on a day; its price in yuan.
    pub fn bought(&self, buyer: PersonId, region: &str, day: &str, yuan: i64) -> Value {
        let n = self.number();
        json!({"price_fen": yuan * 100,
            "invoice": {"number": format!("INV-{n:08}"), "buyer": buyer, "issued_on": day,
                "region": region},
            "item": {"vin": Vin::synthetic(n).reveal(), "power": "nev", "in_catalogue": true,
                "registered_on": day, "registration_region": region}})
    }

    /// A whole application of a person.
    pub fn application(&self, region: &str, class: &str, papers: &Value) -> Value {
        let account = BankCard::synthetic(self.number()).reveal().to_owned();
        json!({"region": region, "class": class, "papers": papers, "location": region,
            "payee": {"account": account, "bank": "中国银行测试支行"}})
    }

    /// A person scraps a car and buys a new-energy one on one day.
    pub async fn scrap(&self, person: PersonId, region: &str, day: &str, yuan: i64) -> Value {
        let old_item = self.scrapped(region, person, day).await;
        let mut papers = self.bought(person, region, day, yuan);
        papers["old_item"] = json!(old_item);
        self.application(region, "car.scrap", &papers)
    }

    /// A person sells a car and buys a new-energy one on one day.
    pub fn replacement(&self, person: PersonId, region: &str, day: &str, yuan: i64) -> Value {
        let n = self.number();
        let mut papers = self.bought(person, region, day, yuan);
        papers["old"] = json!({"vin": Vin::synthetic(50_000 + n).reveal(), "owner": person,
            "invoice_number": format!("USED-{n:08}"),
            "facts": {"fuel": "petrol", "use": "private", "registered_on": "2012-05-01",
                "in_name_since": "2016-01-01", "plate_region": region, "transferred_on": day}});
        self.application(region, "car.replace", &papers)
    }

    pub async fn submits(&self, person: PersonId, application: &Value) -> Answer {
        let token = self.world.person_token(person);
        self.world.post(&token, "/v1/applications", application.clone()).await
    }

    pub async fn acts(&self, token: &str, application: &str, act: &str, body: Value) -> Answer {
        self.world.post(token, &format!("/v1/applications/{application}/{act}"), body).await
    }

    /// The reviewer's approval of a car that is still owned.
    pub async fn approves(&self, application: &str) -> Answer {
        let body = json!({"still_owned": true});
        self.acts(&self.reviewer, application, "approve", body).await
    }

    /// The buckets of a book in yuan: available, held, committed, payable.
    pub async fn money(&self, book: i32) -> (i64, i64, i64, i64) {
        let balances = self.world.balances(book).await;
        let yuan = |name: &str| balances[name].as_i64().expect("fen") / 100;
        (yuan("available"), yuan("held"), yuan("committed"), yuan("payable"))
    }
}

/// The id of an application.
#[track_caller]
pub fn id(answer: &Answer) -> String {
    answer.body["application"]["id"].as_str().expect("an id").to_owned()
}

/// State and amount in fen.
pub fn stands(answer: &Answer) -> (&str, i64) {
    let application = &answer.body["application"];
    let fen = application["granted_fen"].as_i64().or(application["amount_fen"].as_i64());
    (application["state"].as_str().expect("a state"), fen.expect("an amount"))
}
