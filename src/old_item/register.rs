//! A recycler registers what it took in.

use super::admission::Admission;
use super::entries::OLD_ITEM_REGISTERED;
use super::model::{OldFacts, OldItem, PhotoHash, State};
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::store::Stamp;
use crate::identity::model::StoreId;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::day_of;
use crate::register::model::{Mark, MarkKey};
use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// A live item has this serial number, plate, VIN or frame number.
pub const OLD_ITEM_TAKEN: Refusal = Refusal::new(
    "OLD_ITEM_TAKEN",
    "该旧品的序列号、号牌、车架号或车辆识别代号已登记，不可重复登记",
    "an old item with this serial number, plate, frame number or VIN is registered already",
);

/// The hand-over is yet to come.
pub const HAND_OVER_IN_FUTURE: Refusal = Refusal::new(
    "HAND_OVER_IN_FUTURE",
    "交旧日期晚于今天，请在实际交付后登记",
    "the hand-over day is after today; register the item once it was handed over",
);

/// The book takes nothing at present.
pub const BOOK_NOT_OPEN: Refusal = Refusal::new(
    "BOOK_NOT_OPEN",
    "本地区交旧年度的账簿尚未开放或已关闭",
    "the book of this region and of the year of the hand-over is not open, or is closed",
);

/// An old item as it was handed over; what identifies it is digested already.
#[derive(Clone, Debug)]
pub struct RegisterOldItem {
    pub item: Uuid,
    pub recycler: Uuid,
    pub store: Option<Uuid>,
    pub class: Class,
    pub owner: Option<Uuid>,
    pub marks: Vec<MarkKey>,
    pub facts: OldFacts,
    pub photos: Vec<PhotoHash>,
    pub handed_over_on: NaiveDate,
    /// Whether the organisation may take it in, as it was found before the queue.
    pub admission: Admission,
}

impl Command for RegisterOldItem {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Stamp>(self.admission.stamp.name.clone());
        // Nobody grows the registers with a registration that is refused already.
        if self.admission.refusal.is_some() {
            return;
        }
        self.marks.iter().for_each(|key| ask.take::<Mark>(key.clone()));
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        if desk.book_state() != "open" {
            return Ok(Decision::conflict(BOOK_NOT_OPEN));
        }
        let stamp = &self.admission.stamp;
        if desk.get::<Stamp>(&stamp.name)? != Some(stamp) {
            return Ok(Decision::Stale);
        }
        if let Some(refusal) = &self.admission.refusal {
            return Ok(Decision::refused(refusal.clone(), None));
        }
        if self.handed_over_on > day_of(desk.now()) {
            return Ok(Decision::refused(HAND_OVER_IN_FUTURE, None));
        }
        let (item, now) = (self.item(desk), desk.now());
        let holder = item.holder(desk.book());
        for key in &self.marks {
            let found = desk.get::<Mark>(key)?.cloned();
            let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
            if !mark.is_open_to(holder, now) {
                return Ok(Decision::refused(OLD_ITEM_TAKEN, None));
            }
            mark.hold(holder, None);
            desk.put(mark);
        }
        let body = json!({"old_item": item.view(desk.book())});
        let entries = vec![Draft::new(&OLD_ITEM_REGISTERED, item.id, self.data())];
        desk.put(item);
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

impl RegisterOldItem {
    fn item(&self, desk: &Desk) -> OldItem {
        OldItem {
            id: self.item,
            recycler: self.recycler,
            store: self.store,
            class: self.class.clone(),
            owner: self.owner,
            marks: self.marks.clone(),
            facts: self.facts.clone(),
            photos: self.photos.clone(),
            handed_over_on: self.handed_over_on,
            registered_at: desk.now(),
            state: State::Registered,
            reason: None,
            version: 1,
        }
    }

    /// What the leaf says: never the owner.
    fn data(&self) -> Json {
        let mark = |key: &MarkKey| json!([key.kind, hex::encode(&key.digest)]);
        let mut data = json!({
            "class": self.class,
            "handed_over_on": self.handed_over_on,
            "marks": self.marks.iter().map(mark).collect::<Vec<_>>(),
            "facts": self.facts,
            "photos": self.photos,
        });
        if let Some(store) = self.store {
            data["store"] = json!(StoreId::from(store));
        }
        data
    }
}
