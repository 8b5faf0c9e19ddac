//! Every statement on redemptions.

use super::model::{Redemption, State};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::register::model::MarkKey;
use crate::{part, record, statement};
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

type Columns = (
    (Uuid, Uuid, Uuid, Option<Uuid>, String, Vec<u8>, String, i64, String, String),
    (Vec<i16>, Vec<String>, Vec<Vec<u8>>, Option<String>, Option<String>),
    (bool, bool, Option<String>, Moment, Moment, Option<Moment>, i64),
);

/// The columns of [`Columns`], in order.
macro_rules! columns {
    () => {
        "redemption_id, voucher_id, organisation_id, store_id, class, rule, state, amount_fen, \
         facts, lines, mark_buckets, mark_kinds, mark_digests, cap_key, tranche, is_checkout, \
         needs_review, old_item, reserved_at, until, captured_at, version"
    };
}

macro_rules! select {
    ($name:ident { $($field:ident : $sql:ty as $rust:ty),* } = $text:expr) => {
        statement! {
            pub $name { $($field: $sql as $rust),* }
            -> (
                (SqlUuid, SqlUuid, SqlUuid, Nullable<SqlUuid>, Text, Binary, Text, BigInt, Text,
                 Text),
                (Array<SmallInt>, Array<Text>, Array<Binary>, Nullable<Text>, Nullable<Text>),
                (Bool, Bool, Nullable<Text>, Timestamptz, Timestamptz,
                 Nullable<Timestamptz>, BigInt),
            )
            = $text
        }
    };
}

select! {
    FindRedemptions { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    = concat!("SELECT r.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM redemption WHERE book_id = ? AND redemption_id = u.id LIMIT 1) r")
}

select! {
    ListOfOrganisation {
        book: Integer as i32, organisation: SqlUuid as Uuid, after: SqlUuid as Uuid,
        limit: BigInt as i64
    } = concat!("SELECT ", columns!(), " FROM redemption WHERE book_id = ? \
        AND organisation_id = ? AND redemption_id > ? ORDER BY redemption_id LIMIT ?")
}

statement! {
    pub ListOverdue { book: Integer as i32, now: Timestamptz as Moment, limit: BigInt as i64 }
    -> (SqlUuid,)
    = "SELECT redemption_id FROM redemption WHERE book_id = ? AND until <= ? \
       AND state = 'reserved' ORDER BY until LIMIT ?"
}

record! {
    pub Record = "redemption_row" of Redemption {
        it => SqlUuid: it.id, SqlUuid: it.voucher, SqlUuid: it.organisation,
        Nullable<SqlUuid>: it.store, Text: it.class.to_string(), Binary: it.rule.as_slice(),
        Text: it.state.as_str(), BigInt: it.amount.0, Text: &it.facts,
        Text: serde_json::to_string(&it.lines)?,
        Array<SmallInt>: it.marks.iter().map(|mark| mark.bucket).collect::<Vec<_>>(),
        Array<Text>: it.marks.iter().map(|mark| mark.kind.as_str()).collect::<Vec<_>>(),
        Array<Binary>: it.marks.iter().map(|mark| mark.digest.as_slice()).collect::<Vec<_>>(),
        Nullable<Text>: &it.cap_key, Nullable<Text>: &it.tranche, Bool: it.is_checkout,
        Bool: it.needs_review, Nullable<Text>: &it.old_item, Timestamptz: it.reserved_at,
        Timestamptz: it.until, Nullable<Timestamptz>: it.captured_at, BigInt: it.version,
    }
}

part! {
    pub InsertRedemptions<'r> {
        book: Integer as i32, rows: Array<Record> as Vec<&'r Redemption>
    }
    = concat!("INSERT INTO redemption (book_id, ", columns!(), ") SELECT ?::integer, u.* \
        FROM unnest(?::redemption_row[]) u")
}

record! {
    pub ChangeRecord = "redemption_change" of Change<'_, Redemption> {
        it => SqlUuid: it.now.id, Text: it.now.state.as_str(),
        Nullable<Timestamptz>: it.now.captured_at, BigInt: it.now.version,
        BigInt: it.was.map_or(0, |was| was.version),
    }
}

part! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub UpdateRedemptions<'r> {
        book: Integer as i32, changes: Array<ChangeRecord> as Vec<Change<'r, Redemption>>
    } = "UPDATE redemption r SET state = u.state, captured_at = u.captured_at, \
         version = u.version \
         FROM (SELECT ?::integer AS book, u.* FROM unnest(?::redemption_change[]) u OFFSET 0) u \
         WHERE r.book_id = u.book AND r.redemption_id = u.redemption_id AND r.version = u.was"
}

/// The statements that a clerk runs on redemptions, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] =
    &[("FindRedemptions", FindRedemptions::SQL), ("UpdateRedemptions", UpdateRedemptions::SQL)];

fn of_columns((named, taken, rest): Columns) -> QueryResult<Redemption> {
    let broken = || Error::DeserializationError("a redemption row that no version wrote".into());
    let (buckets, kinds, digests, cap_key, tranche) = taken;
    let marks = buckets.into_iter().zip(kinds).zip(digests);
    let mark = |((bucket, kind), digest)| MarkKey { bucket, kind, digest };
    Ok(Redemption {
        id: named.0,
        voucher: named.1,
        organisation: named.2,
        store: named.3,
        class: named.4.parse().map_err(|_| broken())?,
        rule: named.5.try_into().map_err(|_| broken())?,
        state: State::parse(&named.6).ok_or_else(broken)?,
        amount: Fen(named.7),
        facts: named.8,
        lines: serde_json::from_str(&named.9).map_err(|_| broken())?,
        marks: marks.map(mark).collect(),
        cap_key,
        tranche,
        is_checkout: rest.0,
        needs_review: rest.1,
        old_item: rest.2,
        reserved_at: rest.3,
        until: rest.4,
        captured_at: rest.5,
        version: rest.6,
    })
}

impl Row for Redemption {
    type Key = Uuid;
    const RANK: u16 = 55;

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
            writes.add(InsertRedemptions { book, rows }, new_count);
        }
        if old_count > 0 {
            writes.add(UpdateRedemptions { book, changes: old }, old_count);
        }
        Ok(())
    }
}

impl Load for Redemption {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> =
            FindRedemptions { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

pub fn find(
    connection: &mut PgConnection,
    book: BookNo,
    id: Uuid,
) -> QueryResult<Option<Redemption>> {
    let row: Option<Columns> =
        FindRedemptions { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// A retailer's redemptions in one book, oldest first, after a given one.
pub fn list_of_organisation(
    connection: &mut PgConnection,
    book: BookNo,
    organisation: Uuid,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Redemption>> {
    let rows: Vec<Columns> = ListOfOrganisation {
        book: &book,
        organisation: &organisation,
        after: &after,
        limit: &limit,
    }
    .load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// Reservations that time has ended and no entry has: what the sweep has to write.
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
