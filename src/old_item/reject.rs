//! A recycler says that an old item is not what it was said to be. Final; its marks are free.

use super::entries::OLD_ITEM_REJECTED;
use super::model::{OldItem, RejectReason};
use super::verify::open_item;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::register::model::Mark;
use serde_json::json;
use uuid::Uuid;

/// The recycler that registered it rejects it.
#[derive(Clone, Debug)]
pub struct RejectOldItem {
    pub item: Uuid,
    /// Who asks; an item of somebody else is not there for him.
    pub recycler: Uuid,
    pub reason: RejectReason,
}

impl Command for RejectOldItem {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<OldItem>(self.item);
        let marks = ask.seen::<OldItem>(&self.item).map(|item| item.marks.clone());
        marks.unwrap_or_default().into_iter().for_each(|key| ask.take::<Mark>(key));
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut item = match open_item(desk, self.item, self.recycler)? {
            Ok(item) => item,
            Err(no) => return Ok(no),
        };
        let holder = item.holder(desk.book());
        for key in &item.marks {
            let found = desk.get::<Mark>(key)?.cloned();
            let mut mark = found.ok_or_else(|| Fault::new("a mark was taken and is not there"))?;
            if mark.release(holder) {
                desk.put(mark);
            }
        }
        item.end(Some(self.reason))?;
        let body = json!({"old_item": item.view(desk.book())});
        let data = json!({"reason": self.reason});
        let entries = vec![Draft::new(&OLD_ITEM_REJECTED, item.id, data)];
        desk.put(item);
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}
