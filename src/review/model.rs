//! Who works on an application, and a line of the queue.

use crate::application::clock::Reading;
use crate::application::model::State;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{self, Moment};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// Somebody else works on it.
pub const REVIEW_TAKEN: Refusal = Refusal::new(
    "REVIEW_TAKEN",
    "该申请已由其他审核员受理，如需接手请选择“接手”",
    "another reviewer works on this application; take it over if you must",
);

/// The caller has not taken it.
pub const REVIEW_NOT_TAKEN: Refusal =
    Refusal::new("REVIEW_NOT_TAKEN", "请先受理该申请", "take the application first");

/// The row of an application that somebody has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub application: Uuid,
    /// The login of the reviewer; nothing once he has handed it back.
    pub reviewer: Option<[u8; 16]>,
    /// When it was first taken.
    pub taken_at: Moment,
    pub version: i64,
}

/// Whose applications a queue shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    #[default]
    Anybodys,
    Nobodys,
    Mine,
}

impl Whose {
    pub fn as_str(self) -> &'static str {
        match self {
            Whose::Anybodys => "anybodys",
            Whose::Nobodys => "nobodys",
            Whose::Mine => "mine",
        }
    }
}

/// An open application, as the queue shows it.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub id: Uuid,
    pub class: Class,
    pub state: State,
    pub amount: Fen,
    pub submitted_at: Moment,
    pub until: Option<Moment>,
    pub reviewer: Option<[u8; 16]>,
    pub taken_at: Option<Moment>,
    pub clocks: Vec<Reading>,
}

impl Waiting {
    pub fn public_id(&self, book: BookNo) -> String {
        PublicId::new(Kind::Application, book, self.id).to_string()
    }

    pub fn view(&self, book: BookNo, me: &[u8; 16]) -> Json {
        json!({
            "id": self.public_id(book),
            "class": self.class,
            "state": self.state.as_str(),
            "amount_fen": self.amount,
            "submitted_at": time::text(self.submitted_at),
            "until": self.until.map(time::text),
            "is_taken": self.reviewer.is_some(),
            "is_mine": self.reviewer.as_ref() == Some(me),
            "clocks": self.clocks,
        })
    }
}
