//! `verify`: the offline proof of a large book, structure alone or in full.

use super::log::lay;
use super::process;
use super::report::{Report, Section};
use crate::audit::verify::{Question, run};
use crate::kernel::tlog::note::{KeyKind, SignerKey};
use anyhow::{bail, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

const ORIGIN: &str = "bench.example/310000/appliance/2024";

/// How large the book is, and how often it is proved.
#[derive(Clone, Debug)]
pub struct Size {
    pub entries: u64,
    pub rounds: usize,
    pub only_structure: bool,
    pub json: Option<PathBuf>,
}

/// Makes a book of about so many entries in a folder, where there is none yet, and proves it.
///
/// # Errors
/// The book does not verify, which is a bug, or the file system's own.
pub fn bench(folder: &Path, size: &Size) -> anyhow::Result<()> {
    let key = SignerKey::new(ORIGIN, &[7; 32])?;
    if !folder.join("checkpoint").exists() {
        let began = Instant::now();
        std::fs::create_dir_all(folder)?;
        let made = lay(folder, size.entries / 3, &key, ORIGIN)?;
        println!("made {made} entries in {:.1} s", began.elapsed().as_secs_f64());
    }
    let what = if size.only_structure { "structure" } else { "in full" };
    let mut section = Section::new(format!("verify, {what}"));
    let keys = [key.verifier(KeyKind::Ed25519)];
    let own = std::process::id();
    for round in 1..=size.rounds {
        let (cpu, began) = (process::cpu_of(own), Instant::now());
        let only_structure = size.only_structure;
        let question = Question { folder, keys: &keys, since: None, only_structure };
        let report = run(&question, |_, _| {})?;
        let seconds = began.elapsed().as_secs_f64();
        if round == 1 {
            report.lines().iter().for_each(|line| println!("  {line}"));
        }
        if let Some(first) = report.first() {
            bail!("the book of the benchmark does not verify: {first}");
        }
        ensure!(report.size > 0, "the book of the benchmark is empty");
        let entries = report.size as f64;
        section.add("entries", "", entries);
        section.add("the whole book", "s", seconds);
        section.add("verified", "entries a second", entries / seconds);
        section.add("each", "us of CPU", (process::cpu_of(own) - cpu) * 1e6 / entries);
    }
    section.add("most memory", "MB", process::memory_of(own).1);
    let mut report = Report::new(json!({"entries": size.entries, "rounds": size.rounds}));
    report.push(section);
    report.finish(size.json.as_deref())
}
