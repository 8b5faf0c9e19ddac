//! `instructions`: what the pure paths cost, in instructions as valgrind's callgrind counts them.
//! The count depends on the program and hardly on the machine, so a test can hold it.

use super::log::Lives;
use super::quote;
use crate::book::fold::EntryView;
use crate::kernel::merkle::{self, Frontier};
use anyhow::{Context, bail, ensure};
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

/// A path without input, output, clock or lock, and a word on what it does.
pub const PATHS: [(&str, &str); 4] = [
    ("screen", "resolve, screen in all phases and judge one full appliance purchase"),
    ("leaves", "write the three leaves of a voucher's life: claimed, reserved, captured"),
    ("read", "read them again, as replay and verifier do"),
    ("tree", "hash them, extend the frontier and compute its root"),
];

/// The two lengths of a run; their difference is free of what starting costs.
const SHORT: u64 = 10;
const LONG: u64 = 60;

/// Walks a path so many times: what callgrind watches.
///
/// # Errors
/// A path that does not exist.
pub fn walk(path: &str, times: u64) -> anyhow::Result<()> {
    let work = quote::workload()?;
    let lives = Lives::new()?;
    let leaves = lives.life(0);
    let mut frontier = Frontier::default();
    for n in 0..times {
        match path {
            "screen" => {
                black_box(black_box(&work).run());
            }
            "leaves" => {
                black_box(lives.life(n));
            }
            "read" => leaves.iter().for_each(|leaf| {
                black_box(EntryView::of_leaf(leaf)).ok();
            }),
            "tree" => {
                leaves.iter().for_each(|leaf| frontier.push(merkle::leaf_hash(black_box(leaf))));
                black_box(frontier.root());
            }
            _ => bail!("no path {path}; there are {}", PATHS.map(|(name, _)| name).join(", ")),
        }
    }
    Ok(())
}

/// Instructions of `each` walks of a path by a build of this program.
///
/// # Errors
/// valgrind is missing, or the program fails under it.
pub fn count(program: &Path, path: &str, each: u64) -> anyhow::Result<u64> {
    let short = collected(program, path, SHORT * each)?;
    let long = collected(program, path, LONG * each)?;
    Ok(long.saturating_sub(short) / (LONG - SHORT))
}

fn collected(program: &Path, path: &str, times: u64) -> anyhow::Result<u64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["bench", "instructions", "--path", path, "--times", &times.to_string()])
        .output()
        .context("valgrind does not start: install its package")?;
    let said = String::from_utf8_lossy(&run.stderr);
    ensure!(run.status.success(), "{path} fails under valgrind: {said}");
    let number =
        said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    number.with_context(|| format!("callgrind counted nothing: {said}"))
}

/// Counts every path of this very program and prints it.
pub fn run() -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    for (path, does) in PATHS {
        println!("{path:>8} {:>10} instructions: {does}", count(&program, path, 1)?);
    }
    Ok(())
}
