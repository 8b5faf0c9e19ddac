//! `redeem`: reserve and capture in one call over HTTP, distinct people and vouchers in scattered
//! order, signed tokens of a realistic number of tills, a closed loop.

use super::client::Connection;
use super::press::{Press, Running};
use super::report::{self, Round};
use super::world::World;
use anyhow::Context;
use futures_util::future::try_join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Shops with one till each.
const RETAILERS: u64 = 50;

/// How large the load is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub connections: usize,
    pub rounds: usize,
    /// Captures of one round.
    pub captures: usize,
    /// Every second round with the publisher of the logs, the others without; `rounds` of each.
    pub log: bool,
}

/// Fills a world, runs the rounds and prints them.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world = World::start(folder)?;
    let total = size.rounds * size.captures * if size.log { 2 } else { 1 };
    println!("filling: {RETAILERS} shops, {total} people with a voucher each");
    world.prepare(2_000 * (total as i64 + 1)).await?;
    let tills = world.retailers(RETAILERS).await?;
    let people = world.people(total).await?;
    let began = Instant::now();
    let mut codes = world.vouchers(&people).await?;
    let claims = total as f64 / began.elapsed().as_secs_f64();
    println!("filled; claims on the way, over 64 connections: {claims:.0} a second");
    // Vouchers are redeemed in another order than they were claimed in. The seed is printed by
    // nobody because it never changes.
    codes.shuffle(&mut StdRng::seed_from_u64(7));
    let title = format!(
        "redeem: durable captures over HTTP, {} connections, {} a round",
        size.connections, size.captures
    );
    if size.log {
        alternating(&world, &folder.join("log"), size, &tills, &codes, &title).await?;
        return world.stop();
    }
    let mut rounds = Vec::new();
    for (n, codes) in codes.chunks(size.captures).enumerate() {
        let (round, _) = one_round(&world, size.connections, &tills, codes, n, None).await?;
        println!("round {}: {:.0} captures a second", n + 1, round.rate(201));
        rounds.push(round);
    }
    report::print(&title, 201, &rounds);
    world.stop()
}

/// Rounds with the publisher and without it in turn, so that what changes on the machine meanwhile
/// falls on both alike.
async fn alternating(
    world: &World,
    folder: &Path,
    size: Size,
    tills: &[String],
    codes: &[String],
    title: &str,
) -> anyhow::Result<()> {
    let mut press = world.press(folder)?;
    let mut rounds = [Vec::new(), Vec::new()];
    for (n, codes) in codes.chunks(size.captures).enumerate() {
        let is_on = n % 2 == 1;
        press.catch_up();
        let (on, at_rest) = if is_on { (Some(press), None) } else { (None, Some(press)) };
        let (round, back) = one_round(world, size.connections, tills, codes, n, on).await?;
        press = back.or(at_rest).context("a press is on or at rest")?;
        let with = if is_on { "with" } else { "without" };
        println!("round {} {with} the publisher: {:.0} a second", n + 1, round.rate(201));
        rounds[usize::from(is_on)].push(round);
    }
    report::print(&format!("{title}, without the publisher"), 201, &rounds[0]);
    report::print(&format!("{title}, with the publisher"), 201, &rounds[1]);
    Ok(())
}

async fn one_round(
    world: &World,
    connections: usize,
    tills: &[String],
    codes: &[String],
    number: usize,
    press: Option<Press>,
) -> anyhow::Result<(Round, Option<Press>)> {
    let lanes = (0..connections).map(|lane| {
        let work: Vec<(usize, &String)> =
            codes.iter().enumerate().skip(lane).step_by(connections).collect();
        one_lane(world, tills, work, number)
    });
    let postgres = world.stack.postgres().process_id()?.unsigned_abs();
    let (own, theirs) = (report::own_cpu(), report::cpu_of_family(postgres));
    let began = Instant::now();
    let publishing = press.map(Press::run);
    let answers = try_join_all(lanes).await?;
    let elapsed = began.elapsed();
    let press = publishing.map(Running::stop).transpose()?;
    let mut statuses = BTreeMap::new();
    let mut latencies = Vec::with_capacity(codes.len());
    for (status, latency) in answers.into_iter().flatten() {
        *statuses.entry(status).or_default() += 1;
        latencies.push(latency);
    }
    let own_cpu = report::own_cpu() - own;
    let postgres_cpu = report::cpu_of_family(postgres) - theirs;
    Ok((Round { elapsed, statuses, latencies, own_cpu, postgres_cpu }, press))
}

async fn one_lane(
    world: &World,
    tills: &[String],
    work: Vec<(usize, &String)>,
    number: usize,
) -> anyhow::Result<Vec<(u16, Duration)>> {
    let mut connection = Connection::open(world.address).await?;
    let mut answers = Vec::with_capacity(work.len());
    for (n, code) in work {
        let unit = format!("{number}-{n}");
        let body = json!({"voucher_code": code, "order_no": format!("order-{unit}"),
            "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
            "item": {"gtin": "6908800000012", "serial": format!("SN-{unit}")},
            "capture": true, "hand_over": {"opened_and_checked": true}})
        .to_string();
        let token = &tills[n % tills.len()];
        let began = Instant::now();
        let key = format!("bench-{unit}");
        let status = connection.post("/v1/redemptions", token, &key, &body).await?;
        answers.push((status, began.elapsed()));
    }
    Ok(answers)
}
