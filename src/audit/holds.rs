//! What is held within a book, as its entries tell it in their order: the slots of each pseudonym
//! (invariant 1), and the marks of things (invariant 2).
//!
//! Registers reach across books; a single log can show only that nothing in it contradicts itself:
//! a leaf never says that fewer slots were in use than its own book had given, and no thing of
//! this book draws twice. The replay compares the registers themselves.

use super::verify::{Check, Fault};
use crate::application::entries::{
    APPROVED, CORRECTED, CORRECTION_REQUESTED, LAPSED, REJECTED, SUBMITTED, WITHDRAWN,
};
use crate::book::fold::EntryView;
use crate::kernel::canonical;
use crate::kernel::time::Moment;
use crate::old_item::entries::{OLD_ITEM_REGISTERED, OLD_ITEM_REJECTED};
use crate::programme::Fact;
use crate::redemption::entries::{CANCELLED, CAPTURED, CAPTURED_LATE, DISPUTED, ENDED, RESERVED};
use crate::register::holdings::import::HOLDING_IMPORTED;
use crate::voucher::entries::{VOUCHER_CLAIMED, VOUCHER_ENDED, VOUCHER_GIVEN_BACK, VOUCHER_LAPSED};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A pseudonym and a quota key of this book, in few bytes: a book has millions.
type SlotKey = ([u8; 16], u16);

/// A mark in few bytes: 128 bits of a digest over its kind and its own keyed digest.
type MarkKey = [u8; 16];

/// A voucher, or an open application, whose slot is not used up.
struct Promise {
    slot: SlotKey,
    until: Moment,
    /// The end of its reservation.
    locked: Option<Moment>,
}

/// What took marks that are not kept for good.
struct Taken {
    until: Moment,
    marks: Vec<MarkKey>,
    /// The voucher, old item or application, for which its own marks are free.
    voucher: Uuid,
}

/// Slots and marks of one book.
#[derive(Default)]
pub struct Holds {
    names: HashMap<String, u16>,
    /// Slots that are used for good.
    used: HashMap<SlotKey, u16>,
    /// Vouchers that may hold one.
    live: HashMap<SlotKey, Vec<Uuid>>,
    promises: HashMap<Uuid, Promise>,
    kept: HashSet<MarkKey>,
    held: HashMap<MarkKey, Uuid>,
    taken: HashMap<Uuid, Taken>,
    /// Class and deciding day of each open application, as its newest filing says them.
    filed: HashMap<Uuid, (String, String)>,
    /// When each open application was submitted, to the second, as facts have it.
    applied: HashMap<Uuid, i64>,
    /// Slots and marks that were given.
    pub counted: (u64, u64),
}

impl Holds {
    /// Takes in an entry that the fold has accepted.
    pub fn take(&mut self, entry: &EntryView) -> Option<Fault> {
        let kind = entry.kind.as_str();
        let done = if kind == VOUCHER_CLAIMED.name {
            moment(entry, "until").and_then(|until| self.granted(entry, until))
        } else if kind == RESERVED.name {
            self.reserved(entry)
        } else if kind == CAPTURED.name || kind == CAPTURED_LATE.name {
            self.captured(entry)
        } else if kind == CANCELLED.name || kind == ENDED.name {
            self.released(entry)
        } else if kind == DISPUTED.name {
            self.taken.remove(&entry.about);
            Ok(())
        } else if [VOUCHER_GIVEN_BACK.name, VOUCHER_LAPSED.name, VOUCHER_ENDED.name].contains(&kind)
        {
            self.ended(entry.about);
            Ok(())
        } else if kind == OLD_ITEM_REGISTERED.name {
            self.registered(entry)
        } else if kind == OLD_ITEM_REJECTED.name {
            self.free(entry.about);
            self.taken.remove(&entry.about);
            Ok(())
        } else if kind == HOLDING_IMPORTED.name {
            self.imported(entry)
        } else if kind.starts_with("application.") {
            self.application(entry)
        } else {
            Ok(())
        };
        done.err().map(|(check, what)| Fault { check, entry: Some(entry.seq), what })
    }

