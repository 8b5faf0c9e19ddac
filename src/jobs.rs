//! All that the clock can start.
//!
//! | job | every | does |
//! | --- | --- | --- |
//! | sweep | `book.sweep_seconds` | writes the ends that time has brought |
//! | look | 1 s | the gate looks whether Redis is still the one it was |
//! | reconcile | 1 s | the gate sets what is left of each tranche to what Postgres has |
//! | upkeep | 5 s | where `/metrics` is served, its histograms sum up what they have collected |
//! | revoke | 5 s | the list of revoked keys and tokens is read again |
//! | publish | 0.4 s | the publisher signs what has changed and writes it to the log store |
//! | witness | 1 s | witnesses are asked for cosignatures of what was signed |
//! | list heads | `log.heads_seconds` | the register book lists all books and their signed heads |
//!
//! The last three run where logs are published, and only the publisher's process does them.

use crate::application;
use crate::book::model::Command;
use crate::book::publish::heads::ListHeads;
use crate::book::publish::publisher::Publisher;
use crate::book::publish::witness::Witnesses;
use crate::book::publish::{Log, Standing};
use crate::book::{BookInfo, Books, Envelope, REGISTER, read};
use crate::http::problem::Problem;
use crate::identity::token::{RevokedFile, Verifier};
use crate::infra::clock::Clock;
use crate::infra::postgres::ReadPool;
use crate::kernel::id::BookNo;
use crate::kernel::merkle::Hash;
use crate::redemption;
use crate::register::gate::Gate;
use crate::voucher;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Ends written in one round for one book; what is left is written in the next.
const MOST_ENDS: i64 = 512;

/// Between two looks of the gate.
const WATCH: Duration = Duration::from_secs(1);

/// Between two looks at the list of revocations.
const REVOKE: Duration = Duration::from_secs(5);

/// Size and root of the signed heads, by book.
pub type Heads = BTreeMap<BookNo, (u64, Hash)>;

/// What the jobs work with.
#[derive(Clone)]
pub struct Jobs {
    pub books: Arc<Books>,
    pub pool: ReadPool,
    pub clock: Arc<Clock>,
    pub gate: Gate,
    pub log: Option<Arc<Log>>,
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

    /// Keeps every log signed until the process ends.
    pub async fn publish_for_ever(self, log: Arc<Log>) {
        Publisher::new(log, self.pool.clone()).run_for_ever().await;
    }

    /// Asks witnesses until the process ends.
    pub async fn witness_for_ever(self, log: Arc<Log>) {
        let names = || async {
            let books = self.books.all().await.unwrap_or_default();
            books.iter().map(|book| book.name.clone()).collect()
        };
        match Witnesses::new(log) {
            Ok(witnesses) => witnesses.run_for_ever(names).await,
            Err(error) => tracing::error!(%error, "log.no_witness_client"),
        }
    }

    /// Lists the heads from time to time until the process ends.
    pub async fn list_heads_for_ever(self, log: Arc<Log>, every: Duration) {
        let mut listed = BTreeMap::new();
        loop {
            tokio::time::sleep(every).await;
            if let Standing::Publisher(_) = log.status.standing()
                && let Err(problem) = self.list_heads(&log, &mut listed).await
            {
                tracing::warn!(%problem, "log.heads_not_listed");
            }
        }
    }

    /// Lists the signed heads of all books in the register book, where they are not those that
    /// were listed before.
    pub async fn list_heads(&self, log: &Arc<Log>, listed: &mut Heads) -> Result<(), Problem> {
        let books = self.books.all().await?;
        let books = books.iter().filter(|book| book.no != REGISTER).map(|book| (**book).clone());
        let (books, log) = (books.collect::<Vec<BookInfo>>(), log.clone());
        let read = tokio::task::spawn_blocking(move || log.signed_heads(&books)).await;
        let heads = read.map_err(|_| Problem::internal())?.map_err(|_| Problem::busy(1))?;
        if heads != *listed {
            let command = ListHeads { id: Uuid::now_v7(), heads: heads.clone() };
            self.books.answer(REGISTER, system(Arc::new(command))).await?;
            *listed = heads;
        }
        Ok(())
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
        let (reservations, vouchers, corrections) = read(&self.pool, move |connection| {
            let reservations = redemption::store::list_overdue(connection, no, now, MOST_ENDS)?;
            let vouchers = voucher::store::list_overdue(connection, no, now, MOST_ENDS)?;
            let corrections = application::store::list_overdue(connection, no, now, MOST_ENDS)?;
            Ok((reservations, vouchers, corrections))
        })
        .await?;
        let ends = reservations
            .into_iter()
            .map(|id| -> Arc<dyn Command> { Arc::new(redemption::cancel::End { redemption: id }) });
        let lapses = vouchers
            .into_iter()
            .map(|id| -> Arc<dyn Command> { Arc::new(voucher::ends::Lapse { voucher: id }) });
        let late = corrections.into_iter().map(|application| -> Arc<dyn Command> {
            Arc::new(application::ends::Lapse { application })
        });
        let commands: Vec<Arc<dyn Command>> = ends.chain(lapses).chain(late).collect();
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
    Envelope::of_system(command)
}
