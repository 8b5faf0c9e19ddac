//! Every statement on a book's own tables: head, entries, balances, answers.

mod role;
mod rows;

pub use role::read_role;
pub use rows::{Appropriation, BookList, Stamp, Tranche, find_stamps, list_books};

use super::model::{Bucket, Moneys};
use crate::book::log::NewEntry;
use crate::infra::statement::Writes;
use crate::kernel::merkle::Frontier;
use crate::{part, record, statement};
use chrono::{DateTime, Utc};
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use std::collections::HashMap;
use uuid::Uuid;

statement! {
    /// Locks the head of a book: the fence between instances. The time is the database's.
    pub LockHead { book: Integer as i32 }
    -> (Text, BigInt, Binary, Timestamptz, Timestamptz)
    = "SELECT state, size, frontier, last_at, clock_timestamp() FROM book_head \
       WHERE book_id = ? FOR UPDATE"
}

statement! {
    pub FindAnswers { keys: Array<Binary> as [&'a [u8]], book: Integer as i32 }
    -> (Binary, Binary, SmallInt, Binary)
    = "SELECT a.key, a.fingerprint, a.status, a.body FROM unnest(?::bytea[]) u(k) \
       CROSS JOIN LATERAL (SELECT key, fingerprint, status, body FROM answer \
       WHERE book_id = ? AND key = u.k LIMIT 1) a"
}

statement! {
    pub LoadBalances { accounts: Array<Text> as [&'static str], book: Integer as i32 }
    -> (Text, BigInt)
    = "SELECT b.account, b.fen FROM unnest(?::text[]) u(k) \
       CROSS JOIN LATERAL (SELECT account, fen FROM balance \
       WHERE book_id = ? AND account = u.k LIMIT 1) b"
}

statement! {
    /// The condition on the kind is that of the index, word for word.
    pub ListCourses { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, BigInt, Text, Timestamptz)
    = "SELECT e.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT about, seq, kind, at \
       FROM entry WHERE book_id = ? AND about = u.id \
       AND (kind LIKE 'application.%' OR kind LIKE 'review.%')) e"
}

record! {
    /// An entry that a batch appends.
    pub EntryRecord = "entry_row" of NewEntry {
        entry => BigInt: entry.seq, Text: entry.kind, SqlUuid: entry.about, Binary: &entry.leaf,
        Binary: entry.leaf_hash.as_slice(), Array<Text>: entry.accounts(),
        Array<BigInt>: entry.amounts(),
    }
}

part! {
    pub InsertEntries<'r> {
        book: Integer as i32, at: Timestamptz as DateTime<Utc>,
        rows: Array<EntryRecord> as &'r [NewEntry]
    } = "INSERT INTO entry (book_id, at, seq, kind, about, leaf, leaf_hash, accounts, amounts) \
         SELECT ?::integer, ?::timestamptz, u.seq, u.kind, u.about, u.leaf, u.leaf_hash, \
         u.accounts, u.amounts FROM unnest(?::entry_row[]) u"
}

/// The answer that a book gives to an idempotency key, for good.
#[derive(Debug)]
pub struct NewAnswer<'a> {
    pub key: [u8; 16],
    pub fingerprint: [u8; 16],
    pub status: i16,
    pub body: &'a [u8],
    /// The codes of a refusal, and the digest of the rules that refused.
    pub codes: &'a [String],
    pub rule: Option<&'a [u8]>,
}

record! {
    pub AnswerRecord = "answer_row" of NewAnswer<'_> {
        answer => Binary: answer.key.as_slice(), Binary: answer.fingerprint.as_slice(),
        SmallInt: answer.status, Binary: answer.body, Array<Text>: answer.codes,
        Nullable<Binary>: answer.rule,
    }
}

part! {
    pub InsertAnswers<'r> {
        book: Integer as i32, at: Timestamptz as DateTime<Utc>,
        rows: Array<AnswerRecord> as Vec<NewAnswer<'r>>
    } = "INSERT INTO answer (book_id, at, key, fingerprint, status, body, codes, rule) \
         SELECT ?::integer, ?::timestamptz, u.key, u.fingerprint, u.status, u.body, u.codes, \
         u.rule FROM unnest(?::answer_row[]) u"
}

part! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub AddBalances {
        book: Integer as i32, accounts: Array<Text> as Vec<&'static str>,
        changes: Array<BigInt> as Vec<i64>
    } = "UPDATE balance b SET fen = b.fen + u.change FROM (SELECT ?::integer AS book, u.* \
         FROM unnest(?::text[], ?::bigint[]) u(account, change) OFFSET 0) u \
         WHERE b.book_id = u.book AND b.account = u.account"
}

part! {
    pub SaveHead<'r> {
        state: Text as &'r str, size: BigInt as i64, frontier: Binary as Vec<u8>,
        root: Binary as Vec<u8>, at: Timestamptz as DateTime<Utc>, book: Integer as i32,
        was: BigInt as i64
    } = "UPDATE book_head SET state = ?, size = ?, frontier = ?, root = ?, last_at = ? \
         WHERE book_id = ? AND size = ?"
}

statement! {
    pub ReadHead { book: Integer as i32 } -> (Text, BigInt, Binary)
    = "SELECT state, size, root FROM book_head WHERE book_id = ?"
}

statement! {
    pub ListEntries { book: Integer as i32, from: BigInt as i64, limit: BigInt as i64 }
    -> (Binary, Binary)
    = "SELECT leaf, leaf_hash FROM entry WHERE book_id = ? AND seq >= ? ORDER BY seq LIMIT ?"
}

statement! {
    /// Size of the log and money left come from one snapshot, so that readers can be ordered.
    ReadMoneyLeft { books: Array<Integer> as [i32], same: Array<Integer> as [i32] }
    -> (Integer, Text, BigInt, BigInt)
    = "SELECT h.book_id, 'year', h.size, b.fen FROM book_head h JOIN balance b USING (book_id) \
       WHERE b.account = 'available' AND h.book_id = ANY(?) UNION ALL \
       SELECT h.book_id, t.name, h.size, t.limit_fen - t.drawn_fen FROM book_head h \
       JOIN tranche t USING (book_id) WHERE h.book_id = ANY(?)"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("FindStamps", rows::FindStamps::SQL),
    ("FindTranches", rows::FindTranches::SQL),
    ("FindAppropriations", rows::FindAppropriations::SQL),
    ("LockHead", LockHead::SQL),
    ("FindAnswers", FindAnswers::SQL),
    ("LoadBalances", LoadBalances::SQL),
    ("AddBalances", AddBalances::SQL),
    ("SaveHead", SaveHead::SQL),
];

/// The head of a book, locked.
pub struct Head {
    pub state: String,
    pub frontier: Frontier,
    pub last_at: DateTime<Utc>,
    pub database_now: DateTime<Utc>,
}

/// An answer as it is stored.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    pub fingerprint: Vec<u8>,
    pub status: u16,
    pub body: Vec<u8>,
}

/// Locks the head. `NotFound` where there is no such book.
pub fn lock_head(connection: &mut PgConnection, book: i32) -> QueryResult<Head> {
    type Found = (String, i64, Vec<u8>, DateTime<Utc>, DateTime<Utc>);
    let (state, size, frontier, last_at, database_now): Found =
        LockHead { book: &book }.get_result(connection)?;
    let frontier = Frontier::from_bytes(size.unsigned_abs(), &frontier)
        .map_err(|bad| Error::DeserializationError(Box::new(bad)))?;
    Ok(Head { state, frontier, last_at, database_now })
}

pub fn find_answers(
    connection: &mut PgConnection,
    book: i32,
    keys: &[&[u8]],
) -> QueryResult<HashMap<Vec<u8>, StoredAnswer>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    type Columns = (Vec<u8>, Vec<u8>, i16, Vec<u8>);
    let rows: Vec<Columns> = FindAnswers { keys, book: &book }.load(connection)?;
    let stored = |(key, fingerprint, status, body): Columns| {
        (key, StoredAnswer { fingerprint, status: status.unsigned_abs(), body })
    };
    Ok(rows.into_iter().map(stored).collect())
}

