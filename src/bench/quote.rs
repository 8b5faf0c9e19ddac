//! `quote`: resolve, screen all phases and judge one full appliance purchase, on one core.

use super::report::spread;
use crate::programme::{Facts, Programmes, Workload};
use anyhow::{Context, anyhow};
use serde_json::json;
use std::time::Instant;

const PROGRAMME: &str = include_str!("../../config/programmes/shanghai-appliance-2024.toml");
const RUNS: u32 = 100_000;

/// The purchase of the benchmark: every fact that the rules of the programme read.
///
/// # Errors
/// The rules do not compile, which is a bug of this file.
pub fn workload() -> anyhow::Result<Workload> {
    let programmes = Programmes::from_texts([("shanghai-appliance-2024", PROGRAMME)])
        .map_err(|found| anyhow!("{} complaints about the programme", found.len()))?;
    let facts = Facts::from_json(&json!({
        "person": {"id": "person-a", "age": 35, "location": "310000"},
        "purchase": {"price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
            "payer": "person-a", "recipient": "person-a"},
        "invoice": {"buyer": "person-a", "issued_on": "2024-10-01", "lines": 1,
            "subsidised_lines": 1, "region": "310000"},
        "item": {"gtin": "6908800000012", "serial": "SN0000000001", "energy_label": 1},
        "merchant": {"status": "active"},
        "voucher": {"channel": "offline", "claimed_at": "2024-10-01T10:30:00+08:00"},
    }))?;
    Ok(Workload {
        programmes,
        region: "310000".parse()?,
        class: "appliance.refrigerator".parse()?,
        facts,
        at: "2024-10-01T12:00:00+08:00".parse()?,
    })
}

pub fn run(rounds: usize) -> anyhow::Result<()> {
    let work = workload()?;
    let amount = work.run().context("the purchase of the benchmark is refused")?;
    let mut micros = Vec::new();
    for _ in 0..rounds.max(1) {
        let began = Instant::now();
        for _ in 0..RUNS {
            std::hint::black_box(std::hint::black_box(&work).run());
        }
        micros.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(RUNS));
    }
    let (median, least, most) = spread(&micros);
    println!("quote: {amount} yuan, resolved, screened in all phases and judged, one core");
    println!("  each {median:.2} us [{least:.2}..{most:.2}], {rounds} rounds of {RUNS}");
    Ok(())
}
