//! The steps that bring a database to this program's schema, built into the program.

use anyhow::{Context, anyhow};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
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
    let run: Vec<String> = run.iter().map(ToString::to_string).collect();
    // The serving role says whether it is ready, and for that must see what was run.
    connection.batch_execute("GRANT SELECT ON __diesel_schema_migrations TO tradein_app")?;
    Ok(run)
}

/// A step that was run.
#[derive(QueryableByName)]
struct Run {
    #[diesel(sql_type = Text)]
    version: String,
}

/// How many steps this database has not seen; all of them where it cannot say. Diesel's own
/// question would begin by making its table, which the serving role may not.
pub fn pending(connection: &mut PgConnection) -> usize {
    let run = sql_query("SELECT version FROM __diesel_schema_migrations").load(connection);
    let run: Vec<Run> = run.unwrap_or_default();
    let steps = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    let unseen = |version: String| !run.iter().any(|step| step.version == version);
    steps.iter().filter(|step| unseen(step.name().version().to_string())).count()
}
