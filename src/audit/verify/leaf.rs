//! A leaf, read without a copy: its form, its schema, its legs.

use crate::book::fold::{EntryType, Field};
use crate::book::model::Bucket;
use crate::kernel::time::Moment;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A leaf as it lies in a bundle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf<'a> {
    v: u64,
    pub book: &'a str,
    pub seq: u64,
    at: &'a str,
    kind: &'a str,
    about: &'a str,
    actor: &'a str,
    subj: Option<&'a str>,
    rule: Option<&'a str>,
    legs: Vec<(&'a str, i64)>,
    #[serde(borrow)]
    data: Shape<'a>,
}

/// The names of an object's fields and the types of their values.
struct Shape<'a>(Vec<(&'a str, Option<Field>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Shape<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Shape<'a>, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Shape<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some(name) = map.next_key::<&str>()? {
                    fields.push((name, map.next_value::<TypeOf>()?.0));
                }
                Ok(Shape(fields))
            }
        }
        source.deserialize_map(Fields)
    }
}

/// The type of a value, which is read past.
struct TypeOf(Option<Field>);

impl<'de> Deserialize<'de> for TypeOf {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<TypeOf, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = TypeOf;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, _: bool) -> Result<TypeOf, E> {
                Ok(TypeOf(Some(Field::Bool)))
            }
            fn visit_i64<E>(self, _: i64) -> Result<TypeOf, E> {
                Ok(TypeOf(Some(Field::Integer)))
            }
            fn visit_u64<E>(self, _: u64) -> Result<TypeOf, E> {
                Ok(TypeOf(Some(Field::Integer)))
            }
            fn visit_f64<E>(self, _: f64) -> Result<TypeOf, E> {
                Ok(TypeOf(None))
            }
            fn visit_unit<E>(self) -> Result<TypeOf, E> {
                Ok(TypeOf(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<TypeOf, E> {
                Ok(TypeOf(Some(Field::Text)))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeOf, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(TypeOf(Some(Field::Object)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TypeOf, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(TypeOf(Some(Field::List)))
            }
        }
        source.deserialize_any(Value)
    }
}

/// What the legs of an entry move into each bucket.
pub type Moves = [i64; Bucket::ALL.len()];

impl<'a> Leaf<'a> {
    /// Reads a leaf: an object of exactly the fields that leaves have.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn read(bytes: &'a [u8]) -> Result<Leaf<'a>, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("no leaf: {error}"))
    }

    /// The moment of the entry, written to the microsecond in UTC.
    ///
    /// # Errors
    /// Another form, or no moment.
    pub fn at(&self) -> Result<Moment, String> {
        const FORM: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";
        let bytes = self.at.as_bytes();
        let fits =
            |(is, due): (&u8, &u8)| if *due == b'0' { is.is_ascii_digit() } else { is == due };
        let form = bytes.len() == FORM.len() && bytes.iter().zip(FORM).all(fits);
        let moment = self.at.parse().ok().filter(|_| form);
        moment.ok_or_else(|| format!("{:?} is no time as leaves write it", self.at))
    }

    /// Holds it against the schema of its type, whose name and version it gives.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn schema(&self, types: &[&'static EntryType]) -> Result<(), String> {
        let known = types.iter().find(|it| it.name == self.kind && it.version == self.v);
        let known = known.ok_or_else(|| format!("no entry type {} v{}", self.kind, self.v))?;
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits
                && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !is_hex(self.about, 32) {
            return Err("about is no id".to_owned());
        }
        if self.subj.is_some_and(|subject| !is_hex(subject, 32)) {
            return Err("subj is no pseudonym".to_owned());
        }
        let rule = self.rule.map(|rule| rule.strip_prefix("sha256:").unwrap_or_default());
        if rule.is_some_and(|hash| !is_hex(hash, 64)) {
            return Err("rule is no hash".to_owned());
        }
        let actor = self.actor.split_once(':');
        let actor = match actor {
            Some((role, id)) => !role.is_empty() && is_hex(id, 32),
            None => ["person", "system"].contains(&self.actor),
        };
        if !actor {
            return Err("actor is nobody".to_owned());
        }
        known.check_fields(self.data.0.iter().copied())
    }

    /// What the legs move, and that they balance.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn moves(&self) -> Result<Moves, String> {
        let mut moves = Moves::default();
        let mut sum = 0i64;
        for (account, fen) in &self.legs {
            let bucket = Bucket::parse(account).ok_or_else(|| format!("no account {account}"))?;
            let overflows = || "its legs overflow".to_owned();
            let held = &mut moves[bucket as usize];
            *held = held.checked_add(*fen).ok_or_else(overflows)?;
            sum = sum.checked_add(*fen).ok_or_else(overflows)?;
        }
        if sum != 0 {
            return Err(format!("its legs sum to {sum} fen"));
        }
        Ok(moves)
    }

    /// How many legs it has.
    pub fn legs(&self) -> u64 {
        self.legs.len() as u64
    }
}
