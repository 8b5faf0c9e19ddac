//! The register book lists all books with their signed heads, empty ones too: a book that
//! somebody wants to hide, or to show with another past, contradicts what is signed there.

use super::Log;
use crate::book::BookInfo;
use crate::book::REGISTER;
use crate::book::desk::{Ask, Desk};
use crate::book::entries::HEADS_LISTED;
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::store::BookList;
use crate::kernel::id::BookNo;
use crate::kernel::merkle::{Frontier, Hash};
use crate::kernel::tlog::checkpoint::Checkpoint;
use crate::kernel::tlog::note::Note;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Heads of one entry: some 110 bytes each, and a leaf has at most 65,535.
const HEADS_IN_ONE: usize = 400;

/// Lists every book of the register with its head; one that has none here yet with the empty one.
pub struct ListHeads {
    /// The entries of one listing share it.
    pub id: Uuid,
    /// Size and root of each book's last signed checkpoint.
    pub heads: BTreeMap<BookNo, (u64, Hash)>,
}

impl Command for ListHeads {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<BookList>(());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let list = desk.get::<BookList>(&())?.cloned().unwrap_or_default();
        let empty = (0, Frontier::default().root());
        let books = list.books.iter().filter(|book| book.no != REGISTER);
        let heads: Vec<Value> = books
            .map(|book| {
                let (size, root) = self.heads.get(&book.no).unwrap_or(&empty);
                json!({"book_no": book.no, "size": size, "root": hex::encode(root)})
            })
            .collect();
        let parts = heads.chunks(HEADS_IN_ONE).len();
        let entries = heads.chunks(HEADS_IN_ONE).enumerate().map(|(part, heads)| {
            let data = json!({"part": part + 1, "parts": parts, "heads": heads});
            Draft::new(&HEADS_LISTED, self.id, data)
        });
        Ok(Decision::Done(Outcome {
            entries: entries.collect(),
            status: 200,
            body: json!({"books": heads.len()}),
            ..Outcome::default()
        }))
    }
}

impl Log {
    /// The last signed heads of these books, as they stand in the store.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn signed_heads(
        &self,
        books: &[BookInfo],
    ) -> std::io::Result<BTreeMap<BookNo, (u64, Hash)>> {
        let mut heads = BTreeMap::new();
        for book in books {
            let text = self.folder.checkpoint(&book.name)?.unwrap_or_default();
            let Ok(note) = text.parse::<Note>() else { continue };
            let keys = self.keys.verifiers(&book.name);
            if let Ok(checkpoint) = Checkpoint::verified(&note, &keys) {
                heads.insert(book.no, (checkpoint.size, checkpoint.root));
            }
        }
        Ok(heads)
    }
}
