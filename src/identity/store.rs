//! Every statement on people, their pseudonyms and organisations.

use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::statement;
use chrono::NaiveDate;
use diesel::sql_types::{Array, Binary, Date, Integer, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use std::collections::HashMap;
use uuid::Uuid;

statement! {
    pub FindSubjects { people: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, Binary)
    = "SELECT s.person_id, s.subject FROM unnest(?::uuid[]) u(id) \
       CROSS JOIN LATERAL (SELECT * FROM vault.subject WHERE book_id = ? AND person_id = u.id \
       LIMIT 1) s"
}

statement! {
    pub InsertSubjects {
        book: Integer as i32, people: Array<SqlUuid> as [Uuid],
        subjects: Array<Binary> as [Vec<u8>]
    } = "INSERT INTO vault.subject (book_id, person_id, subject) \
         SELECT ?, u.person, u.subject FROM unnest(?::uuid[], ?::bytea[]) u(person, subject)"
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

/// The pseudonym of a person in one book: 128 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub person: Uuid,
    pub subject: [u8; 16],
}

impl Row for Subject {
    type Key = Uuid;
    const RANK: u16 = 40;

    fn key(&self) -> Uuid {
        self.person
    }

    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        let people: Vec<Uuid> = changes.iter().map(|change| change.now.person).collect();
        let subjects: Vec<Vec<u8>> =
            changes.iter().map(|change| change.now.subject.to_vec()).collect();
        let inserted = InsertSubjects { book: &tx.book, people: &people, subjects: &subjects }
            .execute(tx.connection)?;
        expect_count(inserted, changes.len())
    }
}

impl Load for Subject {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<(Uuid, Vec<u8>)> =
            FindSubjects { people: keys, book: &tx.book }.load(tx.connection)?;
        let row = |(person, subject): (Uuid, Vec<u8>)| {
            let subject = <[u8; 16]>::try_from(subject).unwrap_or_default();
            Subject { person, subject }
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// What screenings may know of a person: the birthday, and that he is not erased.
#[derive(Clone, Copy, Debug)]
pub struct KnownPerson {
    pub born_on: Option<NaiveDate>,
    pub is_active: bool,
}

pub fn find_person(
    connection: &mut PgConnection,
    bucket: i16,
    id: Uuid,
) -> QueryResult<Option<KnownPerson>> {
    let row: Option<(Option<NaiveDate>, String)> =
        FindPerson { bucket: &bucket, id: &id }.get_result(connection).optional()?;
    Ok(row.map(|(born_on, state)| KnownPerson { born_on, is_active: state == "active" }))
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
        (id, KnownPerson { born_on, is_active: state == "active" })
    };
    Ok(rows.into_iter().map(known).collect())
}
