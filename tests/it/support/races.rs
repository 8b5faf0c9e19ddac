//! What a race leaves behind in the database.

use super::TestDb;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

#[derive(Debug, PartialEq, Eq, QueryableByName)]
pub struct Lost {
    #[diesel(sql_type = BigInt)]
    pub rollbacks: i64,
    #[diesel(sql_type = BigInt)]
    pub deadlocks: i64,
}

/// How many transactions of a test's database were rolled back, and how many of them were
/// deadlocks. It ends every other connection, since a backend tells its numbers when it ends.
pub fn lost(db: &TestDb) -> Lost {
    let mut superuser: diesel::PgConnection =
        diesel::Connection::establish(&db.superuser_url()).expect("a connection");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sql_query(end).execute(&mut superuser).expect("the others end");
    super::eventually("the others have ended", || {
        let text = "SELECT count(*) AS rollbacks, 0::bigint AS deadlocks FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let left: Lost = sql_query(text).get_result(&mut superuser).expect("a count");
        left.rollbacks == 0
    });
    let text = "SELECT xact_rollback AS rollbacks, deadlocks FROM pg_stat_database \
                WHERE datname = current_database()";
    sql_query(text).get_result(&mut superuser).expect("the numbers of the database")
}
