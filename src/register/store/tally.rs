//! Every statement on tallies.

use super::{PersonKey, person_columns, person_key};
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::register::model::{PersonRef, Tally};
use crate::statement;
use diesel::sql_types::{Array, BigInt, SmallInt, Text, Uuid as SqlUuid};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub MakeTallies {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text)
    = "INSERT INTO tally (bucket, person_id, key, held_fen, used_fen, count, version) \
       SELECT u.bucket, u.person, u.key, 0, 0, 0, 0 \
       FROM unnest(?::smallint[], ?::uuid[], ?::text[]) WITH ORDINALITY \
       u(bucket, person, key, n) ORDER BY u.n ON CONFLICT DO NOTHING \
       RETURNING bucket, person_id, key"
}

statement! {
    pub LockTallies {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text, BigInt, BigInt, BigInt, BigInt)
    = "SELECT t.bucket, t.person_id, t.key, t.held_fen, t.used_fen, t.count, t.version \
       FROM (SELECT * FROM unnest(?::smallint[], ?::uuid[], ?::text[]) WITH ORDINALITY \
       u(bucket, person, key, n) ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM tally \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1 FOR UPDATE) t"
}

statement! {
    pub PeekTallies {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text, BigInt, BigInt, BigInt, BigInt)
    = "SELECT t.bucket, t.person_id, t.key, t.held_fen, t.used_fen, t.count, t.version \
       FROM unnest(?::smallint[], ?::uuid[], ?::text[]) u(bucket, person, key) \
       CROSS JOIN LATERAL (SELECT * FROM tally WHERE bucket = u.bucket AND person_id = u.person \
       AND key = u.key LIMIT 1) t"
}

statement! {
    pub SaveTallies {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String], held: Array<BigInt> as [i64],
        used: Array<BigInt> as [i64], counts: Array<BigInt> as [i64],
        versions: Array<BigInt> as [i64], were: Array<BigInt> as [i64]
    } = "UPDATE tally t SET held_fen = u.held, used_fen = u.used, count = u.count, \
         version = u.version FROM unnest(?::smallint[], ?::uuid[], ?::text[], ?::bigint[], \
         ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) \
         u(bucket, person, key, held, used, count, version, was) WHERE t.bucket = u.bucket \
         AND t.person_id = u.person AND t.key = u.key AND t.version = u.was"
}

impl Row for Tally {
    type Key = PersonKey;
    const RANK: u16 = 120;

    fn key(&self) -> PersonKey {
        (self.person, self.key.clone())
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let keys: Vec<PersonKey> = changes.iter().map(|change| change.now.key()).collect();
        let (buckets, people, names) = person_columns(&keys);
        let saved = SaveTallies {
            buckets: &buckets,
            people: &people,
            keys: &names,
            held: &changes.iter().map(|change| change.now.held_fen).collect::<Vec<_>>(),
            used: &changes.iter().map(|change| change.now.used_fen).collect::<Vec<_>>(),
            counts: &changes.iter().map(|change| change.now.count).collect::<Vec<_>>(),
            versions: &changes.iter().map(|change| change.now.version).collect::<Vec<_>>(),
            were: &changes.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

impl Register for Tally {
    fn free((person, key): PersonKey) -> Self {
        Tally { person, key, held_fen: 0, used_fen: 0, count: 0, version: 0 }
    }

    /// Always made free: what a tally grows by is known only once all is decided.
    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<PersonKey>> {
        let keys: Vec<PersonKey> = born.iter().map(Row::key).collect();
        let (buckets, people, names) = person_columns(&keys);
        let made: Vec<(i16, Uuid, String)> =
            MakeTallies { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        Ok(made.into_iter().map(person_key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        let rows: Vec<TallyColumns> =
            LockTallies { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        Ok(rows.into_iter().map(tally_of_columns).collect())
    }

    fn peek(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        let rows: Vec<TallyColumns> =
            PeekTallies { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        let found: Vec<Tally> = rows.into_iter().map(tally_of_columns).collect();
        let free = |key: &&PersonKey| found.iter().all(|row| row.key() != **key);
        let free: Vec<Tally> =
            keys.iter().filter(free).map(|key| Tally::free(key.clone())).collect();
        Ok(found.into_iter().chain(free).collect())
    }
}

type TallyColumns = (i16, Uuid, String, i64, i64, i64, i64);

fn tally_of_columns(columns: TallyColumns) -> Tally {
    let (bucket, id, key, held_fen, used_fen, count, version) = columns;
    let person = PersonRef { bucket, id };
    Tally { person, key, held_fen, used_fen, count, version }
}
