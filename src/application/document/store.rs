//! Every statement on documents.

use super::fields::DocumentKind;
use super::model::Document;
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::blobs::MediaType;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

type Columns = (Uuid, Uuid, String, Vec<u8>, i64, String, Vec<u8>, Vec<u8>, Moment, Option<Moment>);

macro_rules! columns {
    () => {
        "document_id, application_id, kind, sha256, bytes, media_type, cipher, commitment, \
         filed_at, received_at"
    };
}

statement! {
    pub FindDocuments { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, SqlUuid, Text, Binary, BigInt, Text, Binary, Binary, Timestamptz,
        Nullable<Timestamptz>)
    = concat!("SELECT d.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM vault.document WHERE book_id = ? AND document_id = u.id LIMIT 1) d")
}

statement! {
    ListDocuments { book: Integer as i32, application: SqlUuid as Uuid }
    -> (SqlUuid, SqlUuid, Text, Binary, BigInt, Text, Binary, Binary, Timestamptz,
        Nullable<Timestamptz>)
    = concat!("SELECT ", columns!(), " FROM vault.document WHERE book_id = ? \
        AND application_id = ? ORDER BY document_id")
}

statement! {
    InsertDocuments {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid],
        applications: Array<SqlUuid> as [Uuid], kinds: Array<Text> as [&'static str],
        hashes: Array<Binary> as [Vec<u8>], bytes: Array<BigInt> as [i64],
        media: Array<Text> as [&'static str], ciphers: Array<Binary> as [Vec<u8>],
        commitments: Array<Binary> as [Vec<u8>], filed: Array<Timestamptz> as [Moment],
        received: Array<Nullable<Timestamptz>> as [Option<Moment>]
    } = concat!("INSERT INTO vault.document (book_id, ", columns!(), ") SELECT ?, u.* FROM \
        unnest(?::uuid[], ?::uuid[], ?::text[], ?::bytea[], ?::bigint[], ?::text[], ?::bytea[], \
        ?::bytea[], ?::timestamptz[], ?::timestamptz[]) u")
}

statement! {
    ReceiveDocuments {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid],
        received: Array<Timestamptz> as [Moment]
    } = "UPDATE vault.document d SET received_at = u.at \
         FROM (SELECT ?::integer AS book, u.* FROM unnest(?::uuid[], ?::timestamptz[]) \
         u(id, at) OFFSET 0) u \
         WHERE d.book_id = u.book AND d.document_id = u.id AND d.received_at IS NULL"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] =
    &[("FindDocuments", FindDocuments::SQL), ("ReceiveDocuments", ReceiveDocuments::SQL)];

fn of_columns(row: Columns) -> QueryResult<Document> {
    let (id, application, kind, sha256, bytes, media, cipher, commitment, filed_at, received_at) =
        row;
    let broken = |what: &str| Error::DeserializationError(format!("a document's {what}").into());
    Ok(Document {
        id,
        application,
        kind: DocumentKind::parse(&kind).ok_or_else(|| broken("kind"))?,
        sha256: sha256.try_into().map_err(|_| broken("hash"))?,
        bytes,
        media: MediaType::of_mime(&media).ok_or_else(|| broken("type"))?,
        cipher,
        commitment: commitment.try_into().map_err(|_| broken("commitment"))?,
        filed_at,
        received_at,
    })
}

impl Row for Document {
    type Key = Uuid;
    const RANK: u16 = 58;

    fn key(&self) -> Uuid {
        self.id
    }

    /// New ones, and the arrival of files; nothing else ever changes.
    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let (old, new): (Vec<Change<'_, Self>>, Vec<_>) =
            changes.iter().partition(|change| change.was.is_some());
        let new: Vec<&Document> = new.iter().map(|change| change.now).collect();
        if !new.is_empty() {
            insert(tx, &new)?;
        }
        if old.is_empty() {
            return Ok(());
        }
        let updated = ReceiveDocuments {
            book: &tx.book,
            ids: &old.iter().map(|c| c.now.id).collect::<Vec<_>>(),
            received: &old.iter().filter_map(|c| c.now.received_at).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(updated, old.len())
    }
}

fn insert(tx: &mut Tx<'_>, new: &[&Document]) -> QueryResult<()> {
    let inserted = InsertDocuments {
        book: &tx.book,
        ids: &new.iter().map(|d| d.id).collect::<Vec<_>>(),
        applications: &new.iter().map(|d| d.application).collect::<Vec<_>>(),
        kinds: &new.iter().map(|d| d.kind.as_str()).collect::<Vec<_>>(),
        hashes: &new.iter().map(|d| d.sha256.to_vec()).collect::<Vec<_>>(),
        bytes: &new.iter().map(|d| d.bytes).collect::<Vec<_>>(),
        media: &new.iter().map(|d| d.media.mime()).collect::<Vec<_>>(),
        ciphers: &new.iter().map(|d| d.cipher.clone()).collect::<Vec<_>>(),
        commitments: &new.iter().map(|d| d.commitment.to_vec()).collect::<Vec<_>>(),
        filed: &new.iter().map(|d| d.filed_at).collect::<Vec<_>>(),
        received: &new.iter().map(|d| d.received_at).collect::<Vec<_>>(),
    }
    .execute(tx.connection)?;
    expect_count(inserted, new.len())
}

impl Load for Document {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> = FindDocuments { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

pub fn find(
    connection: &mut PgConnection,
    book: BookNo,
    id: Uuid,
) -> QueryResult<Option<Document>> {
    let row: Option<Columns> =
        FindDocuments { ids: &[id], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// The documents of an application, oldest first.
pub fn list(
    connection: &mut PgConnection,
    book: BookNo,
    application: Uuid,
) -> QueryResult<Vec<Document>> {
    let rows: Vec<Columns> =
        ListDocuments { book: &book, application: &application }.load(connection)?;
    rows.into_iter().map(of_columns).collect()
}
