//! Reads the log of every book again, from its first entry, and trusts nothing else.

use super::keep::Kept;
use super::meaning::Meaning;
use super::rules::Rules;
use super::store::{self, BookRow, EntryRow, HeadRow};
use super::{compare, entry_types, heads, reference, registers};
use crate::book::fold::{EntryView, State};
use crate::book::model::{Bucket, Leg};
use crate::book::{BookInfo, REGISTER};
use crate::kernel::canonical;
use crate::kernel::id::BookNo;
use crate::kernel::merkle::{Frontier, Hash, leaf_hash};
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use diesel::{PgConnection, QueryResult};
use serde_json::Value;
use std::collections::BTreeMap;

/// Entries read at once.
const PAGE: i64 = 1_000;

/// What a replay found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub books: usize,
    pub entries: u64,
    /// Each in one sentence; none where the rows are what the entries add up to.
    pub differences: Vec<String>,
}

/// A book as its log tells it.
pub(super) struct Replayed {
    pub no: BookNo,
    pub name: String,
    pub head: Option<HeadRow>,
    pub state: State,
    pub kept: Kept,
    pub hashes: Vec<Hash>,
    /// Whether every entry could be folded; what the rows say is compared only then.
    pub is_whole: bool,
}

pub(super) type Books = BTreeMap<BookNo, Replayed>;

/// Replays every book of a database, in one snapshot.
///
/// # Errors
/// Only where the database cannot be read.
pub fn run(connection: &mut PgConnection) -> QueryResult<Report> {
    connection.build_transaction().read_only().repeatable_read().run(run_in)
}

/// The same inside the caller's transaction.
///
/// # Errors
/// Only where the database cannot be read.
pub fn run_in(connection: &mut PgConnection) -> QueryResult<Report> {
    let mut report = Report::default();
    let mut books = Books::new();
    let mut rules = Rules::default();
    for row in store::programmes(connection)? {
        // A text that does not hash to its name is told with the reference tables.
        rules.add(&hex::encode(row.hash), &row.text);
    }
    for row in store::books(connection)? {
        let reader = Reader::new(&row, &rules, &mut report.differences);
        let replayed = reader.read(connection, &row)?;
        report.entries += replayed.hashes.len() as u64;
        books.insert(row.book_id, replayed);
    }
    report.books = books.len();
    if books.get(&REGISTER).is_none_or(|register| register.is_whole) {
        listed(&books, &mut report.differences);
        heads::check(&books, &mut report.differences);
    }
    if books.values().all(|book| book.is_whole) {
        let rows = compare::rows(connection, &books, &mut report.differences)?;
        registers::check(connection, &books, &rows, &mut report.differences)?;
        if let Some(register) = books.get(&REGISTER) {
            reference::check(connection, register, &mut report.differences)?;
        }
    }
    Ok(report)
}

/// Every book but the register book is listed in that one, and is in the state that follows.
fn listed(books: &Books, differences: &mut Vec<String>) {
    let Some(register) = books.get(&REGISTER) else {
        differences.push("there is no register book".to_owned());
        return;
    };
    for book in books.values().filter(|book| book.no != REGISTER) {
        let Some(listed) = register.kept.listed.get(&book.no) else {
            differences.push(format!("{}: the register book does not list it", book.name));
            continue;
        };
        if listed.name != book.name {
            let (name, listed) = (&book.name, &listed.name);
            differences.push(format!("{name}: the register book lists it as {listed}"));
        }
        let due = book.state.book_state.as_ref().unwrap_or(&listed.state);
        if let Some(head) = book.head.as_ref().filter(|head| head.state != *due) {
            let (name, is) = (&book.name, &head.state);
            differences.push(format!("{name}: its head is {is}, by its entries it is {due}"));
        }
    }
    for (no, listed) in register.kept.listed.iter().filter(|(no, _)| !books.contains_key(no)) {
        differences.push(format!("book {no} ({}) is listed and is not there", listed.name));
    }
}

/// Reads one log.
struct Reader<'a> {
    rules: &'a Rules,
    meaning: Meaning,
    differences: &'a mut Vec<String>,
    frontier: Frontier,
    last_at: Option<Moment>,
    replayed: Replayed,
}

