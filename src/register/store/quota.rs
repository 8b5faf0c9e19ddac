//! Every statement on quota rows.

use super::{PersonKey, PersonKeyRecord, person_key, rows_and_versions};
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use crate::register::model::{Holder, PersonRef, Quota, Slot, SlotState};
use crate::{part, record, statement};
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

record! {
    pub Record = "quota_row" of Quota {
        quota => SmallInt: quota.person.bucket, SqlUuid: quota.person.id, Text: &quota.key,
        Array<Integer>: column(quota, |slot| slot.holder.book),
        Array<Integer>: column(quota, |slot| slot.province.code().cast_signed()),
        Array<SqlUuid>: column(quota, |slot| slot.holder.id),
        Array<SmallInt>: column(quota, |slot| slot.state.code()),
        Array<Nullable<Timestamptz>>: column(quota, |slot| slot.until),
        Array<Nullable<Text>>: column(quota, |slot| slot.lapse_key.as_deref()),
        BigInt: quota.version,
    }
}

fn column<'q, T>(quota: &'q Quota, of: impl Fn(&'q Slot) -> T) -> Vec<T> {
    quota.slots.iter().map(of).collect()
}

// The arrays come sorted, and WITH ORDINALITY keeps their order explicit: every clerk makes and
// locks the rows of a register in one ascending pass.

statement! {
    pub MakeQuotas { rows: Array<Record> as [Quota] } -> (SmallInt, SqlUuid, Text)
    = "INSERT INTO quota (bucket, person_id, key, books, provinces, holders, states, untils, \
       lapse_keys, version) SELECT u.bucket, u.person, u.key, u.books, u.provinces, u.holders, \
       u.states, u.untils, u.lapse_keys, u.version \
       FROM unnest(?::quota_row[]) WITH ORDINALITY \
       u(bucket, person, key, books, provinces, holders, states, untils, lapse_keys, version, n) \
       ORDER BY u.n ON CONFLICT DO NOTHING RETURNING bucket, person_id, key"
}

statement! {
    pub LockQuotas { keys: Array<PersonKeyRecord> as [PersonKey] }
    -> (SmallInt, SqlUuid, Text, Array<Integer>, Array<Integer>, Array<SqlUuid>,
        Array<SmallInt>, Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT q.bucket, q.person_id, q.key, q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM (SELECT * FROM unnest(?::person_key[]) WITH ORDINALITY \
       u(bucket, person, key, n) ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1 FOR UPDATE) q"
}

statement! {
    pub PeekQuotas { keys: Array<PersonKeyRecord> as [PersonKey] }
    -> (SmallInt, SqlUuid, Text, Array<Integer>, Array<Integer>, Array<SqlUuid>,
        Array<SmallInt>, Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT q.bucket, q.person_id, q.key, q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM unnest(?::person_key[]) u \
       CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person_id AND key = u.key LIMIT 1) q"
}

part! {
    pub SaveQuotas<'r> { rows: Array<Record> as Vec<&'r Quota>, were: Array<BigInt> as Vec<i64> }
    = "UPDATE quota q SET books = u.books, provinces = u.provinces, holders = u.holders, \
       states = u.states, untils = u.untils, lapse_keys = u.lapse_keys, version = u.version \
       FROM unnest(?::quota_row[], ?::bigint[]) \
       u(bucket, person, key, books, provinces, holders, states, untils, lapse_keys, version, \
       was) WHERE q.bucket = u.bucket AND q.person_id = u.person AND q.key = u.key \
       AND q.version = u.was"
}

impl Row for Quota {
    type Key = PersonKey;
    const RANK: u16 = 100;

    fn key(&self) -> PersonKey {
        (self.person, self.key.clone())
    }

    fn save<'r>(
        _: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (rows, were) = rows_and_versions(changes, |quota| quota.version);
        writes.add(SaveQuotas { rows, were }, changes.len());
        Ok(())
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
        let made: Vec<(i16, Uuid, String)> = MakeQuotas { rows: born }.load(tx.connection)?;
        Ok(made.into_iter().map(person_key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<QuotaColumns> = LockQuotas { keys }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        rows.into_iter().map(quota_of_columns).collect()
    }

    fn peek(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<QuotaColumns> = PeekQuotas { keys }.load(tx.connection)?;
        let found: Vec<Quota> =
            rows.into_iter().map(quota_of_columns).collect::<QueryResult<_>>()?;
        let free = |key: &PersonKey| found.iter().all(|row| row.key() != *key);
        let free: Vec<Quota> =
            keys.iter().filter(|key| free(key)).map(|key| Quota::free(key.clone())).collect();
        Ok(found.into_iter().chain(free).collect())
    }
}
