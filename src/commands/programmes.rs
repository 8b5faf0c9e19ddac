//! `tradein programmes`: check programme files, and run worked examples against them.

use crate::programme::{self, check, run_examples};
use anyhow::Context;
use clap::Subcommand;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Check programme files and run worked examples against them
#[derive(clap::Args)]
pub struct Programmes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check programme files as if they were published together
    ///
    /// Prints each complaint as `file:line: reason`: unknown keys and facts, wrong types,
    /// overlapping tiers, missing languages, codes used twice, conditions on facts that are not
    /// known yet, and examples that do not come out. Exits with 1 where there is any.
    Check {
        /// TOML files; a folder stands for all `*.toml` in it
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Run worked examples against programmes
    ///
    /// Reads a CSV file with the columns id, region, at, class, facts, expect, source. Prints
    /// each example that differs: what was expected, what came out, and the rules that applied.
    /// Ends with `N passed, M failed`; exits with 1 where any failed.
    Test {
        /// The examples
        examples: PathBuf,
        /// The folder of the programme files
        #[arg(long, default_value = "config/programmes")]
        programmes: PathBuf,
    },
}

impl Programmes {
    /// # Errors
    /// Where a file cannot be read or is not of its format, and where a check or an example
    /// fails, so that a script can go by the exit code.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Check { files } => check_files(&files),
            Command::Test { examples, programmes } => test(&examples, &programmes),
        }
    }
}

fn check_files(paths: &[PathBuf]) -> anyhow::Result<()> {
    let texts = read(paths)?;
    let checked = check(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    for file in &checked {
        for complaint in &file.complaints {
            println!("{}:{}: {}", file.name, complaint.line, complaint.reason);
        }
    }
    let wrong = checked.iter().filter(|file| !file.complaints.is_empty()).count();
    let examples: usize = checked.iter().map(|file| file.examples).sum();
    let good = checked.len() - wrong;
    println!("{good} files are good, {wrong} are not; {examples} of their examples passed");
    anyhow::ensure!(wrong == 0, "there are complaints");
    Ok(())
}

fn test(examples: &Path, folder: &Path) -> anyhow::Result<()> {
    let programmes = match programme::Programmes::from_texts(read(&[folder.to_owned()])?) {
        Ok(programmes) => programmes,
        Err(wrong) => {
            for (name, complaint) in wrong {
                println!("{name}:{}: {}", complaint.line, complaint.reason);
            }
            anyhow::bail!("the programmes do not pass `tradein programmes check`");
        }
    };
    let text = fs::read_to_string(examples)
        .with_context(|| format!("cannot read {}", examples.display()))?;
    let outcome = run_examples(&programmes, &text).context("the examples are not of the format")?;
    for it in &outcome.differences {
        println!("{}: expected {}, got {} ({})", it.id, it.expected, it.got, it.rules);
    }
    println!("{} passed, {} failed", outcome.passed, outcome.differences.len());
    anyhow::ensure!(outcome.differences.is_empty(), "there are examples that differ");
    Ok(())
}

/// The texts of files, and of all programme files of folders, with their names.
fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = fs::read_dir(path)
                .with_context(|| format!("cannot read the folder {}", path.display()))?;
            let mut found: Vec<PathBuf> =
                entries.map(|entry| entry.map(|it| it.path())).collect::<Result<_, _>>()?;
            found.retain(|file| file.extension() == Some(OsStr::new("toml")));
            found.sort();
            anyhow::ensure!(!found.is_empty(), "{} holds no programme file", path.display());
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let text = |file: PathBuf| {
        let text = fs::read_to_string(&file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        Ok((file.display().to_string(), text))
    };
    files.into_iter().map(text).collect()
}
