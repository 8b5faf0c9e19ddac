//! What entries mean: each entry type's schema and its pure fold over the state of a book.
//!
//! The clerk's checks, the replay and the test harness use the same fold, so that "what happened"
//! has one definition.

use super::model::{Bucket, Leg, Moneys};
pub use super::things::{Pseudonym, Thing, Things};
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The type of a field in an entry's `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Text,
    Integer,
    Bool,
    Object,
    List,
}

/// One entry type: its name (`voucher.claimed`), the version of its schema, the fields that its
/// data must have (others are refused; a name that ends in `?` may be absent), and its fold.
pub struct EntryType {
    pub name: &'static str,
    pub version: u64,
    pub fields: &'static [(&'static str, Field)],
    pub fold: fn(&mut State, &EntryView) -> Result<(), String>,
}

/// An entry, read back from its leaf.
#[derive(Clone, Debug)]
pub struct EntryView {
    pub seq: u64,
    pub at: Moment,
    pub kind: String,
    pub version: u64,
    pub about: Uuid,
    pub subject: Option<String>,
    pub rule: Option<String>,
    pub legs: Vec<Leg>,
    pub data: Value,
}

impl EntryView {
    /// Reads a leaf.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn of_leaf(leaf: &[u8]) -> Result<EntryView, String> {
        EntryView::of_value(serde_json::from_slice(leaf).map_err(|error| error.to_string())?)
    }

    /// The same of a leaf that is read as JSON.
    ///
    /// # Errors
    /// As [`EntryView::of_leaf`].
    pub fn of_value(mut value: Value) -> Result<EntryView, String> {
        let data = value.get_mut("data").map(Value::take).unwrap_or_default();
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let number = |name: &str| value.get(name).and_then(Value::as_u64);
        let need = |name: &str| text(name).ok_or_else(|| format!("no {name}"));
        let legs = value.get("legs").and_then(Value::as_array).ok_or("no legs")?;
        Ok(EntryView {
            seq: number("seq").ok_or("no seq")?,
            at: need("at")?.parse().map_err(|_| "at is no time")?,
            kind: need("kind")?.to_owned(),
            version: number("v").ok_or("no v")?,
            about: need("about")?.parse().map_err(|_| "about is no id")?,
            subject: text("subj").map(str::to_owned),
            rule: text("rule").map(str::to_owned),
            legs: legs.iter().map(leg_of).collect::<Option<_>>().ok_or("a leg is malformed")?,
            data,
        })
    }

    /// Whom it is about, where it is about a person.
    ///
    /// # Errors
    /// What stands there is no pseudonym.
    pub fn pseudonym(&self) -> Result<Option<Pseudonym>, String> {
        let Some(text) = &self.subject else { return Ok(None) };
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| "subj is no pseudonym")?;
        Ok(Some(bytes))
    }

    pub fn text(&self, name: &str) -> Result<&str, String> {
        self.data.get(name).and_then(Value::as_str).ok_or_else(|| format!("no {name}"))
    }

    pub fn fen(&self, name: &str) -> Result<Fen, String> {
        let found = self.data.get(name).and_then(Value::as_i64);
        found.map(Fen).ok_or_else(|| format!("no {name}"))
    }

    pub fn integer(&self, name: &str) -> Result<i64, String> {
        self.data.get(name).and_then(Value::as_i64).ok_or_else(|| format!("no {name}"))
    }

    /// Demands that the legs move exactly these amounts, and nothing in any other bucket.
    ///
    /// # Errors
    /// The first bucket that is moved by another amount.
    pub fn moves(&self, due: &[(Bucket, Fen)]) -> Result<(), String> {
        for bucket in Bucket::ALL {
            let fen: i64 = due.iter().filter(|(b, _)| *b == bucket).map(|(_, fen)| fen.0).sum();
            let is = self.net(bucket).0;
            if is != fen {
                return Err(format!("its legs move {is} fen in {}, due are {fen}", bucket.name()));
            }
        }
        Ok(())
    }

    /// What the legs move into a bucket, less what they move out of it.
    pub fn net(&self, bucket: Bucket) -> Fen {
        Fen(self.legs.iter().filter(|leg| leg.bucket == bucket).map(|leg| leg.amount.0).sum())
    }
}

fn leg_of(value: &Value) -> Option<Leg> {
    let bucket = Bucket::parse(value.get(0)?.as_str()?)?;
    Some(Leg { bucket, amount: Fen(value.get(1)?.as_i64()?) })
}

/// A book as the register book lists it: size and root (in hexadecimal) of its last head there,
/// and the listing that this head stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub size: u64,
    pub root: String,
    listing: Option<Uuid>,
}

/// A book as its entries tell it.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub moneys: Moneys,
    pub things: Things,
    pub book_state: Option<String>,
    /// Of the register book: all books by their numbers, with their last listed heads.
    pub books: BTreeMap<i64, Listed>,
    next: u64,
    last_at: Option<Moment>,
}

