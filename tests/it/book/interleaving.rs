//! Two books that want one register row, step by step. A stress run is weak evidence of an order;
//! here every step is forced.

use crate::support::{TestDb, eventually, save};
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Integer};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use std::time::Duration;
use tradein::book::desk::{Change, Register, Row, Tx};
use tradein::infra::postgres::{Timeouts, clerk_connection};
use tradein::infra::statement::Writes;
use tradein::kernel::id::BookNo;
use tradein::register::model::{Holder, Mark, MarkKey, PersonRef, Quota, Slot, SlotState};
use uuid::Uuid;

fn clerk(db: &TestDb) -> PgConnection {
    let ten = Duration::from_secs(10);
    clerk_connection(&db.app_url(), Timeouts { lock: ten, statement: ten }).unwrap()
}

#[derive(QueryableByName)]
struct Pid {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = BigInt)]
    waiting: i64,
}

fn pid(connection: &mut PgConnection) -> i32 {
    let row: Pid = sql_query("SELECT pg_backend_pid() AS pid").get_result(connection).unwrap();
    row.pid
}

/// Whether a backend waits for another one's transaction.
fn waits(db: &TestDb, pid: i32) -> bool {
    let text =
        format!("SELECT count(*) AS waiting FROM pg_locks WHERE pid = {pid} AND NOT granted");
    let row: Waiting = sql_query(text).get_result(&mut db.owner()).unwrap();
    row.waiting > 0
}

fn key() -> MarkKey {
    MarkKey { bucket: 7, kind: "new_serial".to_owned(), digest: vec![7; 16] }
}

fn quota_key() -> (PersonRef, String) {
    (PersonRef { bucket: 7, id: Uuid::from_u128(7) }, "100000/2040/appliance.tv".to_owned())
}

/// Takes the row of a key, made free where it is new.
fn take<R: Register>(tx: &mut Tx<'_>, key: R::Key) -> QueryResult<R> {
    if R::make(tx, &[R::free(key.clone())])?.is_empty() {
        return Ok(R::lock(tx, &[key])?.remove(0));
    }
    Ok(R::free(key))
}

/// Takes, decides as every command does, and saves; whether it got the mark and the slot.
fn decide(connection: &mut PgConnection, book: BookNo) -> (bool, bool) {
    let now = chrono::Utc::now();
    let mut tx = Tx { connection, book, now };
    let quota: Quota = take(&mut tx, quota_key()).unwrap();
    let mark: Mark = take(&mut tx, key()).unwrap();
    let holder = Holder { book, id: Uuid::from_u128(book as u128) };
    let (open, free) = (mark.is_open_to(holder, now), quota.in_use(now) < 1);
    if open {
        let mut mine = mark.clone();
        mine.hold(holder, None);
        save(&mut tx, Some(&mark), &mine).unwrap();
    }
    if free {
        let mut mine = quota.clone();
        let (province, state) = ("310000".parse().unwrap(), SlotState::Used);
        mine.take(Slot { holder, province, state, until: None, lapse_key: None });
        save(&mut tx, Some(&quota), &mine).unwrap();
    }
    (open, free)
}

#[test]
fn the_second_book_waits_for_the_first_and_then_sees_its_row() {
    for end in ["COMMIT", "ROLLBACK"] {
        let db = TestDb::new().made_up();
        let (mut first, mut second) = (clerk(&db), clerk(&db));
        first.batch_execute("BEGIN").unwrap();
        assert_eq!(decide(&mut first, 1), (true, true));
        let second_pid = pid(&mut second);
        let other = std::thread::spawn(move || {
            second.batch_execute("BEGIN").unwrap();
            let decided = decide(&mut second, 2);
            second.batch_execute("COMMIT").unwrap();
            decided
        });
        eventually("the second waits for the first", || waits(&db, second_pid));
        assert!(!other.is_finished());
        first.batch_execute(end).unwrap();
        let free = end == "ROLLBACK";
        assert_eq!(other.join().unwrap(), (free, free), "after {end}");
    }
}

