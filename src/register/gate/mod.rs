//! Redis before the per-person caps and before a drop's money: it turns the crowd away early and
//! decides nothing.
//!
//! - **Postgres is the truth.** Every entry in Redis is a copy of a quota row or of a tranche and
//!   carries the epoch and a version. It may be missing, old or wrong: that costs a read or a
//!   refusal by Postgres, never a wrong grant (invariant 13).
//! - **A no is verified.** "Quota used up" and "sold out" are told only after Postgres has said
//!   the same, and only to a request whose idempotency key the book has not answered: such a
//!   request goes on to the clerk, which has its answer.
//! - **Redis is never waited for.** Time-outs are short, nothing is sent twice, and behind an
//!   open breaker a bounded number of claims goes to Postgres alone; the others are told to come
//!   again.
//! - **No identity.** A person's keys are named by a digest under a key that serves nothing else;
//!   the rest of a key is his bucket and the quota key (invariant 10).
//!
//! ```text
//! {b<bucket>}:q:<tag>        hash: e (epoch), u:<quota key> (used), v:<quota key> (version)
//! {b<bucket>}:r:<tag>:<key>  sorted set: reservation by its end in ms, Redis' own clock
//! {t<book>:<name>}:m         hash: e, seq (size of the book's log at the read), left (fen)
//! {t<book>:<name>}:h, :t     hash: token by hold; sorted set: token by its end
//! {gate}:<cluster>           hash: e, server, at: what the last look left
//! ```
//!
//! A claim: [`Gate::admit`], then `Books::submit`, then [`Gate::settle`] with what came out. Any
//! other change of a quota row: [`Gate::confirm`]. Timed: [`Gate::look`] and [`Gate::reconcile`],
//! each about every second.
//!
//! Cost: an admitted claim is one script call for the person and one for each tranche, the same
//! after it. A refused one is one more read of Postgres by primary keys.

mod admit;
mod check;
mod epoch;
mod link;
mod lookups;
mod person;
mod store;
mod tranche;

pub use admit::{Asking, Outcome, Pass, TurnedAway};
pub use check::{Finding, Report};
pub use epoch::{Epoch, Ground};
pub use link::{Away, Patience};
pub use person::{Admission, Written};
pub use store::QuotaRead;
pub use tranche::{Take, Tranche};

use super::store::PersonKey;
use crate::infra::clock::Clock;
use crate::infra::postgres::ReadPool;
use link::Link;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many people may be verified or loaded at once without waiting for one another by chance.
const LANES: usize = 1024;

/// What the gate is given.
#[derive(Clone, Copy, Debug)]
pub struct GateSettings {
    pub patience: Patience,
    /// How long a reservation or a token lives that nobody settles, in real seconds: longer than
    /// a claim may take, since one that is over too early lets one claim too many through to
    /// Postgres, which refuses it.
    pub reservation: Duration,
    /// How long an entry lives before it is loaded anew, give or take a quarter. It bounds a
    /// divergence that nobody noticed.
    pub entry: Duration,
    /// How many claims may be with Postgres at once while Redis is away.
    pub postgres_only: usize,
    /// How many reads the gate may have at Postgres at once.
    pub reads: usize,
    /// How long a claim waits for its turn to read before it is told to come again.
    pub read_wait: Duration,
}

impl Default for GateSettings {
    fn default() -> GateSettings {
        GateSettings {
            patience: Patience { answer: Duration::from_millis(80), failures: 5 },
            reservation: Duration::from_secs(30),
            entry: Duration::from_secs(6 * 3600),
            postgres_only: 32,
            reads: 4,
            read_wait: Duration::from_secs(1),
        }
    }
}

/// The gate of one process. Cheap to clone; all clones are one gate.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

/// What the clones of a gate share; reached through `Deref`.
pub struct Inner {
    link: Link,
    pool: ReadPool,
    clock: Arc<Clock>,
    settings: GateSettings,
    tag_key: [u8; 32],
    ground: RwLock<Option<Ground>>,
    memory: tokio::sync::Mutex<epoch::Memory>,
    /// Quotas whose confirmation was lost: read and loaded again by the next look.
    missed: Mutex<HashSet<PersonKey>>,
    distrust: AtomicBool,
    postgres_only: Arc<Semaphore>,
    reads: Semaphore,
    lanes: Vec<tokio::sync::Mutex<()>>,
    tranches: tranche::Known,
    lookups: lookups::Lookups,
}

impl std::ops::Deref for Gate {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Gate {
    /// Makes the gate of this process. Redis and Postgres may both be away.
    ///
    /// # Errors
    /// An address of Redis that is none.
    pub fn new(
        redis_url: &str,
        redis_tag_key: [u8; 32],
        pool: ReadPool,
        clock: Arc<Clock>,
        settings: GateSettings,
    ) -> redis::RedisResult<Gate> {
        Ok(Gate(Arc::new(Inner {
            link: Link::new(redis_url, settings.patience)?,
            pool,
            clock,
            settings,
            tag_key: redis_tag_key,
            ground: RwLock::default(),
            memory: tokio::sync::Mutex::default(),
            missed: Mutex::default(),
            distrust: AtomicBool::new(false),
            postgres_only: Arc::new(Semaphore::new(settings.postgres_only)),
            reads: Semaphore::new(settings.reads),
            lanes: (0..LANES).map(|_| tokio::sync::Mutex::default()).collect(),
            tranches: tranche::Known::default(),
            lookups: lookups::Lookups::default(),
        })))
    }

    /// The epoch that this process believes in; none before its first look.
    pub fn epoch(&self) -> Option<Epoch> {
        self.ground().map(|ground| ground.epoch)
    }

    /// Whether Redis is not asked at present.
    pub fn is_open(&self) -> bool {
        self.link.is_open()
    }
}

impl Inner {
    fn ground(&self) -> Option<Ground> {
        *self.ground.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_ground(&self, ground: Option<Ground>) {
        *self.ground.write().unwrap_or_else(PoisonError::into_inner) = ground;
    }

    fn missed(&self) -> MutexGuard<'_, HashSet<PersonKey>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
