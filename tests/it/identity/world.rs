//! A deployment with the routes of people and organisations, over a real database.

use crate::support::TestDb;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use chrono::{TimeDelta, Utc};
use diesel::sql_types::Binary;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tradein::book::fold::{EntryView, State};
use tradein::book::{Books, ClerkSettings};
use tradein::http::request;
use tradein::identity::model::{OrganisationId, PersonId};
use tradein::identity::role::{Role, Scope};
use tradein::identity::token::{Grant, Mint, Standing, TokenSettings, Verifier};
use tradein::identity::{organisation, people};
use tradein::infra::clock::Clock;
use tradein::infra::keys::{KeyRing, KeySettings};
use tradein::infra::postgres::{ReadPool, Timeouts, read_pool};
use tradein::kernel::identifier::{CreditCode, IdNumber, Identifier, Mobile, PersonName};
use uuid::Uuid;

pub struct World {
    pub db: TestDb,
    mint: Mint,
    verifier: web::Data<Verifier>,
}

/// One process of the deployment: clerks and keys of its own.
pub struct Instance<'a> {
    world: &'a World,
    pub books: web::Data<Books>,
    pub pool: ReadPool,
    pub keys: Arc<KeyRing>,
}

pub struct Answer {
    pub status: u16,
    pub replayed: bool,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The id of a thing in the answer.
    pub fn id(&self, thing: &str) -> String {
        let id = self.body[thing]["id"].as_str();
        id.unwrap_or_else(|| panic!("no {thing} in {}", self.text)).to_owned()
    }
}

impl World {
    pub fn new() -> World {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let settings = TokenSettings::sandbox("tradein", mint.trusted());
        let verifier = web::Data::new(Verifier::new(settings, true).unwrap());
        World { db: TestDb::new(), mint, verifier }
    }

    pub fn instance(&self) -> Instance<'_> {
        self.instance_with(KeyRing::sandbox())
    }

    pub fn instance_with(&self, keys: KeyRing) -> Instance<'_> {
        let ten = Duration::from_secs(10);
        let timeouts = Timeouts { lock: ten, statement: ten };
        let pool = read_pool(&self.db.app_url(), 4, timeouts);
        let settings = ClerkSettings {
            database_url: self.db.app_url(),
            timeouts,
            batch: 256,
            queue: 1024,
            clock: Arc::new(Clock::default()),
        };
        let books = web::Data::new(Books::new(settings, pool.clone()));
        Instance { world: self, books, pool, keys: Arc::new(keys) }
    }

    fn token(&self, role: Role, standing: Standing, login: &str) -> String {
        let grant = Grant { role, standing, login: login.to_owned() };
        let life = TimeDelta::minutes(10);
        self.mint.issue(&grant, Utc::now(), life, Uuid::new_v4()).unwrap()
    }

    pub fn official(&self, role: Role, scope: &str) -> String {
        let reaches = scope.split(' ').map(|reach| reach.parse().unwrap()).collect();
        self.token(role, Standing::Official(Scope::new(reaches)), &format!("{role} {scope}"))
    }

    pub fn admin(&self, scope: &str) -> String {
        self.official(Role::ProgrammeAdmin, scope)
    }

    pub fn member(&self, role: Role, organisation: &str) -> String {
        let id: OrganisationId = organisation.parse().unwrap();
        self.token(role, Standing::Organisation { id, store: None }, "a clerk")
    }

    pub fn person(&self, id: &str) -> String {
        let id: PersonId = id.parse().unwrap();
        self.token(Role::Person, Standing::Person(id), "somebody")
    }

    /// The leaves of the register book, after their fold has been through all of them.
    pub fn leaves(&self) -> Vec<Value> {
        #[derive(QueryableByName)]
        struct Leaf {
            #[diesel(sql_type = Binary)]
            leaf: Vec<u8>,
        }
        let leaves: Vec<Leaf> = sql_query("SELECT leaf FROM entry WHERE book_id = 0 ORDER BY seq")
            .load(&mut self.db.app())
            .unwrap();
        let types = [
            tradein::book::entries::ENTRY_TYPES,
            organisation::entries::ENTRY_TYPES,
            people::entries::ENTRY_TYPES,
        ]
        .concat();
        let mut state = State::default();
        for Leaf { leaf } in &leaves {
            state.apply(&types, &EntryView::of_leaf(leaf).unwrap()).unwrap();
        }
        leaves.iter().map(|leaf| serde_json::from_slice(&leaf.leaf).unwrap()).collect()
    }

    /// How many entries of a kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.leaves().iter().filter(|leaf| leaf["kind"] == kind).count()
    }
}

