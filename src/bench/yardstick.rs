//! The yardstick: the same writes by pgbench, on the same PostgreSQL, in the same minutes.
//!
//! `plain` is one transaction a redemption, as a service would write it that thinks of one request
//! at a time; `batched` writes 256 at once and neither reads, hashes nor decides. The scripts
//! stand in `config/bench`.

use crate::infra::local::{Role, Stack};
use anyhow::{Context, ensure};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::path::PathBuf;
use std::process::Command;

pub const PLAIN: &str = include_str!("../../config/bench/plain.sql");
pub const BATCHED: &str = include_str!("../../config/bench/batched.sql");
const SCHEMA: &str = include_str!("../../config/bench/schema.sql");

/// Vouchers of the yardstick's tables; each is redeemed once.
const VOUCHERS: usize = 400_000;
const BATCH: usize = 256;

/// A database of its own, and how far its vouchers are used up.
pub struct Yardstick {
    pgbench: PathBuf,
    url: String,
    folder: PathBuf,
    used: usize,
}

/// What one run of pgbench said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Redemptions in a second.
    pub rate: f64,
    /// Of a transaction, in milliseconds.
    pub p50: f64,
    pub p99: f64,
}

impl Yardstick {
    pub fn prepare(stack: &Stack) -> anyhow::Result<Yardstick> {
        let mut admin = PgConnection::establish(&stack.url(Role::Superuser, "postgres"))?;
        admin.batch_execute("CREATE DATABASE yardstick")?;
        let url = stack.url(Role::Superuser, "yardstick");
        let mut connection = PgConnection::establish(&url)?;
        for statement in SCHEMA.split_inclusive(";\n") {
            connection.batch_execute(statement)?;
        }
        let folder = stack.folder().join("yardstick");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("plain"), PLAIN)?;
        std::fs::write(folder.join("batched"), BATCHED)?;
        Ok(Yardstick { pgbench: stack.postgres().tool("pgbench"), url, folder, used: 0 })
    }

    /// About this many redemptions, each a transaction of its own, over this many clients.
    pub fn plain(&mut self, clients: usize, redemptions: usize) -> anyhow::Result<Measured> {
        let each = redemptions.div_ceil(clients);
        self.run("plain", clients, each, each * clients)
    }

    /// About this many redemptions in batches, one writer.
    pub fn batched(&mut self, redemptions: usize) -> anyhow::Result<Measured> {
        let batches = redemptions.div_ceil(BATCH);
        let measured = self.run("batched", 1, batches, batches * BATCH)?;
        Ok(Measured { rate: measured.rate * BATCH as f64, ..measured })
    }

    fn run(
        &mut self,
        script: &str,
        clients: usize,
        transactions: usize,
        redemptions: usize,
    ) -> anyhow::Result<Measured> {
        // `turn` begins at one: a client's first number lies one stride above the base.
        let stride = if script == "plain" { clients } else { BATCH };
        ensure!(
            self.used + redemptions + stride < VOUCHERS,
            "the yardstick's vouchers are used up"
        );
        let log = self.folder.join("log");
        let output = Command::new(&self.pgbench)
            .args(["--no-vacuum", "--protocol=prepared", "--log"])
            .arg(format!("--log-prefix={}", log.display()))
            .arg(format!("--file={}", self.folder.join(script).display()))
            .arg(format!("--client={clients}"))
            .arg(format!("--transactions={transactions}"))
            .args(["--define=turn=0", &format!("--define=clients={clients}")])
            .arg(format!("--define=base={}", self.used))
            .arg(&self.url)
            .output()
            .context("pgbench does not run; it comes with PostgreSQL's own programs")?;
        self.used += redemptions + stride;
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {wrong}");
        let whole = format!("actually processed: {0}/{0}", transactions * clients);
        ensure!(said.contains(&whole), "pgbench did not do all of its work: {said}{wrong}");
        let rate = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
        let mut micros = self.latencies()?;
        micros.sort_unstable();
        let at = |share: f64| {
            let place = (share * micros.len().saturating_sub(1) as f64).round() as usize;
            micros.get(place).map_or(0.0, |micros| *micros as f64 / 1e3)
        };
        let rate = rate.context("pgbench said no rate")?;
        Ok(Measured { rate, p50: at(0.5), p99: at(0.99) })
    }

    /// The third column of pgbench's log, which is then removed.
    fn latencies(&self) -> anyhow::Result<Vec<u64>> {
        let mut found = Vec::new();
        for file in std::fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log.")) {
                let text = std::fs::read_to_string(&path)?;
                let third = |line: &str| line.split(' ').nth(2)?.parse::<u64>().ok();
                found.extend(text.lines().filter_map(third));
                std::fs::remove_file(path)?;
            }
        }
        Ok(found)
    }
}
