//! The rows of the registers and what may be done with them. Pure.

use crate::infra::keys::{KeyRing, bucket_of};
use crate::kernel::id::BookNo;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use uuid::Uuid;

/// 12 bits of a keyed digest of the person or thing, never rotated: first in every register key.
pub type BucketNo = i16;

/// A person as registers know him.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonRef {
    pub bucket: BucketNo,
    pub id: Uuid,
}

/// Who holds a slot or a mark: a voucher or an application, in its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    pub book: BookNo,
    pub id: Uuid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Set aside for a live voucher; ends by time.
    Held,
    /// Redeemed or approved: permanent.
    Used,
    /// Kept by the programme's refund rule: permanent.
    Kept,
}

impl SlotState {
    pub fn code(self) -> i16 {
        match self {
            SlotState::Held => 0,
            SlotState::Used => 1,
            SlotState::Kept => 2,
        }
    }

    pub fn of_code(code: i16) -> Option<SlotState> {
        [SlotState::Held, SlotState::Used, SlotState::Kept].into_iter().find(|s| s.code() == code)
    }
}

/// One unit of a quota, in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub holder: Holder,
    /// The province of the holder's book: a full quota that is held only elsewhere is told so.
    pub province: Region,
    pub state: SlotState,
    /// From this moment the slot has ended for everybody, swept or not.
    pub until: Option<Moment>,
    /// The lapse tally that its end will count on, where the programme limits lapses.
    pub lapse_key: Option<String>,
}

impl Slot {
    pub fn is_live(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The slots that one person has in use of one quota key, across all books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub person: PersonRef,
    /// `<scope region>/<year>/<group>[/<payment channel>]`
    pub key: String,
    pub slots: Vec<Slot>,
    pub version: i64,
}

impl Quota {
    /// How many slots count at this moment (invariant 1).
    pub fn in_use(&self, now: Moment) -> u32 {
        count(self.slots.iter().filter(|slot| slot.is_live(now)).count())
    }

    /// How many of them are kept by a refund.
    pub fn kept(&self) -> u32 {
        count(self.slots.iter().filter(|slot| slot.state == SlotState::Kept).count())
    }

    /// Whether every slot in use is held by books of other provinces.
    pub fn only_elsewhere(&self, province: Region, now: Moment) -> bool {
        let mut live = self.slots.iter().filter(|slot| slot.is_live(now)).peekable();
        live.peek().is_some() && live.all(|slot| slot.province != province)
    }

    /// Takes a slot. One that has ended stays in the row, counting for nothing, until the entry
    /// that ends its holder frees it: so that each lapse is counted exactly once.
    pub fn take(&mut self, slot: Slot) {
        self.slots.push(slot);
        self.version += 1;
    }

    /// Vouchers of a lapse tally that have ended by time and whose end is not yet an entry.
    pub fn unwritten_lapses(&self, lapse_key: &str, now: Moment) -> u32 {
        let ended = |slot: &&Slot| {
            slot.lapse_key.as_deref() == Some(lapse_key)
                && slot.state == SlotState::Held
                && !slot.is_live(now)
        };
        count(self.slots.iter().filter(ended).count())
    }

    /// The slot of a holder, ended or not.
    pub fn of(&self, holder: Holder) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.holder == holder)
    }

    /// Gives the slot of a holder another state and end; false where the holder has none any more.
    pub fn set(&mut self, holder: Holder, state: SlotState, until: Option<Moment>) -> bool {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.holder == holder) else {
            return false;
        };
        slot.state = state;
        slot.until = until;
        self.version += 1;
        true
    }

    /// Frees only what still names the holder.
    pub fn release(&mut self, holder: Holder) -> bool {
        let before = self.slots.len();
        self.slots.retain(|slot| slot.holder != holder);
        let freed = self.slots.len() < before;
        self.version += i64::from(freed);
        freed
    }
}

/// The key of a mark: a thing that may draw one live subsidy only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkKey {
    pub bucket: BucketNo,
    /// `serial`, `imei`, `new_vin`, `old_vin`, `old_item`, `order_no`, `dwelling`, …
    pub kind: String,
    /// Keyed digest of the normalised identifier.
    pub digest: Vec<u8>,
}

