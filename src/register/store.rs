//! Every statement on the registers: quota, mark, tally.

use super::model::{Holder, Mark, MarkKey, PersonRef, Quota, Slot, SlotState, Tally};
use crate::book::desk::{Change, Register, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::postgres::array_literal;
use crate::kernel::region::Region;
use crate::kernel::time::{self, Moment};
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{QueryResult, RunQueryDsl};
use uuid::Uuid;

// The arrays come sorted, and WITH ORDINALITY keeps their order explicit: every clerk makes and
// locks the rows of a register in one ascending pass.

statement! {
    pub MakeQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } = "INSERT INTO quota (bucket, person_id, key, books, provinces, holders, states, untils, \
         lapse_keys, version) \
         SELECT u.bucket, u.person, u.key, '{}', '{}', '{}', '{}', '{}', '{}', 0 \
         FROM unnest(?::smallint[], ?::uuid[], ?::text[]) WITH ORDINALITY \
         u(bucket, person, key, n) ORDER BY u.n ON CONFLICT DO NOTHING"
}

statement! {
    pub LockQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } -> (SmallInt, SqlUuid, Text, Array<Integer>, Array<Integer>, Array<SqlUuid>,
          Array<SmallInt>, Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT q.bucket, q.person_id, q.key, q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM (SELECT * FROM unnest(?::smallint[], ?::uuid[], ?::text[]) WITH ORDINALITY \
       u(bucket, person, key, n) ORDER BY n) u CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1 FOR UPDATE) q"
}

statement! {
    pub SaveQuotas {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String], books: Array<Text> as [String],
        provinces: Array<Text> as [String], holders: Array<Text> as [String],
        states: Array<Text> as [String], untils: Array<Text> as [String],
        lapse_keys: Array<Text> as [String], versions: Array<BigInt> as [i64], were: Array<BigInt> as [i64]
    } = "UPDATE quota q SET books = u.books::integer[], provinces = u.provinces::integer[], \
         holders = u.holders::uuid[], states = u.states::smallint[], \
         untils = u.untils::timestamptz[], lapse_keys = u.lapse_keys::text[], \
         version = u.version \
         FROM unnest(?::smallint[], ?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[], \
         ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[]) \
         u(bucket, person, key, books, provinces, holders, states, untils, lapse_keys, version, was) \
         WHERE q.bucket = u.bucket AND q.person_id = u.person AND q.key = u.key \
         AND q.version = u.was"
}

statement! {
    pub MakeMarks {
        buckets: Array<SmallInt> as [i16], kinds: Array<Text> as [String],
        digests: Array<Binary> as [Vec<u8>]
    } = "INSERT INTO mark (bucket, kind, digest, version) SELECT u.bucket, u.kind, u.digest, 0 \
         FROM unnest(?::smallint[], ?::text[], ?::bytea[]) WITH ORDINALITY \
         u(bucket, kind, digest, n) ORDER BY u.n ON CONFLICT DO NOTHING"
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

statement! {
    pub MakeTallies {
        buckets: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid],
        keys: Array<Text> as [String]
    } = "INSERT INTO tally (bucket, person_id, key, held_fen, used_fen, count, version) \
         SELECT u.bucket, u.person, u.key, 0, 0, 0, 0 \
         FROM unnest(?::smallint[], ?::uuid[], ?::text[]) WITH ORDINALITY \
         u(bucket, person, key, n) ORDER BY u.n ON CONFLICT DO NOTHING"
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

/// The statements that a clerk runs on the registers, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("LockQuotas", LockQuotas::SQL),
    ("SaveQuotas", SaveQuotas::SQL),
    ("LockMarks", LockMarks::SQL),
    ("SaveMarks", SaveMarks::SQL),
    ("LockTallies", LockTallies::SQL),
    ("SaveTallies", SaveTallies::SQL),
];

/// Keys of quotas and tallies: a person and a text.
type PersonKey = (PersonRef, String);

fn person_columns(keys: &[PersonKey]) -> (Vec<i16>, Vec<Uuid>, Vec<String>) {
    let buckets = keys.iter().map(|(person, _)| person.bucket).collect();
    let people = keys.iter().map(|(person, _)| person.id).collect();
    (buckets, people, keys.iter().map(|(_, key)| key.clone()).collect())
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
        let column = |of: fn(&Slot) -> Option<String>| -> Vec<String> {
            changes.iter().map(|change| array_literal(change.now.slots.iter().map(of))).collect()
        };
        let saved = SaveQuotas {
            buckets: &buckets,
            people: &people,
            keys: &names,
            books: &column(|slot| Some(slot.holder.book.to_string())),
            provinces: &column(|slot| Some(slot.province.to_string())),
            holders: &column(|slot| Some(slot.holder.id.to_string())),
            states: &column(|slot| Some(slot.state.code().to_string())),
            untils: &column(|slot| slot.until.map(time::text)),
            lapse_keys: &column(|slot| slot.lapse_key.clone()),
            versions: &changes.iter().map(|change| change.now.version).collect::<Vec<_>>(),
            were: &changes.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

type QuotaColumns = (
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

fn quota_of_columns(columns: QuotaColumns) -> QueryResult<Quota> {
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
    fn take(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        MakeQuotas { buckets: &buckets, people: &people, keys: &names }.execute(tx.connection)?;
        let rows: Vec<QuotaColumns> =
            LockQuotas { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        rows.into_iter().map(quota_of_columns).collect()
    }
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
    fn take(tx: &mut Tx<'_>, keys: &[MarkKey]) -> QueryResult<Vec<Self>> {
        type Columns = (i16, String, Vec<u8>, Option<i32>, Option<Uuid>, Option<Moment>, i64);
        let (buckets, kinds, digests) = mark_columns(keys);
        MakeMarks { buckets: &buckets, kinds: &kinds, digests: &digests }.execute(tx.connection)?;
        let rows: Vec<Columns> = LockMarks { buckets: &buckets, kinds: &kinds, digests: &digests }
            .load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        let mark = |(bucket, kind, digest, book, holder, until, version): Columns| Mark {
            key: MarkKey { bucket, kind, digest },
            holder: book.zip(holder).map(|(book, id)| Holder { book, id }),
            until,
            version,
        };
        Ok(rows.into_iter().map(mark).collect())
    }
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
    fn take(tx: &mut Tx<'_>, keys: &[PersonKey]) -> QueryResult<Vec<Self>> {
        let (buckets, people, names) = person_columns(keys);
        MakeTallies { buckets: &buckets, people: &people, keys: &names }.execute(tx.connection)?;
        let rows: Vec<(i16, Uuid, String, i64, i64, i64, i64)> =
            LockTallies { buckets: &buckets, people: &people, keys: &names }.load(tx.connection)?;
        expect_count(rows.len(), keys.len())?;
        let tally = |(bucket, id, key, held_fen, used_fen, count, version)| Tally {
            person: PersonRef { bucket, id },
            key,
            held_fen,
            used_fen,
            count,
            version,
        };
        Ok(rows.into_iter().map(tally).collect())
    }
}
