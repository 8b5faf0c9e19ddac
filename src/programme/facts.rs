//! The facts of one purchase: typed slots by number, so that evaluation looks nothing up.

use super::fact::Kind;
use super::{Fact, TABLE};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::kernel::time::{Moment, local_text};
use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One line of an order: what it is and what it costs, before the subsidy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub class: Class,
    pub price: Fen,
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    Int(i64),
    Fen(Fen),
    Text(Arc<str>),
    Day(NaiveDate),
    Moment(Moment),
    Region(Region),
    Lines(Arc<[Line]>),
    Fens(Arc<[Fen]>),
    Counts(Arc<BTreeMap<String, i64>>),
    Texts(Arc<[String]>),
}

/// Why a value cannot be that fact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    #[error("{0} is no fact; the vocabulary is in programme/mod.rs")]
    Unknown(String),
    #[error("{name} is {want}, not {got}")]
    WrongType { name: &'static str, want: &'static str, got: String },
    #[error("{name} is money: a whole number of fen from 0 to 9000000000000, not {got}")]
    BadMoney { name: &'static str, got: i64 },
}

/// What is known of one purchase. An absent fact means "not known or not applicable".
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    slots: Vec<Option<Value>>,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts::new()
    }
}

impl Facts {
    pub fn new() -> Facts {
        Facts { slots: vec![None; TABLE.len()] }
    }

    /// Puts a fact in its slot.
    ///
    /// # Errors
    /// Where the type is not the one that the table gives, or money is out of range.
    pub fn set(&mut self, fact: Fact, value: Value) -> Result<&mut Facts, FactError> {
        let row = fact.row();
        if value.kind() != row.kind {
            let got = value.to_json().to_string();
            return Err(FactError::WrongType { name: row.name, want: row.kind.describe(), got });
        }
        if let Some(got) = value.money_out_of_range() {
            return Err(FactError::BadMoney { name: row.name, got });
        }
        self.slots[fact as usize] = Some(value);
        Ok(self)
    }

    pub fn get(&self, fact: Fact) -> Option<&Value> {
        self.slots[fact as usize].as_ref()
    }

    pub fn clear(&mut self, fact: Fact) {
        self.slots[fact as usize] = None;
    }

    /// All facts that are known, in the form that [`Facts::from_json`] reads: how a redemption
    /// keeps those of its reservation.
    pub fn to_json(&self) -> Json {
        let mut objects = serde_json::Map::new();
        for (row, slot) in TABLE.iter().zip(&self.slots) {
            if let (Some((object, key)), Some(value)) = (row.name.split_once('.'), slot) {
                objects.entry(object).or_insert_with(|| json!({}))[key] = value.to_json();
            }
        }
        Json::Object(objects)
    }

    pub(crate) fn bool(&self, fact: Fact) -> Option<bool> {
        match self.get(fact) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn int(&self, fact: Fact) -> Option<i64> {
        match self.get(fact) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn fen(&self, fact: Fact) -> Option<Fen> {
        match self.get(fact) {
            Some(Value::Fen(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn text(&self, fact: Fact) -> Option<&str> {
        match self.get(fact) {
            Some(Value::Text(value)) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn moment(&self, fact: Fact) -> Option<Moment> {
        match self.get(fact) {
            Some(Value::Moment(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn lines(&self) -> Option<&[Line]> {
        match self.get(Fact::Items) {
            Some(Value::Lines(lines)) => Some(lines),
            _ => None,
        }
    }

    pub(crate) fn fens(&self, fact: Fact) -> Option<&[Fen]> {
        match self.get(fact) {
            Some(Value::Fens(list)) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, fact: Fact) -> &[String] {
        match self.get(fact) {
            Some(Value::Texts(list)) => list,
            _ => &[],
        }
    }

    /// The sum that a map of counts or of fen holds for these classes.
    pub(crate) fn count(&self, fact: Fact, classes: &[Class]) -> i64 {
        let Some(Value::Counts(counts)) = self.get(fact) else { return 0 };
        let of = |class: &Class| counts.get(class.as_str()).copied().unwrap_or(0);
        classes.iter().map(of).fold(0, i64::saturating_add)
    }
}

impl Kind {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Fen => "money in whole fen",
            Kind::Text => "text",
            Kind::Day => "a day, YYYY-MM-DD",
            Kind::Moment => "a moment, RFC 3339 with offset",
            Kind::Region => "a region code of six digits",
            Kind::Lines => "a list of {class, price_fen}",
            Kind::Fens => "a list of fen",
            Kind::Counts => "a map from class to a whole number",
            Kind::Texts => "a list of texts",
        }
    }
}

impl Value {
    pub fn text(text: impl Into<Arc<str>>) -> Value {
        Value::Text(text.into())
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Fen(_) => Kind::Fen,
            Value::Text(_) => Kind::Text,
            Value::Day(_) => Kind::Day,
            Value::Moment(_) => Kind::Moment,
            Value::Region(_) => Kind::Region,
            Value::Lines(_) => Kind::Lines,
            Value::Fens(_) => Kind::Fens,
            Value::Counts(_) => Kind::Counts,
            Value::Texts(_) => Kind::Texts,
        }
    }

    /// The first amount in this value that no request may name.
    fn money_out_of_range(&self) -> Option<i64> {
        let wrong = |fen: &Fen| !(Fen::ZERO..=Fen::MAX).contains(fen);
        match self {
            Value::Fen(fen) => wrong(fen).then_some(fen.0),
            Value::Fens(list) => list.iter().find(|fen| wrong(fen)).map(|fen| fen.0),
            Value::Lines(lines) => {
                let sum = lines.iter().map(|line| line.price.0).fold(0, i64::saturating_add);
                let line = lines.iter().map(|line| line.price).find(wrong);
                line.or(wrong(&Fen(sum)).then_some(Fen(sum))).map(|fen| fen.0)
            }
            _ => None,
        }
    }

    /// As examples and leaves write it; no float, and a map in the order of its keys.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Bool(value) => json!(value),
            Value::Int(value) => json!(value),
            Value::Fen(value) => json!(value),
            Value::Text(value) => json!(value.as_ref()),
            Value::Day(value) => json!(value.to_string()),
            Value::Moment(value) => json!(local_text(*value)),
            Value::Region(value) => json!(value.to_string()),
            Value::Lines(lines) => lines
                .iter()
                .map(|line| json!({ "class": line.class, "price_fen": line.price }))
                .collect(),
            Value::Fens(list) => json!(list.as_ref()),
            Value::Counts(counts) => json!(counts.as_ref()),
            Value::Texts(list) => json!(list.as_ref()),
        }
    }
}
