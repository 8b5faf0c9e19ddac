//! `tradein books`: books and their money at a first installation, before anybody has a token.

use super::register::Terminal;
use crate::book::REGISTER;
use crate::book::model::Actor;
use crate::book::open::{ApproveAppropriation, ChangeBookState, OpenBook, ProposeAppropriation};
use crate::infra::settings::Settings;
use crate::kernel::canonical;
use crate::kernel::class::Class;
use crate::kernel::id::PublicId;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// Lists and opens books and gives them money, at a first installation
#[derive(Debug, clap::Args)]
pub struct BooksCommand {
    #[command(subcommand)]
    act: Act,
    /// The settings of the service: its database
    #[arg(long, env = "TRADEIN_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Lists all books
    List,
    /// Makes a book, such as 310000/appliance/2026
    Open {
        name: String,
        /// It takes holdings of an earlier system and appropriations only, for now
        #[arg(long)]
        prepared: bool,
    },
    /// Opens a prepared book, or closes an open one
    State { name: String, state: State },
    /// Gives a book money; two persons, as over HTTP
    Appropriate {
        name: String,
        /// Whole fen
        #[arg(long)]
        fen: i64,
        /// The paper that grants the money; its SHA-256 is kept
        #[arg(long)]
        document: PathBuf,
        /// Who proposes
        #[arg(long)]
        by: String,
        /// Who approves: somebody else
        #[arg(long)]
        approved_by: String,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum State {
    Open,
    Closed,
}

impl BooksCommand {
    pub fn run(self) -> anyhow::Result<()> {
        let terminal = Terminal::of(&Settings::load(self.config.as_deref())?)?;
        match self.act {
            Act::List => {
                for book in terminal.books()? {
                    println!("{} {}", book.no, book.name);
                }
                Ok(())
            }
            Act::Open { name, prepared } => open(&terminal, &name, prepared),
            Act::State { name, state } => {
                let to = match state {
                    State::Open => "open",
                    State::Closed => "closed",
                };
                let book = terminal.find(&name)?;
                let command = ChangeBookState { to, id: Uuid::now_v7() };
                terminal.submit(book.no, Actor::System, Arc::new(command))?;
                println!("{name} is {to}");
                Ok(())
            }
            Act::Appropriate { name, fen, document, by, approved_by } => {
                let paper = std::fs::read(&document)
                    .with_context(|| format!("cannot read {}", document.display()))?;
                let document = hex::encode(canonical::sha256(&paper));
                appropriate(&terminal, &name, Fen(fen), document, [&by, &approved_by])
            }
        }
    }
}

fn open(terminal: &Terminal, name: &str, prepared: bool) -> anyhow::Result<()> {
    const FORM: &str = "a book is <region>/<family>/<year>, such as 310000/appliance/2026";
    let parts: Vec<&str> = name.split('/').collect();
    let [region, family, year] = parts[..] else { anyhow::bail!(FORM) };
    let region: Region = region.parse().context(FORM)?;
    let class: Class = family.parse().ok().context(FORM)?;
    ensure!(class.family() == family, FORM);
    let year: i32 = year.parse().context(FORM)?;
    ensure!((2020..=2100).contains(&year), "the year is from 2020 to 2100");
    let family = family.to_owned();
    let command = OpenBook { region, family, year, prepared, id: Uuid::now_v7() };
    let body = terminal.submit(REGISTER, Actor::System, Arc::new(command))?;
    println!("book {} {name} is {}", body["book"]["book_no"], body["book"]["state"]);
    Ok(())
}

/// Proposed by one and approved by the other; the book itself refuses one who is both.
fn appropriate(
    terminal: &Terminal,
    name: &str,
    amount: Fen,
    document_sha256: String,
    [by, approved_by]: [&str; 2],
) -> anyhow::Result<()> {
    ensure!(amount.is_positive() && amount <= Fen::MAX, "whole fen from 1 to 9000000000000");
    ensure!(by != approved_by, "an appropriation is approved by somebody other than its proposer");
    let book = terminal.find(name)?;
    let (by, approved_by) = (official(by), official(approved_by));
    let proposal =
        ProposeAppropriation { id: Uuid::now_v7(), amount, document_sha256, by: by.to_string() };
    let body = terminal.submit(book.no, by, Arc::new(proposal))?;
    let id = body["appropriation"]["id"].as_str().unwrap_or_default();
    let id: PublicId = id.parse().ok().context("the book answered without an id")?;
    let approval = ApproveAppropriation { id: id.id, by: approved_by.to_string() };
    terminal.submit(book.no, approved_by, Arc::new(approval))?;
    println!("{name}: {} fen are available", amount.0);
    Ok(())
}

/// Somebody at the terminal, told apart from every login of a token issuer.
fn official(login: &str) -> Actor {
    let digest = canonical::sha256(format!("terminal\n{login}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Actor::Official { role: "finance", login: bytes }
}
