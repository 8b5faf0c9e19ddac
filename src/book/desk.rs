//! The desk: the unit of work. Rows by type and key, loaded and saved set-based.
//!
//! A command never issues SQL. It asks for rows, and decides over the desk; what it changes is
//! saved with one statement a row type for the whole batch, and undone as a whole when the
//! command is refused.

use super::model::{Fault, Moneys};
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use diesel::QueryResult;
use diesel::pg::PgConnection;
use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// The open transaction of a batch: the clerk's connection and the book that it writes.
pub struct Tx<'a> {
    pub connection: &'a mut PgConnection,
    pub book: BookNo,
    /// The batch's time.
    pub now: Moment,
}

/// A row that commands look at or write. It owns its data, so that desks and commands have no
/// lifetimes.
pub trait Row: Clone + Send + 'static {
    type Key: Ord + Hash + Clone + Send + 'static;
    /// The place in the order of loading registers and of saving. Every clerk follows the same
    /// order, which is half of why batches never deadlock.
    const RANK: u16;
    fn key(&self) -> Self::Key;
    /// Writes the changed rows with a fixed number of statements, each guarded by what was read;
    /// an affected count that differs is an error.
    fn save(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()>;
}

/// A row of a book or a reference table: read without a lock, since every writer of the book
/// holds its head.
pub trait Load: Row {
    /// The rows that exist of these sorted, distinct keys.
    fn load(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;
}

/// A row that books share: taken (made, free, where it is absent, and locked) before it is read.
pub trait Register: Row {
    /// Takes all of these sorted, distinct keys, in ascending order, and returns every one.
    fn take(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;

    /// Reads them without making or locking any, for a dry run; an absent row is a free one.
    fn peek(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;
}

/// A row as it was read (absent where it is new) and as it is to be.
pub struct Change<'a, R> {
    pub was: Option<&'a R>,
    pub now: &'a R,
}

type Fetch<R> = fn(&mut Tx<'_>, &[<R as Row>::Key]) -> QueryResult<Vec<R>>;

struct Slot<R> {
    was: Option<R>,
    now: Option<R>,
    changed: bool,
}

struct Table<R: Row> {
    fetch: Option<Fetch<R>>,
    register: bool,
    wanted: BTreeSet<R::Key>,
    slots: HashMap<R::Key, Slot<R>>,
    undo: Vec<(R::Key, Option<R>, bool)>,
}

trait AnyTable: Send {
    fn is_register(&self) -> bool;
    /// Loads what is wanted; whether anything was.
    fn load(&mut self, tx: &mut Tx<'_>) -> QueryResult<bool>;
    /// Takes what is wanted for absent.
    fn settle(&mut self);
    fn save(&mut self, tx: &mut Tx<'_>) -> QueryResult<()>;
    fn keep(&mut self);
    fn undo(&mut self);
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<R: Row> AnyTable for Table<R> {
    fn is_register(&self) -> bool {
        self.register
    }

    fn load(&mut self, tx: &mut Tx<'_>) -> QueryResult<bool> {
        let keys: Vec<R::Key> = std::mem::take(&mut self.wanted).into_iter().collect();
        let Some(fetch) = self.fetch.filter(|_| !keys.is_empty()) else { return Ok(false) };
        for row in fetch(tx, &keys)? {
            let slot = Slot { was: Some(row.clone()), now: Some(row.clone()), changed: false };
            self.slots.insert(row.key(), slot);
        }
        for key in keys {
            self.slots.entry(key).or_insert(Slot { was: None, now: None, changed: false });
        }
        Ok(true)
    }

    fn settle(&mut self) {
        for key in std::mem::take(&mut self.wanted) {
            self.slots.entry(key).or_insert(Slot { was: None, now: None, changed: false });
        }
    }

    fn save(&mut self, tx: &mut Tx<'_>) -> QueryResult<()> {
        let mut changed: Vec<(&R::Key, &Slot<R>)> =
            self.slots.iter().filter(|(_, slot)| slot.changed).collect();
        changed.sort_by(|a, b| a.0.cmp(b.0));
        let changes: Vec<Change<'_, R>> = changed
            .iter()
            .filter_map(|(_, slot)| {
                slot.now.as_ref().map(|now| Change { was: slot.was.as_ref(), now })
            })
            .collect();
        if changes.is_empty() { Ok(()) } else { R::save(tx, &changes) }
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

/// The unit of work of one batch.
pub struct Desk {
    now: Moment,
    book: BookNo,
    book_state: String,
    tables: Vec<(u16, TypeId, Box<dyn AnyTable>)>,
    /// A dry run: registers are read, not taken.
    is_dry: bool,
    /// What the book's accounts hold, with the commands decided so far.
    pub moneys: Moneys,
}

impl Desk {
    pub fn new(now: Moment, book: BookNo, book_state: &str, moneys: Moneys) -> Desk {
        Desk {
            now,
            book,
            book_state: book_state.to_owned(),
            tables: Vec::new(),
            is_dry: false,
            moneys,
        }
    }

    /// A desk whose decisions are never saved.
    pub(super) fn dry(mut self) -> Desk {
        self.is_dry = true;
        self
    }

    pub fn book(&self) -> BookNo {
        self.book
    }

    /// `prepared`, `open` or `closed`.
    pub fn book_state(&self) -> &str {
        &self.book_state
    }

    pub(super) fn set_book_state(&mut self, state: &str) {
        state.clone_into(&mut self.book_state);
    }

    /// The batch's time: the database's clock, and never before the book's last entry.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The row of a key that was asked for; `None` where there is none.
    ///
    /// # Errors
    /// A key that `needs` never named is a bug of the command, never "absent".
    pub fn get<R: Row>(&self, key: &R::Key) -> Result<Option<&R>, Fault> {
        let slot = self.find::<R>().and_then(|table| table.slots.get(key));
        match slot {
            Some(slot) => Ok(slot.now.as_ref()),
            None => Err(Fault::new(format!(
                "a {} was read that was never asked for",
                std::any::type_name::<R>()
            ))),
        }
    }

    /// Puts a changed or new row. A new one may be put without having been asked for.
    pub fn put<R: Row>(&mut self, row: R) {
        let key = row.key();
        let table = self.table::<R>();
        let slot =
            table.slots.entry(key.clone()).or_insert(Slot { was: None, now: None, changed: false });
        table.undo.push((key, slot.now.replace(row), slot.changed));
        slot.changed = true;
    }

    /// For deciding without a database: what was asked for and never put is absent, and a later
    /// command is decided at a later time.
    pub fn settle(&mut self, now: Moment) {
        self.now = now;
        self.tables.iter_mut().for_each(|(_, _, table)| table.settle());
    }

    /// Forgets how to undo: the command is decided and accepted.
    pub fn keep(&mut self) {
        self.tables.iter_mut().for_each(|(_, _, table)| table.keep());
    }

    /// Leaves the desk as it was before the command.
    pub fn undo(&mut self) {
        self.tables.iter_mut().for_each(|(_, _, table)| table.undo());
    }

    pub(super) fn load(&mut self, tx: &mut Tx<'_>, registers: bool) -> QueryResult<bool> {
        let mut any = false;
        for (_, _, table) in &mut self.tables {
            if table.is_register() == registers {
                any |= table.load(tx)?;
            }
        }
        Ok(any)
    }

    pub(super) fn save(&mut self, tx: &mut Tx<'_>) -> QueryResult<()> {
        self.tables.iter_mut().try_for_each(|(_, _, table)| table.save(tx))
    }

    fn find<R: Row>(&self) -> Option<&Table<R>> {
        self.tables
            .iter()
            .find(|(_, id, _)| *id == TypeId::of::<R>())
            .and_then(|(_, _, table)| table.as_any().downcast_ref())
    }

    fn table<R: Row>(&mut self) -> &mut Table<R> {
        let id = TypeId::of::<R>();
        let place = match self.tables.iter().position(|(_, other, _)| *other == id) {
            Some(place) => place,
            None => {
                let place = self.tables.partition_point(|(rank, _, _)| *rank < R::RANK);
                let table: Table<R> = Table {
                    fetch: None,
                    register: false,
                    wanted: BTreeSet::new(),
                    slots: HashMap::new(),
                    undo: Vec::new(),
                };
                self.tables.insert(place, (R::RANK, id, Box::new(table)));
                place
            }
        };
        self.tables[place].2.as_any_mut().downcast_mut().expect("a table is found by its type")
    }
}

/// What a command says of its needs, over the desk as far as it is loaded.
pub struct Ask<'a> {
    desk: &'a mut Desk,
}

impl<'a> Ask<'a> {
    pub fn of(desk: &'a mut Desk) -> Ask<'a> {
        Ask { desk }
    }

    /// Asks for a row of a book or a reference table.
    pub fn want<R: Load>(&mut self, key: R::Key) {
        self.ask::<R>(key, R::load, false);
    }

    /// Asks for a register row: it will be made where it is absent, and locked.
    pub fn take<R: Register>(&mut self, key: R::Key) {
        let fetch = if self.desk.is_dry { R::peek } else { R::take };
        self.ask::<R>(key, fetch, true);
    }

    /// A row that an earlier round has loaded, for needs that depend on it.
    pub fn seen<R: Row>(&self, key: &R::Key) -> Option<&R> {
        self.desk.find::<R>()?.slots.get(key)?.now.as_ref()
    }

    fn ask<R: Row>(&mut self, key: R::Key, fetch: Fetch<R>, register: bool) {
        let table = self.desk.table::<R>();
        table.fetch = Some(fetch);
        table.register = register;
        if !table.slots.contains_key(&key) {
            table.wanted.insert(key);
        }
    }
}
