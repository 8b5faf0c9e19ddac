//! The rows of one type on a desk: what is wanted of them, as they were read, as they are to be.

use super::desk::{Change, Load, Register, Row, Tx};
use crate::infra::statement::Writes;
use diesel::QueryResult;
use std::any::Any;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Fetches the wanted rows. One of a register comes with how it is to be made where it is absent;
/// without that it is known to be there.
type Fetch<R> = fn(&mut Tx<'_>, Wanted<R>) -> QueryResult<Vec<Slot<R>>>;
type Wanted<R> = BTreeMap<<R as Row>::Key, Option<R>>;

pub(super) struct Slot<R> {
    /// As it stands in the database.
    pub was: Option<R>,
    /// As it is to be.
    pub now: Option<R>,
    pub changed: bool,
}

impl<R: Clone> Slot<R> {
    pub fn absent() -> Slot<R> {
        Slot { was: None, now: None, changed: false }
    }

    fn read(row: R) -> Slot<R> {
        Slot { was: Some(row.clone()), now: Some(row), changed: false }
    }
}

pub(super) fn load<R: Load>(tx: &mut Tx<'_>, wanted: Wanted<R>) -> QueryResult<Vec<Slot<R>>> {
    let keys: Vec<R::Key> = wanted.into_keys().collect();
    Ok(R::load(tx, &keys)?.into_iter().map(Slot::read).collect())
}

pub(super) fn peek<R: Register>(tx: &mut Tx<'_>, wanted: Wanted<R>) -> QueryResult<Vec<Slot<R>>> {
    let keys: Vec<R::Key> = wanted.into_keys().collect();
    Ok(R::peek(tx, &keys)?.into_iter().map(Slot::read).collect())
}

/// Makes what is absent, then locks the rest. A row that was made shows its free form to whoever
/// decides; until that is replaced by what the database has, it is a change.
pub(super) fn take<R: Register>(tx: &mut Tx<'_>, wanted: Wanted<R>) -> QueryResult<Vec<Slot<R>>> {
    let mut keys: Vec<R::Key> = wanted.keys().cloned().collect();
    let mut born: Vec<R> = wanted.into_values().flatten().collect();
    if !born.is_empty() {
        let made: HashSet<R::Key> = R::make(tx, &born)?.into_iter().collect();
        keys.retain(|key| !made.contains(key));
        born.retain(|row| made.contains(&row.key()));
    }
    let stood = if keys.is_empty() { Vec::new() } else { R::lock(tx, &keys)? };
    let made = born.into_iter().map(|row| {
        let free = R::free(row.key());
        Slot { changed: row != free, was: Some(row), now: Some(free) }
    });
    Ok(stood.into_iter().map(Slot::read).chain(made).collect())
}

pub(super) struct Table<R: Row> {
    pub fetch: Option<Fetch<R>>,
    pub register: bool,
    /// Whether a change changes nothing; only registers make rows before they are decided.
    pub same: fn(&R, &R) -> bool,
    pub wanted: Wanted<R>,
    pub slots: HashMap<R::Key, Slot<R>>,
    pub undo: Vec<(R::Key, Option<R>, bool)>,
}

pub(super) trait AnyTable: Send {
    fn is_register(&self) -> bool;
    /// Loads what is wanted; whether anything was.
    fn load(&mut self, tx: &mut Tx<'_>) -> QueryResult<bool>;
    /// Takes what is wanted for absent.
    fn settle(&mut self);
    fn save<'r>(&'r self, tx: &mut Tx<'_>, writes: &mut Writes<'r>) -> QueryResult<()>;
    fn keep(&mut self);
    fn undo(&mut self);
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<R: Row> Table<R> {
    pub fn empty() -> Table<R> {
        Table {
            fetch: None,
            register: false,
            same: |_, _| false,
            wanted: BTreeMap::new(),
            slots: HashMap::new(),
            undo: Vec::new(),
        }
    }
}

impl<R: Row> AnyTable for Table<R> {
    fn is_register(&self) -> bool {
        self.register
    }

    fn load(&mut self, tx: &mut Tx<'_>) -> QueryResult<bool> {
        let wanted = std::mem::take(&mut self.wanted);
        let Some(fetch) = self.fetch.filter(|_| !wanted.is_empty()) else { return Ok(false) };
        let keys: Vec<R::Key> = wanted.keys().cloned().collect();
        for slot in fetch(tx, wanted)? {
            if let Some(row) = &slot.was {
                self.slots.insert(row.key(), slot);
            }
        }
        for key in keys {
            self.slots.entry(key).or_insert_with(Slot::absent);
        }
        Ok(true)
    }

    fn settle(&mut self) {
        for key in std::mem::take(&mut self.wanted).into_keys() {
            self.slots.entry(key).or_insert_with(Slot::absent);
        }
    }

    fn save<'r>(&'r self, tx: &mut Tx<'_>, writes: &mut Writes<'r>) -> QueryResult<()> {
        let mut changed: Vec<(&'r R::Key, &'r Slot<R>)> =
            self.slots.iter().filter(|(_, slot)| slot.changed).collect();
        changed.sort_by(|a, b| a.0.cmp(b.0));
        let changes: Vec<Change<'r, R>> = changed
            .iter()
            .filter_map(|(_, slot)| {
                let (was, now) = (slot.was.as_ref(), slot.now.as_ref()?);
                let idle = was.is_some_and(|was| (self.same)(was, now));
                (!idle).then_some(Change { was, now })
            })
            .collect();
        if changes.is_empty() { Ok(()) } else { R::save(tx, &changes, writes) }
    }

    fn keep(&mut self) {
        self.undo.clear();
    }

    fn undo(&mut self) {
        for (key, now, changed) in self.undo.drain(..).rev() {
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.now = now;
                slot.changed = changed;
            }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
