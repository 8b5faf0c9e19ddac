//! Every statement on a book's own tables: head, entries, balances, answers.

use super::BookInfo;
use super::desk::{Change, Load, Row, Tx};
use super::model::{Bucket, Moneys};
use crate::kernel::merkle::Frontier;
use crate::kernel::money::Fen;
use crate::statement;
use chrono::{DateTime, Utc};
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
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
    pub FindAnswers { keys: Array<Binary> as [Vec<u8>], book: Integer as i32 }
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
    /// Accounts and amounts come as one text an entry, because arrays of arrays of different
    /// lengths cannot be unnested.
    pub InsertEntries {
        book: Integer as i32, at: Timestamptz as DateTime<Utc>,
        seqs: Array<BigInt> as [i64], kinds: Array<Text> as [&'static str],
        abouts: Array<SqlUuid> as [Uuid], leaves: Array<Binary> as [Vec<u8>],
        hashes: Array<Binary> as [Vec<u8>], accounts: Array<Text> as [String],
        amounts: Array<Text> as [String]
    } = "INSERT INTO entry (book_id, at, seq, kind, about, leaf, leaf_hash, accounts, amounts) \
         SELECT ?, ?, u.seq, u.kind, u.about, u.leaf, u.leaf_hash, \
         string_to_array(u.accounts, ','), string_to_array(u.amounts, ',')::bigint[] \
         FROM unnest(?::bigint[], ?::text[], ?::uuid[], ?::bytea[], ?::bytea[], ?::text[], \
         ?::text[]) u(seq, kind, about, leaf, leaf_hash, accounts, amounts)"
}

statement! {
    pub InsertAnswers {
        book: Integer as i32, at: Timestamptz as DateTime<Utc>,
        keys: Array<Binary> as [Vec<u8>], fingerprints: Array<Binary> as [Vec<u8>],
        statuses: Array<SmallInt> as [i16], bodies: Array<Binary> as [Vec<u8>],
        codes: Array<Text> as [String], rules: Array<Nullable<Binary>> as [Option<Vec<u8>>]
    } = "INSERT INTO answer (book_id, at, key, fingerprint, status, body, codes, rule) \
         SELECT ?, ?, u.key, u.fingerprint, u.status, u.body, string_to_array(u.codes, ','), \
         u.rule FROM unnest(?::bytea[], ?::bytea[], ?::smallint[], ?::bytea[], ?::text[], \
         ?::bytea[]) u(key, fingerprint, status, body, codes, rule)"
}

statement! {
    pub AddBalances {
        accounts: Array<Text> as [&'static str], changes: Array<BigInt> as [i64],
        book: Integer as i32
    } = "UPDATE balance b SET fen = b.fen + u.change \
         FROM unnest(?::text[], ?::bigint[]) u(account, change) \
         WHERE b.book_id = ? AND b.account = u.account"
}

statement! {
    pub SaveHead {
        state: Text as str, size: BigInt as i64, frontier: Binary as [u8], root: Binary as [u8],
        at: Timestamptz as DateTime<Utc>, book: Integer as i32, was: BigInt as i64
    } = "UPDATE book_head SET state = ?, size = ?, frontier = ?, root = ?, last_at = ? \
         WHERE book_id = ? AND size = ?"
}

statement! {
    pub ListBooks { any: Bool as bool } -> (Integer, Text, Text, Integer)
    = "SELECT book_id, region, family, year FROM book WHERE ? ORDER BY book_id"
}

statement! {
    pub InsertBook {
        no: Integer as i32, region: Text as str, family: Text as str, year: Integer as i32,
        at: Timestamptz as DateTime<Utc>
    } = "INSERT INTO book (book_id, region, family, year, opened_at) VALUES (?, ?, ?, ?, ?)"
}

statement! {
    pub InsertHead {
        no: Integer as i32, state: Text as str, root: Binary as [u8],
        at: Timestamptz as DateTime<Utc>
    } = "INSERT INTO book_head (book_id, state, size, frontier, root, last_at) \
         VALUES (?, ?, 0, '', ?, ?)"
}

statement! {
    pub InsertBalances { no: Integer as i32, accounts: Array<Text> as [&'static str] }
    = "INSERT INTO balance (book_id, account, fen) SELECT ?, u.account, 0 \
       FROM unnest(?::text[]) u(account)"
}

statement! {
    pub FindAppropriations { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, BigInt, Text, Text, Text)
    = "SELECT a.appropriation_id, a.fen, a.document, a.state, a.proposed_by \
       FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT * FROM appropriation \
       WHERE book_id = ? AND appropriation_id = u.id LIMIT 1) a"
}

statement! {
    pub InsertAppropriation {
        book: Integer as i32, id: SqlUuid as Uuid, fen: BigInt as i64, document: Text as str,
        by: Text as str
    } = "INSERT INTO appropriation (book_id, appropriation_id, fen, document, state, \
         proposed_by) VALUES (?, ?, ?, ?, 'proposed', ?)"
}

statement! {
    pub ApproveAppropriation { book: Integer as i32, id: SqlUuid as Uuid }
    = "UPDATE appropriation SET state = 'approved' WHERE book_id = ? AND appropriation_id = ? \
       AND state = 'proposed'"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
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
    keys: &[Vec<u8>],
) -> QueryResult<HashMap<Vec<u8>, StoredAnswer>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Vec<u8>, Vec<u8>, i16, Vec<u8>)> =
        FindAnswers { keys, book: &book }.load(connection)?;
    let stored = |(key, fingerprint, status, body): (Vec<u8>, Vec<u8>, i16, Vec<u8>)| {
        (key, StoredAnswer { fingerprint, status: status.unsigned_abs(), body })
    };
    Ok(rows.into_iter().map(stored).collect())
}

pub fn load_moneys(connection: &mut PgConnection, book: i32) -> QueryResult<Moneys> {
    let accounts = Bucket::ALL.map(Bucket::name);
    let rows: Vec<(String, i64)> =
        LoadBalances { accounts: &accounts, book: &book }.load(connection)?;
    Ok(Moneys::of(rows.into_iter().filter_map(|(name, fen)| Some((Bucket::parse(&name)?, fen)))))
}

/// Adds to the materialised balances, one update an account.
pub fn add_balances(
    connection: &mut PgConnection,
    book: i32,
    changes: &[(Bucket, i64)],
) -> QueryResult<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let accounts: Vec<&'static str> = changes.iter().map(|(bucket, _)| bucket.name()).collect();
    let fens: Vec<i64> = changes.iter().map(|(_, fen)| *fen).collect();
    let changed =
        AddBalances { accounts: &accounts, changes: &fens, book: &book }.execute(connection)?;
    expect_count(changed, changes.len())
}

