//! Every statement on applications and their payees.

use super::filing::text_of;
use super::model::{Application, State};
use super::payee::Payee;
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::register::model::{Holder, PersonRef};
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

type Columns = (
    (Uuid, i16, Uuid, Vec<u8>, Vec<u8>, String, Vec<u8>, String, i64, Option<i64>),
    (Option<i32>, Option<Uuid>, Moment, Moment, Option<Moment>, Option<Vec<u8>>, String, i64),
);

/// The columns of [`Columns`], in order.
macro_rules! columns {
    () => {
        "application_id, bucket, person_id, subject, submitted_by, class, rule, state, \
         amount_fen, granted_fen, first_book, first_id, decided_at, submitted_at, until, \
         approved_by, filed, version"
    };
}

macro_rules! select {
    ($name:ident { $($field:ident : $sql:ty as $rust:ty),* } = $text:expr) => {
        statement! {
            pub $name { $($field: $sql as $rust),* }
            -> (
                (SqlUuid, SmallInt, SqlUuid, Binary, Binary, Text, Binary, Text, BigInt,
                 Nullable<BigInt>),
                (Nullable<Integer>, Nullable<SqlUuid>, Timestamptz, Timestamptz,
                 Nullable<Timestamptz>, Nullable<Binary>, Text, BigInt),
            )
            = $text
        }
    };
}

