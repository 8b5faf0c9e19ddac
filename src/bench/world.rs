//! The world of a load: private servers, the service, shops, people with vouchers. All of it is
//! made through the interface, so that the load meets what a deployment meets.

use super::client::Connection;
use super::press::Press;
use crate::book::REGISTER;
use crate::book::publish::publisher::Publisher;
use crate::identity::model::{OrganisationId, PersonId};
use crate::identity::role::{Reach, Role, Scope};
use crate::identity::token::{Grant, Mint, Standing};
use crate::infra::keys::KeyRing;
use crate::infra::local::{Profile, Stack};
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
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

/// When the load plays: an afternoon at which the programme of the load is in force.
const MOMENT: &str = "2024-10-01T12:00:00+08:00";
const PROGRAMME: &str = include_str!("../../config/programmes/shanghai-appliance-2024.toml");
const GOODS: &[u8] = include_bytes!("../../config/goods/sample.csv");
/// Connections while the world is filled.
const FILLERS: usize = 64;

/// A service under load, with what it takes to put it there.
pub struct World {
    pub stack: Stack,
    pub address: SocketAddr,
    mint: Mint,
    stop: Option<oneshot::Sender<()>>,
    served: Option<std::thread::JoinHandle<anyhow::Result<()>>>,
    wiring: Wiring,
}

impl World {
    /// Starts servers with production settings in a folder, and the service.
    pub fn start(folder: &Path) -> anyhow::Result<World> {
        let stack = Stack::start(folder, Profile::Durable)?;
        migrations::run(&stack.owner_url())?;
        let mut settings = Settings::load(None)?;
        settings.sandbox.enabled = true;
        settings.database.url = stack.app_url().into();
        settings.redis.url = stack.redis_url().into();
        let mint = Mint::from_pem(&Mint::generate_pem(), &settings.tokens.audience)?;
        let wiring = Wiring::sandbox(settings, KeyRing::sandbox(), &mint)?;
        wiring.clock.set(MOMENT.parse::<Moment>()?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = wiring.clone();
        let served = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(serving.serve(listener, async {
                let _ = stopped.await;
            }))
        });
        Ok(World { stack, address, mint, stop: Some(stop), served: Some(served), wiring })
    }

    /// A token of the sandbox.
    pub fn token(&self, role: Role, standing: Standing, login: &str) -> anyhow::Result<String> {
        let grant = Grant { role, standing, login: login.to_owned() };
        Ok(self.mint.issue(&grant, Utc::now(), TimeDelta::hours(12), Uuid::now_v7())?)
    }

    fn official(&self, role: Role, login: &str) -> anyhow::Result<String> {
        let everywhere: Reach = "100000/*".parse()?;
        self.token(role, Standing::Official(Scope::new(vec![everywhere])), login)
    }

    /// Posts and gives back the answer, which must be a success.
    async fn make(&self, token: &str, path: &str, body: Value) -> anyhow::Result<Value> {
        let mut connection = Connection::open(self.address).await?;
        made(&mut connection, token, path, &body).await
    }

    /// Publishes the programme, loads goods, opens and funds the book.
    pub async fn prepare(&self, yuan: i64) -> anyhow::Result<()> {
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        self.make(&admin, "/v1/programmes", json!({"text": PROGRAMME})).await?;
        let goods = read_goods(GOODS).map_err(|_| anyhow::anyhow!("the sample goods are wrong"))?;
        let id = Uuid::now_v7();
        let goods_sha256 = Some("00".repeat(32));
        let load = LoadGoods { goods, prices: Vec::new(), goods_sha256, prices_sha256: None, id };
        let loaded = self.wiring.books.answer(REGISTER, system(Arc::new(load))).await?;
        ensure!(loaded.is_success(), "the sample goods were refused");
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
            "uscc": CreditCode::synthetic(999_999).reveal()});
        let admin = self.official(Role::ProgrammeAdmin, "admin")?;
        let made = self.make(&admin, "/v1/organisations", provider).await?;
        let id: OrganisationId = made["organisation"]["id"].as_str().context("no id")?.parse()?;
        let standing = Standing::Organisation { id, store: None };
        let token = self.token(Role::RealNameProvider, standing, "provider")?;
        let each = |n: usize| {
            let body = json!({"document": "resident_card", "id_number":
                IdNumber::synthetic(n as u64).reveal(),
                "name": PersonName::synthetic(n as u64).reveal(),
                "mobile": Mobile::synthetic(n as u64).reveal(),
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
        let tokens: anyhow::Result<Vec<String>> = people
            .iter()
            .map(|person| self.token(Role::Person, Standing::Person(*person), "person"))
            .collect();
        let tokens = tokens?;
        let body = json!({"region": "310000", "class": "appliance.refrigerator",
            "channel": "offline", "location": "310000"});
        let each = |n: usize| (tokens[n].clone(), "/v1/vouchers", body.clone());
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
            let mut connection = Connection::open(self.address).await?;
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

    /// A press that publishes this world's logs into a folder while a round runs.
    pub fn press(&self, folder: &Path) -> anyhow::Result<Press> {
        let mut settings = (*self.wiring.settings).clone();
        settings.log.folder = folder.to_owned();
        let log = published_logs(&settings, &self.wiring.keys)?;
        let log = log.context("a folder was given")?;
        Ok(Press::new(Publisher::new(Arc::new(log), self.wiring.pool.clone())))
    }

    /// Stops the service and the servers.
    pub fn stop(mut self) -> anyhow::Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            served.join().map_err(|_| anyhow::anyhow!("the service panicked"))??;
        }
        self.stack.stop();
        Ok(())
    }
}

async fn made(
    connection: &mut Connection,
    token: &str,
    path: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    // A service that is full says so; filling a world may wait.
    for _ in 0..100 {
        let key = Uuid::now_v7().simple().to_string();
        let status = connection.post(path, token, &key, &body.to_string()).await?;
        match status {
            503 => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            200..300 => return Ok(serde_json::from_slice(connection.body())?),
            _ => bail!("{path} answered {status}: {}", String::from_utf8_lossy(connection.body())),
        }
    }
    bail!("{path} was busy for two seconds")
}
