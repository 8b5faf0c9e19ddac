//! The door to PostgreSQL: the pool for reads, the clerk's own connection, what a failure means.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::{Connection, ConnectionError};
use std::time::Duration;

pub type ReadPool = Pool<ConnectionManager<PgConnection>>;
pub type PooledRead = PooledConnection<ConnectionManager<PgConnection>>;

/// How long a statement may wait for a lock, and run at all.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub lock: Duration,
    pub statement: Duration,
}

impl Timeouts {
    fn sql(self) -> String {
        format!(
            "SET lock_timeout = {}; SET statement_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; SET TIME ZONE 'UTC'; ",
            self.lock.as_millis(),
            self.statement.as_millis(),
            self.statement.as_millis()
        )
    }
}

#[derive(Debug)]
struct OnAcquire(Timeouts);

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for OnAcquire {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        connection.batch_execute(&self.0.sql()).map_err(diesel::r2d2::Error::QueryError)
    }
}

/// The pool that reads share. It opens no connection before the first read, so that a process
/// starts while the database is away and says so at `/readyz`.
pub fn read_pool(url: &str, size: u32, timeouts: Timeouts) -> ReadPool {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        // A till that waits for half a minute is a till that hangs.
        .connection_timeout(Duration::from_secs(3))
        .connection_customizer(Box::new(OnAcquire(timeouts)))
        .build_unchecked(ConnectionManager::new(url))
}

/// A clerk's own connection.
///
/// A clerk only ever looks rows up by their full key, so its planner is given nothing but
/// indexes: a statement that is planned while a book is empty would otherwise keep a scan of the
/// whole book for ever (measured: 3,600 captures a second instead of 15,000).
pub fn clerk_connection(url: &str, timeouts: Timeouts) -> Result<PgConnection, ConnectionError> {
    let mut connection = PgConnection::establish(url)?;
    let indexes_only = "SET enable_seqscan = off; SET enable_bitmapscan = off; \
         SET enable_hashjoin = off; SET enable_mergejoin = off; \
         SET plan_cache_mode = force_generic_plan; SET jit = off; ";
    connection
        .batch_execute(&(timeouts.sql() + indexes_only))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// What a failed statement means for the batch that it stood in.
///
/// diesel keeps of the SQLSTATE only the kinds below, so lock and statement time-outs (55P03,
/// 57014) and deadlocks (40P01) arrive as `Unknown` together with class 22: such a batch is tried
/// again a bounded number of times and split only after that, which is right for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Passing: the same batch may succeed.
    Retry,
    /// The connection is gone; nothing was committed unless COMMIT had been sent.
    Lost,
    /// A command of the batch breaks a rule of the schema: a bug, to be isolated.
    Poison,
}

pub fn trouble(error: &Error) -> Trouble {
    match error {
        Error::DatabaseError(kind, information) => match kind {
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation
            | DatabaseErrorKind::RestrictViolation => Trouble::Poison,
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                Trouble::Lost
            }
            _ if is_connection_loss(information.message()) => Trouble::Lost,
            _ => Trouble::Retry,
        },
        Error::BrokenTransactionManager => Trouble::Lost,
        // Every value of ours can be written; what fails is the look-up of a composite type, of
        // which diesel tells nothing but that it failed.
        Error::SerializationError(_) => Trouble::Lost,
        _ => Trouble::Poison,
    }
}

/// libpq reports a dropped connection without an SQLSTATE, in its own (untranslated) words.
fn is_connection_loss(message: &str) -> bool {
    ["server closed the connection", "terminating connection", "connection to server", "SSL "]
        .iter()
        .any(|words| message.contains(words))
        || message.contains("no connection to the server")
        || message.contains("the database system is")
}
