//! What every test stands on.
//!
//! A test that needs a database says `let db = TestDb::new();`, one that needs Redis says
//! `let redis = TestRedis::new();`. When `db` goes, the invariants are checked on the database
//! and it is dropped. A test that breaks servers takes a pair of its own, `Servers::private()`.
//!
//! Without the server programs a test fails, it is never skipped. To use servers that run
//! elsewhere, set `TRADEIN_TEST_DATABASE_URL` (a superuser's, with a password or without) and
//! `TRADEIN_TEST_REDIS_URL`; only one run at a time may use them.

pub mod addresses;
pub mod chromium;
pub mod database;
pub mod instance;
pub mod invariants;
pub mod logs;
pub mod privacy;
pub mod processes;
pub mod races;
pub mod redis;
pub mod scratch;
pub mod servers;
pub mod world;

pub use database::TestDb;
pub use redis::TestRedis;
pub use scratch::Scratch;
pub use servers::Servers;

use diesel::QueryResult;
use std::time::{Duration, Instant};
use tradein::book::desk::{Change, Row, Tx};
use tradein::infra::statement::Writes;

/// Waits until something has become true, and fails the test if it has not after half a minute.
#[track_caller]
pub fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_true() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Saves one row, as a batch saves its rows.
pub fn save<R: Row>(tx: &mut Tx<'_>, was: Option<&R>, now: &R) -> QueryResult<()> {
    let mut writes = Writes::default();
    R::save(tx, &[Change { was, now }], &mut writes)?;
    writes.run(tx.connection)
}
