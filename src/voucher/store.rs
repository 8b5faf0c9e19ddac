//! Every statement on vouchers.

use super::model::{State, Voucher};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::register::model::PersonRef;
use crate::{record, statement};
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

type Columns = (
    Uuid,
    i16,
    Uuid,
    Vec<u8>,
    String,
    String,
    String,
    Vec<u8>,
    String,
    Option<String>,
    i16,
    Option<Vec<u8>>,
    String,
    i64,
    Moment,
    Moment,
    Option<Moment>,
    Option<Uuid>,
    i64,
);

/// The columns of [`Columns`], in order.
macro_rules! columns {
    () => {
        "voucher_id, bucket, person_id, subject, class, channel, region, rule, quota_key, \
         lapse_key, code_key, code_digest, state, hold_fen, claimed_at, until, locked_until, \
         redemption_id, version"
    };
}

macro_rules! select {
    ($name:ident { $($field:ident : $sql:ty as $rust:ty),* } = $text:expr) => {
        statement! {
            pub $name { $($field: $sql as $rust),* }
            -> (SqlUuid, SmallInt, SqlUuid, Binary, Text, Text, Text, Binary, Text,
                Nullable<Text>, SmallInt, Nullable<Binary>, Text, BigInt, Timestamptz,
                Timestamptz, Nullable<Timestamptz>, Nullable<SqlUuid>, BigInt)
            = $text
        }
    };
}

select! {
    FindVouchers { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    = concat!("SELECT v.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM voucher WHERE book_id = ? AND voucher_id = u.id LIMIT 1) v")
}

// Found by the digest alone: with the bare book among the conditions, a planner without statistics
// may take the index of another key.
select! {
    FindByCodes { books: Array<Integer> as [i32], digests: Array<Binary> as [Vec<u8>] }
    = concat!("SELECT v.* FROM unnest(?::integer[], ?::bytea[]) u(book, digest) \
        CROSS JOIN LATERAL (SELECT ", columns!(), " FROM voucher WHERE code_digest = u.digest \
        AND book_id + 0 = u.book LIMIT 1) v")
}

select! {
    ListOfPerson {
        book: Integer as i32, person: SqlUuid as Uuid, after: SqlUuid as Uuid,
        limit: BigInt as i64
    } = concat!("SELECT ", columns!(), " FROM voucher WHERE book_id = ? AND person_id = ? \
        AND voucher_id > ? ORDER BY voucher_id LIMIT ?")
}

statement! {
    pub ListOverdue { book: Integer as i32, now: Timestamptz as Moment, limit: BigInt as i64 }
    -> (SqlUuid,)
    = "SELECT voucher_id FROM voucher WHERE book_id = ? AND until <= ? AND state = 'claimed' \
       ORDER BY until LIMIT ?"
}

record! {
    pub Record = "voucher_row" of Voucher {
        it => SqlUuid: it.id, SmallInt: it.person.bucket, SqlUuid: it.person.id,
        Binary: it.subject.as_slice(), Text: it.class.to_string(), Text: &it.channel,
        Text: it.region.to_string(), Binary: it.rule.as_slice(), Text: &it.quota_key,
        Nullable<Text>: &it.lapse_key, SmallInt: it.code_key,
        Nullable<Binary>: &it.code_digest, Text: it.state.as_str(), BigInt: it.hold.0,
        Timestamptz: it.claimed_at, Timestamptz: it.until,
        Nullable<Timestamptz>: it.locked_until, Nullable<SqlUuid>: it.redemption,
        BigInt: it.version,
    }
}

statement! {
    pub InsertVouchers { book: Integer as i32, rows: Array<Record> as [&'a Voucher] }
    = concat!("INSERT INTO voucher (book_id, ", columns!(), ") SELECT ?, u.* \
        FROM unnest(?::voucher_row[]) u")
}

record! {
    pub ChangeRecord = "voucher_change" of Change<'_, Voucher> {
        it => SqlUuid: it.now.id, Text: it.now.state.as_str(),
        Nullable<Timestamptz>: it.now.locked_until, Nullable<SqlUuid>: it.now.redemption,
        BigInt: it.now.version, BigInt: it.was.map_or(0, |was| was.version),
    }
}

statement! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub UpdateVouchers {
        book: Integer as i32, changes: Array<ChangeRecord> as [&'a Change<'a, Voucher>]
    } = "UPDATE voucher v SET state = u.state, locked_until = u.locked_until, \
         redemption_id = u.redemption_id, version = u.version \
         FROM (SELECT ?::integer AS book, u.* FROM unnest(?::voucher_change[]) u OFFSET 0) u \
         WHERE v.book_id = u.book AND v.voucher_id = u.voucher_id AND v.version = u.was"
}

/// The statements that a clerk runs on vouchers, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("FindVouchers", FindVouchers::SQL),
    ("FindByCodes", FindByCodes::SQL),
    ("UpdateVouchers", UpdateVouchers::SQL),
];

