//! Quota and tally of a person, split by book.

use super::stand_in;
use crate::infra::keys::KeyRing;
use crate::kernel::id::BookNo;
use crate::register::model::PersonRef;
use diesel::sql_types::{Array, BigInt, Integer, SmallInt, Text, Uuid as SqlUuid};
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    key: String,
}

/// What one book has added to a tally.
#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    used: i64,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The last year of which a person has a slot. The year is the second part of a quota key.
pub fn last_year(connection: &mut PgConnection, person: PersonRef) -> QueryResult<Option<i32>> {
    let text = "SELECT key FROM quota WHERE bucket = $1 AND person_id = $2 AND books <> '{}'";
    let keys = keys(connection, text, person)?;
    Ok(keys.iter().filter_map(|key| key.split('/').nth(1)?.parse().ok()).max())
}

fn keys(connection: &mut PgConnection, text: &str, person: PersonRef) -> QueryResult<Vec<String>> {
    let rows: Vec<Key> = sql_query(text)
        .bind::<SmallInt, _>(person.bucket)
        .bind::<SqlUuid, _>(person.id)
        .load(connection)?;
    Ok(rows.into_iter().map(|row| row.key).collect())
}

const LOCK_QUOTAS: &str =
    "SELECT key FROM quota WHERE bucket = $1 AND person_id = $2 ORDER BY key FOR UPDATE";
const LOCK_TALLIES: &str =
    "SELECT key FROM tally WHERE bucket = $1 AND person_id = $2 ORDER BY key FOR UPDATE";

/// The slots of one book become those of its stand-in.
const MOVE_SLOTS: &str = "INSERT INTO quota (bucket, person_id, key, books, provinces, holders, \
     states, untils, lapse_keys, version) \
     SELECT $4, $5, q.key, s.books, s.provinces, s.holders, s.states, s.untils, s.lapse_keys, 1 \
     FROM quota q CROSS JOIN LATERAL (SELECT array_agg(u.book ORDER BY u.n) AS books, \
     array_agg(u.province ORDER BY u.n) AS provinces, array_agg(u.holder ORDER BY u.n) AS holders, \
     array_agg(u.state ORDER BY u.n) AS states, array_agg(u.until ORDER BY u.n) AS untils, \
     array_agg(u.lapse_key ORDER BY u.n) AS lapse_keys \
     FROM unnest(q.books, q.provinces, q.holders, q.states, q.untils, q.lapse_keys) \
     WITH ORDINALITY u(book, province, holder, state, until, lapse_key, n) WHERE u.book = $1) s \
     WHERE q.bucket = $2 AND q.person_id = $3 AND $1 = ANY(q.books)";

/// And are his no more.
const DROP_SLOTS: &str = "UPDATE quota q SET books = coalesce(s.books, '{}'), \
     provinces = coalesce(s.provinces, '{}'), holders = coalesce(s.holders, '{}'), \
     states = coalesce(s.states, '{}'), untils = coalesce(s.untils, '{}'), \
     lapse_keys = coalesce(s.lapse_keys, '{}'), version = q.version + 1 \
     FROM quota o CROSS JOIN LATERAL (SELECT array_agg(u.book ORDER BY u.n) AS books, \
     array_agg(u.province ORDER BY u.n) AS provinces, array_agg(u.holder ORDER BY u.n) AS holders, \
     array_agg(u.state ORDER BY u.n) AS states, array_agg(u.until ORDER BY u.n) AS untils, \
     array_agg(u.lapse_key ORDER BY u.n) AS lapse_keys \
     FROM unnest(o.books, o.provinces, o.holders, o.states, o.untils, o.lapse_keys) \
     WITH ORDINALITY u(book, province, holder, state, until, lapse_key, n) WHERE u.book <> $1) s \
     WHERE q.bucket = $2 AND q.person_id = $3 AND $1 = ANY(q.books) \
     AND o.bucket = q.bucket AND o.person_id = q.person_id AND o.key = q.key";

