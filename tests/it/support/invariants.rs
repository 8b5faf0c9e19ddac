//! What must hold in every database, whatever a test did to it.

use diesel::PgConnection;
use tradein::audit;

/// Replays every book of a database, and panics with each difference between the rows and what
/// the entries add up to. It is called for every test's database when the test has passed, as the
/// role that owns it.
pub fn check(connection: &mut PgConnection) {
    let report = audit::run(connection).expect("the database can be read");
    let differences = report.differences.join("\n");
    assert!(differences.is_empty(), "the rows are not what the entries add up to:\n{differences}");
}
