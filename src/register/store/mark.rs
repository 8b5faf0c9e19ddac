//! Every statement on marks.

use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::kernel::time::Moment;
use crate::register::model::{Holder, Mark, MarkKey};
use crate::statement;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub MakeMarks {
        buckets: Array<SmallInt> as [i16], kinds: Array<Text> as [String],
        digests: Array<Binary> as [Vec<u8>], books: Array<Nullable<Integer>> as [Option<i32>],
        holders: Array<Nullable<SqlUuid>> as [Option<Uuid>],
        untils: Array<Nullable<Timestamptz>> as [Option<Moment>],
        versions: Array<BigInt> as [i64]
    } -> (SmallInt, Text, Binary)
    = "INSERT INTO mark (bucket, kind, digest, book_id, holder, until, version) \
       SELECT u.bucket, u.kind, u.digest, u.book, u.holder, u.until, u.version \
       FROM unnest(?::smallint[], ?::text[], ?::bytea[], ?::integer[], ?::uuid[], \
       ?::timestamptz[], ?::bigint[]) WITH ORDINALITY \
       u(bucket, kind, digest, book, holder, until, version, n) ORDER BY u.n \
       ON CONFLICT DO NOTHING RETURNING bucket, kind, digest"
}

statement! {
    pub LockMarks {
        buckets: Array<SmallInt> as [i16], kinds: Array<Text> as [String],
        digests: Array<Binary> as [Vec<u8>]
    } -> (SmallInt, Text, Binary, Nullable<Integer>, Nullable<SqlUuid>, Nullable<Timestamptz>,
          BigInt)
    = "SELECT m.bucket, m.kind, m.digest, m.book_id, m.holder, m.until, m.version \
       FROM (SELECT * FROM unnest(?::smallint[], ?::text[], ?::bytea[]) WITH ORDINALITY \
       u(bucket, kind, digest, n) ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM mark \
       WHERE bucket = u.bucket AND kind = u.kind AND digest = u.digest LIMIT 1 FOR UPDATE) m"
}

statement! {
    pub PeekMarks {
        buckets: Array<SmallInt> as [i16], kinds: Array<Text> as [String],
        digests: Array<Binary> as [Vec<u8>]
    } -> (SmallInt, Text, Binary, Nullable<Integer>, Nullable<SqlUuid>, Nullable<Timestamptz>,
          BigInt)
    = "SELECT m.bucket, m.kind, m.digest, m.book_id, m.holder, m.until, m.version \
       FROM unnest(?::smallint[], ?::text[], ?::bytea[]) u(bucket, kind, digest) \
       CROSS JOIN LATERAL (SELECT * FROM mark WHERE bucket = u.bucket AND kind = u.kind \
       AND digest = u.digest LIMIT 1) m"
}

statement! {
    pub SaveMarks {
        buckets: Array<SmallInt> as [i16], kinds: Array<Text> as [String],
        digests: Array<Binary> as [Vec<u8>], books: Array<Nullable<Integer>> as [Option<i32>],
        holders: Array<Nullable<SqlUuid>> as [Option<Uuid>],
        untils: Array<Nullable<Timestamptz>> as [Option<Moment>],
        versions: Array<BigInt> as [i64], were: Array<BigInt> as [i64]
    } = "UPDATE mark m SET book_id = u.book, holder = u.holder, until = u.until, \
         version = u.version FROM unnest(?::smallint[], ?::text[], ?::bytea[], ?::integer[], \
         ?::uuid[], ?::timestamptz[], ?::bigint[], ?::bigint[]) \
         u(bucket, kind, digest, book, holder, until, version, was) WHERE m.bucket = u.bucket \
         AND m.kind = u.kind AND m.digest = u.digest AND m.version = u.was"
}

impl Row for Mark {
    type Key = MarkKey;
    const RANK: u16 = 110;

    fn key(&self) -> MarkKey {
        self.key.clone()
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let keys: Vec<MarkKey> = changes.iter().map(|change| change.now.key()).collect();
        let (buckets, kinds, digests) = mark_columns(&keys);
        let holders = || changes.iter().map(|change| change.now.holder);
        let saved = SaveMarks {
            buckets: &buckets,
            kinds: &kinds,
            digests: &digests,
            books: &holders().map(|h| h.map(|h| h.book)).collect::<Vec<_>>(),
            holders: &holders().map(|h| h.map(|h| h.id)).collect::<Vec<_>>(),
            untils: &changes.iter().map(|change| change.now.until).collect::<Vec<_>>(),
            versions: &changes.iter().map(|change| change.now.version).collect::<Vec<_>>(),
            were: &changes.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

fn mark_columns(keys: &[MarkKey]) -> (Vec<i16>, Vec<String>, Vec<Vec<u8>>) {
    let buckets = keys.iter().map(|key| key.bucket).collect();
    let kinds = keys.iter().map(|key| key.kind.clone()).collect();
    (buckets, kinds, keys.iter().map(|key| key.digest.clone()).collect())
}

impl Register for Mark {
    fn free(key: MarkKey) -> Self {
        Mark { key, holder: None, until: None, version: 0 }
    }

    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<MarkKey>> {
        let keys: Vec<MarkKey> = born.iter().map(Row::key).collect();
        let (buckets, kinds, digests) = mark_columns(&keys);
        let holders = || born.iter().map(|mark| mark.holder);
        let made: Vec<(i16, String, Vec<u8>)> = MakeMarks {
            buckets: &buckets,
            kinds: &kinds,
            digests: &digests,
            books: &holders().map(|h| h.map(|h| h.book)).collect::<Vec<_>>(),
            holders: &holders().map(|h| h.map(|h| h.id)).collect::<Vec<_>>(),
            untils: &born.iter().map(|mark| mark.until).collect::<Vec<_>>(),
            versions: &born.iter().map(|mark| mark.version).collect::<Vec<_>>(),
        }
        .load(tx.connection)?;
        let key = |(bucket, kind, digest)| MarkKey { bucket, kind, digest };
        Ok(made.into_iter().map(key).collect())
    }

    fn lock(tx: &mut Tx<'_>, keys: &[MarkKey]) -> QueryResult<Vec<Self>> {
        let (buckets, kinds, digests) = mark_columns(keys);
        let rows: Vec<MarkColumns> =
            LockMarks { buckets: &buckets, kinds: &kinds, digests: &digests }
                .load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        Ok(rows.into_iter().map(mark_of_columns).collect())
    }

    fn peek(tx: &mut Tx<'_>, keys: &[MarkKey]) -> QueryResult<Vec<Self>> {
        let (buckets, kinds, digests) = mark_columns(keys);
        let rows: Vec<MarkColumns> =
            PeekMarks { buckets: &buckets, kinds: &kinds, digests: &digests }
                .load(tx.connection)?;
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
