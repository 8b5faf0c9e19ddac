//! The heads that the register book lists, against the logs of the books themselves.

use super::replay::Books;
use crate::book::REGISTER;
use crate::kernel::merkle::Frontier;

/// Invariant 6: each listed head is the root of as many first entries of its book.
pub(super) fn check(books: &Books, differences: &mut Vec<String>) {
    let Some(register) = books.get(&REGISTER) else { return };
    for (no, heads) in &register.kept.heads {
        let Some(book) = books.get(no) else { continue };
        let name = &book.name;
        let mut frontier = Frontier::default();
        let mut leaves = book.hashes.iter();
        for (size, root) in heads {
            leaves
                .by_ref()
                .take((*size - frontier.size()) as usize)
                .for_each(|h| frontier.push(*h));
            if frontier.size() != *size {
                let is = frontier.size();
                differences
                    .push(format!("{name}: it is listed with {size} entries, and has only {is}"));
                break;
            }
            if hex::encode(frontier.root()) != *root {
                differences.push(format!(
                    "{name}: the root that is listed for {size} entries is not the root of them"
                ));
            }
        }
    }
}
