//! The world of a load: private servers, the service, shops, people with vouchers. All of it is
//! made through the interface, so that the load meets what a deployment meets.

use super::client::{Connection, post};
use super::process;
use super::service::{MOMENT, Service};
use crate::audit;
use crate::book::REGISTER;
use crate::identity::model::{OrganisationId, PersonId};
use crate::identity::role::{Reach, Role, Scope};
use crate::identity::token::{Grant, Mint, Standing};
use crate::infra::keys::KeyRing;
use crate::infra::local::{Profile, Role as DatabaseRole, Stack};
use crate::infra::migrations;
use crate::infra::settings::Settings;
use crate::jobs::system;
use crate::kernel::identifier::{CreditCode, IdNumber, Identifier, Mobile, PersonName};
use crate::kernel::time::Moment;
use crate::programme::goods::file::read_goods;
use crate::programme::goods::load::LoadGoods;
use crate::wiring::Wiring;
use anyhow::{Context, bail, ensure};
use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

const PROGRAMME: &str = include_str!("../../config/programmes/shanghai-appliance-2024.toml");
const GOODS: &[u8] = include_bytes!("../../config/goods/sample.csv");
/// Where people claim, and what they send.
pub const CLAIM_PATH: &str = "/v1/vouchers";

pub fn claim_body() -> Value {
    json!({"region": "310000", "class": "appliance.refrigerator", "channel": "offline",
        "location": "310000"})
}

/// What a voucher of the load holds: its programme's most for a refrigerator.
pub const HOLD_YUAN: i64 = 2_000;

/// Connections while the world is filled.
const FILLERS: usize = 64;

/// A service under load, with what it takes to put it there.
pub struct World {
    // Dropped in this order: the service ends before its servers do.
    pub service: Service,
    pub stack: Stack,
    mint: Mint,
    /// How many people there are already.
    people: Cell<usize>,
}

/// How a world differs from a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The one core that the service may use.
    pub core: Option<usize>,
    /// PostgreSQL can count what each statement costs.
    pub statements: bool,
}

/// Counters of a moment; a measurement is the difference of two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Processor seconds.
    pub service: f64,
    pub client: f64,
    pub postgres: f64,
    pub redis: f64,
    pub batches: f64,
    pub commands: f64,
    /// Bytes written to PostgreSQL's log, and bytes that the database takes.
    pub wal: f64,
    pub disk: f64,
}

impl Counters {
    pub fn since(self, before: Counters) -> Counters {
        Counters {
            service: self.service - before.service,
            client: self.client - before.client,
            postgres: self.postgres - before.postgres,
            redis: self.redis - before.redis,
            batches: self.batches - before.batches,
            commands: self.commands - before.commands,
            wal: self.wal - before.wal,
            disk: self.disk - before.disk,
        }
    }
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = BigInt)]
    wal: i64,
    #[diesel(sql_type = BigInt)]
    disk: i64,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    text: String,
}

/// What a statement cost, as PostgreSQL counts it.
#[derive(QueryableByName)]
pub struct Spent {
    #[diesel(sql_type = Text)]
    pub query: String,
    #[diesel(sql_type = BigInt)]
    pub micros: i64,
    #[diesel(sql_type = BigInt)]
    pub calls: i64,
    #[diesel(sql_type = BigInt)]
    pub wal: i64,
}

impl World {
    /// Starts servers with production settings in a folder, and the service.
    pub async fn start(folder: &Path, options: Options) -> anyhow::Result<World> {
        let stack = Stack::start(folder, Profile::Durable)?;
        if options.statements {
            // Such a library is loaded when the server starts, or not at all.
            let mut admin =
                PgConnection::establish(&stack.url(DatabaseRole::Superuser, "postgres"))?;
            admin
                .batch_execute("ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements")?;
            drop(admin);
            stack.postgres().stop();
            stack.postgres().start()?;
        }
        migrations::run(&stack.owner_url())?;
        let mint = Mint::from_pem(&Mint::generate_pem(), &Settings::load(None)?.tokens.audience)?;
        load_goods(&stack, &mint).await?;
        let service = Service::start(&stack, &mint, options.core).await?;
        Ok(World { service, stack, mint, people: Cell::new(0) })
    }

    /// What has been used up so far.
    pub async fn counters(&self) -> anyhow::Result<Counters> {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal, \
             pg_database_size('tradein') AS disk";
        let written: Written = sql_query(sql).get_result(&mut self.admin()?)?;
        let (batches, commands) = self.service.batches().await?;
        let family = |id: i32| process::cpu_of_family(id.unsigned_abs());
        Ok(Counters {
            service: process::cpu_of(self.service.process_id()),
            client: process::cpu_of(std::process::id()),
            postgres: family(self.stack.postgres().process_id()?),
            redis: family(self.stack.redis().process_id()?),
            batches,
            commands,
            wal: written.wal as f64,
            disk: written.disk as f64,
        })
    }

