//! A database for one test.

use super::{Servers, invariants};
use diesel::{Connection, PgConnection};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use tradein::infra::local::Role;

/// A migrated database of its own. When it goes, the invariants are checked on it and it is
/// dropped.
pub struct TestDb {
    servers: Arc<Servers>,
    name: String,
    is_made_up: bool,
}

impl TestDb {
    /// On the servers that all tests share.
    pub fn new() -> TestDb {
        TestDb::on(Servers::shared())
    }

    /// On servers that this test may break.
    pub fn on(servers: Arc<Servers>) -> TestDb {
        let name = servers.copy_template();
        TestDb { servers, name, is_made_up: false }
    }

    /// Not migrated: the test does that itself, before it ends.
    pub fn empty() -> TestDb {
        let servers = Servers::shared();
        let name = servers.create_empty();
        TestDb { servers, name, is_made_up: false }
    }

    /// The test writes rows that no entry stands behind, so nothing is replayed at its end.
    pub fn made_up(mut self) -> TestDb {
        self.is_made_up = true;
        self
    }

    /// For the role that owns the tables.
    pub fn owner_url(&self) -> String {
        self.servers.database_url(Role::Owner, &self.name)
    }

    /// For the role that serves requests: what the program under test gets.
    pub fn app_url(&self) -> String {
        self.servers.database_url(Role::App, &self.name)
    }

    /// For the role that may do anything, also tamper with the ledger.
    pub fn superuser_url(&self) -> String {
        self.servers.database_url(Role::Superuser, &self.name)
    }

    /// For the role that auditors with tools of their own sign in as.
    pub fn auditor(&self) -> PgConnection {
        connect(&self.servers.database_url(Role::Auditor, &self.name))
    }

    /// A connection of the role that owns the tables.
    pub fn owner(&self) -> PgConnection {
        connect(&self.owner_url())
    }

    /// A connection of the role that sees and may do everything.
    pub fn superuser(&self) -> PgConnection {
        connect(&self.superuser_url())
    }

    /// A connection of the role that serves requests.
    pub fn app(&self) -> PgConnection {
        connect(&self.app_url())
    }

    /// Ends the test's database where the test says so, instead of where it goes out of scope.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        // A second panic would end the whole run and hide the first.
        if std::thread::panicking() {
            let _ = self.servers.drop_database(&self.name);
            return;
        }
        let checked = catch_unwind(AssertUnwindSafe(|| {
            if !self.is_made_up {
                invariants::check(&mut self.owner());
            }
        }));
        let dropped = self.servers.drop_database(&self.name);
        checked.unwrap_or_else(|broken| resume_unwind(broken));
        dropped.expect("a test's database can be dropped");
    }
}

fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("the test's database takes a connection")
}
