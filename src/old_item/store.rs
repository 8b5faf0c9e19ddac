//! Every statement on old items.

use super::model::{OldItem, RejectReason, State};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::keys::{Digest, bucket_of};
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use crate::register::model::MarkKey;
use crate::statement;
use chrono::NaiveDate;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

statement! {
    pub FindOldItems { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, SqlUuid, Nullable<SqlUuid>, Text, Nullable<SqlUuid>, Text, Text, Text, Date,
        Timestamptz, Text, Nullable<Text>, BigInt)
    = "SELECT o.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT old_item_id, recycler, \
       store, class, owner, marks::text, facts::text, photos::text, handed_over_on, \
       registered_at, state, reason, version FROM old_item WHERE book_id = ? \
       AND old_item_id = u.id LIMIT 1) o"
}

statement! {
    /// A new row where there was none (version 1), else the end of the version before.
    pub SaveOldItems {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid],
        recyclers: Array<SqlUuid> as [Uuid], stores: Array<Nullable<SqlUuid>> as [Option<Uuid>],
        classes: Array<Text> as [String], owners: Array<Nullable<SqlUuid>> as [Option<Uuid>],
        marks: Array<Text> as [String], facts: Array<Text> as [String],
        photos: Array<Text> as [String], days: Array<Date> as [NaiveDate],
        at: Array<Timestamptz> as [Moment], states: Array<Text> as [&'static str],
        reasons: Array<Nullable<Text>> as [Option<&'static str>],
        versions: Array<BigInt> as [i64]
    } = "INSERT INTO old_item (book_id, old_item_id, recycler, store, class, owner, marks, \
         facts, photos, handed_over_on, registered_at, state, reason, version) \
         SELECT ?, u.id, u.recycler, u.store, u.class, u.owner, u.marks::jsonb, u.facts::jsonb, \
         u.photos::jsonb, u.day, u.at, u.state, u.reason, u.version \
         FROM unnest(?::uuid[], ?::uuid[], ?::uuid[], ?::text[], ?::uuid[], ?::text[], \
         ?::text[], ?::text[], ?::date[], ?::timestamptz[], ?::text[], ?::text[], ?::bigint[]) \
         u(id, recycler, store, class, owner, marks, facts, photos, day, at, state, reason, \
         version) ON CONFLICT (book_id, old_item_id) DO UPDATE SET state = EXCLUDED.state, \
         reason = EXCLUDED.reason, version = EXCLUDED.version \
         WHERE old_item.version = EXCLUDED.version - 1"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[("FindOldItems", FindOldItems::SQL)];

type Columns = (
    Uuid,
    Uuid,
    Option<Uuid>,
    String,
    Option<Uuid>,
    String,
    String,
    String,
    NaiveDate,
    Moment,
    String,
    Option<String>,
    i64,
);

/// Reading re-checks what writing checked.
fn broken() -> Error {
    Error::DeserializationError("a stored old item is malformed".into())
}

fn json_of<T: DeserializeOwned>(text: &str) -> QueryResult<T> {
    serde_json::from_str(text).map_err(|_| broken())
}

/// Kind and digest; the bucket is the digest's own first bits.
fn marks_of(text: &str) -> QueryResult<Vec<MarkKey>> {
    let pairs: Vec<(String, String)> = json_of(text)?;
    let mark = |(kind, digest): (String, String)| {
        let digest = hex::decode(digest).ok().filter(|digest| digest.len() == 16);
        let digest = digest.ok_or_else(broken)?;
        let mut whole = Digest::default();
        whole[..16].copy_from_slice(&digest);
        Ok(MarkKey { bucket: bucket_of(&whole).cast_signed(), kind, digest })
    };
    pairs.into_iter().map(mark).collect()
}

fn of_columns(row: Columns) -> QueryResult<OldItem> {
    let reason = row.11.map(|reason| RejectReason::parse(&reason).ok_or_else(broken));
    Ok(OldItem {
        id: row.0,
        recycler: row.1,
        store: row.2,
        class: row.3.parse().map_err(|_| broken())?,
        owner: row.4,
        marks: marks_of(&row.5)?,
        facts: json_of(&row.6)?,
        photos: json_of(&row.7)?,
        handed_over_on: row.8,
        registered_at: row.9,
        state: State::parse(&row.10).ok_or_else(broken)?,
        reason: reason.transpose()?,
        version: row.12,
    })
}

impl Row for OldItem {
    type Key = Uuid;
    const RANK: u16 = 45;

    fn key(&self) -> Uuid {
        self.id
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        fn all<T>(changes: &[Change<'_, OldItem>], of: impl Fn(&OldItem) -> T) -> Vec<T> {
            changes.iter().map(|change| of(change.now)).collect()
        }
        let mark = |key: &MarkKey| json!([key.kind, hex::encode(&key.digest)]);
        let marks = |item: &OldItem| item.marks.iter().map(mark).collect::<Vec<_>>();
        let saved = SaveOldItems {
            book: &tx.book,
            ids: &all(changes, |item| item.id),
            recyclers: &all(changes, |item| item.recycler),
            stores: &all(changes, |item| item.store),
            classes: &all(changes, |item| item.class.to_string()),
            owners: &all(changes, |item| item.owner),
            marks: &all(changes, |item| json!(marks(item)).to_string()),
            facts: &all(changes, |item| json!(item.facts).to_string()),
            photos: &all(changes, |item| json!(item.photos).to_string()),
            days: &all(changes, |item| item.handed_over_on),
            at: &all(changes, |item| item.registered_at),
            states: &all(changes, |item| item.state.as_str()),
            reasons: &all(changes, |item| item.reason.map(RejectReason::as_str)),
            versions: &all(changes, |item| item.version),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

impl Load for OldItem {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> = FindOldItems { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

/// An old item as it is now. One that has ended does not change any more.
pub fn find(connection: &mut PgConnection, book: BookNo, id: Uuid) -> QueryResult<Option<OldItem>> {
    let row: Option<Columns> =
        FindOldItems { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}
