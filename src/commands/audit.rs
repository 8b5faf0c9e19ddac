//! `tradein audit`: what an auditor takes home, proves and recomputes.

use crate::audit;
use crate::audit::export;
use crate::audit::verify::{self, CannotCheck, Question};
use crate::book::{BookInfo, store::list_books};
use crate::kernel::tlog::note::{Note, VerifierKey};
use anyhow::{Context, bail};
use diesel::{Connection, PgConnection};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Takes a book home, proves it, and recomputes what the service has done
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Lays a book out as files that prove themselves; the same folder again brings what is new
    Export {
        /// The book, such as 310000/appliance/2026, or register
        #[arg(long)]
        book: String,
        /// An empty folder, or that of an earlier export of this book
        #[arg(long)]
        out: PathBuf,
        /// The signed checkpoint up to which to export
        #[arg(long)]
        checkpoint: PathBuf,
        /// A file with the public keys of the log, one a line
        #[arg(long)]
        key: PathBuf,
        /// The database, as a role that may read all of it
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
    /// Proves an exported book from its files alone. Ends with 0 where all is right, 1 where
    /// something is wrong, 2 where nothing could be said
    Verify {
        /// The folder of the export
        folder: PathBuf,
        /// A public key of the log, or a file of them, that the auditor brings
        #[arg(long, required = true)]
        key: Vec<String>,
        /// A checkpoint that was kept, or the folder of an older export
        #[arg(long)]
        since: Option<PathBuf>,
        /// Only signatures, tree, order, schema and balances
        #[arg(long)]
        structure: bool,
    },
    /// Reads every entry of every book again and compares the rows with what they add up to;
    /// prints each difference, and fails where there is one
    Replay {
        /// The database, as a role that may read all of it
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
        /// Then compares Redis too, as `tradein caps check` does
        #[arg(long)]
        redis: bool,
        /// For Redis: the settings of the service, its Redis and its keys
        #[arg(long, env = "TRADEIN_CONFIG")]
        config: Option<PathBuf>,
    },
}

impl Audit {
    /// # Errors
    /// One sentence that says what to do.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Export { book, out, checkpoint, key, database_url } => {
                let mut connection = connect(&database_url)?;
                let book = find(&mut connection, &book)?;
                let note = read(&checkpoint)?;
                let note: Note = note.parse().context("the checkpoint is no signed note")?;
                let keys = keys(&[key.display().to_string()])?;
                let order = export::Order { book: &book, folder: &out, note: &note, keys: &keys };
                let bar = bar();
                let done = export::run(&mut connection, &order, |done, all| told(&bar, done, all));
                bar.finish_and_clear();
                let done = done?;
                let (name, new) = (&book.name, done.size - done.found);
                println!("{name}: {} entries in {}, {new} of them new", done.size, out.display());
                Ok(ExitCode::SUCCESS)
            }
            What::Verify { folder, key, since, structure } => {
                Ok(verified(&folder, &key, since.as_deref(), structure))
            }
            What::Replay { database_url, redis, config } => {
                replay(&database_url)?;
                if redis {
                    super::caps::check(config)?;
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn connect(database_url: &str) -> anyhow::Result<PgConnection> {
    PgConnection::establish(database_url).context("the database does not answer")
}

fn find(connection: &mut PgConnection, name: &str) -> anyhow::Result<BookInfo> {
    let mut books = list_books(connection).context("the database cannot be read")?.into_iter();
    let found = books.find(|book| book.name == name);
    found.with_context(|| format!("there is no book {name}; `tradein books list` lists them"))
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Keys as they are given, or files of them.
fn keys(given: &[String]) -> anyhow::Result<Vec<VerifierKey>> {
    let mut keys = Vec::new();
    for given in given {
        if let Ok(key) = given.parse() {
            keys.push(key);
            continue;
        }
        for line in read(Path::new(given))?.lines().filter(|line| !line.is_empty()) {
            keys.push(line.parse().with_context(|| format!("{given}: {line}"))?);
        }
    }
    Ok(keys)
}

/// On a terminal only: a log file needs no bar.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {eta} left");
    let bar = ProgressBar::new(0);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

fn told(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}

fn verified(folder: &Path, key: &[String], since: Option<&Path>, structure: bool) -> ExitCode {
    let keys = match keys(key) {
        Ok(keys) => keys,
        Err(error) => {
            eprintln!("Error: {error:#}");
            return ExitCode::from(2);
        }
    };
    let question = Question { folder, keys: &keys, since, only_structure: structure };
    let bar = bar();
    let done = verify::run(&question, |done, all| told(&bar, done, all));
    bar.finish_and_clear();
    match done {
        Ok(report) => {
            println!("{}, {} entries", report.book, report.size);
            report.lines().iter().for_each(|line| println!("{line}"));
            match report.first() {
                None => {
                    println!("verified 已验证");
                    ExitCode::SUCCESS
                }
                Some(first) => {
                    println!("WRONG 有误: {first}");
                    ExitCode::FAILURE
                }
            }
        }
        Err(error @ (CannotCheck::Unreadable { .. } | CannotCheck::Unfit(_))) => {
            eprintln!("Error: could not check: {error}");
            ExitCode::from(2)
        }
    }
}

fn replay(database_url: &str) -> anyhow::Result<()> {
    let mut connection = connect(database_url)?;
    let report = audit::run(&mut connection).context("the database cannot be read")?;
    report.differences.iter().for_each(|difference| println!("{difference}"));
    let (books, entries) = (report.books, report.entries);
    match report.differences.len() {
        0 => println!("{entries} entries of {books} books replayed: no difference"),
        count => bail!("{entries} entries of {books} books replayed: {count} differences"),
    }
    Ok(())
}