/// As the replay adds a tally up. The redemptions are given, since no index leads from a voucher
/// to those that were cancelled.
const PART: &str = "SELECT r.held + a.held AS held, r.used + a.used AS used, v.count + a.count AS \
     count FROM (SELECT coalesce(sum(r.amount_fen) FILTER (WHERE r.state = 'reserved'), 0)::bigint \
     AS held, coalesce(sum(r.amount_fen) FILTER (WHERE r.state = 'captured'), 0)::bigint AS used \
     FROM redemption r JOIN voucher v ON v.book_id = r.book_id AND v.voucher_id = r.voucher_id \
     WHERE r.book_id = $1 AND r.redemption_id = ANY($4) AND v.person_id = $2 \
     AND r.cap_key = $3) r, \
     (SELECT count(*) AS count FROM voucher WHERE book_id = $1 AND person_id = $2 \
     AND lapse_key = $3 AND state = 'lapsed') v, \
     (SELECT coalesce(sum(amount_fen) FILTER (WHERE state IN ('submitted', \
     'correction_requested')), 0)::bigint AS held, \
     coalesce(sum(coalesce(granted_fen, amount_fen)) FILTER (WHERE state IN ('approved', \
     'payable')), 0)::bigint AS used, count(*) FILTER (WHERE state IN ('submitted', \
     'correction_requested', 'approved', 'payable')) AS count FROM application \
     WHERE book_id = $1 AND person_id = $2 AND filed::json ->> 'cap_key' = $3) a";

/// Gives a stand-in what the person has of one book, whose head is held.
pub fn split(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
    other: PersonRef,
    redemptions: &[Uuid],
) -> QueryResult<()> {
    keys(connection, LOCK_QUOTAS, person)?;
    sql_query(MOVE_SLOTS)
        .bind::<Integer, _>(book)
        .bind::<SmallInt, _>(person.bucket)
        .bind::<SqlUuid, _>(person.id)
        .bind::<SmallInt, _>(other.bucket)
        .bind::<SqlUuid, _>(other.id)
        .execute(connection)?;
    sql_query(DROP_SLOTS)
        .bind::<Integer, _>(book)
        .bind::<SmallInt, _>(person.bucket)
        .bind::<SqlUuid, _>(person.id)
        .execute(connection)?;
    for key in keys(connection, LOCK_TALLIES, person)? {
        let part: Part = sql_query(PART)
            .bind::<Integer, _>(book)
            .bind::<SqlUuid, _>(other.id)
            .bind::<Text, _>(&key)
            .bind::<Array<SqlUuid>, _>(redemptions)
            .get_result(connection)?;
        if (part.held, part.used, part.count) != (0, 0, 0) {
            move_tally(connection, person, other, &key, &part)?;
        }
    }
    Ok(())
}

fn move_tally(
    connection: &mut PgConnection,
    person: PersonRef,
    other: PersonRef,
    key: &str,
    part: &Part,
) -> QueryResult<()> {
    let give = "INSERT INTO tally (held_fen, used_fen, count, bucket, person_id, key, version) \
                VALUES ($1, $2, $3, $4, $5, $6, 1)";
    let take = "UPDATE tally SET held_fen = held_fen - $1, used_fen = used_fen - $2, \
                count = count - $3, version = version + 1 \
                WHERE bucket = $4 AND person_id = $5 AND key = $6";
    for (text, whose) in [(give, other), (take, person)] {
        sql_query(text)
            .bind::<BigInt, _>(part.held)
            .bind::<BigInt, _>(part.used)
            .bind::<BigInt, _>(part.count)
            .bind::<SmallInt, _>(whose.bucket)
            .bind::<SqlUuid, _>(whose.id)
            .bind::<Text, _>(key)
            .execute(connection)?;
    }
    Ok(())
}

/// Rows that hold nothing any more stay, since a register row is never deleted; each gets an id of
/// its own, so that they do not tell which keys one person had.
pub fn leave(
    connection: &mut PgConnection,
    keys_of: &KeyRing,
    person: PersonRef,
) -> QueryResult<()> {
    for (lock, rename) in [
        (
            LOCK_QUOTAS,
            "UPDATE quota SET bucket = $4, person_id = $5 \
             WHERE bucket = $1 AND person_id = $2 AND key = $3",
        ),
        (
            LOCK_TALLIES,
            "UPDATE tally SET bucket = $4, person_id = $5 \
             WHERE bucket = $1 AND person_id = $2 AND key = $3",
        ),
    ] {
        for key in keys(connection, lock, person)? {
            let other = stand_in(keys_of);
            sql_query(rename)
                .bind::<SmallInt, _>(person.bucket)
                .bind::<SqlUuid, _>(person.id)
                .bind::<Text, _>(&key)
                .bind::<SmallInt, _>(other.bucket)
                .bind::<SqlUuid, _>(other.id)
                .execute(connection)?;
        }
    }
    Ok(())
}
