//! The world of a load: private servers, the service, shops, people with vouchers. All of it is
//! made through the interface, so that the load meets what a deployment meets.

use super::client::{Connection, post};
use super::press::Press;
use super::service::{MOMENT, Service};
use crate::audit;
use crate::book::REGISTER;
use crate::book::publish::publisher::Publisher;
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
use crate::wiring::{Wiring, published_logs};
use anyhow::{Context, bail, ensure};
use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{Connection as _, PgConnection};
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

/// A voucher, and the token of who has it.
pub struct Claimed {
    pub id: String,
    pub code: String,
    pub token: String,
}

/// How a world differs from a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The one core that the service may use.
    pub core: Option<usize>,
    /// PostgreSQL can count what each statement costs.
    pub statements: bool,
    /// The service publishes no logs.
    pub without_log: bool,
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
        let service = Service::start(&stack, &mint, options).await?;
        Ok(World { service, stack, mint, people: Cell::new(0) })
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

    /// A publisher of this world's logs into a folder, at rest.
    pub fn press(&self, folder: &Path) -> anyhow::Result<Press> {
        let mut settings = settings_of(&self.stack)?;
        settings.log.folder = folder.to_owned();
        let wiring = Wiring::sandbox(settings.clone(), KeyRing::sandbox(), &self.mint)?;
        let log = published_logs(&settings, &wiring.keys)?.context("a folder was given")?;
        Ok(Press::new(Publisher::new(Arc::new(log), wiring.pool)))
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
        self.fund(PROGRAMME, ("310000", "appliance"), yuan).await
    }

    /// The same of another programme: its text, region and family.
    pub async fn fund(
        &self,
        programme: &str,
        (region, family): (&str, &str),
        yuan: i64,
    ) -> anyhow::Result<()> {
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        self.make(&admin, "/v1/programmes", json!({"text": programme})).await?;
        let book = json!({"region": region, "family": family, "year": 2024});
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

    /// Claims a voucher for each person.
    pub async fn vouchers(&self, people: &[PersonId]) -> anyhow::Result<Vec<Claimed>> {
        let tokens = people.iter().map(|person| self.person_token(person));
        let tokens = tokens.collect::<anyhow::Result<Vec<String>>>()?;
        let body = claim_body();
        let each = |n: usize| (tokens[n].clone(), CLAIM_PATH, body.clone());
        let made = self.fill(people.len(), each).await?;
        let claimed = |(made, token): (Value, String)| {
            let text = |value: &Value| value.as_str().map(str::to_owned).context("no voucher");
            Ok(Claimed { id: text(&made["voucher"]["id"])?, code: text(&made["code"])?, token })
        };
        made.into_iter().zip(tokens).map(claimed).collect()
    }

    /// Makes `count` things over some connections at once, in the order of their numbers.
    pub async fn fill(
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

/// Settings of another process of the same deployment.
fn settings_of(stack: &Stack) -> anyhow::Result<Settings> {
    let mut settings = Settings::load(None)?;
    settings.database.url = stack.app_url().into();
    settings.redis.url = stack.redis_url().into();
    Ok(settings)
}

/// Loads the sample goods before the service starts: a process of the same deployment may.
async fn load_goods(stack: &Stack, mint: &Mint) -> anyhow::Result<()> {
    let wiring = Wiring::sandbox(settings_of(stack)?, KeyRing::sandbox(), mint)?;
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
