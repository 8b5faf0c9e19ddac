//! The desk: the unit of work. Rows by type and key, loaded and saved set-based.
//!
//! A command never issues SQL. It asks for rows, and decides over the desk; what it changes is
//! saved set-based, a part or two a row type, and undone as a whole when the
//! command is refused.

use super::model::{Fault, Moneys};
use super::table::{AnyTable, Slot, Table, load, peek, take};
use crate::infra::statement::Writes;
use crate::kernel::id::BookNo;
use crate::kernel::time::Moment;
use diesel::QueryResult;
use diesel::pg::PgConnection;
use std::any::TypeId;
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
    /// The place in the order of loading registers. Every clerk follows the same order, which is
    /// half of why batches never deadlock; nothing waits while saving.
    const RANK: u16;
    fn key(&self) -> Self::Key;
    /// Writes the changed rows with a fixed number of statements, each guarded by what was read;
    /// an affected count that differs is an error. What tills and claims write goes to `writes`,
    /// which run together at the end; what is rare may run at once.
    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        writes: &mut Writes<'r>,
    ) -> QueryResult<()>;
}

/// A row of a book or a reference table: read without a lock, since every writer of the book
/// holds its head.
pub trait Load: Row {
    /// The rows that exist of these sorted, distinct keys.
    fn load(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;
}

/// A row that books share: taken (made where it is absent, else locked) before it is read.
///
/// A command may say how it would leave the row if the row is new ([`Ask::take_as`]): it is then
/// made like that at once, the decision sees a free one, and nothing is left to save when the
/// command leaves it so. Any other outcome, a refusal too, is saved over it in the same
/// transaction, so nobody else ever sees what was only hoped for. An insert costs PostgreSQL a
/// third of an insert, a lock and an update.
pub trait Register: Row + PartialEq {
    /// The row that stands for no row: nobody's.
    fn free(key: Self::Key) -> Self;

    /// Makes those of these rows that are absent, in the ascending order of their distinct keys.
    /// Returns the keys of those that it made.
    fn make(tx: &mut Tx<'_>, born: &[Self]) -> QueryResult<Vec<Self::Key>>;

    /// Locks the rows of these ascending keys, each of which is there, and returns them.
    fn lock(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;

    /// Reads them without making or locking any, for a dry run; an absent row is a free one.
    fn peek(tx: &mut Tx<'_>, keys: &[Self::Key]) -> QueryResult<Vec<Self>>;
}

/// A row as it was read (absent where it is new) and as it is to be.
#[derive(Debug)]
pub struct Change<'a, R> {
    pub was: Option<&'a R>,
    pub now: &'a R,
}

// By hand: a derived copy would want the row to be one too.
impl<R> Copy for Change<'_, R> {}

impl<R> Clone for Change<'_, R> {
    fn clone(&self) -> Self {
        *self
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
        let slot = table.slots.entry(key.clone()).or_insert_with(Slot::absent);
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

    pub(super) fn save<'r>(&'r self, tx: &mut Tx<'_>, writes: &mut Writes<'r>) -> QueryResult<()> {
        self.tables.iter().try_for_each(|(_, _, table)| table.save(tx, writes))
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
                let table: Table<R> = Table::empty();
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

    /// The batch's time.
    pub fn now(&self) -> Moment {
        self.desk.now
    }

    pub fn book(&self) -> BookNo {
        self.desk.book
    }

    /// Asks for a row of a book or a reference table.
    pub fn want<R: Load>(&mut self, key: R::Key) {
        let table = self.desk.table::<R>();
        table.fetch = Some(load);
        if !table.slots.contains_key(&key) {
            table.wanted.insert(key, None);
        }
    }

    /// Asks for a register row: it will be made where it is absent, and locked.
    pub fn take<R: Register>(&mut self, key: R::Key) {
        self.ask(key.clone(), Some(R::free(key)));
    }

    /// Asks for a register row that is known to be there, since no row of a register is ever
    /// deleted: it will be locked.
    pub fn lock<R: Register>(&mut self, key: R::Key) {
        self.ask::<R>(key, None);
    }

    /// As [`Ask::take`], and says how the command would leave the row if nobody has it.
    pub fn take_as<R: Register>(&mut self, born: R) {
        self.ask(born.key(), Some(born));
    }

    /// A row that an earlier round has loaded, for needs that depend on it.
    pub fn seen<R: Row>(&self, key: &R::Key) -> Option<&R> {
        self.desk.find::<R>()?.slots.get(key)?.now.as_ref()
    }

    fn ask<R: Register>(&mut self, key: R::Key, born: Option<R>) {
        let fetch = if self.desk.is_dry { peek } else { take };
        let table = self.desk.table::<R>();
        table.fetch = Some(fetch);
        table.register = true;
        table.same = R::eq;
        if !table.slots.contains_key(&key) {
            // The first to ask is the first to be decided.
            let wanted = table.wanted.entry(key).or_default();
            *wanted = wanted.take().or(born);
        }
    }
}
