//! What an office worked with, against its entries: documents, who has what, and what neighbours
//! said.

use super::replay::Replayed;
use super::store::{DocumentRow, NeighbourRow, ReviewRow};
use crate::book::fold::Thing;
use crate::kernel::canonical;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The rows of one book.
pub(super) struct Office {
    pub documents: Vec<DocumentRow>,
    pub reviews: Vec<ReviewRow>,
    pub answers: Vec<NeighbourRow>,
}

impl Office {
    pub fn compare(&self, book: &Replayed, differences: &mut Vec<String>) {
        let mut say = |what: String| differences.push(format!("{}: {what}", book.name));
        self.documents(book, &mut say);
        let taken: BTreeMap<Uuid, bool> =
            self.reviews.iter().map(|row| (row.application_id, row.is_taken)).collect();
        for id in taken.keys().chain(book.kept.reviews.keys().filter(|id| !taken.contains_key(id)))
        {
            let (is, due) = (taken.get(id).copied(), book.kept.reviews.get(id).copied());
            if is.unwrap_or_default() != due.unwrap_or_default() {
                say(format!("who works on application {id} is not what its entries say"));
            }
        }
        let mut said: BTreeMap<Uuid, Vec<Value>> = BTreeMap::new();
        for row in &self.answers {
            let answer = serde_json::from_str(&row.answer).unwrap_or_default();
            said.entry(row.application_id).or_default().push(answer);
        }
        let (rows, entries) = (in_any_order(&said), in_any_order(&book.kept.answers));
        for id in rows.keys().chain(entries.keys().filter(|id| !rows.contains_key(id))) {
            if rows.get(id) != entries.get(id) {
                say(format!("what neighbours said of application {id} is not in its entries"));
            }
        }
    }

    fn documents(&self, book: &Replayed, say: &mut impl FnMut(String)) {
        let there: BTreeSet<Uuid> = self.documents.iter().map(|row| row.document_id).collect();
        for row in &self.documents {
            let id = row.document_id;
            let thing = book.state.things.get(&id).filter(|thing| thing.kind == "document");
            let Some(thing) = thing else {
                say(format!("document {id} has a row and no entry"));
                continue;
            };
            if row.state != thing.state {
                let (is, due) = (&row.state, thing.state);
                say(format!("document {id} is {is}, by its entries it is {due}"));
            }
            if thing.of != Some(row.application_id) {
                say(format!("document {id} is another application's by its entries"));
            }
            if book.kept.documents.get(&id) != Some(&row.commitment) {
                say(format!("the commitment of document {id} is not that of its entry"));
            }
        }
        let missing = |id: &Uuid, thing: &Thing| thing.kind == "document" && !there.contains(id);
        for (id, _) in book.state.things.sorted(missing) {
            say(format!("document {id} has entries and no row"));
        }
    }
}

/// Rows of one moment have no order of their own.
fn in_any_order(said: &BTreeMap<Uuid, Vec<Value>>) -> BTreeMap<Uuid, Vec<Vec<u8>>> {
    let sorted = |answers: &Vec<Value>| {
        let mut texts: Vec<Vec<u8>> = answers.iter().map(canonical::bytes).collect();
        texts.sort_unstable();
        texts
    };
    said.iter().map(|(id, answers)| (*id, sorted(answers))).collect()
}
