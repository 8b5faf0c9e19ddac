//! Every statement of an erasure on rows of books and of the vault.

use crate::identity::model::PersonId;
use crate::infra::blobs::ContentHash;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::register::model::PersonRef;
use diesel::sql_types::{Array, Binary, Bool, Integer, SmallInt, Text, Uuid as SqlUuid};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use std::fmt;
use uuid::Uuid;

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

#[derive(QueryableByName)]
struct Hash {
    #[diesel(sql_type = Binary)]
    sha256: Vec<u8>,
}

/// Something that an erasure would break.
#[derive(QueryableByName)]
pub struct OpenThing {
    #[diesel(sql_type = Integer)]
    book_id: BookNo,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    is_voucher: bool,
    #[diesel(sql_type = Bool)]
    pub is_granted: bool,
    #[diesel(sql_type = Text)]
    state: String,
}

impl fmt::Display for OpenThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_voucher { Kind::Voucher } else { Kind::Application };
        let (id, state) = (PublicId::new(kind, self.book_id, self.id), &self.state);
        write!(f, "{id} is {state}")
    }
}

/// A person's vouchers and applications that have not ended, those first that are not granted.
pub fn open_things(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
) -> QueryResult<Vec<OpenThing>> {
    let text = "SELECT book_id, voucher_id AS id, true AS is_voucher, false AS is_granted, state \
         FROM voucher WHERE book_id = $1 AND person_id = $2 AND state IN ('claimed', 'reserved') \
         UNION ALL SELECT book_id, application_id, false, state IN ('approved', 'payable'), state \
         FROM application WHERE book_id = $1 AND person_id = $2 \
         AND state IN ('submitted', 'correction_requested', 'approved', 'payable') \
         ORDER BY is_granted";
    sql_query(text).bind::<Integer, _>(book).bind::<SqlUuid, _>(person.id).load(connection)
}

/// The files of a person's documents in a book, but those that somebody else has filed as well.
pub fn files(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
) -> QueryResult<Vec<ContentHash>> {
    let text = "SELECT DISTINCT d.sha256 FROM application a \
         JOIN vault.document d ON d.book_id = a.book_id AND d.application_id = a.application_id \
         WHERE a.book_id = $1 AND a.person_id = $2 AND NOT EXISTS (SELECT FROM vault.document o \
         JOIN application b ON b.book_id = o.book_id AND b.application_id = o.application_id \
         WHERE o.sha256 = d.sha256 AND b.person_id <> $2)";
    let rows: Vec<Hash> =
        sql_query(text).bind::<Integer, _>(book).bind::<SqlUuid, _>(person.id).load(connection)?;
    Ok(rows.into_iter().filter_map(|row| row.sha256.try_into().ok()).collect())
}

/// Rows that name a person where no index leads to them.
pub struct Naming {
    pub redemptions: Vec<Uuid>,
    pub applications: Vec<Uuid>,
    pub old_items: Vec<Uuid>,
}

/// Finds them by reading all of a book, before its head is taken: his own, and those of others
/// in whose facts he is.
pub fn naming(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
) -> QueryResult<Naming> {
    let name = PersonId::from(person.id).to_string();
    let mut of = |text: &str| -> QueryResult<Vec<Uuid>> {
        let rows: Vec<Id> =
            sql_query(text).bind::<Integer, _>(book).bind::<Text, _>(&name).load(connection)?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    };
    let redemptions = of("SELECT redemption_id AS id FROM redemption \
         WHERE book_id = $1 AND strpos(facts, $2) > 0")?;
    let applications = of("SELECT application_id AS id FROM application \
         WHERE book_id = $1 AND strpos(filed, $2) > 0")?;
    let text = "SELECT old_item_id AS id FROM old_item WHERE book_id = $1 AND owner = $2";
    let rows: Vec<Id> =
        sql_query(text).bind::<Integer, _>(book).bind::<SqlUuid, _>(person.id).load(connection)?;
    let old_items = rows.into_iter().map(|row| row.id).collect();
    Ok(Naming { redemptions, applications, old_items })
}

/// Puts another id in a person's place, and takes the secret of his pseudonym. An application's
/// login is the same in every book, so it goes, too. How many rows there were.
pub fn rename(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
    other: PersonRef,
    named: &Naming,
) -> QueryResult<usize> {
    let mut rows = 0;
    for text in [
        "UPDATE voucher SET person_id = $3, bucket = $4 WHERE book_id = $1 AND person_id = $2",
        "UPDATE application SET person_id = $3, bucket = $4, \
         submitted_by = uuid_send(gen_random_uuid()) WHERE book_id = $1 AND person_id = $2",
    ] {
        rows += sql_query(text)
            .bind::<Integer, _>(book)
            .bind::<SqlUuid, _>(person.id)
            .bind::<SqlUuid, _>(other.id)
            .bind::<SmallInt, _>(other.bucket)
            .execute(connection)?;
    }
    let text = "UPDATE vault.subject SET person_id = $3, secret = NULL \
                WHERE book_id = $1 AND person_id = $2";
    rows += sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<SqlUuid, _>(person.id)
        .bind::<SqlUuid, _>(other.id)
        .execute(connection)?;
    let text = "UPDATE old_item SET owner = $3 WHERE book_id = $1 AND owner = $2 \
                AND old_item_id = ANY($4)";
    rows += sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<SqlUuid, _>(person.id)
        .bind::<SqlUuid, _>(other.id)
        .bind::<Array<SqlUuid>, _>(&named.old_items)
        .execute(connection)?;
    Ok(rows)
}