impl State {
    /// Applies one entry: order, time, schema, legs, and the fold of its type.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn apply(&mut self, types: &[&'static EntryType], entry: &EntryView) -> Result<(), String> {
        if entry.seq != self.next {
            return Err(format!("seq {} where {} was due", entry.seq, self.next));
        }
        if self.last_at.is_some_and(|last| entry.at < last) {
            return Err("time runs back".to_owned());
        }
        let known = types.iter().find(|t| t.name == entry.kind && t.version == entry.version);
        let known =
            known.ok_or_else(|| format!("no entry type {} v{}", entry.kind, entry.version))?;
        let data = entry.data.as_object().ok_or("data is no object")?;
        known.check_fields(data.iter().map(|(name, value)| (name.as_str(), Field::of(value))))?;
        self.moneys.apply(&entry.legs).map_err(|fault| fault.to_string())?;
        (known.fold)(self, entry)?;
        self.next += 1;
        self.last_at = Some(entry.at);
        Ok(())
    }

    /// A thing comes into being.
    pub fn begin(&mut self, entry: &EntryView, thing: Thing) -> Result<(), String> {
        if self.things.get(&entry.about).is_some() {
            return Err(format!("a second {} {}", thing.kind, entry.about));
        }
        self.things.put(entry.about, thing);
        Ok(())
    }

    /// Moves a thing along an edge of its graph (invariant 9) and gives back what it was.
    pub fn advance(
        &mut self,
        id: Uuid,
        kind: &str,
        from: &[&str],
        to: &'static str,
        fen: Fen,
    ) -> Result<Thing, String> {
        let was = self.things.get(&id).filter(|thing| thing.kind == kind);
        let was = was.ok_or_else(|| format!("no {kind} {id}"))?;
        if !from.contains(&was.state) {
            return Err(format!("{kind} {id} goes from {} to {to}", was.state));
        }
        self.things.put(id, Thing { state: to, fen, ..was });
        Ok(was)
    }

    /// The register book lists a book.
    pub fn list_book(&mut self, book: i64) {
        self.books.entry(book).or_default();
    }

    /// A listing names the head of a book.
    pub fn list_head(
        &mut self,
        listing: Uuid,
        book: i64,
        size: u64,
        root: &str,
    ) -> Result<(), String> {
        let known =
            self.books.get_mut(&book).ok_or(format!("a head of book {book}, not listed"))?;
        if size < known.size {
            let was = known.size;
            return Err(format!("the head of book {book} falls back from {was} to {size}"));
        }
        if size == known.size && known.listing.is_some() && known.root != root {
            return Err(format!("book {book} has two roots at {size} entries"));
        }
        *known = Listed { size, root: root.to_owned(), listing: Some(listing) };
        Ok(())
    }

    /// A listing is over: no book may be missing in it.
    pub fn end_listing(&self, listing: Uuid) -> Result<(), String> {
        let missing = self.books.iter().find(|(_, known)| known.listing != Some(listing));
        missing.map_or(Ok(()), |(book, _)| Err(format!("a listing of heads without book {book}")))
    }

    /// The sum of what the things of a kind keep in these states.
    pub fn sum(&self, kind: &str, states: &[&str]) -> i64 {
        let mut sum = 0;
        for thing in self.things.values() {
            if thing.kind == kind && states.contains(&thing.state) {
                sum += thing.fen.0;
            }
        }
        sum
    }

    pub fn size(&self) -> u64 {
        self.next
    }
}

impl EntryType {
    /// Holds the fields of an entry's data against the schema; `None` is a value of no type that
    /// a schema knows.
    ///
    /// # Errors
    /// The first field that is missing, of another type, or undeclared.
    pub fn check_fields<'a>(
        &self,
        fields: impl Iterator<Item = (&'a str, Option<Field>)>,
    ) -> Result<(), String> {
        let declared = |name: &str| {
            self.fields.iter().position(|(declared, _)| declared.trim_end_matches('?') == name)
        };
        let mut seen = 0u64;
        for (name, field) in fields {
            let place =
                declared(name).ok_or_else(|| format!("{} with an undeclared {name}", self.name))?;
            let (_, due) = self.fields[place];
            if field != Some(due) {
                return Err(format!("{}: {name} is no {due:?}", self.name));
            }
            if seen & 1 << place != 0 {
                return Err(format!("{} with a second {name}", self.name));
            }
            seen |= 1 << place;
        }
        let missing = self
            .fields
            .iter()
            .enumerate()
            .find(|(place, (name, _))| !name.ends_with('?') && seen & 1 << place == 0);
        match missing {
            Some((_, (name, _))) => Err(format!("{} without {name}", self.name)),
            None => Ok(()),
        }
    }
}

impl Field {
    /// The type of a value; `None` for a null and a float, which no entry holds.
    pub fn of(value: &Value) -> Option<Field> {
        match value {
            Value::String(_) => Some(Field::Text),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(Field::Integer),
            Value::Bool(_) => Some(Field::Bool),
            Value::Object(_) => Some(Field::Object),
            Value::Array(_) => Some(Field::List),
            Value::Number(_) | Value::Null => None,
        }
    }
}

/// The fold of an entry that changes no thing of the book and moves no money: a record for
/// readers.
pub fn record(_: &mut State, entry: &EntryView) -> Result<(), String> {
    entry.moves(&[])
}
