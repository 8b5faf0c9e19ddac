//! What the gate reads of Postgres, and the one row that it changes there.

use crate::infra::clock::Clock;
use crate::kernel::time::Moment;
use crate::register::model::{PersonRef, Quota};
use crate::register::store::{PersonKey, PersonKeyRecord, quota_of_columns};
use crate::statement;
use diesel::sql_types::{
    Array, BigInt, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    /// Quota rows without a lock, for the gate; and the database's time.
    ReadQuotas { keys: Array<PersonKeyRecord> as [PersonKey] }
    -> (BigInt, Timestamptz, Array<Integer>, Array<Integer>, Array<SqlUuid>, Array<SmallInt>,
        Array<Nullable<Timestamptz>>, Array<Nullable<Text>>, BigInt)
    = "SELECT u.n, clock_timestamp(), q.books, q.provinces, q.holders, q.states, q.untils, \
       q.lapse_keys, q.version FROM unnest(?::person_key[]) WITH ORDINALITY \
       u(bucket, person, key, n) CROSS JOIN LATERAL (SELECT * FROM quota \
       WHERE bucket = u.bucket AND person_id = u.person AND key = u.key LIMIT 1) q"
}

statement! {
    /// The keys of the quota rows after a key, in order.
    PageQuotas {
        bucket: SmallInt as i16, person: SqlUuid as Uuid, key: Text as str, size: BigInt as i64
    } -> (SmallInt, SqlUuid, Text)
    = "SELECT bucket, person_id, key FROM quota WHERE (bucket, person_id, key) > (?, ?, ?) \
       ORDER BY bucket, person_id, key LIMIT ?"
}

statement! {
    /// The timeline stands in the name of the current log file. The control file says it only
    /// after the first checkpoint that follows a promotion.
    ReadEpoch { id: Integer as i32 } -> (BigInt, BigInt, BigInt, BigInt)
    = "SELECT counter, \
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint, \
       (pg_current_wal_lsn() - '0/0')::bigint, \
       (SELECT system_identifier FROM pg_control_system()) FROM gate_epoch WHERE id = ?"
}

statement! {
    BumpEpoch { above: BigInt as i64, seen: BigInt as i64 }
    = "UPDATE gate_epoch SET counter = GREATEST(counter, ?) + 1 WHERE id = 1 AND counter = ?"
}

/// A quota as it stood in Postgres.
#[derive(Clone, Debug)]
pub struct QuotaRead {
    pub quota: Quota,
    /// When it stood so, by the database's clock; in a sandbox with its offset.
    pub at: Moment,
}

impl QuotaRead {
    /// How many slots counted then.
    pub fn used(&self) -> u32 {
        self.quota.in_use(self.at)
    }
}

type Columns = (
    i64,
    Moment,
    Vec<i32>,
    Vec<i32>,
    Vec<Uuid>,
    Vec<i16>,
    Vec<Option<Moment>>,
    Vec<Option<String>>,
    i64,
);

/// Reads quotas without locking them, in the order of the keys. A row that does not exist means
/// the same as a free one.
pub fn read_quotas(
    connection: &mut PgConnection,
    keys: &[PersonKey],
    clock: &Clock,
) -> QueryResult<Vec<QuotaRead>> {
    let rows: Vec<Columns> = ReadQuotas { keys }.load(connection)?;
    let free = |(person, key): &PersonKey| QuotaRead {
        quota: Quota { person: *person, key: key.clone(), slots: Vec::new(), version: 0 },
        at: clock.now(),
    };
    let mut reads: Vec<QuotaRead> = keys.iter().map(free).collect();
    for (n, at, books, provinces, holders, states, untils, lapses, version) in rows {
        let place = usize::try_from(n - 1).ok().and_then(|place| reads.get_mut(place));
        let Some(read) = place else { continue };
        let person = read.quota.person;
        let key = std::mem::take(&mut read.quota.key);
        let columns = (
            person.bucket,
            person.id,
            key,
            books,
            provinces,
            holders,
            states,
            untils,
            lapses,
            version,
        );
        *read = QuotaRead { quota: quota_of_columns(columns)?, at: at + clock.offset() };
    }
    Ok(reads)
}

/// The keys of up to `size` quota rows that come after a key, in the order of the register.
pub fn page_quotas(
    connection: &mut PgConnection,
    after: Option<&PersonKey>,
    size: i64,
) -> QueryResult<Vec<PersonKey>> {
    // Buckets are never negative.
    let (bucket, person, key) =
        after.map_or((-1, Uuid::nil(), ""), |(person, key)| (person.bucket, person.id, key));
    let page = PageQuotas { bucket: &bucket, person: &person, key, size: &size };
    let rows: Vec<(i16, Uuid, String)> = page.load(connection)?;
    Ok(rows.into_iter().map(|(bucket, id, key)| (PersonRef { bucket, id }, key)).collect())
}

/// Where Postgres stands, as the gate's epoch needs it.
pub struct EpochRead {
    pub counter: i64,
    /// Grows with every promotion and every recovery from an archive.
    pub timeline: i64,
    /// The position in the write-ahead log, in bytes: grows with every change.
    pub position: i64,
    /// The cluster that this is; another one is another world.
    pub system: i64,
}

/// # Errors
/// Also on a standby, which has no position of its own.
pub fn read_epoch(connection: &mut PgConnection) -> QueryResult<EpochRead> {
    let (counter, timeline, position, system) = ReadEpoch { id: &1 }.get_result(connection)?;
    Ok(EpochRead { counter, timeline, position, system })
}

/// Raises the counter above `above` if it still is what was seen; false where somebody else has
/// raised it.
pub fn bump_epoch(connection: &mut PgConnection, seen: i64, above: i64) -> QueryResult<bool> {
    Ok(BumpEpoch { above: &above, seen: &seen }.execute(connection)? == 1)
}
