//! Every statement on tallies.

use super::{PersonKey, PersonKeyRecord, person_key, rows_and_versions};
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::register::model::{PersonRef, Tally};
use crate::{part, record, statement};
use diesel::sql_types::{Array, BigInt, SmallInt, Text, Uuid as SqlUuid};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

record! {
    pub Record = "tally_row" of Tally {
        tally => SmallInt: tally.person.bucket, SqlUuid: tally.person.id, Text: &tally.key,
        BigInt: tally.held_fen, BigInt: tally.used_fen, BigInt: tally.count,
        BigInt: tally.version,
    }
}

statement! {
    pub MakeTallies { keys: Array<PersonKeyRecord> as [PersonKey] } -> (SmallInt, SqlUuid, Text)
    = "INSERT INTO tally (bucket, person_id, key, held_fen, used_fen, count, version) \
       SELECT u.bucket, u.person_id, u.key, 0, 0, 0, 0 FROM unnest(?::person_key[]) \
       WITH ORDINALITY u(bucket, person_id, key, n) ORDER BY u.n ON CONFLICT DO NOTHING \
       RETURNING bucket, person_id, key"
}

statement! {
    pub LockTallies { keys: Array<PersonKeyRecord> as [PersonKey] }
    -> (SmallInt, SqlUuid, Text, BigInt, BigInt, BigInt, BigInt)
    = "SELECT t.bucket, t.person_id, t.key, t.held_fen, t.used_fen, t.count, t.version \
       FROM (SELECT * FROM unnest(?::person_key[]) WITH ORDINALITY u(bucket, person, key, n) \
       ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM tally \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1 FOR UPDATE) t"
}

statement! {
    pub PeekTallies { keys: Array<PersonKeyRecord> as [PersonKey] }
    -> (SmallInt, SqlUuid, Text, BigInt, BigInt, BigInt, BigInt)
    = "SELECT t.bucket, t.person_id, t.key, t.held_fen, t.used_fen, t.count, t.version \
       FROM unnest(?::person_key[]) u CROSS JOIN LATERAL (SELECT * FROM tally \
       WHERE bucket = u.bucket AND person_id = u.person_id AND key = u.key LIMIT 1) t"
}

part! {
    pub SaveTallies<'r> { rows: Array<Record> as Vec<&'r Tally>, were: Array<BigInt> as Vec<i64> }
    = "UPDATE tally t SET held_fen = u.held, used_fen = u.used, count = u.count, \
       version = u.version FROM unnest(?::tally_row[], ?::bigint[]) \
       u(bucket, person, key, held, used, count, version, was) WHERE t.bucket = u.bucket \
       AND t.person_id = u.person AND t.key = u.key AND t.version = u.was"
}

impl Row for Tally {
    type Key = PersonKey;
    const RANK: u16 = 120;

    fn key(&self) -> PersonKey {
        (self.person, self.key.clone())
    }

    fn save<'r>(
        _: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (rows, were) = rows_and_versions(changes, |tally| tally.version);
        writes.add(SaveTallies { rows, were }, changes.len());
        Ok(())
    }
}

impl Register for Tally {
    fn free((person, key): PersonKey) -> Self {
        Tally { person, key, held_fen: 0, used_fen: 0, count: 0, version: 0 }
    }

    /// Always made free: what a tally grows by is known only once all is decided.
    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<PersonKey>> {
        let keys: Vec<PersonKey> = born.iter().map(Row::key).collect();
        let made: Vec<(i16, Uuid, String)> = MakeTallies { keys: &keys }.load(tx.connection)?;
        Ok(made.into_iter().map(person_key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<TallyColumns> = LockTallies { keys }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        Ok(rows.into_iter().map(tally_of_columns).collect())
    }

    fn peek(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<TallyColumns> = PeekTallies { keys }.load(tx.connection)?;
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