    /// Replays every book and compares all rows with what its entries add up to.
    ///
    /// # Errors
    /// The first difference: then no figure of the run counts.
    pub fn check(&self) -> anyhow::Result<()> {
        let report = audit::run(&mut PgConnection::establish(&self.stack.owner_url())?)?;
        if let Some(first) = report.differences.first() {
            bail!("{} differences after the load, the first: {first}", report.differences.len());
        }
        println!("{} entries of {} books replayed: no difference", report.entries, report.books);
        Ok(())
    }

    /// What PostgreSQL runs with, beyond its defaults.
    pub fn postgres_settings(&self) -> Vec<String> {
        let wanted = [
            "shared_buffers",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "max_wal_size",
            "checkpoint_timeout",
            "wal_compression",
            "wal_buffers",
        ];
        let Ok(mut admin) = self.admin() else { return Vec::new() };
        let mut shown = |name: &&str| -> Option<String> {
            let show = format!("SELECT current_setting('{name}') AS text");
            let found: Shown = sql_query(show).get_result(&mut admin).ok()?;
            Some(format!("{name}={}", found.text))
        };
        wanted.iter().filter_map(&mut shown).collect()
    }

    /// Has PostgreSQL count what each statement costs, from now on.
    ///
    /// # Errors
    /// Where PostgreSQL came without `pg_stat_statements`.
    pub fn count_statements(&self) -> anyhow::Result<()> {
        let mut admin = self.admin()?;
        admin.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
        admin.batch_execute("SELECT pg_stat_statements_reset()")?;
        Ok(())
    }

    /// What each statement cost since [`World::count_statements`], the dearest first.
    pub fn statements(&self) -> anyhow::Result<Vec<Spent>> {
        let sql = "SELECT regexp_replace(query, '\\s+', ' ', 'g') AS query, \
             (1000 * total_exec_time)::bigint AS micros, calls, wal_bytes::bigint AS wal \
             FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid \
             WHERE d.datname = 'tradein' ORDER BY total_exec_time DESC LIMIT 30";
        Ok(sql_query(sql).load(&mut self.admin()?)?)
    }

    fn admin(&self) -> anyhow::Result<PgConnection> {
        let url = self.stack.url(DatabaseRole::Superuser, "tradein");
        Ok(PgConnection::establish(&url)?)
    }

    /// A token of the sandbox.
    fn token(&self, role: Role, standing: Standing, login: &str) -> anyhow::Result<String> {
        let grant = Grant { role, standing, login: login.to_owned() };
        Ok(self.mint.issue(&grant, Utc::now(), TimeDelta::hours(12), Uuid::now_v7())?)
    }

    /// The token of a person.
    pub fn person_token(&self, person: &PersonId) -> anyhow::Result<String> {
        self.token(Role::Person, Standing::Person(*person), "person")
    }

    fn official(&self, role: Role, login: &str) -> anyhow::Result<String> {
        let everywhere: Reach = "100000/*".parse()?;
        self.token(role, Standing::Official(Scope::new(vec![everywhere])), login)
    }

    /// Posts and gives back the answer, which must be a success.
    async fn make(&self, token: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let mut connection = Connection::open(self.service.address).await?;
        made(&mut connection, token, path, &body).await
    }

    /// Publishes the programme, opens and funds the book.
    pub async fn prepare(&self, yuan: i64) -> anyhow::Result<()> {
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        self.make(&admin, "/v1/programmes", json!({"text": PROGRAMME})).await?;
        let book = json!({"region": "310000", "family": "appliance", "year": 2024});
        let book = self.make(&admin, "/v1/books", book).await?;
        let (one, two) =
            (self.official(Role::Finance, "one")?, self.official(Role::Finance, "two")?);
        let money = json!({"amount_fen": yuan * 100, "document_sha256": "00".repeat(32)});
        let path = format!("/v1/books/{}/appropriations", book["book"]["book_no"]);
        let proposed = self.make(&one, &path, money).await?;
        let id = proposed["appropriation"]["id"].as_str().context("no id")?;
        self.make(&two, &format!("{path}/{id}/approve"), json!({})).await?;
        Ok(())
    }

    /// Retailers that may take part, each by its token.
    pub async fn retailers(&self, count: u64) -> anyhow::Result<Vec<String>> {
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        let mut tokens = Vec::new();
        for n in 0..count {
            let body = json!({"kind": "retailer", "name": "示例电器", "region": "310000",
                "uscc": CreditCode::synthetic(n).reveal()});
            let made = self.make(&admin, "/v1/organisations", body).await?;
            let id = made["organisation"]["id"].as_str().context("no id")?.to_owned();
            let body = json!({"region": "310000", "family": "appliance", "from": "2024-01-01"});
            self.make(&admin, &format!("/v1/organisations/{id}/approvals"), body).await?;
            let id: OrganisationId = id.parse()?;
            let standing = Standing::Organisation { id, store: None };
            tokens.push(self.token(Role::Retailer, standing, "till")?);
        }
        Ok(tokens)
    }