/// Empties documents and accounts of a stand-in's applications. What was committed to stays.
pub fn clear_papers(
    connection: &mut PgConnection,
    book: BookNo,
    other: PersonRef,
) -> QueryResult<()> {
    for text in [
        "UPDATE vault.document SET cipher = '', sha256 = decode(repeat('00', 32), 'hex') \
         WHERE book_id = $1 AND application_id IN \
         (SELECT application_id FROM application WHERE book_id = $1 AND person_id = $2)",
        "UPDATE vault.payee SET cipher = '', masked = '' WHERE book_id = $1 AND application_id IN \
         (SELECT application_id FROM application WHERE book_id = $1 AND person_id = $2)",
    ] {
        sql_query(text)
            .bind::<Integer, _>(book)
            .bind::<SqlUuid, _>(other.id)
            .execute(connection)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
pub struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// Whether the row is the person's own.
    #[diesel(sql_type = Bool)]
    pub is_his: bool,
    #[diesel(sql_type = Text)]
    pub text: String,
}

/// What the redemptions of these ids were decided by.
pub fn redemption_facts(
    connection: &mut PgConnection,
    book: BookNo,
    other: PersonRef,
    ids: &[Uuid],
) -> QueryResult<Vec<FactsRow>> {
    let text = "SELECT r.redemption_id AS id, v.person_id = $2 AS is_his, r.facts AS text \
         FROM redemption r JOIN voucher v ON v.book_id = r.book_id AND v.voucher_id = r.voucher_id \
         WHERE r.book_id = $1 AND r.redemption_id = ANY($3)";
    facts_rows(connection, text, book, other, ids)
}

/// What applications hold of these ids.
pub fn filings(
    connection: &mut PgConnection,
    book: BookNo,
    other: PersonRef,
    ids: &[Uuid],
) -> QueryResult<Vec<FactsRow>> {
    let text = "SELECT application_id AS id, person_id = $2 AS is_his, filed AS text \
         FROM application WHERE book_id = $1 AND (person_id = $2 OR application_id = ANY($3))";
    facts_rows(connection, text, book, other, ids)
}

fn facts_rows(
    connection: &mut PgConnection,
    text: &str,
    book: BookNo,
    other: PersonRef,
    ids: &[Uuid],
) -> QueryResult<Vec<FactsRow>> {
    sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<SqlUuid, _>(other.id)
        .bind::<Array<SqlUuid>, _>(ids)
        .load(connection)
}

pub fn save_redemption_facts(
    connection: &mut PgConnection,
    book: BookNo,
    row: &FactsRow,
) -> QueryResult<()> {
    let text = "UPDATE redemption SET facts = $3 WHERE book_id = $1 AND redemption_id = $2";
    save(connection, text, book, row)
}

pub fn save_filing(connection: &mut PgConnection, book: BookNo, row: &FactsRow) -> QueryResult<()> {
    let text = "UPDATE application SET filed = $3 WHERE book_id = $1 AND application_id = $2";
    save(connection, text, book, row)
}

fn save(
    connection: &mut PgConnection,
    text: &str,
    book: BookNo,
    row: &FactsRow,
) -> QueryResult<()> {
    sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<SqlUuid, _>(row.id)
        .bind::<Text, _>(&row.text)
        .execute(connection)?;
    Ok(())
}

/// Takes away what stays of the erased once every book of their last year, and of the years
/// before, is closed and that year is over. Needs the role that owns the tables: the serving one
/// deletes nothing. How many people there were.
///
/// # Errors
/// Those of the database.
pub fn forget(connection: &mut PgConnection) -> QueryResult<usize> {
    let text = "WITH over AS (DELETE FROM vault.person p WHERE p.state = 'erased' \
         AND coalesce(p.keep_year, 0) < extract(year FROM now() AT TIME ZONE 'Asia/Shanghai') \
         AND NOT EXISTS (SELECT FROM book b JOIN book_head h ON h.book_id = b.book_id \
         WHERE b.book_id <> 0 AND b.year <= p.keep_year AND h.state <> 'closed') \
         RETURNING p.person_id), \
         gone AS (DELETE FROM vault.identity i USING over WHERE i.person_id = over.person_id) \
         SELECT person_id AS id FROM over";
    let rows: Vec<Id> = sql_query(text).load(connection)?;
    Ok(rows.len())
}
