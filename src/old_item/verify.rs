//! A recycler says that an old item is what it was said to be. Final.

use super::entries::OLD_ITEM_VERIFIED;
use super::model::{OldItem, State};
use super::register::BOOK_NOT_OPEN;
use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::kernel::refusal::Refusal;
use serde_json::json;
use uuid::Uuid;

/// The item is verified or rejected, which is final.
pub const OLD_ITEM_STATE: Refusal = Refusal::new(
    "OLD_ITEM_STATE",
    "该旧品已核验或已驳回，结果不可更改",
    "the old item is verified or rejected, and that is final",
);

/// The recycler that registered it verifies it.
#[derive(Clone, Debug)]
pub struct VerifyOldItem {
    pub item: Uuid,
    /// Who asks; an item of somebody else is not there for him.
    pub recycler: Uuid,
}

impl Command for VerifyOldItem {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<OldItem>(self.item);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut item = match open_item(desk, self.item, self.recycler)? {
            Ok(item) => item,
            Err(no) => return Ok(no),
        };
        item.end(None)?;
        let body = json!({"old_item": item.view(desk.book())});
        let entries = vec![Draft::new(&OLD_ITEM_VERIFIED, item.id, json!({}))];
        desk.put(item);
        Ok(Decision::Done(Outcome { entries, status: 200, body, ..Outcome::default() }))
    }
}

/// The recycler's own item, still open, in an open book; or the "no" that is due.
pub fn open_item(
    desk: &Desk,
    id: Uuid,
    recycler: Uuid,
) -> Result<Result<OldItem, Decision>, Fault> {
    let found = desk.get::<OldItem>(&id)?.filter(|item| item.recycler == recycler);
    Ok(match found {
        None => Err(Decision::not_found()),
        Some(_) if desk.book_state() != "open" => Err(Decision::conflict(BOOK_NOT_OPEN)),
        Some(item) if item.state != State::Registered => Err(Decision::conflict(OLD_ITEM_STATE)),
        Some(item) => Ok(item.clone()),
    })
}
