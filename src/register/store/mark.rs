//! Every statement on marks.

use super::rows_and_versions;
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::time::Moment;
use crate::register::model::{Holder, Mark, MarkKey};
use crate::{part, record, statement};
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

record! {
    pub Key = "mark_key" of MarkKey {
        key => SmallInt: key.bucket, Text: &key.kind, Binary: &key.digest,
    }
}

record! {
    pub Record = "mark_row" of Mark {
        mark => SmallInt: mark.key.bucket, Text: &mark.key.kind, Binary: &mark.key.digest,
        Nullable<Integer>: mark.holder.map(|holder| holder.book),
        Nullable<SqlUuid>: mark.holder.map(|holder| holder.id),
        Nullable<Timestamptz>: mark.until, BigInt: mark.version,
    }
}

// The arrays come sorted, and WITH ORDINALITY keeps their order explicit: every clerk makes and
// locks the rows of a register in one ascending pass.

statement! {
    pub MakeMarks { rows: Array<Record> as [Mark] } -> (SmallInt, Text, Binary)
    = "INSERT INTO mark (bucket, kind, digest, book_id, holder, until, version) \
       SELECT u.bucket, u.kind, u.digest, u.book_id, u.holder, u.until, u.version \
       FROM unnest(?::mark_row[]) WITH ORDINALITY \
       u(bucket, kind, digest, book_id, holder, until, version, n) ORDER BY u.n \
       ON CONFLICT DO NOTHING RETURNING bucket, kind, digest"
}

statement! {
    pub LockMarks { keys: Array<Key> as [MarkKey] }
    -> (SmallInt, Text, Binary, Nullable<Integer>, Nullable<SqlUuid>, Nullable<Timestamptz>,
        BigInt)
    = "SELECT m.bucket, m.kind, m.digest, m.book_id, m.holder, m.until, m.version \
       FROM (SELECT * FROM unnest(?::mark_key[]) WITH ORDINALITY u(bucket, kind, digest, n) \
       ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM mark \
       WHERE bucket = u.bucket AND kind = u.kind AND digest = u.digest LIMIT 1 FOR UPDATE) m"
}

statement! {
    pub PeekMarks { keys: Array<Key> as [MarkKey] }
    -> (SmallInt, Text, Binary, Nullable<Integer>, Nullable<SqlUuid>, Nullable<Timestamptz>,
        BigInt)
    = "SELECT m.bucket, m.kind, m.digest, m.book_id, m.holder, m.until, m.version \
       FROM unnest(?::mark_key[]) u CROSS JOIN LATERAL (SELECT * FROM mark \
       WHERE bucket = u.bucket AND kind = u.kind AND digest = u.digest LIMIT 1) m"
}

part! {
    pub SaveMarks<'r> { rows: Array<Record> as Vec<&'r Mark>, were: Array<BigInt> as Vec<i64> }
    = "UPDATE mark m SET book_id = u.book_id, holder = u.holder, until = u.until, \
       version = u.version FROM unnest(?::mark_row[], ?::bigint[]) \
       u(bucket, kind, digest, book_id, holder, until, version, was) \
       WHERE m.bucket = u.bucket AND m.kind = u.kind AND m.digest = u.digest \
       AND m.version = u.was"
}

impl Row for Mark {
    type Key = MarkKey;
    const RANK: u16 = 110;

    fn key(&self) -> MarkKey {
        self.key.clone()
    }

    fn save<'r>(
        _: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (rows, were) = rows_and_versions(changes, |mark| mark.version);
        writes.add(SaveMarks { rows, were }, changes.len());
        Ok(())
    }
}

impl Register for Mark {
    fn free(key: MarkKey) -> Self {
        Mark { key, holder: None, until: None, version: 0 }
    }

    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<MarkKey>> {
        let made: Vec<(i16, String, Vec<u8>)> = MakeMarks { rows: born }.load(tx.connection)?;
        let key = |(bucket, kind, digest)| MarkKey { bucket, kind, digest };
        Ok(made.into_iter().map(key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[MarkKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<MarkColumns> = LockMarks { keys }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        Ok(rows.into_iter().map(mark_of_columns).collect())
    }

    fn peek(tx: &mut Tx<'_>, keys: &[MarkKey]) -> QueryResult<Vec<Self>> {
        let rows: Vec<MarkColumns> = PeekMarks { keys }.load(tx.connection)?;
        let found: Vec<Mark> = rows.into_iter().map(mark_of_columns).collect();
        let free = |key: &&MarkKey| found.iter().all(|row| row.key != **key);
        let free: Vec<Mark> = keys.iter().filter(free).map(|key| Mark::free(key.clone())).collect();
        Ok(found.into_iter().chain(free).collect())
    }
}

type MarkColumns = (i16, String, Vec<u8>, Option<i32>, Option<Uuid>, Option<Moment>, i64);

fn mark_of_columns(columns: MarkColumns) -> Mark {
    let (bucket, kind, digest, book, holder, until, version) = columns;
    Mark {
        key: MarkKey { bucket, kind, digest },
        holder: book.zip(holder).map(|(book, id)| Holder { book, id }),
        until,
        version,
    }
}
