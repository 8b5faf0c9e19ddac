//! A small world on the real stack: the whole service behind HTTP, people, shops, money.

use super::instance::Instance;
use super::{TestDb, TestRedis};
use chrono::{NaiveDate, TimeDelta, Utc};
use diesel::sql_types::{Date, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel::{RunQueryDsl, sql_query};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tradein::identity::envelope::bucket_of_person;
use tradein::identity::model::{OrganisationId, PersonId};
use tradein::identity::role::{Role, Scope};
use tradein::identity::token::{Grant, Mint, Standing};
use tradein::infra::settings::Settings;
use tradein::kernel::identifier::{CreditCode, Identifier};
use tradein::kernel::time::Moment;
use tradein::programme::goods::file::{read_goods, read_prices};
use tradein::programme::goods::load::LoadGoods;
use tradein::wiring::Wiring;
use uuid::Uuid;

/// The service, serving on loopback from a thread of its own until it is dropped.
pub struct World {
    // Fields are dropped in this order: the service ends before its servers are checked.
    _instance: Instance,
    pub db: TestDb,
    pub redis: TestRedis,
    pub wiring: Wiring,
    /// Where requests go; a test may lead them to another process on the same servers.
    pub url: String,
    mint: Mint,
    http: reqwest::Client,
    keys: AtomicU64,
}

/// What the processes of a deployment share as files.
pub struct Secrets {
    /// Empty: the keys of every sandbox.
    pub keys_file: PathBuf,
    /// The log store; empty: nothing is published.
    pub log_folder: PathBuf,
    pub mint: Mint,
}

impl Default for Secrets {
    fn default() -> Secrets {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").expect("a new key is a key");
        Secrets { keys_file: PathBuf::new(), log_folder: PathBuf::new(), mint }
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub replayed: bool,
    pub retry_after: Option<String>,
    pub text: String,
    pub body: Value,
    pub headers: reqwest::header::HeaderMap,
}

impl Answer {
    /// The answer's own code where it is a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Answer {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        self
    }
}

impl World {
    /// On the shared servers, at a moment of the past or future.
    pub fn at(moment: &str) -> World {
        World::on(TestDb::new(), TestRedis::new(), moment)
    }

    pub fn on(db: TestDb, redis: TestRedis, moment: &str) -> World {
        World::with(db, redis, moment, Secrets::default())
    }

    pub fn with(db: TestDb, redis: TestRedis, moment: &str, secrets: Secrets) -> World {
        // Silent, unless somebody looks for the reason of a failure.
        if std::env::var_os("TRADEIN_LOG").is_some() {
            tradein::infra::telemetry::log_json();
        }
        let mut settings = Settings::load(None).expect("the defaults are settings");
        settings.sandbox.enabled = true;
        settings.database.url = db.app_url().into();
        settings.redis.url = redis.url().into();
        settings.database.lock_timeout_ms = 10_000;
        settings.database.statement_timeout_ms = 20_000;
        // The sweep is started by the tests that want it.
        settings.book.sweep_seconds = 3_600;
        settings.http.workers = 1;
        settings.http.leave_seconds = 0;
        settings.http.drain_seconds = 1;
        settings.keys.file = secrets.keys_file;
        settings.log.folder = secrets.log_folder;
        // The heads are listed by the tests that want it.
        settings.log.heads_seconds = 3_600;
        let mint = secrets.mint;
        let instance = Instance::start(settings, &mint, moment.parse().expect("a moment"));
        let http = reqwest::Client::builder()
            .no_proxy()
            // Below the server's own, or a request may meet a connection that is being closed.
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .expect("a client");
        let (wiring, url) = (instance.wiring.clone(), instance.url.clone());
        let keys = AtomicU64::new(1);
        World { _instance: instance, db, redis, wiring, url, mint, http, keys }
    }

    /// Another process of the same deployment, with clerks, pool and gate of its own.
    pub fn second(&self) -> Instance {
        let settings = (*self.wiring.settings).clone();
        Instance::start(settings, &self.mint, self.wiring.clock.now())
    }

    /// Moves the sandbox's clock.
    pub fn now_is(&self, moment: &str) {
        self.wiring.clock.set(moment.parse::<Moment>().expect("a moment"));
    }

    /// A key that was never used.
    pub fn fresh_key(&self) -> String {
        format!("test-key-{:08}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.post_with_key(token, path, &self.fresh_key(), body).await
    }

    pub async fn post_with_key(&self, token: &str, path: &str, key: &str, body: Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token);
        let request = request.header("idempotency-key", key).json(&body);
        read(request.send().await.expect("an answer")).await
    }

    /// Posts to one of several processes, any of which may be gone: nothing where no whole answer
    /// came back, so that nobody knows what became of the request.
    pub async fn try_post(
        &self,
        url: &str,
        token: &str,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Option<Answer> {
        let request = self.http.post(format!("{url}{path}")).bearer_auth(token);
        let request = request.header("idempotency-key", key).json(body);
        let answer = request.timeout(Duration::from_secs(20)).send().await.ok()?;
        try_read(answer).await.ok()
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        World::sent(self.request("GET", path).bearer_auth(token)).await
    }

    /// A bare request, to be given a token, a key and a body, or not.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn sent(request: reqwest::RequestBuilder) -> Answer {
        read(request.send().await.expect("an answer")).await
    }

    fn token(&self, role: Role, standing: Standing, login: &str) -> String {
        let grant = Grant { role, standing, login: login.to_owned() };
        let issued = self.mint.issue(&grant, Utc::now(), TimeDelta::hours(1), Uuid::new_v4());
        issued.expect("a grant of the sandbox")
    }

    pub fn person_token(&self, person: PersonId) -> String {
        self.token(Role::Person, Standing::Person(person), "person")
    }

    pub fn retailer_token(&self, id: OrganisationId) -> String {
        self.organisation_token(Role::Retailer, id)
    }

    pub fn organisation_token(&self, role: Role, id: OrganisationId) -> String {
        self.token(role, Standing::Organisation { id, store: None }, "till")
    }

    pub fn official_token(&self, role: Role, scope: &str, login: &str) -> String {
        let reach = scope.parse().expect("a reach");
        self.token(role, Standing::Official(Scope::new(vec![reach])), login)
    }

    /// A person of some age, as a registration leaves him, without the clear identity that no
    /// test of the till needs.
    pub fn person(&self, age: i32) -> PersonId {
        self.people(1, age)[0]
    }

    pub fn people(&self, count: usize, age: i32) -> Vec<PersonId> {
        let today = tradein::kernel::time::day_of(self.wiring.clock.now());
        let born: Option<NaiveDate> =
            today.checked_sub_signed(TimeDelta::days(366 * i64::from(age)));
        let mut app = self.db.app();
        let ids = (0..count).map(|_| {
            let id = PersonId::from(Uuid::now_v7());
            let insert = "INSERT INTO vault.person (bucket, person_id, cipher, born_on, \
                 consent_at, registered_at, state) VALUES ($1, $2, NULL, $3, now(), now(), $4)";
            sql_query(insert)
                .bind::<SmallInt, _>(bucket_of_person(&self.wiring.keys, id))
                .bind::<SqlUuid, _>(id.uuid())
                .bind::<Nullable<Date>, _>(born)
                .bind::<Text, _>("active")
                .execute(&mut app)
                .expect("a person is registered");
            id
        });
        ids.collect()
    }

    /// An organisation that is approved for every class of some families everywhere.
    pub async fn organisation(&self, kind: &str, families: &[&str]) -> OrganisationId {
        let admin = self.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
        let n = self.keys.fetch_add(1, Ordering::Relaxed);
        let body = json!({"kind": kind, "name": "测试单位", "region": "310000",
            "uscc": CreditCode::synthetic(n).reveal(), "stores": []});
        let made = self.post(&admin, "/v1/organisations", body).await.expect(201);
        let id = made.body["organisation"]["id"].as_str().expect("an id").to_owned();
        for family in families {
            let body = json!({"region": "100000", "family": family, "from": "2020-01-01"});
            let path = format!("/v1/organisations/{id}/approvals");
            self.post(&admin, &path, body).await.expect(201);
        }
        id.parse().expect("an organisation's id")
    }

    /// A retailer that may take part, by its token.
    pub async fn retailer(&self) -> String {
        let families = ["appliance", "digital", "local", "home", "ebike"];
        self.retailer_token(self.organisation("retailer", &families).await)
    }

    /// Loads the sample catalogue and its filed prices.
    pub async fn load_goods(&self) {
        let read = |name: &str| {
            let path = format!("{}/config/goods/{name}.csv", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(path).expect("a sample file")
        };
        let command = LoadGoods {
            goods: read_goods(&read("sample")).expect("right goods"),
            prices: read_prices(&read("sample-prices")).expect("right prices"),
            goods_sha256: Some("ab".repeat(32)),
            prices_sha256: Some("cd".repeat(32)),
            id: Uuid::now_v7(),
        };
        let envelope = tradein::jobs::system(std::sync::Arc::new(command));
        let done = self.wiring.books.answer(tradein::book::REGISTER, envelope).await;
        assert!(done.expect("an answer").is_success());
    }

    /// Runs the sweep once, as the timer would.
    pub async fn sweep(&self) -> usize {
        self.wiring.jobs().sweep().await.expect("the sweep runs")
    }

    /// A person's claim: the voucher's id and code.
    pub async fn claimed(&self, person: PersonId, region: &str, class: &str) -> (String, String) {
        let body = json!({"region": region, "class": class, "channel": "offline",
            "location": region});
        let token = self.person_token(person);
        let claimed = self.post(&token, "/v1/vouchers", body).await.expect(201);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&claimed.body["voucher"]["id"]), text(&claimed.body["code"]))
    }

    /// Publishes programmes by their file names in `config/programmes`.
    pub async fn publish(&self, names: &[&str]) {
        let admin = self.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
        for name in names {
            let path = format!("{}/config/programmes/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).expect("a programme of this name");
            self.publish_text(&admin, &text).await;
        }
    }

    /// Publishes a programme of a test's own.
    pub async fn publish_text(&self, admin: &str, text: &str) {
        self.post(admin, "/v1/programmes", json!({"text": text})).await.expect(201);
    }

    /// Opens a book and gives it money; its number.
    pub async fn book(&self, region: &str, family: &str, year: i32, yuan: i64) -> i32 {
        let scope = format!("{region}/{family}");
        let admin = self.official_token(Role::ProgrammeAdmin, &scope, "admin");
        let body = json!({"region": region, "family": family, "year": year});
        let opened = self.post(&admin, "/v1/books", body).await.expect(201);
        let book = opened.body["book"]["book_no"].as_i64().expect("a number") as i32;
        if yuan > 0 {
            self.fund(book, &scope, yuan).await;
        }
        book
    }

    pub async fn fund(&self, book: i32, scope: &str, yuan: i64) {
        let one = self.official_token(Role::Finance, scope, "finance one");
        let other = self.official_token(Role::Finance, scope, "finance two");
        let body = json!({"amount_fen": yuan * 100, "document_sha256": "ab".repeat(32)});
        let path = format!("/v1/books/{book}/appropriations");
        let proposed = self.post(&one, &path, body).await.expect(201);
        let id = proposed.body["appropriation"]["id"].as_str().expect("an id").to_owned();
        let path = format!("{path}/{id}/approve");
        self.post(&one, &path, json!({})).await.refused(422, "SECOND_PERSON_REQUIRED");
        self.post(&other, &path, json!({})).await.expect(200);
    }

    /// What the buckets of a book hold, in fen.
    pub async fn balances(&self, book: i32) -> Value {
        let auditor = self.official_token(Role::Auditor, "100000/*", "auditor");
        let answer = self.get(&auditor, &format!("/v1/books/{book}/balances")).await.expect(200);
        answer.body["balances_fen"].clone()
    }
}

async fn read(response: reqwest::Response) -> Answer {
    try_read(response).await.expect("a body")
}

async fn try_read(response: reqwest::Response) -> reqwest::Result<Answer> {
    let status = response.status().as_u16();
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let replayed = header("idempotency-replayed").is_some();
    let retry_after = header("retry-after");
    let headers = response.headers().clone();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, replayed, retry_after, text, body, headers })
}
