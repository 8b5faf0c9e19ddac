//! People who deal with the programmes of three books, and their erasure.

use crate::audit::story::{Story, VOUCHERS};
use crate::journeys::paper::Paper;
use crate::support::world::World;
use diesel::sql_types::{Binary, Integer, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::{Value, json};
use tradein::erasure::{self, Doors, Erased, NotErased, Order};
use tradein::identity::model::PersonId;
use tradein::identity::people::model::CaseNo;
use tradein::identity::role::Role;
use tradein::kernel::identifier::{IdNumber, Identifier, Mobile};

pub const BODY_OF_CLAIM: &str = r#"{"region": "310000", "class": "appliance.tv",
    "channel": "offline", "location": "310000"}"#;

/// Erases somebody as the command does.
pub async fn erase(world: &World, person: PersonId, is_paid: bool) -> Result<Erased, NotErased> {
    let mut doors = Doors {
        connection: &mut world.db.app(),
        books: &world.wiring.books,
        keys: world.wiring.keys.clone(),
        blobs: &world.wiring.blobs,
        redis: &redis::Client::open(world.redis.url()).expect("an address"),
    };
    let case = CaseNo::try_from("SH-2025/0031".to_owned()).expect("a case");
    erasure::erase(&mut doors, &Order { person, case, is_paid }).await
}

/// Somebody with a clear identity.
pub struct Somebody {
    pub id: PersonId,
    /// What a provider sends of him.
    pub identity: Value,
    pub application: String,
    /// The number of the file of his document.
    n: u64,
}

impl Somebody {
    pub fn file(&self) -> [u8; 32] {
        use sha2::Digest;
        sha2::Sha256::digest(Paper::invoice(self.n).file).into()
    }

    /// What tells who he is.
    pub fn needles(&self) -> Vec<String> {
        let text = |name: &str| self.identity[name].as_str().expect("a text").to_owned();
        vec![text("id_number"), text("name"), text("mobile")]
    }
}

/// Books of two places in which one quota and one total count together, and a third of cars.
pub struct Place {
    pub story: Story,
    pub provider: String,
    recycler: String,
}

impl Place {
    pub async fn new() -> Place {
        let story = Story::begin().await;
        let world = &story.world;
        let wide = VOUCHERS.replace("scope = \"310000\"", "scope = \"100000\"");
        let second = wide.replace("version = 1", "version = 2");
        world.publish_text(&story.admin, &second).await;
        let there = wide.replace("\"test-appliance\"", "\"test-there\"");
        let there = there.replace("region = \"310000\"", "region = \"320000\"");
        let there = there.replace("location = \"310000\"", "location = \"320000\"");
        world.publish_text(&story.admin, &there).await;
        world.book("320000", "appliance", 2025, 100_000).await;
        let provider = world.organisation("real_name_provider", &[]).await;
        let provider = world.organisation_token(Role::RealNameProvider, provider);
        let recycler = world.organisation("recycler", &["appliance"]).await;
        let recycler = world.organisation_token(Role::Recycler, recycler);
        Place { story, provider, recycler }
    }

    pub fn world(&self) -> &World {
        &self.story.world
    }

    /// Registers somebody who then buys in two places, hands in an old thing, and replaces his
    /// car; an official looks at him. Nothing of his is open at the end but what was approved.
    pub async fn life(&mut self, n: u64, name: &str) -> Somebody {
        let identity = json!({
            "document": "resident_card", "id_number": IdNumber::synthetic(900_000 + n).reveal(),
            "name": name, "mobile": Mobile::synthetic(900_000 + n).reveal(),
            "consent": {"text": "310000/2026-01", "purposes": ["payment", "identity"]},
        });
        let known = self.world().post(&self.provider, "/v1/people", identity.clone()).await;
        let id = known.expect(201).body["person"]["id"].as_str().expect("an id").to_owned();
        let id: PersonId = id.parse().expect("a person's id");

        let bought = self.world().claimed(id, "310000", "appliance.tv").await;
        let redemption = self.story.reserved(&bought).await;
        self.story.act(&redemption, "capture").await.expect(200);
        // There he reserves, cancels, and lets it lapse.
        let lapses = self.world().claimed(id, "320000", "appliance.tv").await;
        let redemption = self.story.reserved(&lapses).await;
        self.story.act(&redemption, "cancel").await.expect(200);

        let item = json!({"region": "310000", "class": "appliance.tv", "owner": id,
            "handed_over_on": "2025-06-09", "identifiers": {"serial": format!("LIFE-{n}")}});
        self.world().post(&self.recycler, "/v1/old-items", item).await.expect(201);
        let application = self.applied(id, n).await;
        let auditor = self.world().official_token(Role::Auditor, "100000/*", "auditor");
        let look = json!({"person": id, "clear": true, "reason": "audit", "case": "SH-2026/1"});
        self.world().post(&auditor, "/v1/people/lookup", look).await.expect(200);
        Somebody { id, identity, application, n }
    }

    async fn applied(&self, person: PersonId, n: u64) -> String {
        let world = self.world();
        let token = world.person_token(person);
        let body = self.story.application_of(person, n);
        let done = world.post(&token, "/v1/applications", body).await.expect(201);
        let id = done.body["application"]["id"].as_str().expect("an id").to_owned();
        Paper::invoice(n).filed(world, &token, &id).await;
        for (login, act) in [("one", "approve"), ("two", "confirm")] {
            let token = world.official_token(Role::Reviewer, "310000/car", login);
            let path = format!("/v1/applications/{id}/{act}");
            world.post(&token, &path, json!({})).await.expect(200);
        }
        id
    }

    /// What was not used lapses.
    pub async fn later(&self) {
        self.world().now_is("2025-07-10T12:00:00+08:00");
        assert!(self.world().sweep().await > 0);
    }

    /// The pseudonyms of somebody, with their books.
    pub fn subjects(&self, person: PersonId) -> Vec<(i32, String)> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Integer)]
            book_id: i32,
            #[diesel(sql_type = Binary)]
            subject: Vec<u8>,
        }
        let text = "SELECT book_id, subject FROM vault.subject WHERE person_id = $1 ORDER BY 1";
        let rows: Vec<Row> = sql_query(text)
            .bind::<SqlUuid, _>(person.uuid())
            .load(&mut self.world().db.app())
            .expect("pseudonyms");
        rows.into_iter().map(|row| (row.book_id, hex::encode(row.subject))).collect()
    }
}
