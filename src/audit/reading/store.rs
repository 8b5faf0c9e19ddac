//! Every statement of the readings: of one book, in one snapshot, with time enough for a table.

use super::table::Head;
use crate::infra::postgres::ReadPool;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, QueryableByName, RunQueryDsl};
use uuid::Uuid;

/// How long a reading may take.
const PATIENCE: &str = "SET LOCAL statement_timeout = '60s'";

/// Runs a reading in one snapshot.
///
/// # Errors
/// 503 where the database does not answer in time.
pub async fn snapshot<T: Send + 'static>(
    pool: &ReadPool,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
) -> Result<T, crate::http::problem::Problem> {
    crate::book::read(pool, move |connection| {
        connection.build_transaction().read_only().repeatable_read().run(|connection| {
            connection.batch_execute(PATIENCE)?;
            work(connection)
        })
    })
    .await
}

/// Declares a row, read by the names of its columns.
macro_rules! row {
    ($name:ident { $($column:ident: $sql:ty => $rust:ty),+ $(,)? }) => {
        #[derive(Clone, Debug, QueryableByName)]
        pub struct $name {
            $(#[diesel(sql_type = $sql)] pub $column: $rust),+
        }
    };
}

row!(Size { size: BigInt => i64, root: Binary => Vec<u8> });
row!(At { at: Timestamptz => Moment });
row!(Leaf { seq: BigInt => i64, leaf: Binary => Vec<u8>, leaf_hash: Binary => Vec<u8> });
row!(Sum { key: Text => String, state: Text => String, count: BigInt => i64, fen: BigInt => i64 });
row!(Moved { day: Text => String, account: Text => String, fen: BigInt => i64 });
row!(Refusal {
    at: Timestamptz => Moment, key: Binary => Vec<u8>, status: SmallInt => i16,
    codes: Array<Text> => Vec<String>, rule: Nullable<Binary> => Option<Vec<u8>>,
});
row!(Id { id: SqlUuid => Uuid });

pub fn head(connection: &mut PgConnection, book: BookNo) -> QueryResult<Head> {
    let text = "SELECT size, root FROM book_head WHERE book_id = $1";
    let head: Size = diesel::sql_query(text).bind::<Integer, _>(book).get_result(connection)?;
    Ok(Head { size: u64::try_from(head.size).unwrap_or_default(), root: head.root })
}

fn time_of(connection: &mut PgConnection, book: BookNo, seq: u64) -> QueryResult<Option<Moment>> {
    let text = "SELECT at FROM entry WHERE book_id = $1 AND seq = $2";
    let found: Option<At> = diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<BigInt, _>(seq.cast_signed())
        .get_result(connection)
        .optional()?;
    Ok(found.map(|found| found.at))
}

/// The first position that is not before a moment: time never runs back in a book, so it is
/// searched for by halves.
pub fn position(
    connection: &mut PgConnection,
    book: BookNo,
    at: Moment,
    size: u64,
) -> QueryResult<u64> {
    let (mut from, mut to) = (0, size);
    while from < to {
        let middle = from + (to - from) / 2;
        match time_of(connection, book, middle)? {
            Some(time) if time < at => from = middle + 1,
            _ => to = middle,
        }
    }
    Ok(from)
}

pub fn leaves(
    connection: &mut PgConnection,
    book: BookNo,
    from: u64,
    limit: u64,
) -> QueryResult<Vec<Leaf>> {
    let text = "SELECT seq, leaf, leaf_hash FROM entry WHERE book_id = $1 AND seq >= $2 \
                ORDER BY seq LIMIT $3";
    diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<BigInt, _>(from.cast_signed())
        .bind::<BigInt, _>(limit.cast_signed())
        .load(connection)
}

/// The entries about some things, from a position on.
pub fn leaves_about(
    connection: &mut PgConnection,
    book: BookNo,
    from: u64,
    things: &[Uuid],
) -> QueryResult<Vec<Leaf>> {
    let text = "SELECT seq, leaf, leaf_hash FROM entry WHERE book_id = $1 AND seq >= $2 \
                AND about = ANY($3) ORDER BY seq LIMIT 1000";
    diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<BigInt, _>(from.cast_signed())
        .bind::<Array<SqlUuid>, _>(things)
        .load(connection)
}

/// A voucher with its redemptions, or an application with its parts and raises, found by any.
pub fn family(connection: &mut PgConnection, book: BookNo, id: Uuid) -> QueryResult<Vec<Uuid>> {
    let text = "WITH v AS (SELECT $2 AS id UNION SELECT voucher_id FROM redemption \
                WHERE book_id = $1 AND redemption_id = $2 UNION SELECT first_id FROM application \
                WHERE book_id = $1 AND application_id = $2 AND first_book = $1) \
                SELECT id FROM v UNION SELECT r.redemption_id FROM redemption r JOIN v \
                ON r.book_id = $1 AND r.voucher_id = v.id \
                UNION SELECT a.application_id FROM application a JOIN v \
                ON a.book_id = $1 AND a.first_book = $1 AND a.first_id = v.id";
    let ids: Vec<Id> =
        diesel::sql_query(text).bind::<Integer, _>(book).bind::<SqlUuid, _>(id).load(connection)?;
    Ok(ids.into_iter().map(|row| row.id).collect())
}

/// When a voucher was claimed, or an application submitted.
pub fn began_at(
    connection: &mut PgConnection,
    book: BookNo,
    ids: &[Uuid],
) -> QueryResult<Option<Moment>> {
    let text = "SELECT claimed_at AS at FROM voucher WHERE book_id = $1 AND voucher_id = ANY($2) \
                UNION ALL SELECT submitted_at FROM application WHERE book_id = $1 \
                AND application_id = ANY($2) ORDER BY at LIMIT 1";
    let found: Option<At> = diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<Array<SqlUuid>, _>(ids)
        .get_result(connection)
        .optional()?;
    Ok(found.map(|found| found.at))
}

/// Redemptions and applications by day, class or retailer, and state. Days are those of Shanghai;
/// an application has no retailer.
pub fn sums(connection: &mut PgConnection, book: BookNo, by: &str) -> QueryResult<Vec<Sum>> {
    let key = match by {
        "class" => "class",
        "retailer" => "coalesce('org_0_' || replace(retailer::text, '-', ''), '')",
        _ => "((at AT TIME ZONE 'UTC' + interval '8 hours')::date)::text",
    };
    let text = format!(
        "WITH thing AS (SELECT reserved_at AS at, class, organisation_id AS retailer, state, \
         amount_fen AS fen FROM redemption WHERE book_id = $1 UNION ALL \
         SELECT submitted_at, class, NULL, state, coalesce(granted_fen, amount_fen) \
         FROM application WHERE book_id = $1) \
         SELECT {key} AS key, state, count(*)::bigint AS count, sum(fen)::bigint AS fen \
         FROM thing GROUP BY 1, 2 ORDER BY 1, 2"
    );
    diesel::sql_query(text).bind::<Integer, _>(book).load(connection)
}

/// How often each code refused.
pub fn refusal_sums(connection: &mut PgConnection, book: BookNo) -> QueryResult<Vec<Sum>> {
    let text = "SELECT code AS key, 'refused' AS state, count(*)::bigint AS count, \
                0::bigint AS fen FROM answer, unnest(codes) code \
                WHERE book_id = $1 AND status >= 400 GROUP BY 1 ORDER BY 3 DESC, 1";
    diesel::sql_query(text).bind::<Integer, _>(book).load(connection)
}

/// What moved into each account on each day.
pub fn moved(connection: &mut PgConnection, book: BookNo) -> QueryResult<Vec<Moved>> {
    let text = "SELECT ((at AT TIME ZONE 'UTC' + interval '8 hours')::date)::text AS day, \
                account, sum(amount_fen)::bigint AS fen FROM posting WHERE book_id = $1 \
                GROUP BY 1, 2 ORDER BY 1, 2";
    diesel::sql_query(text).bind::<Integer, _>(book).load(connection)
}

/// Refusals as they were answered, oldest first, after a place.
pub fn refusals(
    connection: &mut PgConnection,
    book: BookNo,
    code: Option<&str>,
    after: Option<(Moment, Vec<u8>)>,
    limit: i64,
) -> QueryResult<Vec<Refusal>> {
    let (at, key) = after.unwrap_or_default();
    let text = "SELECT at, key, status, codes, rule FROM answer WHERE book_id = $1 \
                AND status >= 400 AND ($2 IS NULL OR $2 = ANY(codes)) AND (at, key) > ($3, $4) \
                ORDER BY at, key LIMIT $5";
    diesel::sql_query(text)
        .bind::<Integer, _>(book)
        .bind::<Nullable<Text>, _>(code)
        .bind::<Timestamptz, _>(at)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(limit)
        .load(connection)
}