impl MarkKey {
    /// The mark of a thing in its normal form: kind, keyed digest, and the bucket that is 12 bits
    /// of it. The key is never rotated.
    pub fn of(keys: &KeyRing, kind: &str, thing: &str) -> MarkKey {
        let digest = keys.bucket_digest(kind, thing.as_bytes());
        MarkKey {
            bucket: bucket_of(&digest).cast_signed(),
            kind: kind.to_owned(),
            digest: digest[..16].to_vec(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub key: MarkKey,
    pub holder: Option<Holder>,
    /// From this moment the mark is free; `None` with a holder is for ever.
    pub until: Option<Moment>,
    pub version: i64,
}

impl Mark {
    /// Whether this holder may take or keep the mark (invariant 2).
    pub fn is_open_to(&self, holder: Holder, now: Moment) -> bool {
        match (self.holder, self.until) {
            (None, _) => true,
            (Some(other), _) if other == holder => true,
            (Some(_), Some(until)) => until <= now,
            (Some(_), None) => false,
        }
    }

    pub fn hold(&mut self, holder: Holder, until: Option<Moment>) {
        self.holder = Some(holder);
        self.until = until;
        self.version += 1;
    }

    /// Frees the mark where it still names the holder.
    pub fn release(&mut self, holder: Holder) -> bool {
        let named = self.holder == Some(holder);
        if named {
            self.holder = None;
            self.until = None;
            self.version += 1;
        }
        named
    }
}

/// What a person has drawn, or let lapse, over a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub person: PersonRef,
    /// `<scope region>/<period>/<name>`
    pub key: String,
    pub held_fen: i64,
    pub used_fen: i64,
    pub count: i64,
    pub version: i64,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::day_start;
    use chrono::{NaiveDate, TimeDelta};

    fn moment(hour: i64) -> Moment {
        day_start(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()) + TimeDelta::hours(hour)
    }

    fn slot(n: u128, until: Option<Moment>) -> Slot {
        let holder = Holder { book: 1, id: Uuid::from_u128(n) };
        let province = "310000".parse().unwrap();
        let lapse_key = Some("l".to_owned());
        Slot { holder, province, state: SlotState::Held, until, lapse_key }
    }

    fn quota() -> Quota {
        let person = PersonRef { bucket: 3, id: Uuid::from_u128(9) };
        Quota { person, key: "100000/2026/appliance.tv".into(), slots: Vec::new(), version: 0 }
    }

    #[test]
    fn a_slot_has_ended_at_its_until() {
        let mut quota = quota();
        quota.take(slot(1, Some(moment(5))));
        assert_eq!(quota.in_use(moment(4)), 1);
        assert_eq!(quota.in_use(moment(5)), 0);
        quota.take(slot(2, None));
        assert_eq!((quota.in_use(moment(5)), quota.unwritten_lapses("l", moment(5))), (1, 1));
        assert!(quota.release(slot(1, None).holder));
        assert!(!quota.release(slot(1, None).holder), "a release frees only what names it");
        assert_eq!((quota.in_use(moment(5)), quota.unwritten_lapses("l", moment(5))), (1, 0));
    }

    #[test]
    fn elsewhere_means_only_elsewhere() {
        let mut quota = quota();
        let (here, there) = ("310000".parse().unwrap(), "320000".parse().unwrap());
        assert!(!quota.only_elsewhere(there, moment(0)));
        quota.take(slot(1, None));
        assert!(quota.only_elsewhere(there, moment(0)));
        assert!(!quota.only_elsewhere(here, moment(0)));
    }

    #[test]
    fn a_mark_opens_at_its_end_and_frees_for_its_holder_only() {
        let key = MarkKey { bucket: 1, kind: "serial".into(), digest: vec![1] };
        let mut mark = Mark { key, holder: None, until: None, version: 0 };
        let (one, two) = (slot(1, None).holder, slot(2, None).holder);
        mark.hold(one, Some(moment(3)));
        assert!(!mark.is_open_to(two, moment(2)));
        assert!(mark.is_open_to(one, moment(2)));
        assert!(mark.is_open_to(two, moment(3)));
        mark.hold(two, None);
        assert!(!mark.is_open_to(one, moment(99)));
        assert!(!mark.release(one));
        assert!(mark.release(two));
    }
}
