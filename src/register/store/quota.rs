//! Every statement on quota rows.

use super::{PersonKey, person_columns, person_key};
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::postgres::array_literal;
use crate::kernel::region::Region;
use crate::kernel::time::{self, Moment};
use crate::register::model::{Holder, PersonRef, Quota, Slot, SlotState};
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

// The arrays come sorted, and WITH ORDINALITY keeps their order explicit: every clerk makes and
// locks the rows of a register in one ascending pass.

statement! {
    pub MakeQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String], books: Array<Text> as [String],
        provinces: Array<Text> as [String], holders: Array<Text> as [String],
        states: Array<Text> as [String], untils: Array<Text> as [String],
        lapse_keys: Array<Text> as [String], versions: Array<BigInt> as [i64]
    } -> (SmallInt, SqlUuid, Text)
    = "INSERT INTO quota (bucket, person_id, key, books, provinces, holders, states, untils, \
       lapse_keys, version) SELECT u.bucket, u.person, u.key, u.books::integer[], \
       u.provinces::integer[], u.holders::uuid[], u.states::smallint[], \
       u.untils::timestamptz[], u.lapse_keys::text[], u.version \
       FROM unnest(?::smallint[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], \
       ?::text[], ?::text[], ?::text[], ?::bigint[]) WITH ORDINALITY \
       u(bucket, person, key, books, provinces, holders, states, untils, lapse_keys, version, n) \
       ORDER BY u.n ON CONFLICT DO NOTHING RETURNING bucket, person_id, key"
}

statement! {
    pub LockQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text, Array<Integer>, Array<Integer>, Array<SqlUuid>,
          Array<SmallInt>, Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT q.bucket, q.person_id, q.key, q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM (SELECT * FROM unnest(?::smallint[], ?::uuid[], ?::text[]) \
       WITH ORDINALITY u(bucket, person, key, n) ORDER BY n) u \
       CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1 FOR UPDATE) q"
}

statement! {
    pub PeekQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text, Array<Integer>, Array<Integer>, Array<SqlUuid>,
          Array<SmallInt>, Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT q.bucket, q.person_id, q.key, q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM unnest(?::smallint[], ?::uuid[], ?::text[]) \
       u(bucket, person, key) CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1) q"
}

statement! {
    pub SaveQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String], books: Array<Text> as [String],
        provinces: Array<Text> as [String], holders: Array<Text> as [String],
        states: Array<Text> as [String], untils: Array<Text> as [String],
        lapse_keys: Array<Text> as [String], versions: Array<BigInt> as [i64],
        were: Array<BigInt> as [i64]
    } = "UPDATE quota q SET books = u.books::integer[], provinces = u.provinces::integer[], \
         holders = u.holders::uuid[], states = u.states::smallint[], \
         untils = u.untils::timestamptz[], lapse_keys = u.lapse_keys::text[], \
         version = u.version \
         FROM unnest(?::smallint[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], \
         ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[]) \
         u(bucket, person, key, books, provinces, holders, states, untils, lapse_keys, version, \
         was) \
         WHERE q.bucket = u.bucket AND q.person_id = u.person AND q.key = u.key \
         AND q.version = u.was"
}

impl Row for Quota {
    type Key = PersonKey;
    const RANK: u16 = 100;

