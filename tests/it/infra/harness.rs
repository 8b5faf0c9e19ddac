//! The harness itself: databases and Redis of one's own, and the roles that the program expects.

use crate::support::{TestDb, TestRedis};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tradein::infra::migrations;

#[test]
fn every_test_has_a_database_of_its_own() {
    let (one, other) = (TestDb::new(), TestDb::new());
    one.owner().batch_execute("CREATE TABLE mine (id int)").unwrap();
    one.owner().batch_execute("SELECT * FROM mine").unwrap();
    other.owner().batch_execute("SELECT * FROM mine").unwrap_err();
    let url = one.owner_url();
    one.finish();
    PgConnection::establish(&url).map(|_| ()).expect_err("a finished database is dropped");
}

#[test]
fn every_test_has_a_redis_of_its_own() {
    let (one, other) = (TestRedis::new(), TestRedis::new());
    redis::cmd("SET").arg("k").arg("v").exec(&mut one.connect()).unwrap();
    let seen = |test: &TestRedis| {
        redis::cmd("GET").arg("k").query::<Option<String>>(&mut test.connect()).unwrap()
    };
    assert_eq!(seen(&one).as_deref(), Some("v"));
    assert_eq!(seen(&other), None);
}

#[test]
fn the_serving_role_owns_nothing_and_makes_nothing() {
    let db = TestDb::new();
    db.owner()
        .batch_execute("CREATE TABLE ledger (id int); GRANT SELECT ON ledger TO tradein_app")
        .unwrap();
    let mut app = db.app();
    app.batch_execute("SELECT * FROM ledger").unwrap();
    for forbidden in [
        "DELETE FROM ledger",
        "DROP TABLE ledger",
        "CREATE TABLE other (id int)",
        "ALTER TABLE ledger DISABLE TRIGGER ALL",
        "CREATE DATABASE other",
    ] {
        app.batch_execute(forbidden).expect_err(forbidden);
    }
    // A test that tampers needs somebody who may.
    let mut superuser = PgConnection::establish(&db.superuser_url()).unwrap();
    superuser.batch_execute("DELETE FROM ledger").unwrap();
}

#[test]
fn migrations_run_once_even_when_several_instances_start_together() {
    let db = TestDb::empty();
    let url = db.owner_url();
    let pending = migrations::pending(&mut db.app());
    let runs: Vec<Vec<String>> = std::thread::scope(|scope| {
        let instances: Vec<_> = (0..4).map(|_| scope.spawn(|| migrations::run(&url))).collect();
        instances.into_iter().map(|instance| instance.join().unwrap().unwrap()).collect()
    });
    let known = std::fs::read_dir("migrations").unwrap().map(Result::unwrap);
    let known = known.filter(|entry| entry.path().is_dir()).count();
    // The serving role sees it too: it is what /readyz says.
    assert_eq!(migrations::pending(&mut db.app()), 0);
    let mut counts: Vec<usize> = runs.iter().map(Vec::len).collect();
    counts.sort_unstable();
    assert_eq!((counts.as_slice(), pending), ([0, 0, 0, known].as_slice(), known));
}
