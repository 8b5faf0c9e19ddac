//! `publish`: what the publisher of the logs costs. Rounds of captures with it and without it in
//! turn, so that what changes on the machine meanwhile falls on both alike.

use super::client::closed_loop;
use super::redeem::{requests, tell};
use super::report::{Report, Section};
use super::world::{Options, World};
use anyhow::Context;
use serde_json::json;
use std::path::{Path, PathBuf};

/// How large the load is.
#[derive(Clone, Debug)]
pub struct Size {
    pub connections: usize,
    /// Rounds with the publisher, and as many without.
    pub rounds: usize,
    /// Captures of one round.
    pub captures: usize,
    pub json: Option<PathBuf>,
}

/// Fills a world whose service publishes nothing; the publisher runs beside the client, so its
/// processor time is in the sum of all processes.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let options = Options { without_log: true, ..Options::default() };
    let world = World::start(folder, options).await?;
    let mut due = requests(&world, 2 * size.rounds * size.captures).await?;
    let mut press = world.press(&folder.join("press"))?;
    let mut sections = ["without the publisher", "with the publisher"].map(Section::new);
    for n in 0..2 * size.rounds {
        let is_on = n % 2 == 1;
        press.catch_up();
        let work = due.split_off(due.len() - size.captures);
        let before = world.counters().await?;
        let (on, at_rest) = if is_on { (Some(press.run()), None) } else { (None, Some(press)) };
        let answers = closed_loop(world.service.address, size.connections, &work).await?;
        // What came last belongs to the round as well.
        let stopped = on.map(super::press::Running::stop).transpose()?;
        let spent = world.counters().await?.since(before);
        press = stopped.or(at_rest).context("a publisher is on or at rest")?;
        let section = &mut sections[usize::from(is_on)];
        tell(section, &answers, Some(spent))?;
        let all = spent.service + spent.client + spent.postgres + spent.redis;
        section.add("all processes, each", "us of CPU", all * 1e6 / size.captures as f64);
    }
    world.check()?;
    let Size { connections, rounds, captures, .. } = size;
    let settings = json!({"connections": connections, "rounds": rounds, "captures": captures});
    let mut report = Report::new(settings);
    sections.into_iter().for_each(|section| report.push(section));
    report.finish(size.json.as_deref())
}
