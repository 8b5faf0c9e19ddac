//! The steps that bring a database to this program's schema, built into the program.

use anyhow::{Context, anyhow};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The number of our advisory lock, "tradein" in ASCII. Diesel takes no lock of its own, and
/// several instances may start at once.
const LOCK: i64 = 0x0074_7261_6465_696e;

/// Runs what the database has not seen yet, one process at a time, and returns the versions that
/// were run. The address is that of the role that owns the database.
pub fn run(owner_url: &str) -> anyhow::Result<Vec<String>> {
    let mut connection =
        PgConnection::establish(owner_url).context("cannot connect to the database")?;
    // The lock belongs to the connection, so it ends with it, also after an error.
    connection.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
    let run = connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| anyhow!("a migration failed: {error}"))?;
    Ok(run.iter().map(ToString::to_string).collect())
}

/// How many steps this database has not seen, as the serving role sees it: diesel's own way to
/// ask begins by making its table, which that role may not. Before the first step the table is
/// not there at all.
///
/// # Errors
/// A database that does not answer.
pub fn pending(connection: &mut PgConnection) -> QueryResult<usize> {
    let mut known: Vec<String> = MigrationSource::<Pg>::migrations(&MIGRATIONS)
        .unwrap_or_default()
        .iter()
        .map(|step| step.name().version().to_string())
        .collect();
    let readable = "SELECT coalesce(has_table_privilege(\
         to_regclass('__diesel_schema_migrations'), 'SELECT'), false) AS yes";
    if !sql_query(readable).get_result::<Readable>(connection)?.yes {
        return Ok(known.len());
    }
    let run = sql_query("SELECT version::text AS version FROM __diesel_schema_migrations");
    let run: Vec<Run> = run.load(connection)?;
    known.retain(|version| !run.iter().any(|run| run.version == *version));
    Ok(known.len())
}

#[derive(QueryableByName)]
struct Readable {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Run {
    #[diesel(sql_type = Text)]
    version: String,
}