impl Instance<'_> {
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Answer {
        let app = App::new()
            .wrap(from_fn(request::handle))
            .app_data(self.world.verifier.clone())
            .app_data(self.books.clone())
            .app_data(web::Data::new(self.pool.clone()))
            .app_data(web::Data::from(self.keys.clone()))
            .configure(tradein::routes::routes);
        let app = init_service(app).await;
        let mut request = TestRequest::with_uri(path)
            .method(method)
            .insert_header(("authorization", format!("Bearer {token}")))
            .insert_header(("accept-language", "en"));
        if !key.is_empty() {
            request = request.insert_header(("idempotency-key", key));
        }
        if let Some(body) = body {
            request = request.set_json(body);
        }
        let answer = call_service(&app, request.to_request()).await;
        let status = answer.status().as_u16();
        let replayed = answer.headers().contains_key(tradein::book::REPLAYED);
        let text = String::from_utf8(read_body(answer).await.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, replayed, text, body }
    }

    /// A POST with a key of its own.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let key = Uuid::new_v4().to_string();
        self.call(Method::POST, path, token, &key, Some(body)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.call(Method::GET, path, token, "", None).await
    }

    /// Registers an organisation of Shanghai by index; its id.
    pub async fn organisation(&self, kind: &str, index: u64) -> String {
        let admin = self.world.admin("310000/*");
        let answer = self.post("/v1/organisations", &admin, &firm(kind, index)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.id("organisation")
    }

    /// The token of a registered real-name provider.
    pub async fn provider(&self, index: u64) -> String {
        let id = self.organisation("real_name_provider", index).await;
        self.world.member(Role::RealNameProvider, &id)
    }
}

/// The body that registers an organisation.
pub fn firm(kind: &str, index: u64) -> Value {
    json!({
        "kind": kind, "name": format!("单位{index}"), "uscc": CreditCode::synthetic(index),
        "region": "310000",
    })
}

/// The clear identity of somebody.
pub struct Somebody {
    pub number: IdNumber,
    pub name: PersonName,
    pub mobile: Mobile,
}

pub fn somebody(index: u64) -> Somebody {
    Somebody {
        number: IdNumber::synthetic(index),
        // Synthetic names are two or three characters and shared by many; these are told apart.
        name: format!("欧阳{}", ["建国", "秀英", "思齐", "望舒"][(index % 4) as usize])
            .parse()
            .unwrap(),
        mobile: Mobile::synthetic(index),
    }
}

impl Somebody {
    /// The body that registers him.
    pub fn body(&self) -> Value {
        json!({
            "document": "resident_card",
            "id_number": self.number.reveal(),
            "name": self.name.reveal(),
            "mobile": self.mobile.reveal(),
            "consent": {"text": "310000/2026-01", "purposes": ["payment", "identity"]},
        })
    }

    pub fn needles(&self) -> [&str; 3] {
        [self.number.reveal(), self.name.reveal(), self.mobile.reveal()]
    }
}

/// A key ring with these versions, the last current.
pub fn ring(versions: &[u16]) -> KeyRing {
    let master: HashMap<u16, String> =
        versions.iter().map(|v| (*v, hex::encode([*v as u8 + 1; 32]))).collect();
    let master = master.into_iter().collect();
    KeyRing::load(&KeySettings { master, ..KeySettings::sandbox() }, true).unwrap()
}
