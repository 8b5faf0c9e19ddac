//! Publishing a programme version: a command of the register book.

use super::store::Published;
use super::{PROGRAMMES, Programme};
use crate::book::desk::{Ask, Desk};
use crate::book::fold::{EntryType, Field, record};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
pub use crate::book::stamp::bump;
use crate::book::store::Stamp;
use crate::kernel::refusal::Refusal;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

/// A version is published, named by its content hash.
pub static PROGRAMME_PUBLISHED: EntryType = EntryType {
    name: "programme.published",
    version: 1,
    fields: &[("id", Field::Text), ("version", Field::Integer), ("sha256", Field::Text)],
    fold: record,
};

pub const ENTRY_TYPES: &[&EntryType] = &[&PROGRAMME_PUBLISHED];

/// A checked version whose examples pass.
pub struct Publish {
    pub programme: Arc<Programme>,
    /// The id that the entry is about.
    pub id: Uuid,
}

impl Publish {
    fn key(&self) -> (String, i32) {
        (self.programme.id().to_owned(), self.programme.version().cast_signed())
    }
}

impl Command for Publish {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Published>(self.key());
        ask.want::<Stamp>(PROGRAMMES.to_owned());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let (id, version) = self.key();
        let sha256 = self.programme.hash();
        let body = json!({"programme": {"id": id, "version": version, "sha256": sha256}});
        if let Some(known) = desk.get::<Published>(&self.key())? {
            if hex::encode(&known.hash) == sha256 {
                return Ok(Decision::Done(Outcome { status: 200, body, ..Outcome::default() }));
            }
            return Ok(Decision::conflict(Refusal::new(
                "PROGRAMME_CHANGED",
                "该方案版本已发布且内容不同，请使用新的版本号",
                "this version is published with another content; give the text a new version",
            )));
        }
        let hash = self.programme.hash_bytes().to_vec();
        let text = self.programme.text().to_owned();
        desk.put(Published { id: id.clone(), version, text, hash });
        bump(desk, PROGRAMMES)?;
        let data = json!({"id": id, "version": version, "sha256": sha256});
        let entries = vec![Draft::new(&PROGRAMME_PUBLISHED, self.id, data)];
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}
