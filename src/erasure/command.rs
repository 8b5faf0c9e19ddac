//! The entry of an erasure, and the person's row.

use crate::book::desk::{Ask, Desk};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::stamp::bump;
use crate::book::store::Stamp;
use crate::identity::model::PersonId;
use crate::identity::people::entries::ERASED;
use crate::identity::people::model::{CaseNo, Person, State};
use crate::programme::PROGRAMMES;
use serde_json::json;
use uuid::Uuid;

/// Marks a person as erased. Neither entry nor answer names him.
pub struct ErasePerson {
    pub person: PersonId,
    pub bucket: i16,
    pub case: CaseNo,
    /// The last year in which he has a slot.
    pub keep_year: Option<i32>,
    /// What the entry is about: random, and used for nothing else.
    pub about: Uuid,
}

impl ErasePerson {
    fn key(&self) -> (i16, Uuid) {
        (self.bucket, self.person.uuid())
    }
}

impl Command for ErasePerson {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Person>(self.key());
        ask.want::<Stamp>(PROGRAMMES.to_owned());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let Some(person) = desk.get::<Person>(&self.key())? else {
            return Ok(Decision::not_found());
        };
        let mut outcome = Outcome { status: 200, body: json!({}), ..Outcome::default() };
        if person.state == State::Active {
            let erased = person.erased(self.keep_year);
            desk.put(erased);
            // Every screening carries this stamp: those that knew the person are made again.
            bump(desk, PROGRAMMES)?;
            let data = json!({"case": self.case});
            outcome.entries.push(Draft::new(&ERASED, self.about, data));
        }
        Ok(Decision::Done(outcome))
    }
}
