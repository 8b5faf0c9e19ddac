//! The steps that bring a database to this program's schema, built into the program.

use anyhow::{Context, anyhow};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
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

/// How many steps this database has not seen; as many as there are where it cannot say.
pub fn pending(connection: &mut PgConnection) -> usize {
    connection.pending_migrations(MIGRATIONS).map_or(usize::MAX, |steps| steps.len())
}
