//! What each reading holds, as a table.

use super::filter::{Filter, MOST_SCANNED, amount, rows};
use super::store::{self, Leaf, Refusal};
use super::table::{Cell, Head, Table};
use crate::book::model::Bucket;
use crate::kernel::id::BookNo;
use crate::kernel::time::{self, Moment};
use crate::programme::{Derivation, Step};
use diesel::{PgConnection, QueryResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Leaves that are read at once.
const PAGE: u64 = 1_000;

/// What sums are made by.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The day of the reservation or the submission, in Shanghai.
    Day,
    Class,
    Retailer,
    /// The code of each refusal.
    Refusal,
}

const ENTRY_COLUMNS: &[&str] = &[
    "entry",
    "at",
    "kind",
    "about",
    "actor",
    "subject",
    "class",
    "retailer",
    "amount_fen",
    "legs",
    "rule",
    "leaf_hash",
];

/// The entries that pass the filters, as far as one request looks.
pub fn entries(connection: &mut PgConnection, book: BookNo, filter: &Filter) -> QueryResult<Table> {
    let head = store::head(connection, book)?;
    let limit = rows(filter.limit, filter.format);
    let mut from = filter.from.unwrap_or(0).min(head.size);
    if let Some(since) = filter.since {
        from = from.max(store::position(connection, book, since, head.size)?);
    }
    let last = (from + MOST_SCANNED).min(head.size);
    let mut found = Vec::new();
    'pages: while from < last {
        for leaf in store::leaves(connection, book, from, PAGE.min(last - from))? {
            from = leaf.seq.cast_unsigned() + 1;
            let value: Value = serde_json::from_slice(&leaf.leaf).unwrap_or_default();
            if filter.passes(&value) {
                found.push((value, leaf));
            }
            if found.len() == limit {
                break 'pages;
            }
        }
    }
    let next = (from < head.size).then(|| from.to_string());
    Ok(Table { next, ..entry_table(found, head) })
}

fn entry_table(found: Vec<(Value, Leaf)>, head: Head) -> Table {
    let row = |(leaf, read): &(Value, Leaf)| -> Vec<Cell> {
        let text = |value: &Value| Cell::from(value.as_str().unwrap_or_default());
        let at = leaf["at"].as_str().and_then(|at| at.parse().ok()).map(time::local_text);
        vec![
            read.seq.into(),
            at.unwrap_or_default().into(),
            text(&leaf["kind"]),
            text(&leaf["about"]),
            text(&leaf["actor"]),
            text(&leaf["subj"]),
            text(&leaf["data"]["class"]),
            text(&leaf["data"]["retailer"]),
            amount(leaf).into(),
            leaf["legs"].to_string().into(),
            text(&leaf["rule"]),
            hex::encode(&read.leaf_hash).into(),
        ]
    };
    let rows = found.iter().map(row).collect();
    let sum_fen = found.iter().map(|(leaf, _)| amount(leaf)).sum();
    let object = |(leaf, read): (Value, Leaf)| {
        let hash = hex::encode(read.leaf_hash);
        json!({"leaf": leaf, "leaf_hash": hash})
    };
    let objects = Some(found.into_iter().map(object).collect());
    Table { columns: ENTRY_COLUMNS, rows, sum_fen, head, next: None, objects }
}

/// The entries of a voucher with its redemptions, of an application with its parts and raises, or
/// of another thing.
pub fn story(connection: &mut PgConnection, book: BookNo, id: Uuid) -> QueryResult<Table> {
    let head = store::head(connection, book)?;
    let things = store::family(connection, book, id)?;
    let from = match store::began_at(connection, book, &things)? {
        Some(at) => store::position(connection, book, at, head.size)?,
        None => 0,
    };
    let leaves = store::leaves_about(connection, book, from, &things)?;
    let read = |leaf: Leaf| {
        let value: Value = serde_json::from_slice(&leaf.leaf).unwrap_or_default();
        (value, leaf)
    };
    let mut table = entry_table(leaves.into_iter().map(read).collect(), head);
    for object in table.objects.iter_mut().flatten() {
        let steps = object["leaf"]["data"]["derivation"].clone();
        if let Ok(steps) = serde_json::from_value::<Vec<Step>>(steps) {
            let derivation = Derivation { steps };
            object["derivation_zh"] = json!(derivation.zh());
            object["derivation_en"] = json!(derivation.en());
        }
    }
    Ok(table)
}

/// Redemptions and applications counted and summed, or refusals counted.
pub fn sums(connection: &mut PgConnection, book: BookNo, by: By) -> QueryResult<Table> {
    let head = store::head(connection, book)?;
    let sums = match by {
        By::Day => store::sums(connection, book, "day")?,
        By::Class => store::sums(connection, book, "class")?,
        By::Retailer => store::sums(connection, book, "retailer")?,
        By::Refusal => store::refusal_sums(connection, book)?,
    };
    let sum_fen = sums.iter().map(|sum| sum.fen).sum();
    let row =
        |sum: store::Sum| vec![sum.key.into(), sum.state.into(), sum.count.into(), sum.fen.into()];
    let rows = sums.into_iter().map(row).collect();
    let columns = &["key", "state", "count", "fen"];
    Ok(Table { columns, rows, sum_fen, head, ..Table::default() })
}

/// The columns of the burn-down: the day, and every bucket.
pub const BURN_DOWN: &[&str] = &[
    "day",
    "authority",
    "available",
    "held",
    "committed",
    "payable",
    "in_payment",
    "paid",
    "recoverable",
    "recovered",
    "lapsed",
    "written_off",
];

/// What each bucket held at the end of each day.
pub fn burn_down(connection: &mut PgConnection, book: BookNo) -> QueryResult<Table> {
    let head = store::head(connection, book)?;
    let mut days: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for moved in store::moved(connection, book)? {
        days.entry(moved.day).or_default().insert(moved.account, moved.fen);
    }
    let mut holds = [0i64; Bucket::ALL.len()];
    let mut rows = Vec::new();
    for (day, moved) in days {
        for bucket in Bucket::ALL {
            holds[bucket as usize] += moved.get(bucket.name()).copied().unwrap_or_default();
        }
        let cells = holds.iter().map(|fen| Cell::from(*fen));
        rows.push([Cell::from(day)].into_iter().chain(cells).collect());
    }
    // The buckets are one equation: all of them together are nothing.
    let sum_fen = holds.iter().sum();
    Ok(Table { columns: BURN_DOWN, rows, sum_fen, head, ..Table::default() })
}

/// What was refused, oldest first, after a place.
pub fn refusals(
    connection: &mut PgConnection,
    book: BookNo,
    code: Option<&str>,
    after: Option<(Moment, Vec<u8>)>,
    limit: usize,
) -> QueryResult<Table> {
    let head = store::head(connection, book)?;
    let found = store::refusals(connection, book, code, after, limit as i64)?;
    let full = found.last().filter(|_| found.len() == limit);
    let place =
        |last: &Refusal| format!("{}.{}", last.at.timestamp_micros(), hex::encode(&last.key));
    let next = full.map(place);
    let columns = &["at", "status", "codes", "rule", "answer"];
    let rows = found.iter().map(refusal).collect();
    Ok(Table { columns, rows, head, next, ..Table::default() })
}

fn refusal(refusal: &Refusal) -> Vec<Cell> {
    vec![
        time::local_text(refusal.at).into(),
        i64::from(refusal.status).into(),
        refusal.codes.join(" ").into(),
        refusal.rule.as_ref().map(hex::encode).unwrap_or_default().into(),
        hex::encode(&refusal.key).into(),
    ]
}
