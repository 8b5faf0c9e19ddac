//! Every statement on vouchers.

use super::model::{State, Voucher};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::identity::store::KnownPerson;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::register::model::PersonRef;
use crate::{part, record, statement};
use chrono::NaiveDate;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Date, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
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

type SqlColumns = (
    SqlUuid,
    SmallInt,
    SqlUuid,
    Binary,
    Text,
    Text,
    Text,
    Binary,
    Text,
    Nullable<Text>,
    SmallInt,
    Nullable<Binary>,
    Text,
    BigInt,
    Timestamptz,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<SqlUuid>,
    BigInt,
);

statement! {
    FindVouchers { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 } -> (SqlColumns)
    = concat!("SELECT v.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM voucher WHERE book_id = ? AND voucher_id = u.id LIMIT 1) v")
}

statement! {
    /// Vouchers by the digests of their codes, with the book and what screenings may know of the
    /// person: one round trip where every sale needs both. The book is no condition, since with
    /// it a planner without statistics may take the index of another key.
    FindByCodes { digests: Array<Binary> as [Vec<u8>] }
    -> (SqlColumns, Integer, Nullable<Date>, Text)
    = concat!("SELECT v.*, p.born_on, p.state FROM unnest(?::bytea[]) u(digest) \
        CROSS JOIN LATERAL (SELECT ", columns!(), ", book_id FROM voucher \
        WHERE code_digest = u.digest LIMIT 1) v \
        CROSS JOIN LATERAL (SELECT born_on, state FROM vault.person \
        WHERE bucket = v.bucket AND person_id = v.person_id LIMIT 1) p")
}

statement! {
    ListOfPerson {
        book: Integer as i32, person: SqlUuid as Uuid, after: SqlUuid as Uuid,
        limit: BigInt as i64
    } -> (SqlColumns)
    = concat!("SELECT ", columns!(), " FROM voucher WHERE book_id = ? AND person_id = ? \
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

part! {
    pub InsertVouchers<'r> { book: Integer as i32, rows: Array<Record> as Vec<&'r Voucher> }
    = concat!("INSERT INTO voucher (book_id, ", columns!(), ") SELECT ?::integer, u.* \
        FROM unnest(?::voucher_row[]) u")
}

record! {
    pub ChangeRecord = "voucher_change" of Change<'_, Voucher> {
        it => SqlUuid: it.now.id, Text: it.now.state.as_str(),
        Nullable<Timestamptz>: it.now.locked_until, Nullable<SqlUuid>: it.now.redemption,
        BigInt: it.now.version, BigInt: it.was.map_or(0, |was| was.version),
    }
}

part! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub UpdateVouchers<'r> {
        book: Integer as i32, changes: Array<ChangeRecord> as Vec<Change<'r, Voucher>>
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

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (new, old): (Vec<Change<'r, Self>>, Vec<_>) =
            changes.iter().partition(|change| change.was.is_none());
        let (book, new_count, old_count) = (tx.book, new.len(), old.len());
        if new_count > 0 {
            let rows = new.iter().map(|change| change.now).collect();
            writes.add(InsertVouchers { book, rows }, new_count);
        }
        if old_count > 0 {
            writes.add(UpdateVouchers { book, changes: old }, old_count);
        }
        Ok(())
    }
}

impl Load for Voucher {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<(Columns,)> =
            FindVouchers { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(|(row,)| of_columns(row)).collect()
    }
}

pub fn find(connection: &mut PgConnection, book: BookNo, id: Uuid) -> QueryResult<Option<Voucher>> {
    let row: Option<(Columns,)> =
        FindVouchers { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(|(row,)| of_columns(row)).transpose()
}

/// A voucher that was found by its code.
#[derive(Clone, Debug)]
pub struct Shown {
    pub book: BookNo,
    pub voucher: Voucher,
    pub person: KnownPerson,
}

/// The vouchers that have these code digests; one that nobody has is missing.
pub fn find_by_codes(
    connection: &mut PgConnection,
    digests: &[Vec<u8>],
) -> QueryResult<Vec<Shown>> {
    type Row = (Columns, BookNo, Option<NaiveDate>, String);
    let rows: Vec<Row> = FindByCodes { digests }.load(connection)?;
    let shown = |(voucher, book, born_on, state): Row| {
        let person = KnownPerson::of(born_on, &state);
        Ok(Shown { book, voucher: of_columns(voucher)?, person })
    };
    rows.into_iter().map(shown).collect()
}

/// A person's vouchers in one book, oldest first, after a given one.
pub fn list_of_person(
    connection: &mut PgConnection,
    book: BookNo,
    person: Uuid,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Voucher>> {
    let rows: Vec<(Columns,)> =
        ListOfPerson { book: &book, person: &person, after: &after, limit: &limit }
            .load(connection)?;
    rows.into_iter().map(|(row,)| of_columns(row)).collect()
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
