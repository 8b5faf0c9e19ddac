//! `soak`: half of the best rate for half an hour; what matters is that nothing rises.
//!
//! Tills reserve and cancel in turn, so some vouchers serve for any length of time while the
//! ledger, the answers and the marks grow as they do on any day. There are so many of them that
//! none is changed more often than a dozen times a minute: a row that is changed without end
//! measures PostgreSQL's clean-up and nothing else.

use super::client::{Connection, post};
use super::redeem::{REDEEM_PATH, RETAILERS, purchase};
use super::report::{Report, Section};
use super::world::{Claimed, HOLD_YUAN, Options, World};
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// Vouchers in turn, the same number for each connection.
const VOUCHERS: usize = CONNECTIONS * EACH;
const EACH: usize = 256;
/// How long the best rate is looked for.
const TRIAL: Duration = Duration::from_secs(10);

/// How long.
#[derive(Clone, Debug)]
pub struct Size {
    pub minutes: u32,
    pub json: Option<PathBuf>,
}

/// A pair of reserve and cancel under way on each connection.
struct Tills<'a> {
    world: &'a World,
    vouchers: &'a [Claimed],
    tokens: &'a [String],
    pairs: Cell<usize>,
}

/// Fills a world, finds the best rate, and holds half of it.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world = World::start(folder, Options::default()).await?;
    world.prepare(HOLD_YUAN * VOUCHERS as i64).await?;
    let tokens = world.retailers(RETAILERS).await?;
    let people = world.people(VOUCHERS).await?;
    let vouchers = world.vouchers(&people).await?;
    let tills = Tills { world: &world, vouchers: &vouchers, tokens: &tokens, pairs: Cell::new(0) };
    let best = tills.run(TRIAL, None).await?;
    let rate = best.len() as f64 / TRIAL.as_secs_f64() / 2.0;
    println!("{:.0} requests a second at best; {rate:.0} for {} minutes", rate * 2.0, size.minutes);
    let mut section = Section::new("soak: half of the best rate, a value a minute");
    for minute in 1..=size.minutes {
        let mut given = tills.run(Duration::from_secs(60), Some(rate)).await?;
        given.sort_unstable();
        let at = |share: f64| {
            let place = (share * given.len().saturating_sub(1) as f64).round() as usize;
            given.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
        };
        let memory = world.service.memory().0;
        section.add("requests", "a second", given.len() as f64 / 60.0);
        section.add("p50", "ms", at(0.5));
        section.add("p99", "ms", at(0.99));
        section.add("memory of the service", "MB", memory);
        println!("minute {minute}: p50 {:.1} ms, p99 {:.1} ms, {memory:.0} MB", at(0.5), at(0.99));
    }
    world.check()?;
    let mut report = Report::new(json!({"minutes": size.minutes, "rate": rate}));
    report.push(section);
    report.finish(size.json.as_deref())
}

impl Tills<'_> {
    /// Reserves and cancels for a while, as fast as it goes or at a rate: the latency of each
    /// request, which at a rate counts from when it was due.
    async fn run(&self, time: Duration, rate: Option<f64>) -> anyhow::Result<Vec<Duration>> {
        let given = RefCell::new(Vec::new());
        let began = Instant::now();
        let lanes = (0..CONNECTIONS).map(|lane| {
            let given = &given;
            async move {
                let mut connection = Connection::open(self.world.service.address).await?;
                for turn in 0u32.. {
                    // Two requests a turn, and each lane a share of the way behind the one before.
                    let share = f64::from(turn) + lane as f64 / CONNECTIONS as f64;
                    let due = rate.map(|rate| share * 2.0 * CONNECTIONS as f64 / rate);
                    let due = began + Duration::from_secs_f64(due.unwrap_or_default());
                    if began.elapsed() >= time || due >= began + time {
                        break;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let due = if rate.is_some() { due } else { Instant::now() };
                    self.pair(&mut connection, (lane, turn), due, given).await?;
                }
                anyhow::Ok(())
            }
        });
        try_join_all(lanes).await?;
        Ok(given.into_inner())
    }

    async fn pair(
        &self,
        connection: &mut Connection,
        (lane, turn): (usize, u32),
        due: Instant,
        given: &RefCell<Vec<Duration>>,
    ) -> anyhow::Result<()> {
        let n = self.pairs.replace(self.pairs.get() + 1);
        let till = &self.tokens[lane % self.tokens.len()];
        let voucher = &self.vouchers[turn as usize % EACH * CONNECTIONS + lane];
        let body = purchase(n, &voucher.code).to_string();
        let status = connection.send(&post(REDEEM_PATH, till, &format!("r-{n:08}"), &body)).await?;
        given.borrow_mut().push(due.elapsed());
        ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(connection.body()));
        let made: Value = serde_json::from_slice(connection.body())?;
        let id = made["redemption"]["id"].as_str().context("no redemption")?;
        let sent = Instant::now();
        let cancel = post(&format!("{REDEEM_PATH}/{id}/cancel"), till, &format!("c-{n:08}"), "{}");
        let status = connection.send(&cancel).await?;
        given.borrow_mut().push(sent.elapsed());
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(connection.body()));
        Ok(())
    }
}