fn of_columns(row: Columns) -> QueryResult<Voucher> {
    let broken = || Error::DeserializationError("a voucher row that no version wrote".into());
    Ok(Voucher {
        id: row.0,
        person: PersonRef { bucket: row.1, id: row.2 },
        subject: row.3.try_into().map_err(|_| broken())?,
        class: row.4.parse().map_err(|_| broken())?,
        channel: row.5,
        region: row.6.parse().map_err(|_| broken())?,
        rule: row.7.try_into().map_err(|_| broken())?,
        quota_key: row.8,
        lapse_key: row.9,
        code_key: row.10,
        code_digest: row.11,
        state: State::parse(&row.12).ok_or_else(broken)?,
        hold: Fen(row.13),
        claimed_at: row.14,
        until: row.15,
        locked_until: row.16,
        redemption: row.17,
        version: row.18,
    })
}

impl Row for Voucher {
    type Key = Uuid;
    const RANK: u16 = 50;

    fn key(&self) -> Uuid {
        self.id
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let new: Vec<&Voucher> =
            changes.iter().filter(|c| c.was.is_none()).map(|c| c.now).collect();
        let old: Vec<&Change<'_, Voucher>> = changes.iter().filter(|c| c.was.is_some()).collect();
        if !new.is_empty() {
            insert(tx, &new)?;
        }
        if old.is_empty() {
            return Ok(());
        }
        let updated = UpdateVouchers { book: &tx.book, changes: &old }.execute(tx.connection)?;
        expect_count(updated, old.len())
    }
}

fn insert(tx: &mut Tx<'_>, new: &[&Voucher]) -> QueryResult<()> {
    let inserted = InsertVouchers { book: &tx.book, rows: new }.execute(tx.connection)?;
    expect_count(inserted, new.len())
}

impl Load for Voucher {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> = FindVouchers { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

pub fn find(connection: &mut PgConnection, book: BookNo, id: Uuid) -> QueryResult<Option<Voucher>> {
    let row: Option<Columns> =
        FindVouchers { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// The vouchers that have these code digests in these books; one that has none is missing.
pub fn find_by_codes(
    connection: &mut PgConnection,
    books: &[BookNo],
    digests: &[Vec<u8>],
) -> QueryResult<Vec<Voucher>> {
    let rows: Vec<Columns> = FindByCodes { books, digests }.load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// A person's vouchers in one book, oldest first, after a given one.
pub fn list_of_person(
    connection: &mut PgConnection,
    book: BookNo,
    person: Uuid,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Voucher>> {
    let rows: Vec<Columns> =
        ListOfPerson { book: &book, person: &person, after: &after, limit: &limit }
            .load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// Vouchers that time has ended and no entry has: what the sweep has to write.
pub fn list_overdue(
    connection: &mut PgConnection,
    book: BookNo,
    now: Moment,
    limit: i64,
) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> =
        ListOverdue { book: &book, now: &now, limit: &limit }.load(connection)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}
