//! `redeem`: reserve and capture in one call over HTTP, distinct people and vouchers in scattered
//! order, signed tokens of a realistic number of tills, beside the yardstick of the same round.

use super::client::{Answers, Request, closed_loop, open_loop, post};
use super::counters::Counters;
use super::report::{Report, Section};
use super::world::{Claimed, HOLD_YUAN, Options, World};
use super::yardstick::{BATCHED, Measured, PLAIN, Yardstick};
use anyhow::ensure;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Shops with one till each.
pub const RETAILERS: u64 = 50;
/// Clients of the plain transaction; the best of them is the yardstick.
const CLIENTS: [usize; 3] = [8, 32, 64];
/// Connections of the open loop: enough that none is waited for below the best rate.
const OPEN_CONNECTIONS: usize = 256;
/// A request that made a redemption.
const CREATED: u16 = 201;

/// How large the load is.
#[derive(Clone, Debug)]
pub struct Size {
    /// Connections of the closed loops, each measured in every round.
    pub connections: Vec<usize>,
    pub rounds: usize,
    /// Captures of one measurement.
    pub captures: usize,
    /// Print what each statement of PostgreSQL cost; counting it costs a little too.
    pub statements: bool,
    pub json: Option<PathBuf>,
}

impl Size {
    /// Captures of one connection alone: fewer, since it is slow.
    fn alone(&self) -> usize {
        (self.captures / 8).max(100)
    }

    /// Vouchers that one round uses: the closed loops, one connection, the open loop.
    fn of_round(&self) -> usize {
        self.captures * (self.connections.len() + 1) + self.alone()
    }
}

/// The best figures of a round.
#[derive(Default)]
struct Best {
    plain: Measured,
    batched: Measured,
    alone: Measured,
    rate: f64,
}

/// Fills a world, runs the rounds, checks the books, prints.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world =
        World::start(folder, Options { statements: size.statements, ..Options::default() }).await?;
    let mut yardstick = Yardstick::prepare(&world.stack)?;
    let mut due = requests(&world, size.rounds * size.of_round()).await?;
    if size.statements {
        world.count_statements()?;
    }
    let mut sections = Sections::new(&world, &size);
    for round in 1..=size.rounds {
        let best = sections.yardstick(&mut yardstick, size.captures)?;
        let done = sections.redeem(&world, &size, &mut due, best).await?;
        println!(
            "round {round}: {:.0} captures a second, plain {:.0}, batched {:.0}",
            done.rate, done.plain.rate, done.batched.rate
        );
    }
    if size.statements {
        let captures = size.rounds * size.of_round();
        world.statements()?.iter().for_each(|spent| {
            let each = |n: i64| n as f64 / captures as f64;
            let start: String = spent.query.chars().take(90).collect();
            println!(
                "{:7.2} us {:8.0} B {:>8}  {start}",
                each(spent.micros),
                each(spent.wal),
                spent.calls
            );
        });
    }
    world.check()?;
    println!("\nplain transaction:\n{PLAIN}\nin batches:\n{BATCHED}");
    sections.finish(&world, &size)
}

/// Shops, people, vouchers; and a request for each voucher, in another order than the vouchers
/// were claimed in. The seed never changes.
pub async fn requests(world: &World, vouchers: usize) -> anyhow::Result<Vec<Request>> {
    println!("filling: {RETAILERS} shops, {vouchers} people with a voucher each");
    world.prepare(HOLD_YUAN * vouchers as i64).await?;
    let tills = world.retailers(RETAILERS).await?;
    let people = world.people(vouchers).await?;
    let mut vouchers = world.vouchers(&people).await?;
    vouchers.shuffle(&mut StdRng::seed_from_u64(7));
    let at_once = |(n, voucher): (usize, &Claimed)| {
        let body = captured(n, &voucher.code).to_string();
        post(REDEEM_PATH, &tills[n % tills.len()], &format!("bench-{n:08}"), &body)
    };
    Ok(vouchers.iter().enumerate().map(at_once).collect())
}

pub const REDEEM_PATH: &str = "/v1/redemptions";

/// What a till says of a refrigerator.
pub fn purchase(n: usize, code: &str) -> Value {
    json!({"voucher_code": code, "order_no": format!("order-{n:08}"),
        "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
        "item": {"gtin": "6908800000012", "serial": format!("SN-{n:08}")}})
}

/// The same, reserved and captured in one call.
pub fn captured(n: usize, code: &str) -> Value {
    let mut body = purchase(n, code);
    body["capture"] = json!(true);
    body["hand_over"] = json!({"opened_and_checked": true});
    body
}

struct Sections {
    report: Report,
    yard: Section,
    closed: Vec<Section>,
    alone: Section,
    open: Section,
    ratios: Section,
}

