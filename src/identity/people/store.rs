//! Every statement on the tables of the people vault but pseudonyms.

use super::model::{DigestKey, Identified, Person, State};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::identity::store::Secret;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use crate::statement;
use chrono::NaiveDate;
use diesel::result::Error;
use diesel::sql_types::{
    Array, Binary, Date, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub FindIdentified {
        buckets: Array<SmallInt> as [i16], digests: Array<Binary> as [Vec<u8>]
    } -> (SmallInt, Binary, SmallInt, SqlUuid)
    = "SELECT i.bucket, i.digest, i.key_version, i.person_id \
       FROM unnest(?::smallint[], ?::bytea[]) u(bucket, digest) CROSS JOIN LATERAL \
       (SELECT * FROM vault.identity WHERE bucket = u.bucket AND digest = u.digest LIMIT 1) i"
}

statement! {
    pub InsertIdentified {
        buckets: Array<SmallInt> as [i16], digests: Array<Binary> as [Vec<u8>],
        versions: Array<SmallInt> as [i16], people: Array<SqlUuid> as [Uuid]
    } = "INSERT INTO vault.identity (bucket, digest, key_version, person_id) \
         SELECT * FROM unnest(?::smallint[], ?::bytea[], ?::smallint[], ?::uuid[])"
}

statement! {
    pub FindPeople { buckets: Array<SmallInt> as [i16], ids: Array<SqlUuid> as [Uuid] }
    -> (SmallInt, SqlUuid, Nullable<Binary>, Nullable<Date>, Nullable<Timestamptz>,
        Nullable<Timestamptz>, Nullable<Binary>, Text, Nullable<Integer>)
    = "SELECT p.* FROM unnest(?::smallint[], ?::uuid[]) u(bucket, id) CROSS JOIN LATERAL \
       (SELECT bucket, person_id, cipher, born_on, consent_at, registered_at, secret, state, \
       keep_year FROM vault.person WHERE bucket = u.bucket AND person_id = u.id LIMIT 1) p"
}