/// The control: reading first and taking afterwards, two books both find the thing free.
#[test]
fn without_taking_first_both_would_find_it_free() {
    let db = TestDb::new().made_up();
    let (mut first, mut second) = (clerk(&db), clerk(&db));
    let free = |connection: &mut PgConnection, book| {
        let now = chrono::Utc::now();
        let mut tx = Tx { connection, book, now };
        let holder = Holder { book, id: Uuid::from_u128(book as u128) };
        // A lock on a row that is not there locks nothing.
        let locked = "SELECT 1 FROM mark WHERE bucket = 7 AND kind = 'new_serial' FOR UPDATE";
        assert_eq!(sql_query(locked).execute(tx.connection), Ok(0));
        Mark::peek(&mut tx, &[key()]).unwrap().remove(0).is_open_to(holder, now)
    };
    first.batch_execute("BEGIN").unwrap();
    second.batch_execute("BEGIN").unwrap();
    assert!(free(&mut first, 1) && free(&mut second, 2), "both decide that it is free");
    first.batch_execute("ROLLBACK").unwrap();
    second.batch_execute("ROLLBACK").unwrap();
}

/// Keys come to every book in one ascending order, whatever order commands name them in, so two
/// books never wait for each other in a circle. The control takes them in the other order.
#[test]
fn ascending_keys_wait_and_descending_ones_deadlock() {
    for (ascending, deadlocks) in [(true, 0), (false, 1)] {
        let db = TestDb::new().made_up();
        let keys: Vec<MarkKey> =
            (0u8..2).map(|n| MarkKey { digest: vec![n; 16], ..key() }).collect();
        let (mut first, mut second) = (clerk(&db), clerk(&db));
        let pid = pid(&mut second);
        let take = |connection: &mut PgConnection, key: &MarkKey| {
            let mut tx = Tx { connection, book: 1, now: chrono::Utc::now() };
            take::<Mark>(&mut tx, key.clone()).is_ok()
        };
        first.batch_execute("BEGIN").unwrap();
        assert!(take(&mut first, &keys[0]));
        let order = if ascending { [0, 1] } else { [1, 0] };
        let mine: Vec<MarkKey> = order.iter().map(|n| keys[*n].clone()).collect();
        let other = std::thread::spawn(move || {
            second.batch_execute("BEGIN").unwrap();
            let took = mine.iter().all(|key| take(&mut second, key));
            second.batch_execute(if took { "COMMIT" } else { "ROLLBACK" }).unwrap();
            took
        });
        eventually("the second waits", || waits(&db, pid));
        let took = take(&mut first, &keys[1]);
        first.batch_execute(if took { "COMMIT" } else { "ROLLBACK" }).unwrap();
        let failed = usize::from(!took) + usize::from(!other.join().unwrap());
        assert_eq!(failed, deadlocks, "ascending: {ascending}");
    }
}

/// The guard of the writes that run together: one that affects another number of rows than was
/// decided, here because the row has moved on, fails all of them.
#[test]
fn a_write_that_misses_its_row_fails_all_that_run_with_it() {
    let db = TestDb::new().made_up();
    let mut connection = clerk(&db);
    let now = chrono::Utc::now();
    connection.batch_execute("BEGIN").unwrap();
    let mut tx = Tx { connection: &mut connection, book: 1, now };
    let mark: Mark = take(&mut tx, key()).unwrap();
    let quota: Quota = take(&mut tx, quota_key()).unwrap();
    let mut mine = mark.clone();
    mine.hold(Holder { book: 1, id: Uuid::from_u128(1) }, None);
    let older = Mark { version: mark.version - 1, ..mark.clone() };
    let next = Quota { version: quota.version + 1, ..quota.clone() };
    let mut together = |was: &Mark| {
        let mut writes = Writes::default();
        Quota::save(&mut tx, &[Change { was: Some(&quota), now: &next }], &mut writes)?;
        Mark::save(&mut tx, &[Change { was: Some(was), now: &mine }], &mut writes)?;
        writes.run(tx.connection)
    };
    assert_eq!(together(&older), Err(Error::RollbackTransaction));
    connection.batch_execute("ROLLBACK; BEGIN").unwrap();
    let mut tx = Tx { connection: &mut connection, book: 1, now };
    let again: Quota = take(&mut tx, quota_key()).unwrap();
    assert_eq!(again.version, quota.version, "the good write went with the bad one");
    connection.batch_execute("ROLLBACK").unwrap();
}
