//! Opening a book, giving it money (two persons), and its states.

use super::BookInfo;
use super::desk::{Ask, Desk};
use super::entries::{APPROPRIATION_APPROVED, APPROPRIATION_PROPOSED, BOOK_LISTED, BOOK_STATE};
use super::model::{Bucket, Command, Decision, Draft, Fault, Outcome, moved};
use super::store::{Appropriation, BookList};
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use serde_json::json;
use uuid::Uuid;

/// Opens a book; a command of the register book.
pub struct OpenBook {
    pub region: Region,
    pub family: String,
    pub year: i32,
    /// `prepared` takes holdings and appropriations only; `open` takes everything.
    pub prepared: bool,
    /// The id that the entry is about.
    pub id: Uuid,
}

impl Command for OpenBook {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<BookList>(());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let mut list = desk.get::<BookList>(&())?.cloned().unwrap_or_default();
        let state = if self.prepared { "prepared" } else { "open" };
        let same = |b: &&BookInfo| {
            (b.region, b.family.as_str(), b.year) == (self.region, self.family.as_str(), self.year)
        };
        if list.books.iter().any(|book| same(&book)) {
            return Ok(Decision::conflict(Refusal::new(
                "BOOK_EXISTS",
                "该地区、品类族和年度的账簿已存在",
                "the book of this region, family and year is already there",
            )));
        }
        let no = list.books.iter().map(|book| book.no).max().unwrap_or(0) + 1;
        list.books.push(BookInfo::new(no, self.region, &self.family, self.year));
        list.opened_at = Some(desk.now());
        list.state = state;
        desk.put(list);
        let data = json!({
            "book_no": no, "region": self.region, "family": self.family, "year": self.year,
            "state": state,
        });
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&BOOK_LISTED, self.id, data.clone())],
            status: 201,
            body: json!({"book": data}),
            ..Outcome::default()
        }))
    }
}

/// `prepared → open` or `open → closed`.
pub struct ChangeBookState {
    pub to: &'static str,
    pub id: Uuid,
}

impl Command for ChangeBookState {
    fn needs(&self, _: &mut Ask<'_>) {}

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let from = desk.book_state().to_owned();
        if !matches!((from.as_str(), self.to), ("prepared", "open") | ("open", "closed")) {
            return Ok(Decision::conflict(Refusal::new(
                "BOOK_STATE",
                "账簿当前状态不允许此操作",
                "the book's state does not allow this",
            )));
        }
        let data = json!({"from": from, "to": self.to});
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&BOOK_STATE, self.id, data.clone())],
            status: 200,
            body: json!({"book": data}),
            book_state: Some(self.to),
            ..Outcome::default()
        }))
    }
}

/// Proposes money for a book.
pub struct ProposeAppropriation {
    pub id: Uuid,
    pub amount: Fen,
    /// SHA-256 of the paper that grants the money.
    pub document_sha256: String,
    /// The proposer, as the actor stands in entries.
    pub by: String,
}

impl Command for ProposeAppropriation {
    fn needs(&self, _: &mut Ask<'_>) {}

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let book = desk.book();
        desk.put(Appropriation {
            id: self.id,
            amount: self.amount,
            document: self.document_sha256.clone(),
            state: "proposed",
            proposed_by: self.by.clone(),
        });
        let data = json!({"amount_fen": self.amount, "document_sha256": self.document_sha256});
        let id = PublicId::new(Kind::Appropriation, book, self.id);
        Ok(Decision::Done(Outcome {
            entries: vec![Draft::new(&APPROPRIATION_PROPOSED, self.id, data)],
            status: 201,
            body: json!({"appropriation": {
                "id": id.to_string(), "state": "proposed", "amount_fen": self.amount,
            }}),
            ..Outcome::default()
        }))
    }
}

/// Approves it, by somebody else.
pub struct ApproveAppropriation {
    pub id: Uuid,
    pub by: String,
}

impl Command for ApproveAppropriation {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Appropriation>(self.id);
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let book = desk.book();
        let Some(mut found) = desk.get::<Appropriation>(&self.id)?.cloned() else {
            return Ok(Decision::not_found());
        };
        if found.state != "proposed" {
            return Ok(Decision::conflict(Refusal::new(
                "APPROPRIATION_STATE",
                "该拨款已批准",
                "this appropriation is already approved",
            )));
        }
        if found.proposed_by == self.by {
            return Ok(Decision::refused(
                Refusal::new(
                    "SECOND_PERSON_REQUIRED",
                    "拨款须由提出人以外的另一人批准",
                    "an appropriation is approved by somebody other than its proposer",
                ),
                None,
            ));
        }
        found.state = "approved";
        let amount = found.amount;
        desk.put(found);
        let mut draft = Draft::new(&APPROPRIATION_APPROVED, self.id, json!({}));
        draft.legs = moved(Bucket::Authority, Bucket::Available, amount);
        let id = PublicId::new(Kind::Appropriation, book, self.id);
        Ok(Decision::Done(Outcome {
            entries: vec![draft],
            status: 200,
            body: json!({"appropriation": {
                "id": id.to_string(), "state": "approved", "amount_fen": amount,
            }}),
            ..Outcome::default()
        }))
    }
}
