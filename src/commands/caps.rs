//! `tradein caps`: the copies of the per-person caps in Redis, checked and loaded.

use crate::infra::clock::Clock;
use crate::infra::postgres::{Timeouts, read_pool};
use crate::register::gate::{Gate, GateSettings, Patience};
use anyhow::{Context, bail, ensure};
use std::sync::Arc;
use std::time::Duration;

/// Checks or loads the copies of the per-person caps in Redis
#[derive(Debug, clap::Args)]
pub struct Caps {
    #[command(subcommand)]
    what: What,
    /// The database, as the role that serves
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// Redis
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    redis_url: Option<String>,
    /// The key that names people in Redis, 64 hex digits
    #[arg(long, env = "TRADEIN_REDIS_TAG_KEY", hide_env_values = true, global = true)]
    redis_tag_key: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// Compares Redis with Postgres; fails where Redis would refuse what Postgres grants
    Check,
    /// Loads every quota row into Redis, which otherwise happens when it is first asked for
    Warm,
}

impl Caps {
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.work())
    }

    async fn work(self) -> anyhow::Result<()> {
        let gate = self.gate()?;
        match self.what {
            What::Check => {
                gate.adopt().await.context("Postgres does not answer")?;
                let report = gate.check(|finding| println!("{finding}")).await?;
                println!("{report}");
                if report.upward > 0 {
                    bail!("{} entries are wrong upward", report.upward);
                }
            }
            What::Warm => {
                gate.look().await;
                ensure!(gate.epoch().is_some(), "Postgres or Redis does not answer");
                println!("{} quota rows loaded", gate.warm().await?);
            }
        }
        Ok(())
    }

    fn gate(&self) -> anyhow::Result<Gate> {
        let database = self.database_url.as_deref().context("DATABASE_URL is not set")?;
        let redis = self.redis_url.as_deref().context("REDIS_URL is not set")?;
        let key = self.redis_tag_key.as_deref().context("TRADEIN_REDIS_TAG_KEY is not set")?;
        let key = hex::decode(key).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = key.context("TRADEIN_REDIS_TAG_KEY is not 64 hex digits")?;
        let patient = Duration::from_secs(10);
        let pool = read_pool(database, 2, Timeouts { lock: patient, statement: patient });
        // Nobody waits behind this command, so it may wait longer than a claim.
        let patience = Patience { answer: Duration::from_secs(2), failures: 2 };
        let settings = GateSettings { patience, ..GateSettings::default() };
        Ok(Gate::new(redis, key, pool, Arc::new(Clock::default()), settings)?)
    }
}
