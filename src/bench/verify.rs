//! `verify`: the offline proof of a large book, structure alone and in full.

use super::log::lay;
use super::report::own_cpu;
use crate::audit::verify::{Question, run};
use crate::kernel::tlog::note::{KeyKind, SignerKey};
use anyhow::{bail, ensure};
use std::path::Path;
use std::time::Instant;

const ORIGIN: &str = "bench.example/310000/appliance/2024";

/// Makes a book of about so many entries in a folder, where there is none yet, and proves it.
///
/// # Errors
/// The book does not verify, which is a bug, or the file system's own.
pub fn bench(folder: &Path, entries: u64, only_structure: bool) -> anyhow::Result<()> {
    let key = SignerKey::new(ORIGIN, &[7; 32])?;
    if !folder.join("checkpoint").exists() {
        let began = Instant::now();
        std::fs::create_dir_all(folder)?;
        let made = lay(folder, entries / 3, &key, ORIGIN)?;
        println!("made {made} entries in {:.1} s", began.elapsed().as_secs_f64());
    }
    let keys = [key.verifier(KeyKind::Ed25519)];
    let (cpu, began) = (own_cpu(), Instant::now());
    let question = Question { folder, keys: &keys, since: None, only_structure };
    let report = run(&question, |_, _| {})?;
    let seconds = began.elapsed().as_secs_f64();
    report.lines().iter().for_each(|line| println!("  {line}"));
    if let Some(first) = report.first() {
        bail!("the book of the benchmark does not verify: {first}");
    }
    let what = if only_structure { "structure" } else { "full" };
    let (cpu, size) = (own_cpu() - cpu, report.size);
    ensure!(size > 0, "the book of the benchmark is empty");
    println!(
        "verify, {what}: {size} entries in {seconds:.1} s, {:.0} a second, {:.1} us of CPU each, \
         at most {} MB of memory",
        size as f64 / seconds,
        cpu * 1e6 / size as f64,
        most_memory()?,
    );
    Ok(())
}

/// The most memory that this process has had in use, in megabytes.
fn most_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() / 1_024)
}