    /// An application holds slot and marks without an end while an office decides, until the
    /// deadline while a correction is asked for, and for good once it is granted.
    fn application(&mut self, entry: &EntryView) -> Done {
        let kind = entry.kind.as_str();
        if kind == SUBMITTED.name || kind == CORRECTED.name {
            self.ended(entry.about);
            self.free(entry.about);
            let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
            self.filed.insert(entry.about, (text("class"), text("decided_at")));
            let applied = *self.applied.entry(entry.about).or_insert(entry.at.timestamp());
            if kind == CORRECTED.name && applied_in(entry) != Some(applied) {
                return Err((Check::Amounts, "it was submitted at another time".to_owned()));
            }
            let slot = self.granted(entry, Moment::MAX_UTC);
            self.registered(entry).and(slot)
        } else if kind == CORRECTION_REQUESTED.name {
            let until = moment(entry, "until")?;
            self.promises.entry(entry.about).and_modify(|promise| promise.until = until);
            self.taken.entry(entry.about).and_modify(|taken| taken.until = until);
            Ok(())
        } else if kind == APPROVED.name {
            self.applied.remove(&entry.about);
            let filed = self.filed.remove(&entry.about).unwrap_or_default();
            let told = (entry.text("class"), entry.text("decided_at"));
            if told != (Ok(filed.0.as_str()), Ok(filed.1.as_str())) {
                return Err((Check::Amounts, "it is granted as something else".to_owned()));
            }
            self.captured(entry)
        } else if [REJECTED.name, WITHDRAWN.name, LAPSED.name].contains(&kind) {
            self.ended(entry.about);
            self.free(entry.about);
            self.taken.remove(&entry.about);
            self.promises.remove(&entry.about);
            self.applied.remove(&entry.about);
            self.filed.remove(&entry.about);
            Ok(())
        } else {
            Ok(())
        }
    }

    /// A slot is given: to a voucher until its end, to an application without one.
    fn granted(&mut self, entry: &EntryView, until: Moment) -> Done {
        let quota = entry.data.get("quota").unwrap_or(&Value::Null);
        let key = quota.get("key").and_then(Value::as_str).unwrap_or_default();
        let slot = (subject(entry)?, self.name(key));
        let promise = Promise { slot, until, locked: None };
        self.promises.insert(entry.about, promise);
        // A class without a quota has no slots.
        if key.is_empty() {
            return Ok(());
        }
        self.counted.0 += 1;
        let vouchers = self.live.entry(slot).or_default();
        let holds = |id: &&Uuid| {
            let promise = self.promises.get(id);
            promise.is_some_and(|it| it.locked.max(Some(it.until)) > Some(entry.at))
        };
        let known = vouchers.iter().filter(holds).count() as u64
            + self.used.get(&slot).map_or(0, |used| u64::from(*used));
        vouchers.push(entry.about);
        let told = quota.get("in_use").and_then(Value::as_u64).unwrap_or_default();
        if told < known {
            let what =
                format!("it says that {told} slots were in use, this book had given {known}");
            return Err((Check::Slots, what));
        }
        Ok(())
    }