statement! {
    pub InsertPeople {
        buckets: Array<SmallInt> as [i16], ids: Array<SqlUuid> as [Uuid],
        ciphers: Array<Nullable<Binary>> as [Option<Vec<u8>>],
        born: Array<Nullable<Date>> as [Option<NaiveDate>],
        consented: Array<Nullable<Timestamptz>> as [Option<Moment>],
        registered: Array<Nullable<Timestamptz>> as [Option<Moment>],
        secrets: Array<Nullable<Binary>> as [Option<Vec<u8>>],
        states: Array<Text> as [&'static str]
    } = "INSERT INTO vault.person (bucket, person_id, cipher, born_on, consent_at, \
         registered_at, secret, state) SELECT * FROM unnest(?::smallint[], ?::uuid[], ?::bytea[], \
         ?::date[], ?::timestamptz[], ?::timestamptz[], ?::bytea[], ?::text[])"
}

statement! {
    pub ErasePeople {
        buckets: Array<SmallInt> as [i16], ids: Array<SqlUuid> as [Uuid],
        keep: Array<Nullable<Integer>> as [Option<i32>]
    } = "UPDATE vault.person p SET cipher = NULL, born_on = NULL, consent_at = NULL, \
         registered_at = NULL, secret = NULL, state = 'erased', keep_year = u.keep \
         FROM unnest(?::smallint[], ?::uuid[], ?::integer[]) u(bucket, id, keep) \
         WHERE p.bucket = u.bucket AND p.person_id = u.id AND p.state = 'active'"
}

statement! {
    /// In which of these books a person has a pseudonym, one of them at most.
    pub FindDealing { books: Array<Integer> as [BookNo], person: SqlUuid as Uuid } -> (Integer,)
    = "SELECT s.book_id FROM unnest(?::integer[]) u(book) CROSS JOIN LATERAL \
       (SELECT book_id FROM vault.subject WHERE book_id = u.book AND person_id = ? LIMIT 1) s \
       LIMIT 1"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("FindIdentified", FindIdentified::SQL),
    ("FindPeople", FindPeople::SQL),
    ("ErasePeople", ErasePeople::SQL),
];

type Columns = (
    i16,
    Uuid,
    Option<Vec<u8>>,
    Option<NaiveDate>,
    Option<Moment>,
    Option<Moment>,
    Option<Vec<u8>>,
    String,
    Option<i32>,
);

fn of_columns(row: Columns) -> QueryResult<Person> {
    let (bucket, id, cipher, born_on, consent_at, registered_at, secret, state, keep_year) = row;
    let broken = || Error::DeserializationError("a person in a state of no version".into());
    let state = State::parse(&state).ok_or_else(broken)?;
    let secret = secret.as_deref().and_then(Secret::of_column);
    Ok(Person { bucket, id, cipher, born_on, consent_at, registered_at, secret, state, keep_year })
}

impl Row for Identified {
    type Key = DigestKey;
    const RANK: u16 = 37;

    fn key(&self) -> DigestKey {
        self.key.clone()
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let inserted = InsertIdentified {
            buckets: &changes.iter().map(|c| c.now.key.0).collect::<Vec<_>>(),
            digests: &changes.iter().map(|c| c.now.key.1.clone()).collect::<Vec<_>>(),
            versions: &changes.iter().map(|c| c.now.version.cast_signed()).collect::<Vec<_>>(),
            people: &changes.iter().map(|c| c.now.person).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(inserted, changes.len())
    }
}

impl Load for Identified {
    fn load(tx: &mut Tx<'_>, keys: &[DigestKey]) -> QueryResult<Vec<Self>> {
        let (buckets, digests): (Vec<i16>, Vec<Vec<u8>>) = keys.iter().cloned().unzip();
        let rows: Vec<(i16, Vec<u8>, i16, Uuid)> =
            FindIdentified { buckets: &buckets, digests: &digests }.load(tx.connection)?;
        let row = |(bucket, digest, version, person): (i16, Vec<u8>, i16, Uuid)| Identified {
            key: (bucket, digest),
            version: version.cast_unsigned(),
            person,
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

impl Row for Person {
    type Key = (i16, Uuid);
    const RANK: u16 = 36;

    fn key(&self) -> (i16, Uuid) {
        (self.bucket, self.id)
    }

    /// New people, and erasures; nothing else ever changes one.
    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (old, new): (Vec<Change<'_, Self>>, Vec<_>) =
            changes.iter().partition(|change| change.was.is_some());
        if !old.is_empty() {
            let erased = ErasePeople {
                buckets: &old.iter().map(|c| c.now.bucket).collect::<Vec<_>>(),
                ids: &old.iter().map(|c| c.now.id).collect::<Vec<_>>(),
                keep: &old.iter().map(|c| c.now.keep_year).collect::<Vec<_>>(),
            }
            .execute(tx.connection)?;
            expect_count(erased, old.len())?;
        }
        let new: Vec<&Person> = new.iter().map(|change| change.now).collect();
        if new.is_empty() {
            return Ok(());
        }
        let secret = |person: &Person| person.secret.map(|secret| secret.expose().to_vec());
        let inserted = InsertPeople {
            buckets: &new.iter().map(|p| p.bucket).collect::<Vec<_>>(),
            ids: &new.iter().map(|p| p.id).collect::<Vec<_>>(),
            ciphers: &new.iter().map(|p| p.cipher.clone()).collect::<Vec<_>>(),
            born: &new.iter().map(|p| p.born_on).collect::<Vec<_>>(),
            consented: &new.iter().map(|p| p.consent_at).collect::<Vec<_>>(),
            registered: &new.iter().map(|p| p.registered_at).collect::<Vec<_>>(),
            secrets: &new.iter().map(|p| secret(p)).collect::<Vec<_>>(),
            states: &new.iter().map(|p| p.state.as_str()).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(inserted, new.len())
    }
}

impl Load for Person {
    fn load(tx: &mut Tx<'_>, keys: &[(i16, Uuid)]) -> QueryResult<Vec<Self>> {
        let (buckets, ids): (Vec<i16>, Vec<Uuid>) = keys.iter().copied().unzip();
        let rows: Vec<Columns> = FindPeople { buckets: &buckets, ids: &ids }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

/// A person's row, cipher text included.
pub fn find(connection: &mut PgConnection, bucket: i16, id: Uuid) -> QueryResult<Option<Person>> {
    let row: Option<Columns> =
        FindPeople { buckets: &[bucket], ids: &[id] }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// Whose identity this is, by any of its digests.
pub fn find_identified(
    connection: &mut PgConnection,
    keys: &[DigestKey],
) -> QueryResult<Option<Uuid>> {
    let (buckets, digests): (Vec<i16>, Vec<Vec<u8>>) = keys.iter().cloned().unzip();
    let row: Option<(i16, Vec<u8>, i16, Uuid)> =
        FindIdentified { buckets: &buckets, digests: &digests }
            .get_result(connection)
            .optional()?;
    Ok(row.map(|(_, _, _, person)| person))
}

/// Whether a person has dealings in one of these books.
pub fn has_dealings(
    connection: &mut PgConnection,
    books: &[BookNo],
    person: Uuid,
) -> QueryResult<bool> {
    let found: Option<(BookNo,)> =
        FindDealing { books, person: &person }.get_result(connection).optional()?;
    Ok(found.is_some())
}
