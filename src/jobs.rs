//! All that the clock can start.
//!
//! | job | every | does |
//! | --- | --- | --- |
//! | sweep | `book.sweep_seconds` | writes the ends that time has brought: reservations, vouchers |
//! | look | 1 s | the gate looks whether Redis is still the one it was |
//! | reconcile | 1 s | the gate sets what is left of each tranche to what Postgres has |
//! | revoke | 5 s | the list of revoked keys and tokens is read again |

use crate::book::model::{Actor, Command};
use crate::book::{BookInfo, Books, Envelope, REGISTER, read};
use crate::http::problem::{Language, Problem};
use crate::identity::token::{RevokedFile, Verifier};
use crate::infra::clock::Clock;
use crate::infra::postgres::ReadPool;
use crate::redemption;
use crate::register::gate::Gate;
use crate::voucher;
use std::sync::Arc;
use std::time::Duration;

/// Ends written in one round for one book; what is left is written in the next.
const MOST_ENDS: i64 = 512;

/// Between two looks of the gate.
const WATCH: Duration = Duration::from_secs(1);

/// Between two looks at the list of revocations.
const REVOKE: Duration = Duration::from_secs(5);

/// What the jobs work with.
#[derive(Clone)]
pub struct Jobs {
    pub books: Arc<Books>,
    pub pool: ReadPool,
    pub clock: Arc<Clock>,
    pub gate: Gate,
}

impl Jobs {
    /// Runs the sweep until the process ends. A round that fails is tried again in the next.
    pub async fn sweep_for_ever(self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            match self.sweep().await {
                Ok(0) => {}
                Ok(written) => tracing::info!(written, "sweep.written"),
                Err(problem) => tracing::warn!(%problem, "sweep.failed"),
            }
        }
    }

    /// Keeps the gate true until the process ends.
    pub async fn watch_for_ever(self) {
        loop {
            self.gate.look().await;
            self.gate.reconcile().await;
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Writes the ends that are due in every book, and says how many commands that took.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        let mut written = 0;
        for book in self.books.all().await?.iter().filter(|book| book.no != REGISTER) {
            written += self.sweep_book(book).await?;
        }
        Ok(written)
    }

    async fn sweep_book(&self, book: &BookInfo) -> Result<usize, Problem> {
        let (no, now) = (book.no, self.clock.now());
        let (reservations, vouchers) = read(&self.pool, move |connection| {
            let reservations = redemption::store::list_overdue(connection, no, now, MOST_ENDS)?;
            Ok((reservations, voucher::store::list_overdue(connection, no, now, MOST_ENDS)?))
        })
        .await?;
        let ends = reservations
            .into_iter()
            .map(|id| -> Arc<dyn Command> { Arc::new(redemption::cancel::End { redemption: id }) });
        let lapses = vouchers
            .into_iter()
            .map(|id| -> Arc<dyn Command> { Arc::new(voucher::ends::Lapse { voucher: id }) });
        let commands: Vec<Arc<dyn Command>> = ends.chain(lapses).collect();
        let written = commands.len();
        // All at once: they share a batch, as callers at the till do.
        let submitted = commands.into_iter().map(|command| self.books.answer(no, system(command)));
        for answered in futures_util::future::join_all(submitted).await {
            voucher::gate::tell(&self.gate, &answered?).await;
        }
        Ok(written)
    }
}

/// Keeps a verifier to the list of revocations until the process ends. A list that cannot be used
/// changes nothing and is complained of at every look.
pub async fn revoke_for_ever(mut file: RevokedFile, verifier: Arc<Verifier>) {
    loop {
        match file.changed() {
            Ok(Some(revoked)) => {
                let (keys, tokens) = (revoked.keys.len(), revoked.tokens.len());
                tracing::info!(keys, tokens, "tokens.revoked");
                verifier.revoke(revoked);
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "tokens.revoked_file_not_taken"),
        }
        tokio::time::sleep(REVOKE).await;
    }
}

/// The envelope of a command that nobody asked for: it has no key, and running it twice does
/// nothing the second time.
pub fn system(command: Arc<dyn Command>) -> Envelope {
    Envelope {
        actor: Actor::System,
        key: None,
        fingerprint: [0; 16],
        language: Language::default(),
        request_id: String::new(),
        command,
    }
}
