//! `tradein caps`: the copies of the per-person caps in Redis, checked and loaded.

use super::register::keys;
use crate::infra::clock::Clock;
use crate::infra::keys::Purpose;
use crate::infra::postgres::{Timeouts, read_pool};
use crate::infra::settings::Settings;
use crate::register::gate::{Gate, GateSettings, Patience};
use anyhow::{Context, bail, ensure};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Checks or loads the copies of the per-person caps in Redis
#[derive(Debug, clap::Args)]
pub struct Caps {
    #[command(subcommand)]
    what: What,
    /// The settings of the service: its database, its Redis, its keys
    #[arg(long, env = "TRADEIN_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum What {
    /// Compares Redis with Postgres; fails where Redis would refuse what Postgres grants
    Check,
    /// Loads every quota row into Redis, which otherwise happens when it is first asked for
    Warm,
}

/// Compares Redis with Postgres and prints each difference.
///
/// # Errors
/// Where Redis would refuse what Postgres grants, or one of the two does not answer.
pub fn check(config: Option<PathBuf>) -> anyhow::Result<()> {
    Caps { what: What::Check, config }.run()
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
        let settings = Settings::load(self.config.as_deref())?;
        let (database, redis) =
            (settings.database.url.expose_secret(), settings.redis.url.expose_secret());
        ensure!(!database.is_empty(), "DATABASE_URL is not set");
        ensure!(!redis.is_empty(), "REDIS_URL is not set");
        let keys = keys(&settings)?;
        let (_, tag_key) = keys.current(Purpose::RedisTag);
        let patient = Duration::from_secs(10);
        let pool = read_pool(database, 2, Timeouts { lock: patient, statement: patient });
        // Nobody waits behind this command, so it may wait longer than a claim.
        let patience = Patience { answer: Duration::from_secs(2), failures: 2 };
        let gate = GateSettings { patience, ..GateSettings::default() };
        Ok(Gate::new(redis, *tag_key.expose(), pool, Arc::new(Clock::default()), gate)?)
    }
}
