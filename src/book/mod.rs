//! Where every change is committed.
//!
//! A book holds the money and the order of one operating region, family and year
//! (`310000/appliance/2026`). Book 0 is the register book: it has no money, and every change
//! outside a money book is a command of it. One clerk a book and process drains waiting commands
//! and commits up to a batch of them as one transaction:
//!
//! 1. lock the head row, the fence between instances; take the database's time;
//! 2. look up the idempotency keys;
//! 3. load what the commands need, registers last (made where absent, and locked, in one order);
//! 4. decide each in memory, in the order of arrival;
//! 5. build the entries, extend the Merkle frontier, compute the root;
//! 6. write everything as one statement of set-based parts, commit, answer.
//!
//! Invariants kept here: 3 and 5 (a draft whose legs do not balance, or would take a bucket below
//! zero, undoes its command), 4 (an answer leaves only after the commit; an unknown commit is
//! resolved under the head's lock), 6 (sequence numbers and root are given under that lock), 7
//! (the answer is stored with the effect, and replayed byte-equal), 9 (time never runs back).
//!
//! Lock order: head, then quotas, marks, tallies, each ascending. Book tables need no lock, since
//! every writer of a book holds its head. Nothing waits while saving.
//!
//! Cost: one batch is a fixed number of statements, however many commands it has; for a lone
//! command each is a round trip, which is why its writes share one.

mod answer;
mod batch;
mod clerk;
pub mod desk;
mod envelope;
mod dry;
pub mod entries;
pub mod fold;
pub mod log;
pub mod model;
pub mod open;
pub mod publish;
pub mod role;
pub mod stamp;
pub mod store;
mod table;
mod things;

pub use answer::{Answered, REPLAYED};
pub use clerk::ClerkSettings;
pub use envelope::{Envelope, Reply};

use crate::http::problem::Problem;
use crate::infra::postgres::ReadPool;
use crate::kernel::id::BookNo;
use crate::kernel::region::Region;
use clerk::Job;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The register book.
pub const REGISTER: BookNo = 0;

/// What never changes of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookInfo {
    pub no: BookNo,
    pub region: Region,
    pub family: String,
    pub year: i32,
    /// `310000/appliance/2026`; of the register book `register`.
    pub name: String,
}

impl BookInfo {
    pub fn new(no: BookNo, region: Region, family: &str, year: i32) -> BookInfo {
        let name = match no {
            REGISTER => "register".to_owned(),
            _ => format!("{region}/{family}/{year}"),
        };
        BookInfo { no, region, family: family.to_owned(), year, name }
    }
}

/// The books of a deployment, and the clerks of those that this process writes.
pub struct Books {
    settings: ClerkSettings,
    pool: ReadPool,
    known: Mutex<HashMap<BookNo, Arc<BookInfo>>>,
    clerks: Mutex<HashMap<BookNo, mpsc::Sender<Job>>>,
}

impl Books {
    pub fn new(settings: ClerkSettings, pool: ReadPool) -> Books {
        Books { settings, pool, known: Mutex::default(), clerks: Mutex::default() }
    }

    /// Hands a command to the clerk of its book and waits for what becomes of it.
    ///
    /// # Errors
    /// 503 at once where the queue is full or the database is away, 500 for a bug, 404 where
    /// there is no such book. A [`Reply::Stale`] is given back: its handler screens again.
    pub async fn submit(&self, book: BookNo, envelope: Envelope) -> Result<Reply, Problem> {
        let info = self.info(book).await?.ok_or_else(Problem::not_found)?;
        let (reply, answered) = oneshot::channel();
        let job = Job { envelope, reply };
        if self.clerk(info).try_send(job).is_err() {
            metrics::counter!("tradein_book_turned_away_total").increment(1);
            return Err(Problem::busy(1));
        }
        match answered.await {
            Ok(Reply::Busy) | Err(_) => Err(Problem::busy(1)),
            Ok(Reply::Failed) => Err(Problem::internal()),
            Ok(reply) => Ok(reply),
        }
    }

    /// What is known of a book; read from the database where it is new to this process.
    pub async fn info(&self, book: BookNo) -> Result<Option<Arc<BookInfo>>, Problem> {
        if let Some(info) = locked(&self.known).get(&book) {
            return Ok(Some(info.clone()));
        }
        self.refresh().await?;
        Ok(locked(&self.known).get(&book).cloned())
    }

    /// The book of an operating region, family and year.
    pub async fn find(
        &self,
        region: Region,
        family: &str,
        year: i32,
    ) -> Result<Option<Arc<BookInfo>>, Problem> {
        if let Some(info) = self.known(region, family, year) {
            return Ok(Some(info));
        }
        self.refresh().await?;
        Ok(self.known(region, family, year))
    }

    /// The same as far as this process has read it: no read for a caller whom nobody knows yet.
    pub fn known(&self, region: Region, family: &str, year: i32) -> Option<Arc<BookInfo>> {
        let same = |b: &&Arc<BookInfo>| {
            b.no != REGISTER && b.region == region && b.family == family && b.year == year
        };
        locked(&self.known).values().find(same).cloned()
    }

    /// All books, in the order of their numbers.
    pub async fn all(&self) -> Result<Vec<Arc<BookInfo>>, Problem> {
        self.refresh().await?;
        let mut all: Vec<Arc<BookInfo>> = locked(&self.known).values().cloned().collect();
        all.sort_by_key(|book| book.no);
        Ok(all)
    }

    async fn refresh(&self) -> Result<(), Problem> {
        let books = read(&self.pool, store::list_books).await?;
        let mut known = locked(&self.known);
        for book in books {
            known.entry(book.no).or_insert_with(|| Arc::new(book));
        }
        Ok(())
    }

    fn clerk(&self, info: Arc<BookInfo>) -> mpsc::Sender<Job> {
        let mut clerks = locked(&self.clerks);
        match clerks.get(&info.no) {
            Some(clerk) if !clerk.is_closed() => clerk.clone(),
            _ => {
                let no = info.no;
                let clerk = clerk::start(info, self.settings.clone());
                clerks.insert(no, clerk.clone());
                clerk
            }
        }
    }
}

/// A lock whose holder panicked still guards whole values: each is replaced in one step.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a read on a blocking thread with a connection of the pool.
///
/// # Errors
/// 503 where no connection could be had or the read failed; the cause is logged.
pub async fn read<T: Send + 'static>(
    pool: &ReadPool,
    work: impl FnOnce(&mut diesel::PgConnection) -> diesel::QueryResult<T> + Send + 'static,
) -> Result<T, Problem> {
    let pool = pool.clone();
    let done = tokio::task::spawn_blocking(move || {
        let mut connection = pool.get().map_err(|error| error.to_string())?;
        work(&mut connection).map_err(|error| error.to_string())
    });
    match done.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::warn!(%error, "read.failed");
            Err(Problem::busy(1))
        }
        Err(error) => {
            tracing::error!(%error, "read.panicked");
            Err(Problem::internal())
        }
    }
}
