//! The registers and tranches against the vouchers, redemptions and old items that hold them.

use super::compare::Rows;
use super::keep::MarkName;
use super::replay::{Books, Replayed};
use super::store::{self, MarkRow, QuotaRow, RedemptionRow, VoucherRow};
use crate::book::fold::Thing;
use crate::kernel::id::BookNo;
use crate::kernel::time::{Moment, day_of};
use crate::register::model::SlotState;
use diesel::{PgConnection, QueryResult};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(super) fn check(
    connection: &mut PgConnection,
    books: &Books,
    rows: &Rows,
    differences: &mut Vec<String>,
) -> QueryResult<()> {
    let heads = books.values().filter_map(|book| book.head.as_ref());
    // The newest time that any book knows: what has ended by then has ended for everybody.
    let latest = heads.map(|head| head.last_at).max().unwrap_or_default();
    let subjects = store::subjects(connection)?;
    let subjects = subjects.into_iter().map(|it| ((it.book_id, it.person_id), it.subject()));
    let subjects = subjects.collect();
    let mut check = Check { books, rows, subjects, latest, differences };
    check.quotas(&store::quotas(connection)?);
    check.marks(&store::marks(connection)?);
    check.tallies(connection)?;
    books.values().try_for_each(|book| check.tranches(connection, book))
}

struct Check<'a> {
    books: &'a Books,
    rows: &'a Rows,
    /// The pseudonym of a person in a book.
    subjects: BTreeMap<(BookNo, Uuid), String>,
    latest: Moment,
    differences: &'a mut Vec<String>,
}

/// Where a register row says that a thing is: its book and id.
type HolderKey = (BookNo, Uuid);

