//! The clerk of a book: one thread and one connection that commit waiting commands in batches.
//!
//! A batch closes when the clerk is free or at its size limit; there is no fixed wait, so one
//! lone request is as fast as a plain transaction.

use super::BookInfo;
use super::batch::{self, Accounts, BatchError};
use super::envelope::{Envelope, Reply};
use crate::infra::clock::Clock;
use crate::infra::postgres::{self, Timeouts, Trouble};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use rand::RngExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// How often a batch is tried again before it is split or given up.
const ATTEMPTS: u32 = 6;

/// How long a command that broke a batch runs alone, and how many of them are remembered.
const SUSPICION: Duration = Duration::from_secs(300);
const MOST_SUSPECTS: usize = 1_000;

/// What a clerk is given.
#[derive(Clone)]
pub struct ClerkSettings {
    pub database_url: String,
    pub timeouts: Timeouts,
    /// The most commands of one batch.
    pub batch: usize,
    /// The most commands that wait; one more is turned away at the door.
    pub queue: usize,
    pub clock: Arc<Clock>,
}

pub struct Job {
    pub envelope: Envelope,
    pub reply: oneshot::Sender<Reply>,
}

/// Starts the clerk of a book. It ends when the last sender of its queue is gone, after it has
/// answered what was waiting.
pub fn start(book: Arc<BookInfo>, settings: ClerkSettings) -> mpsc::Sender<Job> {
    let (sender, receiver) = mpsc::channel(settings.queue);
    let name = format!("clerk-{}", book.no);
    let suspects = HashMap::new();
    let mut clerk = Clerk { book, settings, connection: None, accounts: None, suspects };
    let spawned = std::thread::Builder::new().name(name).spawn(move || clerk.work(receiver));
    if let Err(error) = spawned {
        // The receiver is gone with the closure: every submit finds the queue closed and
        // answers 503.
        tracing::error!(%error, "book.clerk_not_started");
    }
    sender
}

struct Clerk {
    book: Arc<BookInfo>,
    settings: ClerkSettings,
    connection: Option<PgConnection>,
    accounts: Option<Accounts>,
    /// Fingerprints of commands that broke a batch, and until when each runs alone.
    suspects: HashMap<[u8; 16], Instant>,
}

impl Clerk {
    fn work(&mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < self.settings.batch
                && let Ok(job) = queue.try_recv()
            {
                jobs.push(job);
            }
            metrics::histogram!("tradein_book_batch_size").record(jobs.len() as f64);
            let (alone, together): (Vec<Job>, Vec<Job>) =
                jobs.into_iter().partition(|job| self.is_suspect(&job.envelope));
            self.answer(together);
            alone.into_iter().for_each(|job| self.answer(vec![job]));
        }
    }

    fn answer(&mut self, jobs: Vec<Job>) {
        let replies = self.commit(&jobs.iter().map(|job| &job.envelope).collect::<Vec<_>>());
        for (job, reply) in jobs.into_iter().zip(replies) {
            // A caller that has gone away finds its answer again by its key.
            let _ = job.reply.send(reply);
        }
    }

    /// Whether a command broke a batch a short while ago. It runs alone, so that a caller who
    /// repeats it costs nobody else the splitting.
    fn is_suspect(&mut self, envelope: &Envelope) -> bool {
        if self.suspects.is_empty() {
            return false;
        }
        let now = Instant::now();
        self.suspects.retain(|_, until| now < *until);
        self.suspects.contains_key(&envelope.fingerprint)
    }

    /// Commits the commands, as one batch where that is possible.
    fn commit(&mut self, jobs: &[&Envelope]) -> Vec<Reply> {
        if jobs.is_empty() {
            return Vec::new();
        }
        for attempt in 0..ATTEMPTS {
            let error = match self.attempt(jobs) {
                Ok(replies) => return replies,
                Err(error) => error,
            };
            let (trouble, error) = match error {
                BatchError::Before(error) => (postgres::trouble(&error), error),
                BatchError::Unknown(error) => {
                    metrics::counter!("tradein_book_unknown_commits_total").increment(1);
                    (Trouble::Lost, error)
                }
            };
            tracing::warn!(book = self.book.no, attempt, %error, ?trouble, "book.batch_failed");
            metrics::counter!("tradein_book_batches_failed_total").increment(1);
            match trouble {
                Trouble::Poison => return self.split(jobs),
                Trouble::Lost => self.connection = None,
                Trouble::Retry => self.roll_back(),
            }
            let jitter = rand::rng().random_range(0.5..1.5);
            std::thread::sleep(Duration::from_millis(10 << attempt).mul_f64(jitter));
        }
        if self.connection.is_some() && jobs.len() > 1 {
            // The server answers and this batch never passes: one of it may be the reason.
            return self.split(jobs);
        }
        jobs.iter().map(|_| Reply::Busy).collect()
    }

    /// Runs the batch once.
    ///
    /// After a COMMIT whose outcome is unknown this is also how it becomes known: the new
    /// connection takes the head, which is granted only when the old transaction has ended, and
    /// then reads the keys; a key that is found was committed and is answered from its row, one
    /// that is absent was not and is decided now.
    fn attempt(&mut self, jobs: &[&Envelope]) -> Result<Vec<Reply>, BatchError> {
        if self.connection.is_none() {
            let url = &self.settings.database_url;
            let connected = postgres::clerk_connection(url, self.settings.timeouts);
            self.connection = Some(connected.map_err(|error| {
                let kind = diesel::result::DatabaseErrorKind::ClosedConnection;
                Error::DatabaseError(kind, Box::new(error.to_string()))
            })?);
        }
        let Some(connection) = &mut self.connection else { return Ok(Vec::new()) };
        let offset = self.settings.clock.offset();
        batch::run(connection, &self.book, offset, jobs, &mut self.accounts)
    }

    fn roll_back(&mut self) {
        let done = self.connection.as_mut().map(|c| c.batch_execute("ROLLBACK"));
        if !matches!(done, Some(Ok(()))) {
            self.connection = None;
        }
    }

    /// Halves the batch until the command that breaks it is alone.
    fn split(&mut self, jobs: &[&Envelope]) -> Vec<Reply> {
        self.roll_back();
        match jobs {
            [] => Vec::new(),
            [poison] => {
                metrics::counter!("tradein_book_poison_total").increment(1);
                let (book, request_id) = (self.book.no, &poison.request_id);
                tracing::error!(book, request_id, "book.poison");
                // The zero fingerprint is that of timed jobs, which nobody repeats on purpose.
                if poison.fingerprint != [0; 16] && self.suspects.len() < MOST_SUSPECTS {
                    self.suspects.insert(poison.fingerprint, Instant::now() + SUSPICION);
                }
                vec![Reply::Failed]
            }
            _ => {
                let (left, right) = jobs.split_at(jobs.len() / 2);
                let mut replies = self.commit(left);
                replies.extend(self.commit(right));
                replies
            }
        }
    }
}