select! {
    FindApplications { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    = concat!("SELECT a.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM application WHERE book_id = ? AND application_id = u.id LIMIT 1) a")
}

select! {
    ListOfApplicant {
        book: Integer as i32, person: SqlUuid as Uuid, after: SqlUuid as Uuid,
        limit: BigInt as i64
    } = concat!("SELECT ", columns!(), " FROM application WHERE book_id = ? AND person_id = ? \
        AND application_id > ? ORDER BY application_id LIMIT ?")
}

select! {
    ListOfParts { books: Array<Integer> as [i32], first: SqlUuid as Uuid }
    = concat!("SELECT ", columns!(), " FROM application WHERE book_id = ANY(?) AND first_id = ? \
        ORDER BY submitted_at, application_id")
}

select! {
    ListGranted {
        book: Integer as i32, after: SqlUuid as Uuid, limit: BigInt as i64
    } = concat!("SELECT ", columns!(), " FROM application WHERE book_id = ? \
        AND application_id > ? AND state IN ('approved', 'payable') \
        ORDER BY application_id LIMIT ?")
}

statement! {
    pub ListOverdue { book: Integer as i32, now: Timestamptz as Moment, limit: BigInt as i64 }
    -> (SqlUuid,)
    = "SELECT application_id FROM application WHERE book_id = ? AND until <= ? \
       AND state = 'correction_requested' ORDER BY until LIMIT ?"
}

statement! {
    pub InsertApplications {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid], buckets: Array<SmallInt> as [i16],
        people: Array<SqlUuid> as [Uuid], subjects: Array<Binary> as [Vec<u8>],
        logins: Array<Binary> as [Vec<u8>], classes: Array<Text> as [String],
        rules: Array<Binary> as [Vec<u8>], states: Array<Text> as [&'static str],
        amounts: Array<BigInt> as [i64], granted: Array<Nullable<BigInt>> as [Option<i64>],
        first_books: Array<Nullable<Integer>> as [Option<i32>],
        firsts: Array<Nullable<SqlUuid>> as [Option<Uuid>],
        decided: Array<Timestamptz> as [Moment], submitted: Array<Timestamptz> as [Moment],
        untils: Array<Nullable<Timestamptz>> as [Option<Moment>],
        approvers: Array<Nullable<Binary>> as [Option<Vec<u8>>],
        filed: Array<Text> as [String], versions: Array<BigInt> as [i64]
    } = concat!("INSERT INTO application (book_id, ", columns!(), ") SELECT ?, u.* FROM unnest(\
        ?::uuid[], ?::smallint[], ?::uuid[], ?::bytea[], ?::bytea[], ?::text[], ?::bytea[], \
        ?::text[], ?::bigint[], ?::bigint[], ?::integer[], ?::uuid[], ?::timestamptz[], \
        ?::timestamptz[], ?::timestamptz[], ?::bytea[], ?::text[], ?::bigint[]) u")
}

statement! {
    /// The book comes as a column of what is joined, behind a fence: as a constant it lets the
    /// planner of an empty table read the whole book and filter.
    pub UpdateApplications {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid], states: Array<Text> as [&'static str],
        amounts: Array<BigInt> as [i64], granted: Array<Nullable<BigInt>> as [Option<i64>],
        untils: Array<Nullable<Timestamptz>> as [Option<Moment>],
        approvers: Array<Nullable<Binary>> as [Option<Vec<u8>>],
        filed: Array<Text> as [String], versions: Array<BigInt> as [i64],
        were: Array<BigInt> as [i64]
    } = "UPDATE application a SET state = u.state, amount_fen = u.amount, \
         granted_fen = u.granted, until = u.until, approved_by = u.approver, filed = u.filed, \
         version = u.version FROM (SELECT ?::integer AS book, u.* FROM unnest(?::uuid[], \
         ?::text[], ?::bigint[], ?::bigint[], ?::timestamptz[], ?::bytea[], ?::text[], \
         ?::bigint[], ?::bigint[]) u(id, state, amount, granted, until, approver, filed, \
         version, was) OFFSET 0) u \
         WHERE a.book_id = u.book AND a.application_id = u.id AND a.version = u.was"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("FindApplications", FindApplications::SQL),
    ("UpdateApplications", UpdateApplications::SQL),
    ("FindPayees", FindPayees::SQL),
];

fn broken() -> Error {
    Error::DeserializationError("an application row that no version wrote".into())
}

fn of_columns((named, rest): Columns) -> QueryResult<Application> {
    let login = |bytes: Vec<u8>| <[u8; 16]>::try_from(bytes).map_err(|_| broken());
    Ok(Application {
        id: named.0,
        applicant: PersonRef { bucket: named.1, id: named.2 },
        subject: login(named.3)?,
        submitted_by: login(named.4)?,
        class: named.5.parse().map_err(|_| broken())?,
        rule: named.6.try_into().map_err(|_| broken())?,
        state: State::parse(&named.7).ok_or_else(broken)?,
        amount: Fen(named.8),
        granted: named.9.map(Fen),
        first: rest.0.zip(rest.1).map(|(book, id)| Holder { book, id }),
        decided_at: rest.2,
        submitted_at: rest.3,
        until: rest.4,
        approved_by: rest.5.map(login).transpose()?,
        filed: serde_json::from_str(&rest.6).map_err(|_| broken())?,
        version: rest.7,
    })
}

impl Row for Application {
    type Key = Uuid;
    const RANK: u16 = 56;

    fn key(&self) -> Uuid {
        self.id
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let new: Vec<&Application> =
            changes.iter().filter(|c| c.was.is_none()).map(|c| c.now).collect();
        let old: Vec<&Change<'_, Application>> =
            changes.iter().filter(|c| c.was.is_some()).collect();
        if !new.is_empty() {
            insert(tx, &new)?;
        }
        if old.is_empty() {
            return Ok(());
        }
        fn all<T>(changes: &[&Change<'_, Application>], of: impl Fn(&Application) -> T) -> Vec<T> {
            changes.iter().map(|change| of(change.now)).collect()
        }
        let updated = UpdateApplications {
            book: &tx.book,
            ids: &all(&old, |a| a.id),
            states: &all(&old, |a| a.state.as_str()),
            amounts: &all(&old, |a| a.amount.0),
            granted: &all(&old, |a| a.granted.map(|fen| fen.0)),
            untils: &all(&old, |a| a.until),
            approvers: &all(&old, |a| a.approved_by.map(|login| login.to_vec())),
            filed: &all(&old, |a| text_of(&a.filed)),
            versions: &all(&old, |a| a.version),
            were: &old.iter().map(|c| c.was.map_or(0, |was| was.version)).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(updated, old.len())
    }
}

fn insert(tx: &mut Tx<'_>, new: &[&Application]) -> QueryResult<()> {
    fn all<T>(new: &[&Application], of: impl Fn(&Application) -> T) -> Vec<T> {
        new.iter().map(|application| of(application)).collect()
    }
    let inserted = InsertApplications {
        book: &tx.book,
        ids: &all(new, |a| a.id),
        buckets: &all(new, |a| a.applicant.bucket),
        people: &all(new, |a| a.applicant.id),
        subjects: &all(new, |a| a.subject.to_vec()),
        logins: &all(new, |a| a.submitted_by.to_vec()),
        classes: &all(new, |a| a.class.to_string()),
        rules: &all(new, |a| a.rule.to_vec()),
        states: &all(new, |a| a.state.as_str()),
        amounts: &all(new, |a| a.amount.0),
        granted: &all(new, |a| a.granted.map(|fen| fen.0)),
        first_books: &all(new, |a| a.first.map(|first| first.book)),
        firsts: &all(new, |a| a.first.map(|first| first.id)),
        decided: &all(new, |a| a.decided_at),
        submitted: &all(new, |a| a.submitted_at),
        untils: &all(new, |a| a.until),
        approvers: &all(new, |a| a.approved_by.map(|login| login.to_vec())),
        filed: &all(new, |a| text_of(&a.filed)),
        versions: &all(new, |a| a.version),
    }
    .execute(tx.connection)?;
    expect_count(inserted, new.len())
}

impl Load for Application {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> =
            FindApplications { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

pub fn find(
    connection: &mut PgConnection,
    book: BookNo,
    id: Uuid,
) -> QueryResult<Option<Application>> {
    let row: Option<Columns> =
        FindApplications { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// An applicant's own in one book, oldest first, after a given one.
pub fn list_of_applicant(
    connection: &mut PgConnection,
    book: BookNo,
    person: Uuid,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Application>> {
    let rows: Vec<Columns> =
        ListOfApplicant { book: &book, person: &person, after: &after, limit: &limit }
            .load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// What continues or tops up an application in some books, oldest first.
pub fn list_of_parts(
    connection: &mut PgConnection,
    books: &[BookNo],
    first: Uuid,
) -> QueryResult<Vec<Application>> {
    let rows: Vec<Columns> = ListOfParts { books, first: &first }.load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// What was granted in one book, oldest first, after a given one.
pub fn list_granted(
    connection: &mut PgConnection,
    book: BookNo,
    after: Uuid,
    limit: i64,
) -> QueryResult<Vec<Application>> {
    let rows: Vec<Columns> =
        ListGranted { book: &book, after: &after, limit: &limit }.load(connection)?;
    rows.into_iter().map(of_columns).collect()
}

/// Applications whose correction did not come and that no entry has ended: what the sweep writes.
pub fn list_overdue(
    connection: &mut PgConnection,
    book: BookNo,
    now: Moment,
    limit: i64,
) -> QueryResult<Vec<Uuid>> {
    let rows: Vec<(Uuid,)> =
        ListOverdue { book: &book, now: &now, limit: &limit }.load(connection)?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

statement! {
    pub FindPayees { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, Binary, Text, Text, BigInt)
    = "SELECT p.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT application_id, cipher, \
       masked, commitment, version FROM vault.payee WHERE book_id = ? AND application_id = u.id \
       LIMIT 1) p"
}

statement! {
    /// A new row (version 0), else the account that a correction brought.
    pub SavePayees {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid], ciphers: Array<Binary> as [Vec<u8>],
        masked: Array<Text> as [String], commitments: Array<Text> as [String],
        versions: Array<BigInt> as [i64]
    } = "INSERT INTO vault.payee (book_id, application_id, cipher, masked, commitment, version) \
         SELECT ?, u.* FROM unnest(?::uuid[], ?::bytea[], ?::text[], ?::text[], ?::bigint[]) u \
         ON CONFLICT (book_id, application_id) DO UPDATE SET cipher = EXCLUDED.cipher, \
         masked = EXCLUDED.masked, commitment = EXCLUDED.commitment, version = EXCLUDED.version \
         WHERE payee.version = EXCLUDED.version - 1"
}

impl Row for Payee {
    type Key = Uuid;
    const RANK: u16 = 57;

    fn key(&self) -> Uuid {
        self.application
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let saved = SavePayees {
            book: &tx.book,
            ids: &changes.iter().map(|c| c.now.application).collect::<Vec<_>>(),
            ciphers: &changes.iter().map(|c| c.now.cipher.clone()).collect::<Vec<_>>(),
            masked: &changes.iter().map(|c| c.now.masked.clone()).collect::<Vec<_>>(),
            commitments: &changes.iter().map(|c| c.now.commitment.clone()).collect::<Vec<_>>(),
            versions: &changes.iter().map(|c| c.now.version).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

type PayeeColumns = (Uuid, Vec<u8>, String, String, i64);

fn payee_of((application, cipher, masked, commitment, version): PayeeColumns) -> Payee {
    Payee { application, cipher, masked, commitment, version }
}

impl Load for Payee {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<PayeeColumns> =
            FindPayees { ids: keys, book: &tx.book }.load(tx.connection)?;
        Ok(rows.into_iter().map(payee_of).collect())
    }
}

/// How the account of an application is shown.
pub fn masked_of(
    connection: &mut PgConnection,
    book: BookNo,
    id: Uuid,
) -> QueryResult<Option<String>> {
    let rows: Vec<PayeeColumns> = FindPayees { ids: &[id], book: &book }.load(connection)?;
    Ok(rows.into_iter().next().map(|row| row.2))
}