impl Sections {
    fn new(world: &World, size: &Size) -> Sections {
        let closed = size.connections.iter().map(|connections| {
            let captures = size.captures;
            Section::new(format!(
                "redeem: durable captures over HTTP, {connections} connections, closed loop, \
                 {captures} a round"
            ))
        });
        let settings = json!({"rounds": size.rounds, "captures": size.captures,
            "connections": size.connections, "postgres": world.postgres_settings()});
        Sections {
            report: Report::new(settings),
            yard: Section::new("yardstick: the same writes by pgbench"),
            closed: closed.collect(),
            alone: Section::new("redeem: one connection alone"),
            open: Section::new("redeem: open loop at half of the round's best rate"),
            ratios: Section::new("ratios within a round"),
        }
    }

    fn yardstick(&mut self, yard: &mut Yardstick, captures: usize) -> anyhow::Result<Best> {
        let mut best = Best::default();
        for clients in CLIENTS {
            let measured = yard.plain(clients, captures.min(4_000))?;
            self.yard.add(&format!("plain, {clients} clients"), "a second", measured.rate);
            self.yard.add(&format!("plain, {clients} clients, p99"), "ms", measured.p99);
            if measured.rate > best.plain.rate {
                best.plain = measured;
            }
        }
        best.alone = yard.plain(1, captures.div_ceil(8).max(200))?;
        self.yard.add("plain, 1 client", "a second", best.alone.rate);
        self.yard.add("plain, 1 client, p50", "ms", best.alone.p50);
        best.batched = yard.batched(captures.max(20 * 256))?;
        self.yard.add("in batches of 256, 1 writer", "a second", best.batched.rate);
        Ok(best)
    }

    async fn redeem(
        &mut self,
        world: &World,
        size: &Size,
        requests: &mut Vec<Request>,
        mut best: Best,
    ) -> anyhow::Result<Best> {
        let address = world.service.address;
        for (connections, section) in size.connections.iter().zip(&mut self.closed) {
            let before = world.counters().await?;
            let due = requests.split_off(requests.len() - size.captures);
            let answers = closed_loop(address, *connections, &due).await?;
            let spent = world.counters().await?.since(before);
            tell(section, &answers, Some(spent))?;
            section.add("memory of the service", "MB", world.service.memory().0);
            best.rate = best.rate.max(answers.rate(CREATED));
        }
        let due = requests.split_off(requests.len() - size.alone());
        let alone = closed_loop(address, 1, &due).await?;
        tell(&mut self.alone, &alone, None)?;
        let due = requests.split_off(requests.len() - size.captures);
        let open = open_loop(address, OPEN_CONNECTIONS, best.rate / 2.0, &due).await?;
        tell(&mut self.open, &open, None)?;
        let mut ratio = |name: &str, value: f64| self.ratios.add(name, "", value);
        ratio("captures / best plain transaction", best.rate / best.plain.rate);
        ratio("captures / in batches of 256", best.rate / best.batched.rate);
        ratio("one client: p50 / p50 of plain", alone.percentile(0.5) / best.alone.p50);
        Ok(best)
    }

    fn finish(self, world: &World, size: &Size) -> anyhow::Result<()> {
        let mut end = Section::new("the service");
        end.add("start to first answer, new database", "ms", {
            world.service.started_in.as_secs_f64() * 1e3
        });
        end.add("most memory", "MB", world.service.memory().1);
        let Sections { mut report, yard, closed, alone, open, ratios } = self;
        let all = [yard].into_iter().chain(closed).chain([alone, open, ratios, end]);
        all.for_each(|section| report.push(section));
        report.finish(size.json.as_deref())
    }
}

/// Adds a measurement to its section.
pub(super) fn tell(
    section: &mut Section,
    answers: &Answers,
    spent: Option<Counters>,
) -> anyhow::Result<()> {
    let good = answers.count(CREATED) as f64;
    let statuses = answers.statuses();
    ensure!(good > 0.0, "no redemption at all: {statuses:?}");
    for (status, count) in statuses {
        *section.statuses.entry(status).or_default() += count;
    }
    section.add("captures", "a second", answers.rate(CREATED));
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)] {
        section.add(name, "ms", answers.percentile(share));
    }
    let Some(spent) = spent else { return Ok(()) };
    for (name, seconds) in [
        ("service, each", spent.service),
        ("PostgreSQL, each", spent.postgres),
        ("Redis, each", spent.redis),
        ("client, each", spent.client),
    ] {
        section.add(name, "us of CPU", seconds * 1e6 / good);
    }
    section.add("commands of a batch", "", spent.commands / spent.batches.max(1.0));
    section.add("PostgreSQL's log, each", "bytes", spent.wal / good);
    section.add("database, each", "bytes", spent.disk / good);
    Ok(())
}
