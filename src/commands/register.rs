//! Submitting a command of the register book from the command line.

use crate::book::model::{Actor, Command};
use crate::book::{Books, ClerkSettings, Envelope, REGISTER, Reply};
use crate::http::problem::{Language, Problem};
use crate::infra::clock::Clock;
use crate::infra::postgres::{Timeouts, read_pool};
use anyhow::{anyhow, bail};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// An official at a terminal can wait longer than a till, and loads more at once.
pub const TIMEOUTS: Timeouts =
    Timeouts { lock: Duration::from_secs(10), statement: Duration::from_secs(60) };

/// Submits one command as the system, waits for its commit and returns the answer.
///
/// # Errors
/// The refusal in the language that is asked for, or that the database could not be reached.
pub fn submit(database_url: &str, command: Arc<dyn Command>) -> anyhow::Result<Value> {
    let settings = ClerkSettings {
        database_url: database_url.to_owned(),
        timeouts: TIMEOUTS,
        batch: 1,
        queue: 1,
        clock: Arc::new(Clock::default()),
    };
    let books = Books::new(settings, read_pool(database_url, 1, TIMEOUTS));
    let envelope = Envelope {
        actor: Actor::System,
        key: None,
        fingerprint: [0; 16],
        language: Language::English,
        request_id: Uuid::now_v7().simple().to_string(),
        command,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = runtime.block_on(books.submit(REGISTER, envelope));
    match reply.map_err(|problem| anyhow!(sentence(&problem)))? {
        Reply::Answer { status, body, .. } => {
            let body: Value = serde_json::from_slice(&body)?;
            if status >= 400 {
                bail!("{}: {}", text(&body, "code"), text(&body, "detail"));
            }
            Ok(body)
        }
        Reply::Stale | Reply::Busy | Reply::Failed => bail!("the command was not decided"),
    }
}

fn sentence(problem: &Problem) -> String {
    problem.refusals.first().map(|refusal| refusal.en.to_string()).unwrap_or_default()
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}
