//! What neighbours said, as it is kept.

use super::model::{Answer, Neighbour, NoAnswer};
use crate::book::desk::{Change, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use crate::statement;
use diesel::result::Error;
use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{PgConnection, QueryResult, RunQueryDsl};
use serde_json::Value as Json;
use uuid::Uuid;

statement! {
    InsertAnswers {
        book: Integer as i32, applications: Array<SqlUuid> as [Uuid],
        ids: Array<SqlUuid> as [Uuid], neighbours: Array<Text> as [&'static str],
        sources: Array<Text> as [String], times: Array<Timestamptz> as [Moment],
        said: Array<Nullable<Jsonb>> as [Option<Json>],
        none: Array<Nullable<Text>> as [Option<&'static str>]
    } = "INSERT INTO neighbour_answer (book_id, application_id, answer_id, neighbour, source, \
         asked_at, said, no_answer) SELECT ?, u.* FROM unnest(?::uuid[], ?::uuid[], ?::text[], \
         ?::text[], ?::timestamptz[], ?::jsonb[], ?::text[]) u"
}

statement! {
    ListAnswers { book: Integer as i32, application: SqlUuid as Uuid }
    -> (SqlUuid, Text, Text, Timestamptz, Nullable<Jsonb>, Nullable<Text>)
    = "SELECT answer_id, neighbour, source, asked_at, said, no_answer FROM neighbour_answer \
       WHERE book_id = ? AND application_id = ? ORDER BY answer_id"
}

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub id: Uuid,
    pub application: Uuid,
    pub asked_at: Moment,
    pub answer: Answer,
}

impl Row for Kept {
    type Key = (Uuid, Uuid);
    const RANK: u16 = 59;

    fn key(&self) -> (Uuid, Uuid) {
        (self.application, self.id)
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let new: Vec<&Kept> = changes.iter().map(|change| change.now).collect();
        let inserted = InsertAnswers {
            book: &tx.book,
            applications: &new.iter().map(|k| k.application).collect::<Vec<_>>(),
            ids: &new.iter().map(|k| k.id).collect::<Vec<_>>(),
            neighbours: &new.iter().map(|k| k.answer.neighbour.as_str()).collect::<Vec<_>>(),
            sources: &new.iter().map(|k| k.answer.source.clone()).collect::<Vec<_>>(),
            times: &new.iter().map(|k| k.asked_at).collect::<Vec<_>>(),
            said: &new.iter().map(|k| k.answer.said.clone().ok()).collect::<Vec<_>>(),
            none: &new
                .iter()
                .map(|k| k.answer.said.as_ref().err().map(|none| none.as_str()))
                .collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(inserted, new.len())
    }
}

type Columns = (Uuid, String, String, Moment, Option<Json>, Option<String>);

/// Every answer about an application, oldest first.
pub fn list(
    connection: &mut PgConnection,
    book: BookNo,
    application: Uuid,
) -> QueryResult<Vec<Kept>> {
    let rows: Vec<Columns> =
        ListAnswers { book: &book, application: &application }.load(connection)?;
    let broken = || Error::DeserializationError("an answer of nobody".into());
    let kept = |(id, neighbour, source, asked_at, said, none): Columns| {
        let none = none.and_then(|word| NoAnswer::ALL.into_iter().find(|n| n.as_str() == word));
        let said = said.ok_or(none.unwrap_or(NoAnswer::Malformed));
        let neighbour = Neighbour::parse(&neighbour).ok_or_else(broken)?;
        let answer = Answer { neighbour, source, said };
        Ok(Kept { id, application, asked_at, answer })
    };
    rows.into_iter().map(kept).collect()
}
