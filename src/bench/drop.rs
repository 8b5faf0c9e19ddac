//! `drop`: everybody claims at once, each person with a token and a key of his own, and there are
//! ten times fewer vouchers than people.

use super::client::{Request, closed_loop, get, post};
use super::report::{Report, Section};
use super::world::{CLAIM_PATH, HOLD_YUAN, Options, World, claim_body};
use anyhow::ensure;
use serde_json::json;
use std::path::{Path, PathBuf};

/// How large the load is.
#[derive(Clone, Debug)]
pub struct Size {
    pub people: usize,
    pub vouchers: usize,
    pub connections: usize,
    pub json: Option<PathBuf>,
}

/// Fills a world, lets everybody claim, and counts who won.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world = World::start(folder, Options::default()).await?;
    let Size { people, vouchers, connections, .. } = size;
    println!("filling: {people} people, money for {vouchers} vouchers");
    world.prepare(HOLD_YUAN * vouchers as i64).await?;
    let everybody = world.people(people).await?;
    let body = claim_body().to_string();
    let claim = |(n, person)| -> anyhow::Result<Request> {
        let token = world.person_token(person)?;
        Ok(post(CLAIM_PATH, &token, &format!("drop-{n:08}"), &body))
    };
    let requests = everybody.iter().enumerate().map(claim).collect::<anyhow::Result<Vec<_>>>()?;
    println!("{people} claims over {connections} connections");
    let livez = vec![get("/livez", ""); people.div_ceil(4)];
    let hello = closed_loop(world.service.address, connections, &livez).await?;
    let before = world.counters().await?;
    let answers = closed_loop(world.service.address, connections, &requests).await?;
    let spent = world.counters().await?.since(before);
    let won = answers.count(201);
    let mut section = Section::new(format!(
        "drop: {people} people for {vouchers} vouchers, {connections} connections"
    ));
    section.statuses = answers.statuses();
    section.add("all are answered after", "s", answers.elapsed.as_secs_f64());
    section.add("answers", "a second", people as f64 / answers.elapsed.as_secs_f64());
    section.add("vouchers won", "", won as f64);
    section.add("for scale: answers of /livez", "a second", hello.rate(200));
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)] {
        section.add(name, "ms", answers.percentile(share));
    }
    for (name, seconds) in [
        ("service, each", spent.service),
        ("PostgreSQL, each", spent.postgres),
        ("Redis, each", spent.redis),
        ("client, each", spent.client),
    ] {
        section.add(name, "us of CPU", seconds * 1e6 / people as f64);
    }
    section.add("memory of the service", "MB", world.service.memory().1);
    world.check()?;
    let settings = json!({"people": people, "vouchers": vouchers, "connections": connections});
    let mut report = Report::new(settings);
    report.push(section);
    report.finish(size.json.as_deref())?;
    ensure!(won <= vouchers, "{won} people won {vouchers} vouchers");
    Ok(())
}
