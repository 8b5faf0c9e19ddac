//! PostgreSQL and Redis together, with the roles and the database that the program expects.

use super::Profile;
use super::error::LocalError;
use super::folder::Folder;
use super::run_as::RunAs;
use super::server::Server;
use super::{postgres, redis, url};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::path::{Path, PathBuf};

/// Who connects to PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Makes databases and kills connections; for the supervisor and the test harness.
    Superuser,
    /// Owns the tables and runs migrations.
    Owner,
    /// Serves requests, with only what migrations grant it: that keeps the ledger append-only.
    App,
    /// Reads the views that auditors have, and nothing else.
    Auditor,
}

impl Role {
    /// The name of the role in PostgreSQL.
    pub fn name(self) -> &'static str {
        match self {
            Role::Superuser => postgres::SUPERUSER,
            Role::Owner => "tradein_owner",
            Role::App => "tradein_app",
            Role::Auditor => "tradein_auditor",
        }
    }
}

/// Both servers, running. Dropping it stops them.
#[derive(Debug)]
pub struct Stack {
    // Fields are dropped in this order: the servers end before the folder's lock is released.
    redis: Server,
    postgres: Server,
    folder: Folder,
}

/// The database of a stack; the harness makes others beside it.
const DATABASE: &str = "tradein";

/// Makes what is missing of the roles and the database. `CREATE DATABASE` cannot stand in a
/// block, so it is asked for by itself.
const ROLES: &str = "
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tradein_owner') THEN
            CREATE ROLE tradein_owner LOGIN;
        END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tradein_app') THEN
            CREATE ROLE tradein_app LOGIN;
        END IF;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tradein_auditor') THEN
            CREATE ROLE tradein_auditor LOGIN;
            ALTER ROLE tradein_auditor SET default_transaction_read_only = on;
        END IF;
    END $$";

impl Stack {
    /// Starts both servers in a folder, which is made if it is new, and returns when both answer.
    pub fn start(folder: impl Into<PathBuf>, profile: Profile) -> Result<Stack, LocalError> {
        let run_as = RunAs::choose()?;
        let folder = Folder::take(&folder.into(), &run_as)?;
        let stack = Stack {
            redis: redis::prepare(&folder, &run_as)?,
            postgres: postgres::prepare(&folder, profile, &run_as)?,
            folder,
        };
        stack.postgres.start()?;
        stack.redis.start()?;
        stack.set_up().map_err(|error| LocalError::SetUp(error.to_string()))?;
        Ok(stack)
    }

    /// Where both servers keep their data, without symbolic links.
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The PostgreSQL server, to be killed, paused and started again.
    pub fn postgres(&self) -> &Server {
        &self.postgres
    }

    /// The Redis server, to be killed, paused and started again.
    pub fn redis(&self) -> &Server {
        &self.redis
    }

    /// The address of the database for the role that owns it and migrates it.
    pub fn owner_url(&self) -> String {
        self.url(Role::Owner, DATABASE)
    }

    /// The address of the database for the role that serves.
    pub fn app_url(&self) -> String {
        self.url(Role::App, DATABASE)
    }

    /// The address of any database of this server.
    pub fn url(&self, role: Role, database: &str) -> String {
        url::postgres(role.name(), database, self.folder.sockets())
    }

    /// The address of Redis' database 0; others by adding `?db=7`.
    pub fn redis_url(&self) -> String {
        url::redis(self.folder.sockets())
    }

    /// Stops both servers, Redis first: what it knows comes from PostgreSQL.
    pub fn stop(self) {
        drop(self);
    }

    fn set_up(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection = PgConnection::establish(&self.url(Role::Superuser, "postgres"))?;
        connection.batch_execute(ROLES)?;
        let known = "SELECT FROM pg_database WHERE datname = 'tradein'";
        if diesel::RunQueryDsl::execute(diesel::sql_query(known), &mut connection)? == 0 {
            connection.batch_execute("CREATE DATABASE tradein OWNER tradein_owner")?;
        }
        Ok(())
    }
}
