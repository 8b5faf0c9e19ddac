//! Every statement on redemptions.

use super::model::{Redemption, State};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::postgres::array_literal;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::register::model::MarkKey;
use crate::statement;
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

statement! {
    pub InsertRedemptions {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid], vouchers: Array<SqlUuid> as [Uuid],
        organisations: Array<SqlUuid> as [Uuid],
        stores: Array<Nullable<SqlUuid>> as [Option<Uuid>], classes: Array<Text> as [String],
        rules: Array<Binary> as [Vec<u8>], states: Array<Text> as [&'static str],
        amounts: Array<BigInt> as [i64], facts: Array<Text> as [String],
        lines: Array<Text> as [String], buckets: Array<Text> as [String],
        kinds: Array<Text> as [String], digests: Array<Text> as [String],
        cap_keys: Array<Nullable<Text>> as [Option<String>],
        tranches: Array<Nullable<Text>> as [Option<String>], checkouts: Array<Bool> as [bool],
        reviews: Array<Bool> as [bool], old_items: Array<Nullable<Text>> as [Option<String>],
        reserved: Array<Timestamptz> as [Moment],
        untils: Array<Timestamptz> as [Moment],
        captured: Array<Nullable<Timestamptz>> as [Option<Moment>],
        versions: Array<BigInt> as [i64]
    } = concat!("INSERT INTO redemption (book_id, ", columns!(), ") SELECT ?, u.id, u.voucher, \
        u.organisation, u.store, u.class, u.rule, u.state, u.amount, u.facts, u.lines, \
        u.buckets::smallint[], u.kinds::text[], u.digests::bytea[], u.cap_key, u.tranche, \
        u.checkout, u.review, u.old_item, u.reserved, u.until, u.captured, u.version \
        FROM unnest(?::uuid[], ?::uuid[], ?::uuid[], ?::uuid[], ?::text[], ?::bytea[], ?::text[], \
        ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], \
        ?::boolean[], ?::boolean[], ?::text[], ?::timestamptz[], ?::timestamptz[], \
        ?::timestamptz[], ?::bigint[]) u(id, voucher, organisation, store, class, rule, state, \
        amount, facts, lines, buckets, kinds, digests, cap_key, tranche, checkout, review, \
        old_item, reserved, until, captured, version)")
}

statement! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub UpdateRedemptions {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid], states: Array<Text> as [&'static str],
        captured: Array<Nullable<Timestamptz>> as [Option<Moment>],
        versions: Array<BigInt> as [i64], were: Array<BigInt> as [i64]
    } = "UPDATE redemption r SET state = u.state, captured_at = u.captured, version = u.version \
         FROM (SELECT ?::integer AS book, u.* FROM unnest(?::uuid[], ?::text[], \
         ?::timestamptz[], ?::bigint[], ?::bigint[]) \
         u(id, state, captured, version, was) OFFSET 0) u \
         WHERE r.book_id = u.book AND r.redemption_id = u.id AND r.version = u.was"
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

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let new: Vec<&Redemption> =
            changes.iter().filter(|c| c.was.is_none()).map(|c| c.now).collect();
        let old: Vec<&Change<'_, Redemption>> =
            changes.iter().filter(|c| c.was.is_some()).collect();
        if !new.is_empty() {
            insert(tx, &new)?;
        }
        if old.is_empty() {
            return Ok(());
        }
        let updated = UpdateRedemptions {
            ids: &old.iter().map(|c| c.now.id).collect::<Vec<_>>(),
            states: &old.iter().map(|c| c.now.state.as_str()).collect::<Vec<_>>(),
            captured: &old.iter().map(|c| c.now.captured_at).collect::<Vec<_>>(),
            versions: &old.iter().map(|c| c.now.version).collect::<Vec<_>>(),
            were: &old.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
            book: &tx.book,
        }
        .execute(tx.connection)?;
        expect_count(updated, old.len())
    }
}

fn insert(tx: &mut Tx<'_>, new: &[&Redemption]) -> QueryResult<()> {
    let marks = |of: fn(&MarkKey) -> String| -> Vec<String> {
        new.iter().map(|r| array_literal(r.marks.iter().map(|mark| Some(of(mark))))).collect()
    };
    let lines = |r: &&Redemption| serde_json::to_string(&r.lines).unwrap_or_default();
    let inserted = InsertRedemptions {
        book: &tx.book,
        ids: &new.iter().map(|r| r.id).collect::<Vec<_>>(),
        vouchers: &new.iter().map(|r| r.voucher).collect::<Vec<_>>(),
        organisations: &new.iter().map(|r| r.organisation).collect::<Vec<_>>(),
        stores: &new.iter().map(|r| r.store).collect::<Vec<_>>(),
        classes: &new.iter().map(|r| r.class.to_string()).collect::<Vec<_>>(),
        rules: &new.iter().map(|r| r.rule.to_vec()).collect::<Vec<_>>(),
        states: &new.iter().map(|r| r.state.as_str()).collect::<Vec<_>>(),
        amounts: &new.iter().map(|r| r.amount.0).collect::<Vec<_>>(),
        facts: &new.iter().map(|r| r.facts.clone()).collect::<Vec<_>>(),
        lines: &new.iter().map(lines).collect::<Vec<_>>(),
        buckets: &marks(|mark| mark.bucket.to_string()),
        kinds: &marks(|mark| mark.kind.clone()),
        // Quoted once more: in an array literal the backslash of bytea's hex form is an escape.
        digests: &marks(|mark| format!("\\\\x{}", hex::encode(&mark.digest))),
        cap_keys: &new.iter().map(|r| r.cap_key.clone()).collect::<Vec<_>>(),
        tranches: &new.iter().map(|r| r.tranche.clone()).collect::<Vec<_>>(),
        checkouts: &new.iter().map(|r| r.is_checkout).collect::<Vec<_>>(),
        reviews: &new.iter().map(|r| r.needs_review).collect::<Vec<_>>(),
        old_items: &new.iter().map(|r| r.old_item.clone()).collect::<Vec<_>>(),
        reserved: &new.iter().map(|r| r.reserved_at).collect::<Vec<_>>(),
        untils: &new.iter().map(|r| r.until).collect::<Vec<_>>(),
        captured: &new.iter().map(|r| r.captured_at).collect::<Vec<_>>(),
        versions: &new.iter().map(|r| r.version).collect::<Vec<_>>(),
    }
    .execute(tx.connection)?;
    expect_count(inserted, new.len())
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
