//! The small rows that commands of books look at and write: the list of books, appropriations,
//! and the stamps of reference rows.

use super::expect_count;
use crate::book::BookInfo;
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::model::Bucket;
use crate::infra::statement::Writes;
use crate::kernel::merkle::Frontier;
use crate::kernel::money::Fen;
use crate::{part, statement};
use chrono::{DateTime, Utc};
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

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

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
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

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
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

/// The version of a set of reference rows; `0` where nobody has written one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub name: String,
    pub version: i64,
}

statement! {
    pub FindStamps { names: Array<Text> as [String] } -> (Text, BigInt)
    = "SELECT s.name, s.version FROM unnest(?::text[]) u(name) \
       CROSS JOIN LATERAL (SELECT name, version FROM stamp WHERE name = u.name LIMIT 1) s"
}

statement! {
    pub SaveStamps { names: Array<Text> as [String], versions: Array<BigInt> as [i64] }
    = "INSERT INTO stamp (name, version) SELECT * FROM unnest(?::text[], ?::bigint[]) \
       ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version"
}

impl Row for Stamp {
    type Key = String;
    const RANK: u16 = 90;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let names: Vec<String> = changes.iter().map(|change| change.now.name.clone()).collect();
        let versions: Vec<i64> = changes.iter().map(|change| change.now.version).collect();
        SaveStamps { names: &names, versions: &versions }.execute(tx.connection)?;
        Ok(())
    }
}

/// The stamps of these names, each of them, in no order.
pub fn find_stamps(connection: &mut PgConnection, names: &[String]) -> QueryResult<Vec<Stamp>> {
    let rows: Vec<(String, i64)> = FindStamps { names }.load(connection)?;
    let version = |name: &String| rows.iter().find(|row| row.0 == *name).map_or(0, |row| row.1);
    Ok(names.iter().map(|name| Stamp { name: name.clone(), version: version(name) }).collect())
}

impl Load for Stamp {
    fn load(tx: &mut Tx<'_>, keys: &[String]) -> QueryResult<Vec<Self>> {
        find_stamps(tx.connection, keys)
    }
}

/// A limit of a book and what has been drawn of it: a day's money, a round's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tranche {
    /// `day/2025-06-10/<programme>`, …
    pub name: String,
    pub limit: Fen,
    pub drawn: Fen,
    pub version: i64,
}

statement! {
    pub FindTranches { names: Array<Text> as [String], book: Integer as i32 }
    -> (Text, BigInt, BigInt, BigInt)
    = "SELECT t.name, t.limit_fen, t.drawn_fen, t.version FROM unnest(?::text[]) u(name) \
       CROSS JOIN LATERAL (SELECT * FROM tranche WHERE book_id = ? AND name = u.name LIMIT 1) t"
}

part! {
    pub SaveTranche<'r> {
        book: Integer as i32, name: Text as &'r str, limit: BigInt as i64, drawn: BigInt as i64,
        version: BigInt as i64, was: BigInt as i64
    } = "INSERT INTO tranche AS t (book_id, name, limit_fen, drawn_fen, version) \
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (book_id, name) DO UPDATE \
         SET limit_fen = EXCLUDED.limit_fen, drawn_fen = EXCLUDED.drawn_fen, \
         version = EXCLUDED.version WHERE t.version = ?"
}

impl Row for Tranche {
    type Key = String;
    const RANK: u16 = 60;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        // A batch touches one or two of them: every voucher of a day draws on the same row.
        for Change { was, now } in changes {
            let saved = SaveTranche {
                book: tx.book,
                name: &now.name,
                limit: now.limit.0,
                drawn: now.drawn.0,
                version: now.version,
                was: was.map_or(-1, |was| was.version),
            };
            writes.add(saved, 1);
        }
        Ok(())
    }
}

impl Load for Tranche {
    fn load(tx: &mut Tx<'_>, keys: &[String]) -> QueryResult<Vec<Self>> {
        let rows: Vec<(String, i64, i64, i64)> =
            FindTranches { names: keys, book: &tx.book }.load(tx.connection)?;
        let row = |(name, limit, drawn, version)| Tranche {
            name,
            limit: Fen(limit),
            drawn: Fen(drawn),
            version,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}