impl Check<'_> {
    fn say(&mut self, what: impl std::fmt::Display) {
        self.differences.push(what.to_string());
    }

    /// Invariant 1.
    fn quotas(&mut self, quotas: &[QuotaRow]) {
        let mut slotted: BTreeSet<HolderKey> = BTreeSet::new();
        for quota in quotas {
            for slot in 0..quota.books.len() {
                let holder = (quota.books[slot], quota.holders[slot]);
                if !slotted.insert(holder) {
                    self.say(format_args!("voucher {} has two slots", holder.1));
                }
                self.slot(quota, slot, holder);
            }
            self.count(quota);
        }
        self.slots_of_holdings(&slotted);
        let (rows, mut lost) = (self.rows, Vec::new());
        for (key, voucher) in &rows.vouchers {
            let lives = ["claimed", "reserved", "redeemed"].contains(&voucher.state.as_str());
            if lives && !voucher.quota_key.is_empty() && !slotted.contains(key) {
                lost.push((key.1, &voucher.state));
            }
        }
        for ((book, id), application) in &rows.applications {
            let due = application.lives(self.latest) && !application.quota_key().is_empty();
            if due && !slotted.contains(&(*book, *id)) {
                lost.push((*id, &application.state));
            }
        }
        for (id, state) in lost {
            self.say(format_args!("{id} is {state} and has no slot"));
        }
    }

    fn slot(&mut self, quota: &QuotaRow, slot: usize, holder: HolderKey) {
        let (id, key) = (holder.1, &quota.key);
        if let Some((due, subject)) = self.holding(holder) {
            let for_good = quota.states[slot] == SlotState::Used.code();
            let his = self.subjects.get(&(holder.0, quota.person_id)) == Some(subject);
            if due != key || !for_good || quota.untils[slot].is_some() || !his {
                self.say(format_args!("a slot of {key} is not that of its holding {id}"));
            }
            return;
        }
        if let Some(application) = self.rows.applications.get(&holder) {
            let due = application.due();
            let is = SlotState::of_code(quota.states[slot]);
            let is = is.map(|state| (state, quota.untils[slot]));
            let his = application.person_id == quota.person_id && application.quota_key() == *key;
            if !his || due.is_none() || due != is {
                let state = &application.state;
                self.say(format_args!(
                    "a slot of {key} is not that of its application {id}, which is {state}"
                ));
            }
            return;
        }
        let Some(voucher) = self.rows.vouchers.get(&holder) else {
            self.say(format_args!("a slot of {key} names voucher {id}, which is not there"));
            return;
        };
        if voucher.person_id != quota.person_id || voucher.quota_key != *key {
            self.say(format_args!("a slot of {key} names voucher {id}, which is of another"));
        }
        let until = quota.untils[slot];
        let due = match (SlotState::of_code(quota.states[slot]), voucher.state.as_str()) {
            (Some(SlotState::Held), "claimed") => Some(Some(voucher.until)),
            (Some(SlotState::Held), "reserved") => {
                Some(voucher.locked_until.max(Some(voucher.until)))
            }
            (Some(SlotState::Used | SlotState::Kept), "redeemed") => Some(None),
            _ => None,
        };
        match due {
            None => {
                let (code, state) = (quota.states[slot], &voucher.state);
                let what = SlotState::of_code(code).map_or("broken".to_owned(), name_of);
                self.say(format_args!("a slot of {key} is {what}, its voucher {id} is {state}"));
            }
            Some(due) if due != until => {
                self.say(format_args!("a slot of {key} does not end when its voucher {id} does"));
            }
            Some(_) => {}
        }
    }

    /// What the entry of an imported slot says.
    fn holding(&self, holder: HolderKey) -> Option<&(String, String)> {
        self.books.get(&holder.0)?.kept.holdings.get(&holder.1)
    }

    fn slots_of_holdings(&mut self, slotted: &BTreeSet<HolderKey>) {
        for book in self.books.values() {
            let holdings = book.kept.holdings.keys();
            for id in holdings.filter(|id| !slotted.contains(&(book.no, **id))) {
                self.differences.push(format!("holding {id} has no slot"));
            }
        }
    }

    /// No more slots in use than the N of the grants. Holdings are not counted: nobody granted
    /// them here, and they may come after the grants of another book. A late capture takes its
    /// slot again under the N of its own programme, and is counted at that moment.
    fn count(&mut self, quota: &QuotaRow) {
        let (mut in_use, mut most) = (0u64, 0u64);
        for (slot, until) in quota.untils.iter().enumerate() {
            let Some(book) = self.books.get(&quota.books[slot]) else { continue };
            let holder = quota.holders[slot];
            let kept = &book.kept;
            most = most.max(kept.claims.get(&holder).map_or(0, |claim| claim.slots));
            most = most.max(kept.applications.get(&holder).map_or(0, |applied| applied.slots));
            let redemption = self
                .rows
                .vouchers
                .get(&(book.no, holder))
                .and_then(|voucher| voucher.redemption_id);
            let late = redemption.is_some_and(|id| book.kept.captured_late.contains(&id));
            let live = until.is_none_or(|until| self.latest < until);
            let imported = book.kept.holdings.contains_key(&holder);
            in_use += u64::from(live && !late && !imported);
        }
        if in_use > most {
            let (key, person) = (&quota.key, quota.person_id);
            self.say(format_args!("person {person} has {in_use} slots of {key} in use, of {most}"));
        }
    }

    /// Invariant 2.
    fn marks(&mut self, marks: &[MarkRow]) {
        let mut held: BTreeMap<MarkName, (HolderKey, Option<Moment>)> = BTreeMap::new();
        for mark in marks {
            let Some(holder) = mark.book_id.zip(mark.holder) else { continue };
            let name = (mark.kind.clone(), hex::encode(&mark.digest));
            self.mark(&name, holder, mark.until);
            held.insert(name, (holder, mark.until));
        }
        let rows = self.rows;
        for ((book, id), redemption) in &rows.redemptions {
            let holder = (*book, redemption.voucher_id);
            let due = match redemption.state.as_str() {
                "captured" => None,
                // Past its end a mark may be taken over before the end is an entry.
                "reserved" if self.latest < redemption.until => Some(redemption.until),
                _ => continue,
            };
            for name in redemption.marks() {
                if held.get(&name) != Some(&(holder, due)) {
                    let (kind, state) = (&name.0, &redemption.state);
                    self.say(format_args!(
                        "redemption {id} is {state} without its mark {kind} {}",
                        name.1
                    ));
                }
            }
        }
        for ((book, id), application) in &rows.applications {
            let due = application.due().filter(|_| application.lives(self.latest));
            let Some((_, until)) = due else { continue };
            for name in application.marks() {
                if held.get(&name) != Some(&((*book, *id), until)) {
                    let (kind, digest) = name;
                    self.say(format_args!("application {id} is without its mark {kind} {digest}"));
                }
            }
        }
        self.marks_of_old_items(&held);
    }

    fn mark(&mut self, name: &MarkName, holder: HolderKey, until: Option<Moment>) {
        let (kind, digest) = name;
        if let Some(voucher) = self.rows.vouchers.get(&holder) {
            let found = self.redemption_of(holder.0, voucher);
            let found = found.filter(|redemption| redemption.marks().contains(name));
            let fits = found.is_some_and(|redemption| match until {
                None => redemption.state == "captured",
                Some(until) => redemption.state == "reserved" && redemption.until == until,
            });
            if !fits {
                let (id, state) = (holder.1, &voucher.state);
                let until = if until.is_none() { "for good" } else { "for a while" };
                self.say(format_args!(
                    "mark {kind} {digest} is held {until} by voucher {id}, which is {state} \
                     and has no such redemption"
                ));
            }
            return;
        }
        if let Some(application) = self.rows.applications.get(&holder) {
            let due = application.due().map(|(_, until)| until);
            if due != Some(until) || !application.marks().contains(name) {
                let (id, state) = (holder.1, &application.state);
                self.say(format_args!(
                    "mark {kind} {digest} is not that of application {id}, which is {state}"
                ));
            }
            return;
        }
        let book = self.books.get(&holder.0);
        let thing = book.and_then(|book| book.state.things.get(&holder.1));
        let takes = book.and_then(|book| book.kept.marks.get(&holder.1));
        let lives = thing.is_some_and(takes_marks);
        if !lives || until.is_some() || !takes.is_some_and(|marks| marks.contains(name)) {
            let id = holder.1;
            self.say(format_args!(
                "mark {kind} {digest} is held by {id}, which is no voucher and no old item of it"
            ));
        }
    }

    fn redemption_of(&self, book: BookNo, voucher: &VoucherRow) -> Option<&RedemptionRow> {
        let redemption = self.rows.redemptions.get(&(book, voucher.redemption_id?))?;
        (redemption.voucher_id == voucher.voucher_id).then_some(redemption)
    }

    fn marks_of_old_items(&mut self, held: &BTreeMap<MarkName, (HolderKey, Option<Moment>)>) {
        for book in self.books.values() {
            for (id, marks) in &book.kept.marks {
                let thing = book.state.things.get(id);
                if !thing.is_some_and(takes_marks) {
                    continue;
                }
                for name in
                    marks.iter().filter(|name| held.get(*name) != Some(&((book.no, *id), None)))
                {
                    let (kind, digest) = name;
                    self.differences
                        .push(format!("old item {id} is without its mark {kind} {digest}"));
                }
            }
        }
    }

    /// A tally is the sum of what its person's redemptions hold and have used, and the lapses.
    fn tallies(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        type Sums = (i64, i64, i64);
        let mut due: BTreeMap<(Uuid, String), Sums> = BTreeMap::new();
        for ((book, _), redemption) in &self.rows.redemptions {
            let Some(key) = &redemption.cap_key else { continue };
            let voucher = self.rows.vouchers.get(&(*book, redemption.voucher_id));
            let Some(person) = voucher.map(|voucher| voucher.person_id) else { continue };
            let sums = due.entry((person, key.clone())).or_default();
            match redemption.state.as_str() {
                "reserved" => sums.0 += redemption.amount_fen,
                "captured" => sums.1 += redemption.amount_fen,
                _ => {}
            }
        }
        for book in self.books.values() {
            for (voucher, key) in &book.kept.lapses {
                let Some(row) = self.rows.vouchers.get(&(book.no, *voucher)) else { continue };
                if row.lapse_key.as_ref() != Some(key) {
                    self.differences.push(format!("voucher {voucher} lapsed on another tally"));
                }
                due.entry((row.person_id, key.clone())).or_default().2 += 1;
            }
        }
        for application in self.rows.applications.values() {
            let Some(key) = application.cap_key() else { continue };
            let sums = due.entry((application.person_id, key)).or_default();
            let (held, used, count) = application.tallied();
            *sums = (sums.0 + held, sums.1 + used, sums.2 + count);
        }
        for row in store::tallies(connection)? {
            let is = (row.held_fen, row.used_fen, row.count);
            let due = due.remove(&(row.person_id, row.key.clone())).unwrap_or_default();
            if is != due {
                let (person, key) = (row.person_id, &row.key);
                self.say(format_args!(
                    "the tally {key} of person {person} is {is:?} (held, used, count), by the \
                     redemptions and lapses it is {due:?}"
                ));
            }
        }
        for ((person, key), sums) in due.into_iter().filter(|(_, sums)| *sums != (0, 0, 0)) {
            self.say(format_args!("person {person} has no tally {key} for {sums:?}"));
        }
        Ok(())
    }

    /// A day's money is what was reserved on it and not given back on the same day.
    fn tranches(&mut self, connection: &mut PgConnection, book: &Replayed) -> QueryResult<()> {
        let mut due: BTreeMap<String, i64> = BTreeMap::new();
        for ((_, id), redemption) in
            self.rows.redemptions.range((book.no, Uuid::nil())..=(book.no, Uuid::max()))
        {
            let Some(name) = &redemption.tranche else { continue };
            let day = day_of(redemption.reserved_at);
            let released = book.kept.released.get(id).is_some_and(|at| day_of(*at) == day);
            let taken_again = book.kept.captured_late.contains(id)
                && redemption.captured_at.is_some_and(|at| day_of(at) == day);
            let drawn = !released || taken_again;
            *due.entry(name.clone()).or_default() += if drawn { redemption.amount_fen } else { 0 };
        }
        for row in store::tranches(connection, book.no)? {
            let (name, drawn) = (&row.name, row.drawn_fen);
            let due = due.remove(name).unwrap_or_default();
            if drawn != due {
                self.say(format_args!(
                    "{}: {drawn} fen are drawn of tranche {name}, by the redemptions {due} are",
                    book.name
                ));
            }
            if drawn > row.limit_fen {
                self.say(format_args!("{}: tranche {name} is overdrawn", book.name));
            }
        }
        for (name, drawn) in due.into_iter().filter(|(_, drawn)| *drawn != 0) {
            self.say(format_args!("{}: there is no tranche {name} for {drawn} fen", book.name));
        }
        Ok(())
    }
}

/// Old items and holdings have marks of their own, for good.
fn takes_marks(thing: Thing) -> bool {
    match thing.kind {
        "old_item" => thing.state != "rejected",
        kind => kind == "holding",
    }
}

fn name_of(state: SlotState) -> String {
    format!("{state:?}").to_lowercase()
}
