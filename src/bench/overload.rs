//! `overload`: the service and its servers held to one core, the client to another, and four
//! times as much offered as they can do.

use super::client::{Answers, closed_loop, open_loop};
use super::redeem::requests;
use super::report::{Report, Section};
use super::world::{Options, World};
use anyhow::{Context, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Connections of the crowd; that many requests can be waiting.
const CROWD: usize = 1_024;
/// How much more is offered than can be done.
const TIMES: f64 = 4.0;
/// Turned away at the door.
const BUSY: u16 = 503;

/// How large the load is.
#[derive(Clone, Debug)]
pub struct Size {
    /// Captures from which the capacity is taken.
    pub captures: usize,
    /// How long too much is offered.
    pub seconds: usize,
    pub json: Option<PathBuf>,
}

/// Fills a world, measures its capacity, offers too much, and looks how it recovers.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    ensure!(
        std::thread::available_parallelism()?.get() >= 2,
        "one core for the service and another for the client: this machine has only one"
    );
    // What a process starts inherits its core, so the servers get theirs before we move away.
    hold_to(0)?;
    let world = World::start(folder, Options::default()).await?;
    // The capacity is not known before the world is filled; twice of what anybody has measured.
    let most = size.captures * 2 + (40_000 * size.seconds).min(size.captures * 40);
    let mut due = requests(&world, most).await?;
    hold_to(1)?;
    let address = world.service.address;
    let calm = closed_loop(address, 128, &due.split_off(due.len() - size.captures)).await?;
    let capacity = calm.rate(201);
    let offered = (capacity * TIMES * size.seconds as f64) as usize;
    ensure!(due.len() > offered + size.captures, "too few vouchers: lower --seconds");
    let before = world.counters().await?;
    let crowd = due.split_off(due.len() - offered);
    let flooded = open_loop(address, CROWD, capacity * TIMES, &crowd).await?;
    let spent = world.counters().await?.since(before);
    let after = due.split_off(due.len() - size.captures);
    let after = open_loop(address, 256, capacity / 2.0, &after).await?;
    world.check()?;
    let mut section = Section::new(format!(
        "overload: {TIMES} times the capacity for {} s, {CROWD} connections",
        size.seconds
    ));
    section.statuses = flooded.statuses();
    section.add("capacity, 128 connections", "a second", capacity);
    section.add("captures under overload", "a second", flooded.rate(201));
    section.add("captures under overload / capacity", "", flooded.rate(201) / capacity);
    section.add("refusals at the door, p50", "ms", flooded.percentile_of(BUSY, 0.5));
    section.add("refusals at the door, p99", "ms", flooded.percentile_of(BUSY, 0.99));
    section.add("captures, p99", "ms", flooded.percentile_of(201, 0.99));
    section.add("client's core", "%", 100.0 * spent.client / flooded.elapsed.as_secs_f64());
    section.add("memory of the service", "MB", world.service.memory().1);
    tell_calm(&mut section, "before, closed loop", &calm);
    tell_calm(&mut section, "right after, at half of the capacity", &after);
    let mut report = Report::new(json!({"captures": size.captures, "seconds": size.seconds}));
    report.push(section);
    report.finish(size.json.as_deref())
}

fn tell_calm(section: &mut Section, name: &str, answers: &Answers) {
    section.add(&format!("{name}: captures"), "a second", answers.rate(201));
    section.add(&format!("{name}: p99"), "ms", answers.percentile(0.99));
}

/// Holds this process, all its threads, and whatever it starts from now on to one core.
fn hold_to(core: usize) -> anyhow::Result<()> {
    let own = std::process::id().to_string();
    let held = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &core.to_string(), &own])
        .stdout(Stdio::null())
        .status()
        .context("taskset is missing; it comes with util-linux")?;
    ensure!(held.success(), "taskset could not hold us to core {core}");
    Ok(())
}