/// What a tranche of a book still has: of the year's the book's `available`, of the others limit
/// minus drawn.
pub struct MoneyLeft {
    pub book: i32,
    /// `year`, or the name of a round or a day.
    pub tranche: String,
    /// The size of the book's log at the read.
    pub size: i64,
    pub fen: i64,
}

/// Reads every tranche of these books.
pub fn read_money_left(
    connection: &mut PgConnection,
    books: &[i32],
) -> QueryResult<Vec<MoneyLeft>> {
    let rows: Vec<(i32, String, i64, i64)> =
        ReadMoneyLeft { books, same: books }.load(connection)?;
    let left = |(book, tranche, size, fen)| MoneyLeft { book, tranche, size, fen };
    Ok(rows.into_iter().map(left).collect())
}

pub fn load_moneys(connection: &mut PgConnection, book: i32) -> QueryResult<Moneys> {
    let accounts = Bucket::ALL.map(Bucket::name);
    let rows: Vec<(String, i64)> =
        LoadBalances { accounts: &accounts, book: &book }.load(connection)?;
    Ok(Moneys::of(rows.into_iter().filter_map(|(name, fen)| Some((Bucket::parse(&name)?, fen)))))
}

/// The head that a batch leaves.
pub struct NewHead<'a> {
    pub state: &'a str,
    pub frontier: &'a Frontier,
    /// The time of the batch.
    pub at: DateTime<Utc>,
    /// The size that the batch found.
    pub was: u64,
}

/// Appends entries, moves the materialised balances with them, and leaves the head behind them.
pub fn append<'r>(
    writes: &mut Writes<'r>,
    book: i32,
    entries: &'r [NewEntry],
    moves: &[(Bucket, i64)],
    head: &NewHead<'r>,
) {
    let at = head.at;
    writes.add(InsertEntries { book, at, rows: entries }, entries.len());
    if !moves.is_empty() {
        let (accounts, changes) = moves.iter().map(|(bucket, fen)| (bucket.name(), *fen)).unzip();
        writes.add(AddBalances { book, accounts, changes }, moves.len());
    }
    let saved = SaveHead {
        state: head.state,
        size: head.frontier.size().cast_signed(),
        frontier: head.frontier.to_bytes(),
        root: head.frontier.root().to_vec(),
        at,
        book,
        was: head.was.cast_signed(),
    };
    writes.add(saved, 1);
}

/// The steps of a thing in order: the kind of each entry, and when.
pub type Course = Vec<(String, DateTime<Utc>)>;

/// Which steps applications took and when, each in the order of its entries.
pub fn list_courses(
    connection: &mut PgConnection,
    book: i32,
    applications: &[Uuid],
) -> QueryResult<HashMap<Uuid, Course>> {
    let mut rows: Vec<(Uuid, i64, String, DateTime<Utc>)> =
        ListCourses { ids: applications, book: &book }.load(connection)?;
    rows.sort_by_key(|(_, seq, ..)| *seq);
    let mut courses: HashMap<Uuid, Course> = HashMap::new();
    for (application, _, kind, at) in rows {
        courses.entry(application).or_default().push((kind, at));
    }
    Ok(courses)
}

/// An affected count that differs from what was decided is a bug, and undoes the batch.
pub fn expect_count(changed: usize, expected: usize) -> QueryResult<()> {
    if changed == expected { Ok(()) } else { Err(Error::RollbackTransaction) }
}

/// The head of a book as readers see it.
pub struct HeadView {
    pub state: String,
    pub size: i64,
    pub root: Vec<u8>,
}

pub fn read_head(connection: &mut PgConnection, book: i32) -> QueryResult<HeadView> {
    let (state, size, root) = ReadHead { book: &book }.get_result(connection)?;
    Ok(HeadView { state, size, root })
}

/// Leaves and their hashes from a position on.
pub fn list_entries(
    connection: &mut PgConnection,
    book: i32,
    from: i64,
    limit: i64,
) -> QueryResult<Vec<(Vec<u8>, Vec<u8>)>> {
    ListEntries { book: &book, from: &from, limit: &limit }.load(connection)
}
