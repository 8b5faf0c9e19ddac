//! Every statement on people, their pseudonyms and organisations.

use crate::book::desk::{Change, Load, Row, Tx};
use crate::infra::keys::{KeyRing, SubKey};
use crate::infra::statement::Writes;
use crate::kernel::refusal::Refusal;
use crate::{part, statement};
use chrono::NaiveDate;
use diesel::sql_types::{Array, Binary, Date, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use rand::RngExt;
use std::collections::HashMap;
use std::fmt;
use uuid::Uuid;

statement! {
    pub FindSubjects { people: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, Binary, Nullable<Binary>)
    = "SELECT s.person_id, s.subject, s.secret FROM unnest(?::uuid[]) u(id) \
       CROSS JOIN LATERAL (SELECT * FROM vault.subject WHERE book_id = ? AND person_id = u.id \
       LIMIT 1) s"
}

part! {
    pub InsertSubjects {
        book: Integer as i32, people: Array<SqlUuid> as Vec<Uuid>,
        subjects: Array<Binary> as Vec<Vec<u8>>,
        secrets: Array<Nullable<Binary>> as Vec<Option<Vec<u8>>>
    } = "INSERT INTO vault.subject (book_id, person_id, subject, secret) SELECT ?::integer, u.* \
         FROM unnest(?::uuid[], ?::bytea[], ?::bytea[]) u(person, subject, secret)"
}

statement! {
    pub FindPerson { bucket: SmallInt as i16, id: SqlUuid as Uuid } -> (Nullable<Date>, Text)
    = "SELECT born_on, state FROM vault.person WHERE bucket = ? AND person_id = ?"
}

statement! {
    pub ListPeople { buckets: Array<SmallInt> as [i16], ids: Array<SqlUuid> as [Uuid] }
    -> (SqlUuid, Nullable<Date>, Text)
    = "SELECT p.person_id, p.born_on, p.state FROM unnest(?::smallint[], ?::uuid[]) u(bucket, id) \
       CROSS JOIN LATERAL (SELECT person_id, born_on, state FROM vault.person \
       WHERE bucket = u.bucket AND person_id = u.id LIMIT 1) p"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] =
    &[("FindSubjects", FindSubjects::SQL), ("ListPeople", ListPeople::SQL)];

/// 256 random bits that stand in the vault only: half of a key, of which the key ring has the
/// other half. When it is destroyed, what was committed to under the key says nothing more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    pub fn draw() -> Secret {
        Secret(rand::rng().random())
    }

    pub fn of_column(bytes: &[u8]) -> Option<Secret> {
        bytes.try_into().ok().map(Secret)
    }

    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one kind of commitments.
    pub fn key(&self, keys: &KeyRing, kind: &str) -> SubKey {
        SubKey::of(keys.bucket_digest(kind, &self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The pseudonym of a person in one book: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub person: Uuid,
    pub subject: [u8; 16],
    /// Of the person's commitments in this book; nothing where he is erased.
    pub secret: Option<Secret>,
}

/// A pseudonym as a handler draws it, for a person who may have none in the book yet.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    subject: [u8; 16],
    secret: Secret,
}

impl Fresh {
    pub fn draw() -> Fresh {
        Fresh { subject: rand::rng().random(), secret: Secret::draw() }
    }

    pub fn of(self, person: Uuid) -> Subject {
        Subject { person, subject: self.subject, secret: Some(self.secret) }
    }
}

impl Row for Subject {
    type Key = Uuid;
    const RANK: u16 = 40;

    fn key(&self) -> Uuid {
        self.person
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let subjects = || changes.iter().map(|change| change.now);
        let secret = |subject: &Subject| subject.secret.map(|secret| secret.expose().to_vec());
        let part = InsertSubjects {
            book: tx.book,
            people: subjects().map(|subject| subject.person).collect(),
            subjects: subjects().map(|subject| subject.subject.to_vec()).collect(),
            secrets: subjects().map(secret).collect(),
        };
        writes.add(part, changes.len());
        Ok(())
    }
}

impl Load for Subject {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> =
            FindSubjects { people: keys, book: &tx.book }.load(tx.connection)?;
        Ok(rows.into_iter().map(of_columns).collect())
    }
}

type Columns = (Uuid, Vec<u8>, Option<Vec<u8>>);

fn of_columns((person, subject, secret): Columns) -> Subject {
    let subject = <[u8; 16]>::try_from(subject).unwrap_or_default();
    Subject { person, subject, secret: secret.as_deref().and_then(Secret::of_column) }
}

/// The pseudonym of a person in a book.
pub fn find_subject(
    connection: &mut PgConnection,
    book: i32,
    person: Uuid,
) -> QueryResult<Option<Subject>> {
    let row: Option<Columns> =
        FindSubjects { people: &[person], book: &book }.get_result(connection).optional()?;
    Ok(row.map(of_columns))
}

/// The person was erased at his own wish; he stays erased.
pub const PERSON_ERASED: Refusal = Refusal::new(
    "PERSON_ERASED",
    "该身份信息已按本人要求删除，不能再领取、申请或查询",
    "this identity was erased at its owner's request: nothing can be claimed, applied for or \
     looked up with it",
);

/// What screenings may know of a person: the birthday, and that he is not erased.
#[derive(Clone, Copy, Debug)]
pub struct KnownPerson {
    pub born_on: Option<NaiveDate>,
    pub is_active: bool,
}

impl KnownPerson {
    /// Of the columns of his row.
    pub fn of(born_on: Option<NaiveDate>, state: &str) -> KnownPerson {
        KnownPerson { born_on, is_active: state == "active" }
    }
}

pub fn find_person(
    connection: &mut PgConnection,
    bucket: i16,
    id: Uuid,
) -> QueryResult<Option<KnownPerson>> {
    let row: Option<(Option<NaiveDate>, String)> =
        FindPerson { bucket: &bucket, id: &id }.get_result(connection).optional()?;
    Ok(row.map(|(born_on, state)| KnownPerson::of(born_on, &state)))
}

/// The same of many, by bucket and id; who is not there is missing.
pub fn find_people(
    connection: &mut PgConnection,
    people: &[(i16, Uuid)],
) -> QueryResult<HashMap<Uuid, KnownPerson>> {
    let (buckets, ids): (Vec<i16>, Vec<Uuid>) = people.iter().copied().unzip();
    let rows: Vec<(Uuid, Option<NaiveDate>, String)> =
        ListPeople { buckets: &buckets, ids: &ids }.load(connection)?;
    let known = |(id, born_on, state): (Uuid, Option<NaiveDate>, String)| {
        (id, KnownPerson::of(born_on, &state))
    };
    Ok(rows.into_iter().map(known).collect())
}
