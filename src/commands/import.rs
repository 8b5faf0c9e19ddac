//! `tradein import`: bringing along what an earlier system knows.

use super::register::{Terminal, keys};
use crate::book::model::Actor;
use crate::identity::store::find_person;
use crate::infra::postgres::clerk_connection;
use crate::infra::settings::Settings;
use crate::programme::Complaint;
use crate::register::holdings::file::{HoldingsFile, LARGEST_FILE, read};
use crate::register::holdings::import::{Holding, ImportHoldings, LINES_AT_ONCE, What};
use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Brings along what an earlier system knows, while a book is prepared
#[derive(Debug, clap::Args)]
pub struct Import {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Takes used slots and subsidised things into a prepared book; the same file again adds
    /// nothing
    Holdings {
        /// CSV, UTF-8, columns person, quota, mark, thing as `src/register/holdings/mod.rs` says
        file: PathBuf,
        /// The book, such as 310000/appliance/2026
        #[arg(long)]
        book: String,
        /// Only tell what is wrong
        #[arg(long)]
        dry_run: bool,
        /// The settings of the service: its database, its keys
        #[arg(long, env = "TRADEIN_CONFIG")]
        config: Option<PathBuf>,
    },
}

impl Import {
    pub fn run(self) -> anyhow::Result<()> {
        let Act::Holdings { file, book, dry_run, config } = self.act;
        let settings = Settings::load(config.as_deref())?;
        let database_url = settings.database.url.expose_secret();
        let terminal = Terminal::of(&settings)?;
        let book = terminal.find(&book)?;
        let bytes = bytes(&file)?;
        let read = match read(&bytes, &book, &keys(&settings)?) {
            Ok(read) => read,
            Err(complaints) => return told(&file, &complaints),
        };
        let strangers = strangers(database_url, &read.holdings)?;
        if !strangers.is_empty() {
            return told(&file, &strangers);
        }
        let commands = commands(read, book.region.province());
        // All of them are tried first: a file with a wrong line changes nothing.
        for command in &commands {
            terminal.try_out(book.no, command.clone()).context("nothing was imported")?;
        }
        let (mut imported, mut known) = (0, 0);
        if !dry_run {
            for command in commands {
                let body = terminal.submit(book.no, Actor::System, command)?;
                imported += body["holdings"]["imported"].as_u64().unwrap_or_default();
                known += body["holdings"]["known"].as_u64().unwrap_or_default();
            }
        }
        println!("{imported} holdings imported, {known} known before");
        Ok(())
    }
}

fn commands(
    file: HoldingsFile,
    province: crate::kernel::region::Region,
) -> Vec<Arc<ImportHoldings>> {
    let file_sha256 = file.sha256;
    let chunks = file.holdings.chunks(LINES_AT_ONCE);
    let command = |holdings: &[Holding]| {
        Arc::new(ImportHoldings { file_sha256, province, holdings: holdings.to_vec() })
    };
    chunks.map(command).collect()
}

/// Never more than one byte above what is accepted.
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let open = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(open)?;
    file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).with_context(open)?;
    Ok(bytes)
}

/// Lines whose person is not registered, or was erased.
fn strangers(database_url: &str, holdings: &[Holding]) -> anyhow::Result<Vec<Complaint>> {
    let mut connection = clerk_connection(database_url, super::register::TIMEOUTS)
        .context("cannot connect to the database")?;
    let mut known = HashMap::new();
    let mut complaints = Vec::new();
    for holding in holdings {
        let What::Slot { person, .. } = &holding.what else { continue };
        let is_there = match known.get(person) {
            Some(is_there) => *is_there,
            None => {
                let found = find_person(&mut connection, person.bucket, person.id)?;
                *known.entry(*person).or_insert(found.is_some_and(|found| found.is_active))
            }
        };
        if !is_there {
            let reason = "this person is not registered".to_owned();
            complaints.push(Complaint { line: holding.line as usize, reason });
        }
    }
    Ok(complaints)
}

fn told(file: &Path, complaints: &[Complaint]) -> anyhow::Result<()> {
    complaints.iter().for_each(|it| println!("{}: {it}", file.display()));
    bail!("{} complaints; nothing was imported", complaints.len())
}
