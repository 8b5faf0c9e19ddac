//! Every statement on the registers, a file each: quota, mark, tally.

mod mark;
mod quota;
mod tally;

pub use quota::quota_of_columns;

use super::model::PersonRef;
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

pub fn person_columns(keys: &[PersonKey]) -> (Vec<i16>, Vec<Uuid>, Vec<String>) {
    let buckets = keys.iter().map(|(person, _)| person.bucket).collect();
    let people = keys.iter().map(|(person, _)| person.id).collect();
    (buckets, people, keys.iter().map(|(_, key)| key.clone()).collect())
}

fn person_key((bucket, id, key): (i16, Uuid, String)) -> PersonKey {
    (PersonRef { bucket, id }, key)
}
