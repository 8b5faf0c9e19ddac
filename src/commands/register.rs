//! Submitting commands to books from the command line.

use crate::book::model::{Actor, Command};
use crate::book::{BookInfo, Books, ClerkSettings, Envelope, REGISTER, Reply};
use crate::http::problem::{Language, Problem};
use crate::infra::clock::Clock;
use crate::infra::keys::KeyRing;
use crate::infra::postgres::{Timeouts, read_pool};
use crate::infra::settings::Settings;
use crate::kernel::id::BookNo;
use anyhow::{Context, anyhow, bail, ensure};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// An official at a terminal can wait longer than a till, and loads more at once.
pub const TIMEOUTS: Timeouts =
    Timeouts { lock: Duration::from_secs(10), statement: Duration::from_secs(60) };

/// The books, as a command at a terminal reaches them.
pub struct Terminal {
    books: Books,
    runtime: Runtime,
}

impl Terminal {
    pub fn new(database_url: &str) -> anyhow::Result<Terminal> {
        Terminal::with(database_url, Clock::default())
    }

    /// On the service's own settings; a sandbox has a time of its own.
    pub fn of(settings: &Settings) -> anyhow::Result<Terminal> {
        let database_url = settings.database.url.expose_secret();
        ensure!(!database_url.is_empty(), "DATABASE_URL is not set");
        let clock = Clock::default();
        if settings.sandbox.enabled
            && let Some(moment) = settings.sandbox.start()?
        {
            clock.set(moment);
        }
        Terminal::with(database_url, clock)
    }

    fn with(database_url: &str, clock: Clock) -> anyhow::Result<Terminal> {
        let settings = ClerkSettings {
            database_url: database_url.to_owned(),
            timeouts: TIMEOUTS,
            batch: 1,
            queue: 1,
            clock: Arc::new(clock),
        };
        let books = Books::new(settings, read_pool(database_url, 1, TIMEOUTS));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Terminal { books, runtime })
    }

    /// The books themselves, for what takes more than one command.
    pub fn books_door(&self) -> &Books {
        &self.books
    }

    /// Runs what waits for answers of books.
    pub fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The book of a name such as `310000/appliance/2026`.
    pub fn find(&self, name: &str) -> anyhow::Result<Arc<BookInfo>> {
        let all = self.runtime.block_on(self.books.all()).map_err(sentence)?;
        let found = all.into_iter().find(|book| book.no != REGISTER && book.name == name);
        found.with_context(|| format!("there is no book {name}; `tradein books list` lists them"))
    }

    pub fn books(&self) -> anyhow::Result<Vec<Arc<BookInfo>>> {
        let all = self.runtime.block_on(self.books.all()).map_err(sentence)?;
        Ok(all.into_iter().filter(|book| book.no != REGISTER).collect())
    }

    /// Submits one command, waits for its commit and returns the answer.
    ///
    /// # Errors
    /// Every refusal in English, or that the database could not be reached.
    pub fn submit(
        &self,
        book: BookNo,
        actor: Actor,
        command: Arc<dyn Command>,
    ) -> anyhow::Result<Value> {
        let envelope = Envelope {
            actor,
            key: None,
            fingerprint: [0; 16],
            language: Language::English,
            request_id: Uuid::now_v7().simple().to_string(),
            command,
        };
        match self.runtime.block_on(self.books.submit(book, envelope)).map_err(sentence)? {
            Reply::Answer { status, body, .. } => {
                let body: Value = serde_json::from_slice(&body)?;
                if status >= 400 {
                    bail!("{}", refused(&body));
                }
                Ok(body)
            }
            Reply::Stale | Reply::Busy | Reply::Failed => bail!("the command was not decided"),
        }
    }

    /// Decides a command and saves nothing.
    ///
    /// # Errors
    /// As [`Terminal::submit`].
    pub fn try_out(&self, book: BookNo, command: Arc<dyn Command>) -> anyhow::Result<()> {
        self.runtime.block_on(self.books.dry_run(book, command)).map_err(sentence)?;
        Ok(())
    }
}

/// Submits one command of the register book as the system.
///
/// # Errors
/// As [`Terminal::submit`].
pub fn submit(database_url: &str, command: Arc<dyn Command>) -> anyhow::Result<Value> {
    Terminal::new(database_url)?.submit(REGISTER, Actor::System, command)
}

/// The keys of the deployment: people and things have other names under other keys.
pub fn keys(settings: &Settings) -> anyhow::Result<KeyRing> {
    let (file, sandbox) = (&settings.keys.file, settings.sandbox.enabled);
    Ok(match file.as_os_str().is_empty() {
        true if sandbox => KeyRing::sandbox(),
        true => bail!("keys.file is not set: people have other names under other keys"),
        false => KeyRing::from_file(file, sandbox)?,
    })
}

fn sentence(problem: Problem) -> anyhow::Error {
    let told =
        |refusal: &crate::kernel::refusal::Refusal| format!("{}: {}", refusal.code, refusal.en);
    anyhow!(problem.refusals.iter().map(told).collect::<Vec<_>>().join("\n"))
}

fn refused(body: &Value) -> String {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let told = |rule: &Value| format!("{}: {}", text(rule, "code"), text(rule, "detail"));
    match body.get("failed_rules").and_then(Value::as_array) {
        Some(rules) if !rules.is_empty() => rules.iter().map(told).collect::<Vec<_>>().join("\n"),
        _ => told(body),
    }
}
