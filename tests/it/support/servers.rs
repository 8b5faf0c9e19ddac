//! The PostgreSQL and the Redis of this run.

use super::{addresses, scratch};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use tradein::infra::local::{LocalError, Profile, Role, Stack};
use tradein::infra::migrations;

const TEMPLATE: &str = "tradein_test_template";
const PASSWORD: &str = "tradein";

/// Both servers, with a migrated database to copy.
pub struct Servers {
    source: Source,
    next_database: AtomicU32,
}

enum Source {
    Private(Box<Stack>),
    Given { database_url: String, redis_url: String },
}

impl Servers {
    /// The servers that all tests share. They end with the process.
    pub fn shared() -> Arc<Servers> {
        static SHARED: OnceLock<Arc<Servers>> = OnceLock::new();
        let start =
            || Servers::prepared(given().unwrap_or_else(|| Source::Private(Box::new(a_stack()))));
        Arc::clone(SHARED.get_or_init(start))
    }

    /// Servers for a test that kills or pauses them. They end with the last who holds them.
    pub fn private() -> Arc<Servers> {
        Servers::prepared(Source::Private(Box::new(a_stack())))
    }

    /// The processes, to be killed and paused.
    pub fn stack(&self) -> &Stack {
        match &self.source {
            Source::Private(stack) => stack,
            Source::Given { .. } => panic!("only private servers may be broken"),
        }
    }

    /// The address of a database for a role.
    pub fn database_url(&self, role: Role, database: &str) -> String {
        match &self.source {
            Source::Private(stack) => stack.url(role, database),
            Source::Given { database_url, .. } if role == Role::Superuser => {
                addresses::postgres(database_url, addresses::user(database_url), database)
            }
            Source::Given { database_url, .. } => {
                let user = format!("{}:{PASSWORD}", role.name());
                addresses::postgres(database_url, &user, database)
            }
        }
    }

    /// The address of a logical database of Redis.
    pub fn redis_url(&self, database: u32) -> String {
        match &self.source {
            Source::Private(stack) => addresses::redis(&stack.redis_url(), database),
            Source::Given { redis_url, .. } => addresses::redis(redis_url, database),
        }
    }

    /// Copies the migrated database; the name is the copy's.
    pub(super) fn copy_template(&self) -> String {
        self.create_database(TEMPLATE)
    }

    /// Makes a database without anything in it.
    pub(super) fn create_empty(&self) -> String {
        self.create_database("template1")
    }

    fn create_database(&self, template: &str) -> String {
        let number = self.next_database.fetch_add(1, Ordering::Relaxed);
        let name = format!("tradein_test_{number}");
        self.administrate(&format!(
            "CREATE DATABASE {name} TEMPLATE {template} OWNER tradein_owner"
        ));
        name
    }

    /// Drops a database, also under those who still use it.
    pub(super) fn drop_database(&self, name: &str) -> Result<(), Box<dyn std::error::Error>> {
        let url = self.database_url(Role::Superuser, "postgres");
        let mut connection = PgConnection::establish(&url)?;
        connection.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
        Ok(())
    }

    fn administrate(&self, statement: &str) {
        self.superuser().batch_execute(statement).expect(statement);
    }

    fn superuser(&self) -> PgConnection {
        let url = self.database_url(Role::Superuser, "postgres");
        PgConnection::establish(&url).expect("the test server takes its superuser's connection")
    }

    /// Removes what a killed run left behind, and migrates a fresh template.
    fn prepared(source: Source) -> Arc<Servers> {
        #[derive(QueryableByName)]
        struct Database {
            #[diesel(sql_type = Text)]
            datname: String,
        }
        let servers = Servers { source, next_database: AtomicU32::new(1) };
        if matches!(servers.source, Source::Given { .. }) {
            servers.administrate(&roles());
        }
        let left = "SELECT datname::text FROM pg_database WHERE datname LIKE 'tradein\\_test\\_%'";
        let left: Vec<Database> =
            sql_query(left).load(&mut servers.superuser()).expect("databases can be listed");
        for database in left {
            servers.drop_database(&database.datname).expect("what is left can be dropped");
        }
        servers.administrate(&format!("CREATE DATABASE {TEMPLATE} OWNER tradein_owner"));
        migrations::run(&servers.database_url(Role::Owner, TEMPLATE))
            .expect("the migrations run on an empty database");
        Arc::new(servers)
    }
}

/// A private stack makes its roles itself and lets them in without a password.
fn roles() -> String {
    let role = |name: &str| {
        format!(
            "DO $$ BEGIN CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';
             EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        )
    };
    let read_only = "ALTER ROLE tradein_auditor SET default_transaction_read_only = on;";
    let roles = [Role::Owner, Role::App, Role::Auditor].map(|it| role(it.name()));
    roles.concat() + read_only
}

fn given() -> Option<Source> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let database_url = variable("TRADEIN_TEST_DATABASE_URL");
    let redis_url = variable("TRADEIN_TEST_REDIS_URL");
    match (database_url, redis_url) {
        (Some(database_url), Some(redis_url)) => Some(Source::Given { database_url, redis_url }),
        (None, None) => None,
        _ => panic!("set both TRADEIN_TEST_DATABASE_URL and TRADEIN_TEST_REDIS_URL, or neither"),
    }
}

/// A stack in the first of the lasting folders that is free and reachable.
fn a_stack() -> Stack {
    let [preferred, other] = scratch::lasting_folders();
    let stack = match stack_below(&preferred) {
        Err(LocalError::Unreachable { .. }) => stack_below(&other),
        tried => tried,
    };
    stack.unwrap_or_else(|error| {
        panic!(
            "the tests need PostgreSQL and Redis: {error}\n(they keep their data in {} or {}; \
             after a power cut remove it)",
            preferred.display(),
            other.display()
        )
    })
}

/// Several runs and several private stacks may want one at the same time.
fn stack_below(folder: &Path) -> Result<Stack, LocalError> {
    let mut number = 0;
    loop {
        let slot = folder.join(format!("stack-{number}"));
        match Stack::start(&slot, Profile::Test) {
            Err(LocalError::InUse { .. }) => number += 1,
            // An upgrade of PostgreSQL makes the kept data worthless, not the tests.
            Err(LocalError::OtherMajor { folder, .. }) => {
                std::fs::remove_dir_all(&folder).expect("a test's own data can be removed");
            }
            tried => return tried,
        }
    }
}