    fn reserved(&mut self, entry: &EntryView) -> Done {
        let until = moment(entry, "until")?;
        let voucher: Uuid = entry
            .text("voucher")
            .ok()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| (Check::Slots, "voucher is no id".to_owned()))?;
        let marks = marks_in(entry);
        let mut fault = None;
        if let Some(promise) = self.promises.get_mut(&voucher) {
            let at_once =
                entry.text("claimed_at").ok() == Some(&crate::kernel::time::text(entry.at));
            if promise.until <= entry.at && !at_once {
                fault = Some((Check::States, "its voucher had ended".to_owned()));
            }
            promise.locked = Some(until);
        }
        for mark in &marks {
            if let Some(what) = self.is_taken(mark, voucher, entry.at) {
                fault = Some((Check::Marks, what));
            }
            self.held.insert(*mark, entry.about);
        }
        self.counted.1 += marks.len() as u64;
        self.taken.insert(entry.about, Taken { until, marks, voucher });
        fault.map_or(Ok(()), Err)
    }

    /// Why a mark is not free for a voucher.
    fn is_taken(&self, mark: &MarkKey, voucher: Uuid, at: Moment) -> Option<String> {
        if self.kept.contains(mark) {
            return Some("it takes a mark that has drawn for good".to_owned());
        }
        let holder = self.held.get(mark)?;
        let taken = self.taken.get(holder)?;
        (taken.voucher != voucher && at < taken.until)
            .then(|| format!("it takes a mark that {holder} holds"))
    }

    fn captured(&mut self, entry: &EntryView) -> Done {
        let Some(taken) = self.taken.remove(&entry.about) else {
            return Err((Check::Marks, "it was captured without its marks".to_owned()));
        };
        let mut fault = None;
        for mark in taken.marks {
            if let Some(what) = self.is_taken(&mark, taken.voucher, entry.at) {
                fault = Some((Check::Marks, what));
            }
            self.held.remove(&mark);
            self.kept.insert(mark);
        }
        if let Some(promise) = self.promises.remove(&taken.voucher) {
            self.forget(promise.slot, taken.voucher);
            *self.used.entry(promise.slot).or_default() += 1;
        }
        fault.map_or(Ok(()), Err)
    }

    /// A cancelled reservation, and one that time has ended: a late capture may take its marks
    /// again.
    fn released(&mut self, entry: &EntryView) -> Done {
        self.free(entry.about);
        let Some(taken) = self.taken.get_mut(&entry.about) else { return Ok(()) };
        if let Some(promise) = self.promises.get_mut(&taken.voucher) {
            promise.locked = None;
        }
        if entry.kind == CANCELLED.name {
            self.taken.remove(&entry.about);
        }
        Ok(())
    }

    fn ended(&mut self, voucher: Uuid) {
        let slot = self.promises.get(&voucher).map(|promise| promise.slot);
        if let Some(slot) = slot {
            self.forget(slot, voucher);
        }
    }

    fn registered(&mut self, entry: &EntryView) -> Done {
        let marks = marks_in(entry);
        let mut fault = None;
        for mark in &marks {
            if let Some(what) = self.is_taken(mark, entry.about, entry.at) {
                fault = Some((Check::Marks, what));
            }
            self.held.insert(*mark, entry.about);
        }
        self.counted.1 += marks.len() as u64;
        let taken = Taken { until: Moment::MAX_UTC, marks, voucher: entry.about };
        self.taken.insert(entry.about, taken);
        fault.map_or(Ok(()), Err)
    }

    fn imported(&mut self, entry: &EntryView) -> Done {
        for mark in marks_in(entry) {
            self.counted.1 += 1;
            if !self.kept.insert(mark) {
                return Err((Check::Marks, "it brings a mark that is there already".to_owned()));
            }
        }
        if entry.subject.is_some() {
            let slot = (subject(entry)?, self.name(entry.text("quota").unwrap_or_default()));
            self.counted.0 += 1;
            *self.used.entry(slot).or_default() += 1;
        }
        Ok(())
    }

    /// Marks that somebody else has taken over since stay his.
    fn free(&mut self, holder: Uuid) {
        let Some(taken) = self.taken.get(&holder) else { return };
        for mark in &taken.marks {
            if self.held.get(mark) == Some(&holder) {
                self.held.remove(mark);
            }
        }
    }

    fn forget(&mut self, slot: SlotKey, voucher: Uuid) {
        if let Some(vouchers) = self.live.get_mut(&slot) {
            vouchers.retain(|id| *id != voucher);
            if vouchers.is_empty() {
                self.live.remove(&slot);
            }
        }
    }

    fn name(&mut self, name: &str) -> u16 {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let next = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.insert(name.to_owned(), next);
        next
    }
}

/// The moment of the submission among the facts of a filing, in seconds.
fn applied_in(entry: &EntryView) -> Option<i64> {
    let facts = entry.data.get("facts")?;
    let applied: Moment = facts.get(Fact::AppliedAt.row().name)?.as_str()?.parse().ok()?;
    Some(applied.timestamp())
}

/// The marks that an entry names.
fn marks_in(entry: &EntryView) -> Vec<MarkKey> {
    let marks = entry.data.get("marks").and_then(Value::as_array);
    let key = |mark: &Value| {
        let (kind, digest) = (mark.get(0)?.as_str()?, mark.get(1)?.as_str()?);
        let named = canonical::sha256(format!("{kind} {digest}").as_bytes());
        named.first_chunk::<16>().copied()
    };
    marks.into_iter().flatten().filter_map(key).collect()
}

type Done = Result<(), (Check, String)>;

fn subject(entry: &EntryView) -> Result<[u8; 16], (Check, String)> {
    let found = entry.pseudonym().and_then(|found| found.ok_or("no subj".to_owned()));
    found.map_err(|what| (Check::Slots, what))
}

fn moment(entry: &EntryView, name: &str) -> Result<Moment, (Check, String)> {
    let read = entry.text(name).ok().and_then(|text| text.parse().ok());
    read.ok_or_else(|| (Check::States, format!("{name} is no time")))
}
