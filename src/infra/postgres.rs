//! The door to PostgreSQL: the pool for reads, the clerk's own connection, cached statements.

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

/// Declares a statement that diesel prepares once a connection and keeps.
///
/// `sql_query` is never cached, and the query builder knows neither UNNEST nor LATERAL; a type
/// with a static query id is prepared once. Every `?` takes the next field, in order.
///
/// ```ignore
/// statement! {
///     /// The rows of these keys.
///     pub Find { keys: Array<Uuid> as [uuid::Uuid], book: Integer as i32 } -> (Uuid, BigInt)
///     = "SELECT … FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (… LIMIT 1) r"
/// }
/// ```
#[macro_export]
macro_rules! statement {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($field:ident : $sql:ty as $rust:ty),* $(,)? }
     $(-> ($($out:ty),+ $(,)?))? = $text:expr) => {
        $(#[$doc])*
        $vis struct $name<'a> { $(pub $field: &'a $rust,)* }

        impl $name<'_> {
            pub const SQL: &'static str = $text;
        }

        impl<'a> diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'a> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut parts = Self::SQL.split('?');
                out.push_sql(parts.next().unwrap_or_default());
                $(
                    out.push_bind_param::<$sql, $rust>(self.$field)?;
                    out.push_sql(parts.next().unwrap_or_default());
                )*
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::RunQueryDsl<diesel::pg::PgConnection> for $name<'_> {}

        $(impl diesel::query_builder::Query for $name<'_> {
            type SqlType = ($($out,)+);
        })?
    };
}

/// Declares a composite type of PostgreSQL and how a row of ours is written as one.
///
/// Many rows go to a statement as one array of such records, which `unnest` makes columns of
/// again. An array a column does the same, and PostgreSQL then sets up a scan for each of them:
/// measured on a redemption's 22 columns, 163 us of its CPU against 250 for one row alone, 13
/// against 20 for each of 60.
///
/// ```ignore
/// record! {
///     /// The key of a mark.
///     pub Key = "mark_key" of MarkKey { key => SmallInt: key.bucket, Text: &key.kind }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($(#[$doc:meta])* $vis:vis $name:ident = $postgres:literal of $row:ty {
        $it:ident => $($sql:ty : $value:expr),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, diesel::sql_types::SqlType, diesel::query_builder::QueryId,
        )]
        #[diesel(postgres_type(name = $postgres))]
        $vis struct $name;

        impl diesel::serialize::ToSql<$name, diesel::pg::Pg> for $row {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                let $it = self;
                diesel::serialize::WriteTuple::<($($sql,)+)>::write_tuple(&($($value,)+), out)
            }
        }
    };
}
