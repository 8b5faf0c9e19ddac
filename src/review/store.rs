//! Every statement of the desk. The queue joins the applications with who has them, so that a
//! page of it is one statement.

use super::model::{Review, Waiting, Whose};
use crate::application::model::State;
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};
use uuid::Uuid;

statement! {
    pub FindReviews { ids: Array<SqlUuid> as [Uuid], book: Integer as i32 }
    -> (SqlUuid, Nullable<Binary>, Timestamptz, BigInt)
    = "SELECT r.* FROM unnest(?::uuid[]) u(id) CROSS JOIN LATERAL (SELECT application_id, \
       reviewer, taken_at, version FROM review WHERE book_id = ? AND application_id = u.id \
       LIMIT 1) r"
}

statement! {
    /// A new row (version 0), else a change of the one that was read.
    SaveReviews {
        book: Integer as i32, ids: Array<SqlUuid> as [Uuid],
        reviewers: Array<Nullable<Binary>> as [Option<Vec<u8>>],
        taken: Array<Timestamptz> as [Moment], versions: Array<BigInt> as [i64]
    } = "INSERT INTO review (book_id, application_id, reviewer, taken_at, version) \
         SELECT ?, u.* FROM unnest(?::uuid[], ?::bytea[], ?::timestamptz[], ?::bigint[]) u \
         ON CONFLICT (book_id, application_id) DO UPDATE SET reviewer = EXCLUDED.reviewer, \
         version = EXCLUDED.version WHERE review.version = EXCLUDED.version - 1"
}

statement! {
    ListWaiting {
        book: Integer as i32, after: SqlUuid as Uuid, class: Text as str, state: Text as str,
        whose: Text as str, me: Binary as [u8], limit: BigInt as i64
    }
    -> (SqlUuid, Text, Text, BigInt, Timestamptz, Nullable<Timestamptz>, Nullable<Binary>,
        Nullable<Timestamptz>)
    = "SELECT a.application_id, a.class, a.state, a.amount_fen, a.submitted_at, a.until, \
       r.reviewer, r.taken_at FROM application a LEFT JOIN review r \
       ON r.book_id = a.book_id AND r.application_id = a.application_id \
       WHERE a.book_id = ? AND a.application_id > ? \
       AND a.state IN ('submitted', 'correction_requested') \
       AND a.class = coalesce(nullif(?, ''), a.class) \
       AND a.state = coalesce(nullif(?, ''), a.state) \
       AND CASE ? WHEN 'nobodys' THEN r.reviewer IS NULL WHEN 'mine' THEN r.reviewer = ? \
       ELSE true END ORDER BY a.application_id LIMIT ?"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[("FindReviews", FindReviews::SQL)];

type Columns = (Uuid, Option<Vec<u8>>, Moment, i64);

fn of_columns((application, reviewer, taken_at, version): Columns) -> QueryResult<Review> {
    Ok(Review { application, reviewer: login(reviewer)?, taken_at, version })
}

fn login(bytes: Option<Vec<u8>>) -> QueryResult<Option<[u8; 16]>> {
    let broken = |_| Error::DeserializationError("a login that is none".into());
    bytes.map(|bytes| bytes.try_into().map_err(broken)).transpose()
}

impl Row for Review {
    type Key = Uuid;
    const RANK: u16 = 60;

    fn key(&self) -> Uuid {
        self.application
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let reviewer = |review: &Review| review.reviewer.map(|login| login.to_vec());
        let saved = SaveReviews {
            book: &tx.book,
            ids: &changes.iter().map(|c| c.now.application).collect::<Vec<_>>(),
            reviewers: &changes.iter().map(|c| reviewer(c.now)).collect::<Vec<_>>(),
            taken: &changes.iter().map(|c| c.now.taken_at).collect::<Vec<_>>(),
            versions: &changes.iter().map(|c| c.now.version).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

impl Load for Review {
    fn load(tx: &mut Tx<'_>, keys: &[Uuid]) -> QueryResult<Vec<Self>> {
        let rows: Vec<Columns> = FindReviews { ids: keys, book: &tx.book }.load(tx.connection)?;
        rows.into_iter().map(of_columns).collect()
    }
}

/// Who has an application.
pub fn find(
    connection: &mut PgConnection,
    book: BookNo,
    application: Uuid,
) -> QueryResult<Option<Review>> {
    let row: Option<Columns> =
        FindReviews { ids: &[application], book: &book }.get_result(connection).optional()?;
    row.map(of_columns).transpose()
}

/// What a page of the queue shows.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub book: BookNo,
    /// The last of the page before.
    pub after: Uuid,
    /// Empty: every class.
    pub class: String,
    pub state: Option<State>,
    pub whose: Whose,
    pub me: [u8; 16],
    pub limit: i64,
}

/// Open applications in the order of their submission; the clocks are read by the caller.
pub fn list_waiting(connection: &mut PgConnection, wanted: &Wanted) -> QueryResult<Vec<Waiting>> {
    type Columns =
        (Uuid, String, String, i64, Moment, Option<Moment>, Option<Vec<u8>>, Option<Moment>);
    let rows: Vec<Columns> = ListWaiting {
        book: &wanted.book,
        after: &wanted.after,
        class: &wanted.class,
        state: wanted.state.map_or("", State::as_str),
        whose: wanted.whose.as_str(),
        me: &wanted.me,
        limit: &wanted.limit,
    }
    .load(connection)?;
    let broken = |what: &str| Error::DeserializationError(format!("a {what} of no kind").into());
    let waiting = |(id, class, state, fen, submitted_at, until, reviewer, taken_at): Columns| {
        Ok(Waiting {
            id,
            class: class.parse().map_err(|_| broken("class"))?,
            state: State::parse(&state).ok_or_else(|| broken("state"))?,
            amount: Fen(fen),
            submitted_at,
            until,
            reviewer: login(reviewer)?,
            taken_at,
            clocks: Vec::new(),
        })
    };
    rows.into_iter().map(waiting).collect()
}
