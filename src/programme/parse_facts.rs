//! Facts as examples write them: `{"purchase": {"price_fen": 1000000}}`.

use super::fact::{Fact, Kind};
use super::facts::{FactError, Facts, Line, Value};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

impl Facts {
    /// Reads the vocabulary of the examples.
    ///
    /// # Errors
    /// The first key that the table does not know, or value that is not of its type.
    pub fn from_json(json: &Json) -> Result<Facts, FactError> {
        let mut facts = Facts::new();
        let objects = json.as_object().ok_or_else(|| FactError::Unknown(json.to_string()))?;
        for (object, keys) in objects {
            let keys = keys.as_object().ok_or_else(|| FactError::Unknown(object.clone()))?;
            for (key, value) in keys {
                let name = format!("{object}.{key}");
                let fact = Fact::named(&name).ok_or(FactError::Unknown(name))?;
                facts.set(fact, parse(fact, value)?)?;
            }
        }
        Ok(facts)
    }

    /// Reads what a leaf keeps, name by name: the reverse of [`Screening::facts`].
    ///
    /// # Errors
    /// As for [`Facts::from_json`].
    ///
    /// [`Screening::facts`]: super::Screening::facts
    pub fn from_leaf(leaf: &Map<String, Json>) -> Result<Facts, FactError> {
        let mut facts = Facts::new();
        for (name, value) in leaf {
            let fact = Fact::named(name).ok_or_else(|| FactError::Unknown(name.clone()))?;
            facts.set(fact, parse(fact, value)?)?;
        }
        Ok(facts)
    }
}

fn parse(fact: Fact, json: &Json) -> Result<Value, FactError> {
    let row = fact.row();
    value(row.kind, json).ok_or_else(|| FactError::WrongType {
        name: row.name,
        want: row.kind.describe(),
        got: json.to_string(),
    })
}

fn value(kind: Kind, json: &Json) -> Option<Value> {
    Some(match kind {
        Kind::Bool => Value::Bool(json.as_bool()?),
        Kind::Int => Value::Int(json.as_i64()?),
        Kind::Fen => Value::Fen(Fen(json.as_i64()?)),
        Kind::Text => Value::text(json.as_str()?),
        Kind::Day => Value::Day(day(json.as_str()?)?),
        Kind::Moment => Value::Moment(moment(json.as_str()?)?),
        Kind::Region => Value::Region(json.as_str()?.parse().ok()?),
        Kind::Lines => Value::Lines(list(json, line)?),
        Kind::Fens => Value::Fens(list(json, |fen| fen.as_i64().map(Fen))?),
        Kind::Texts => Value::Texts(list(json, |text| text.as_str().map(str::to_owned))?),
        Kind::Counts => {
            let count = |(class, count): (&String, &Json)| {
                let class: Class = class.parse().ok()?;
                Some((String::from(class), count.as_i64().filter(|count| *count >= 0)?))
            };
            let counts: Option<_> = json.as_object()?.iter().map(count).collect();
            Value::Counts(Arc::new(counts?))
        }
    })
}

fn list<T>(json: &Json, each: impl Fn(&Json) -> Option<T>) -> Option<Arc<[T]>> {
    json.as_array()?.iter().map(each).collect()
}

fn line(json: &Json) -> Option<Line> {
    let object: &Map<_, _> = json.as_object()?;
    if object.keys().any(|key| key != "class" && key != "price_fen") {
        return None;
    }
    let class = object.get("class")?.as_str()?.parse().ok()?;
    Some(Line { class, price: Fen(object.get("price_fen")?.as_i64()?) })
}

/// `2026-02-09`, with leading zeros and nothing after it.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10).then_some(day)
}

/// RFC 3339 with offset.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.with_timezone(&Utc))
}