/// An affected count that differs from what was decided is a bug, and undoes the batch.
pub fn expect_count(changed: usize, expected: usize) -> QueryResult<()> {
    if changed == expected { Ok(()) } else { Err(Error::RollbackTransaction) }
}

/// All books of the deployment, as one row: opening one gives it the next number.
#[derive(Clone, Debug, Default)]
pub struct BookList {
    pub books: Vec<BookInfo>,
    /// When and in what state the new ones begin.
    pub opened_at: Option<DateTime<Utc>>,
    pub state: &'static str,
}

impl Row for BookList {
    type Key = ();
    const RANK: u16 = 10;

    fn key(&self) {}

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        for change in changes {
            let known = change.was.map_or(0, |was| was.books.len());
            for book in &change.now.books[known..] {
                insert_book(tx, book, change.now.state)?;
            }
        }
        Ok(())
    }
}

fn insert_book(tx: &mut Tx<'_>, book: &BookInfo, state: &str) -> QueryResult<()> {
    let (no, region, at) = (&book.no, book.region.to_string(), &tx.now);
    InsertBook { no, region: &region, family: &book.family, year: &book.year, at }
        .execute(tx.connection)?;
    let root = Frontier::default().root();
    InsertHead { no, state, root: &root, at }.execute(tx.connection)?;
    let accounts = Bucket::ALL.map(Bucket::name);
    InsertBalances { no, accounts: &accounts }.execute(tx.connection)?;
    Ok(())
}

/// The books that there are.
pub fn list_books(connection: &mut PgConnection) -> QueryResult<Vec<BookInfo>> {
    let rows: Vec<(i32, String, String, i32)> = ListBooks { any: &true }.load(connection)?;
    let broken = |_| Error::DeserializationError("a book of no region".into());
    rows.into_iter()
        .map(|(no, region, family, year)| {
            let region = region.parse().map_err(broken)?;
            Ok(BookInfo::new(no, region, &family, year))
        })
        .collect()
}

impl Load for BookList {
    fn load(tx: &mut Tx<'_>, _: &[()]) -> QueryResult<Vec<Self>> {
        let books = list_books(tx.connection)?;
        Ok(vec![BookList { books, opened_at: None, state: "open" }])
    }
}

/// Money proposed for a book.
#[derive(Clone, Debug)]
pub struct Appropriation {
    pub id: Uuid,
    pub amount: Fen,
    pub document: String,
    pub state: &'static str,
    pub proposed_by: String,
}

impl Row for Appropriation {
    type Key = Uuid;
    const RANK: u16 = 20;

    fn key(&self) -> Uuid {
        self.id
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        for Change { was, now } in changes {
            let (book, id) = (&tx.book, &now.id);
            let saved = match was {
                None => InsertAppropriation {
                    book,
                    id,
                    fen: &now.amount.0,
                    document: &now.document,
                    by: &now.proposed_by,
                }
                .execute(tx.connection)?,
                Some(_) => ApproveAppropriation { book, id }.execute(tx.connection)?,
            };
            expect_count(saved, 1)?;
        }
        Ok(())
    }
}

impl Load for Appropriation {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<(Uuid, i64, String, String, String)> =
            FindAppropriations { ids: keys, book: &tx.book }.load(tx.connection)?;
        let row = |(id, fen, document, state, proposed_by): (Uuid, i64, String, String, String)| {
            let state = if state == "approved" { "approved" } else { "proposed" };
            Appropriation { id, amount: Fen(fen), document, state, proposed_by }
        };
        Ok(rows.into_iter().map(row).collect())
    }
}