    fn key(&self) -> PersonKey {
        (self.person, self.key.clone())
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let keys: Vec<PersonKey> = changes.iter().map(|change| change.now.key()).collect();
        let (buckets, people, names) = person_columns(&keys);
        let slots = SlotColumns::of(changes.iter().map(|change| change.now));
        let saved = SaveQuotas {
            buckets: &buckets,
            people: &people,
            keys: &names,
            books: &slots.books,
            provinces: &slots.provinces,
            holders: &slots.holders,
            states: &slots.states,
            untils: &slots.untils,
            lapse_keys: &slots.lapse_keys,
            versions: &changes.iter().map(|change| change.now.version).collect::<Vec<_>>(),
            were: &changes.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

/// The slots of some quota rows, a text an array.
struct SlotColumns {
    books: Vec<String>,
    provinces: Vec<String>,
    holders: Vec<String>,
    states: Vec<String>,
    untils: Vec<String>,
    lapse_keys: Vec<String>,
}

impl SlotColumns {
    fn of<'a>(rows: impl Iterator<Item = &'a Quota> + Clone) -> SlotColumns {
        let column = |of: fn(&Slot) -> Option<String>| -> Vec<String> {
            rows.clone().map(|row| array_literal(row.slots.iter().map(of))).collect()
        };
        SlotColumns {
            books: column(|slot| Some(slot.holder.book.to_string())),
            provinces: column(|slot| Some(slot.province.to_string())),
            holders: column(|slot| Some(slot.holder.id.to_string())),
            states: column(|slot| Some(slot.state.code().to_string())),
            untils: column(|slot| slot.until.map(time::text)),
            lapse_keys: column(|slot| slot.lapse_key.clone()),
        }
    }
}

pub type QuotaColumns = (
    i16,
    Uuid,
    String,
    Vec<i32>,
    Vec<i32>,
    Vec<Uuid>,
    Vec<i16>,
    Vec<Option<Moment>>,
    Vec<Option<String>>,
    i64,
);

pub fn quota_of_columns(columns: QuotaColumns) -> QueryResult<Quota> {
    let (bucket, id, key, books, provinces, holders, states, untils, lapse_keys, version) = columns;
    let broken = || Error::DeserializationError("a quota row with a broken slot".into());
    let mut slots = Vec::with_capacity(books.len());
    for (n, book) in books.into_iter().enumerate() {
        slots.push(Slot {
            holder: Holder { book, id: *holders.get(n).ok_or_else(broken)? },
            province: provinces
                .get(n)
                .and_then(|code| Region::try_from(code.unsigned_abs()).ok())
                .ok_or_else(broken)?,
            state: states.get(n).and_then(|s| SlotState::of_code(*s)).ok_or_else(broken)?,
            until: *untils.get(n).ok_or_else(broken)?,
            lapse_key: lapse_keys.get(n).ok_or_else(broken)?.clone(),
        });
    }
    Ok(Quota { person: PersonRef { bucket, id }, key, slots, version })
}

impl Register for Quota {
    fn free((person, key): PersonKey) -> Self {
        Quota { person, key, slots: Vec::new(), version: 0 }
    }

    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<PersonKey>> {
        let keys: Vec<PersonKey> = born.iter().map(Row::key).collect();
        let (buckets, people, names) = person_columns(&keys);
        let slots = SlotColumns::of(born.iter());
        let made: Vec<(i16, Uuid, String)> = MakeQuotas {
            buckets: &buckets,
            people: &people,
            keys: &names,
            books: &slots.books,
            provinces: &slots.provinces,
            holders: &slots.holders,
            states: &slots.states,
            untils: &slots.untils,
            lapse_keys: &slots.lapse_keys,
            versions: &born.iter().map(|row| row.version).collect::<Vec<_>>(),
        }
        .load(tx.connection)?;
        Ok(made.into_iter().map(person_key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        let rows: Vec<QuotaColumns> =
            LockQuotas { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        rows.into_iter().map(quota_of_columns).collect()
    }

    fn peek(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        let rows: Vec<QuotaColumns> =
            PeekQuotas { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        let found: Vec<Quota> =
            rows.into_iter().map(quota_of_columns).collect::<QueryResult<_>>()?;
        let free = |key: &PersonKey| found.iter().all(|row| row.key() != *key);
        let free: Vec<Quota> =
            keys.iter().filter(|key| free(key)).map(|key| Quota::free(key.clone())).collect();
        Ok(found.into_iter().chain(free).collect())
    }
}
