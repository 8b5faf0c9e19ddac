//! `export`: a book taken home from a real database, beside a plain COPY of the same rows.

use super::client::closed_loop;
use super::redeem::requests;
use super::report::{Report, Section};
use super::world::{Options, World};
use crate::audit::export;
use crate::book::BookInfo;
use crate::book::store::{list_books, read_head};
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::{KeyKind, SignerKey};
use anyhow::{Context, ensure};
use diesel::{Connection, PgConnection};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const ORIGIN: &str = "bench.example/310000/appliance/2024";
/// Connections while the book is filled.
const FILLERS: usize = 64;

/// How large the book is, and how often it is taken home.
#[derive(Clone, Debug)]
pub struct Size {
    pub captures: usize,
    pub rounds: usize,
    pub json: Option<PathBuf>,
}

/// Fills a book, and takes it home round by round.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world = World::start(folder, Options::default()).await?;
    let due = requests(&world, size.captures).await?;
    closed_loop(world.service.address, FILLERS, &due).await?;
    world.check()?;
    let url = world.stack.owner_url();
    let mut auditor = Auditor::new(&url)?;
    let mut section = Section::new("export: the book of the captures");
    for round in 0..size.rounds {
        let began = Instant::now();
        let entries = auditor.takes_home(&folder.join(format!("home-{round}")))? as f64;
        let took = began.elapsed().as_secs_f64();
        let copied = copy(&world.stack.postgres().tool("psql"), &url, auditor.book.no)?;
        section.add("entries", "", entries);
        section.add("export", "entries a second", entries / took);
        section.add("plain COPY", "entries a second", entries / copied);
        section.add("export / plain COPY", "", copied / took);
    }
    let mut report = Report::new(json!({"captures": size.captures, "rounds": size.rounds}));
    report.push(section);
    report.finish(size.json.as_deref())
}

/// Somebody who takes the book of the load home.
pub struct Auditor {
    connection: PgConnection,
    book: BookInfo,
    key: SignerKey,
}

impl Auditor {
    pub fn new(url: &str) -> anyhow::Result<Auditor> {
        let mut connection = PgConnection::establish(url)?;
        let books = list_books(&mut connection)?;
        let book = books.into_iter().find(|book| book.family == "appliance");
        let key = SignerKey::new(ORIGIN, &[7; 32])?;
        Ok(Auditor { connection, book: book.context("the book is not there")?, key })
    }

    /// Exports the book as it stands into a new folder: how many entries it has.
    pub fn takes_home(&mut self, folder: &Path) -> anyhow::Result<u64> {
        std::fs::create_dir_all(folder)?;
        let head = read_head(&mut self.connection, self.book.no)?;
        let root = head.root.try_into().ok().context("the head has no root")?;
        let size = u64::try_from(head.size)?;
        let note = Checkpoint { origin: ORIGIN.into(), size, root };
        let note = note.signed(std::slice::from_ref(&self.key));
        let keys = [self.key.verifier(KeyKind::Ed25519)];
        let order = export::Order { book: &self.book, folder, note: &note, keys: &keys };
        let exported = export::run(&mut self.connection, &order, |_, _| {})?;
        ensure!(exported.size == size && exported.found == 0, "{exported:?}");
        Ok(size)
    }
}

/// Seconds that a plain COPY of the same rows takes.
fn copy(psql: &Path, url: &str, book: i32) -> anyhow::Result<f64> {
    let rows = format!("COPY (SELECT * FROM entry WHERE book_id = {book} ORDER BY seq) TO STDOUT");
    let began = Instant::now();
    let status = Command::new(psql)
        .args(["--no-psqlrc", "--command", &rows, url])
        .stdout(Stdio::null())
        .status()
        .context("psql does not run; it comes with PostgreSQL's own programs")?;
    ensure!(status.success(), "COPY failed");
    Ok(began.elapsed().as_secs_f64())
}