    /// Registers people, one after the other on each of some connections.
    pub async fn people(&self, count: usize) -> anyhow::Result<Vec<PersonId>> {
        let provider = json!({"kind": "real_name_provider", "name": "示例实名", "region": "310000",
            "uscc": CreditCode::synthetic(999_999 - self.people.get() as u64).reveal()});
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        let made = self.make(&admin, "/v1/organisations", provider).await?;
        let id: OrganisationId = made["organisation"]["id"].as_str().context("no id")?.parse()?;
        let first = self.people.replace(self.people.get() + count);
        let standing = Standing::Organisation { id, store: None };
        let token = self.token(Role::RealNameProvider, standing, "provider")?;
        let each = |n: usize| {
            let body = json!({"document": "resident_card", "id_number":
                IdNumber::synthetic((first + n) as u64).reveal(),
                "name": PersonName::synthetic((first + n) as u64).reveal(),
                "mobile": Mobile::synthetic((first + n) as u64).reveal(),
                "consent": {"text": "310000/2024-01", "purposes": ["identity"]}});
            (token.clone(), "/v1/people", body)
        };
        let made = self.fill(count, each).await?;
        let id = |made: Value| -> anyhow::Result<PersonId> {
            Ok(made["person"]["id"].as_str().context("no id")?.parse()?)
        };
        made.into_iter().map(id).collect()
    }

    /// Claims a voucher for each person: the codes.
    pub async fn vouchers(&self, people: &[PersonId]) -> anyhow::Result<Vec<String>> {
        let tokens = people.iter().map(|person| self.person_token(person));
        let tokens = tokens.collect::<anyhow::Result<Vec<String>>>()?;
        let body = claim_body();
        let each = |n: usize| (tokens[n].clone(), CLAIM_PATH, body.clone());
        let made = self.fill(people.len(), each).await?;
        let code = |made: Value| made["code"].as_str().map(str::to_owned).context("no code");
        made.into_iter().map(code).collect()
    }

    /// Makes `count` things over some connections at once, in the order of their numbers.
    async fn fill(
        &self,
        count: usize,
        each: impl Fn(usize) -> (String, &'static str, Value),
    ) -> anyhow::Result<Vec<Value>> {
        let each = &each;
        let lane = |lane: usize| async move {
            let mut connection = Connection::open(self.service.address).await?;
            let mut made_here = Vec::new();
            for n in (lane..count).step_by(FILLERS) {
                let (token, path, body) = each(n);
                made_here.push((n, made(&mut connection, &token, path, &body).await?));
            }
            anyhow::Ok(made_here)
        };
        let mut all: Vec<(usize, Value)> =
            try_join_all((0..FILLERS).map(lane)).await?.into_iter().flatten().collect();
        all.sort_by_key(|(n, _)| *n);
        Ok(all.into_iter().map(|(_, made)| made).collect())
    }
}

/// Loads the sample goods before the service starts: a process of the same deployment may.
async fn load_goods(stack: &Stack, mint: &Mint) -> anyhow::Result<()> {
    let mut settings = Settings::load(None)?;
    settings.database.url = stack.app_url().into();
    settings.redis.url = stack.redis_url().into();
    let wiring = Wiring::sandbox(settings, KeyRing::sandbox(), mint)?;
    wiring.clock.set(MOMENT.parse::<Moment>()?);
    let goods = read_goods(GOODS).map_err(|_| anyhow::anyhow!("the sample goods are wrong"))?;
    let goods_sha256 = Some("00".repeat(32));
    let id = Uuid::now_v7();
    let load = LoadGoods { goods, prices: Vec::new(), goods_sha256, prices_sha256: None, id };
    let loaded = wiring.books.answer(REGISTER, system(Arc::new(load))).await?;
    ensure!(loaded.is_success(), "the sample goods were refused");
    Ok(())
}

async fn made(
    connection: &mut Connection,
    token: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    // A service that is full says so; filling a world may wait.
    for _ in 0..1_500 {
        let key = Uuid::now_v7().simple().to_string();
        let status = connection.send(&post(path, token, &key, &body.to_string())).await?;
        match status {
            503 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            200..300 => return Ok(serde_json::from_slice(connection.body())?),
            _ => bail!("{path} answered {status}: {}", String::from_utf8_lossy(connection.body())),
        }
    }
    bail!("{path} was busy for half a minute")
}