impl<'a> Reader<'a> {
    fn new(row: &BookRow, rules: &'a Rules, differences: &'a mut Vec<String>) -> Reader<'a> {
        let name = match row.region.parse() {
            Ok(region) => BookInfo::new(row.book_id, region, &row.family, row.year).name,
            Err(_) => format!("{}/{}/{}", row.region, row.family, row.year),
        };
        let replayed = Replayed {
            no: row.book_id,
            name,
            head: None,
            state: State::default(),
            kept: Kept::default(),
            hashes: Vec::new(),
            is_whole: true,
        };
        let frontier = Frontier::default();
        let meaning = Meaning::new(entry_types());
        Reader { rules, meaning, differences, frontier, last_at: None, replayed }
    }

    fn read(mut self, connection: &mut PgConnection, row: &BookRow) -> QueryResult<Replayed> {
        let mut after = -1;
        loop {
            let page = store::entries(connection, row.book_id, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            page.iter().for_each(|entry| self.entry(entry));
        }
        self.replayed.head = store::head(connection, row.book_id)?;
        self.head();
        self.replayed.state = self.meaning.state;
        Ok(self.replayed)
    }

    fn say(&mut self, what: impl std::fmt::Display) {
        self.differences.push(format!("{}: {what}", self.replayed.name));
    }

    /// One entry: its place, its hash, its columns, its meaning.
    fn entry(&mut self, row: &EntryRow) {
        let seq = row.seq;
        let due = self.frontier.size();
        if u64::try_from(seq) != Ok(due) {
            self.say(format_args!("entry {seq} stands where entry {due} is due"));
        }
        let hash = leaf_hash(&row.leaf);
        if row.leaf_hash != hash {
            self.say(format_args!("entry {seq} does not hash to its leaf_hash"));
        }
        self.frontier.push(hash);
        self.replayed.hashes.push(hash);
        if self.last_at.is_some_and(|last| row.at < last) {
            self.say(format_args!("time runs back at entry {seq}"));
        }
        self.last_at = Some(row.at);
        let view = match EntryView::of_leaf(&row.leaf) {
            Ok(view) => view,
            Err(wrong) => {
                self.say(format_args!("the leaf of entry {seq} cannot be read: {wrong}"));
                self.replayed.is_whole = false;
                return;
            }
        };
        self.columns(row, &view);
        if !self.replayed.is_whole {
            return;
        }
        if let Some(fault) = self.rules.check(&view, &mut 0) {
            self.say(fault);
        }
        let taken = self.meaning.take(&view);
        if let Err(fault) = taken {
            self.replayed.is_whole = self.meaning.state.size() > view.seq;
            self.say(fault);
        }
        if self.replayed.is_whole {
            self.replayed.kept.take(&view);
        }
    }

    /// The columns say nothing else than the leaf.
    fn columns(&mut self, row: &EntryRow, view: &EntryView) {
        let seq = row.seq;
        let leaf: Value = serde_json::from_slice(&row.leaf).unwrap_or_default();
        if canonical::bytes(&leaf) != row.leaf {
            self.say(format_args!("the leaf of entry {seq} is not canonical"));
        }
        let differs = [
            ("book", leaf.get("book").and_then(Value::as_str) != Some(&self.replayed.name)),
            ("seq", i64::try_from(view.seq) != Ok(seq)),
            ("time", view.at != row.at),
            ("kind", view.kind != row.kind),
            ("thing", view.about != row.about),
            ("legs", legs_of(row).as_ref() != Some(&view.legs)),
        ];
        for (what, _) in differs.iter().filter(|(_, differs)| *differs) {
            self.say(format_args!("the {what} of entry {seq} differs from its leaf"));
        }
    }

    /// The head is the right edge of the tree that the leaves make.
    fn head(&mut self) {
        let Some(head) = self.replayed.head.clone() else {
            self.say("it has no head");
            return;
        };
        let size = self.frontier.size();
        if u64::try_from(head.size) != Ok(size) {
            self.say(format_args!("its head has size {}, there are {size} entries", head.size));
        }
        if head.frontier != self.frontier.to_bytes() {
            self.say("the head's frontier is not that of its leaves");
        }
        if head.root != self.frontier.root() {
            self.say("the head's root is not that of its leaves");
        }
        if self.last_at.is_some_and(|last| head.last_at != last) {
            self.say("the head's time is not that of the last entry");
        }
    }
}

fn legs_of(row: &EntryRow) -> Option<Vec<Leg>> {
    let legs = row.accounts.iter().zip(&row.amounts);
    legs.map(|(account, fen)| Some(Leg { bucket: Bucket::parse(account)?, amount: Fen(*fen) }))
        .collect()
}
