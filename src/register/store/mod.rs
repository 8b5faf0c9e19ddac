//! Every statement on the registers, a file each: quota, mark, tally.

mod mark;
mod quota;
mod tally;

pub use quota::quota_of_columns;

use super::model::PersonRef;
use crate::book::desk::Change;
use crate::record;
use diesel::sql_types::{SmallInt, Text, Uuid as SqlUuid};
use uuid::Uuid;

/// The statements that a clerk runs on the registers, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] = &[
    ("LockQuotas", quota::LockQuotas::SQL),
    ("SaveQuotas", quota::SaveQuotas::SQL),
    ("LockMarks", mark::LockMarks::SQL),
    ("SaveMarks", mark::SaveMarks::SQL),
    ("LockTallies", tally::LockTallies::SQL),
    ("SaveTallies", tally::SaveTallies::SQL),
];

/// Keys of quotas and tallies: a person and a text.
pub type PersonKey = (PersonRef, String);

record! {
    pub PersonKeyRecord = "person_key" of PersonKey {
        key => SmallInt: key.0.bucket, SqlUuid: key.0.id, Text: &key.1,
    }
}

/// Changed rows as they are to be, and the version of each as it was read.
fn rows_and_versions<'r, R>(
    changes: &[Change<'r, R>],
    version: fn(&R) -> i64,
) -> (Vec<&'r R>, Vec<i64>) {
    changes.iter().map(|change| (change.now, change.was.map_or(0, version))).unzip()
}

fn person_key((bucket, id, key): (i16, Uuid, String)) -> PersonKey {
    (PersonRef { bucket, id }, key)
}
