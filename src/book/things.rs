//! The things of a book, in few bytes: who reads a book of ten million entries keeps seven million
//! of them.

use crate::kernel::money::Fen;
use std::collections::HashMap;
use uuid::Uuid;

/// The pseudonym of a person in one book.
pub type Pseudonym = [u8; 16];

/// A thing that has a life in a book, as its entries tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thing {
    /// `voucher`, `redemption`, `old_item`, …
    pub kind: &'static str,
    pub state: &'static str,
    /// What it keeps in the bucket of its state, in fen.
    pub fen: Fen,
    /// The thing that it belongs to: of a redemption its voucher.
    pub of: Option<Uuid>,
    pub subject: Option<Pseudonym>,
}

/// The same in 48 bytes; kind and state are places in the list of words.
#[derive(Clone, Copy, Debug)]
struct Packed {
    fen: Fen,
    of: Option<Uuid>,
    subject: Option<Pseudonym>,
    kind: u8,
    state: u8,
}

/// Things by their ids.
#[derive(Clone, Debug, Default)]
pub struct Things {
    words: Vec<&'static str>,
    packed: HashMap<Uuid, Packed>,
}

impl Things {
    pub fn get(&self, id: &Uuid) -> Option<Thing> {
        self.packed.get(id).map(|packed| self.unpacked(packed))
    }

    /// Puts a thing in the place of the one that has its id.
    pub fn put(&mut self, id: Uuid, thing: Thing) {
        let Thing { kind, state, fen, of, subject } = thing;
        let (kind, state) = (self.word(kind), self.word(state));
        self.packed.insert(id, Packed { fen, of, subject, kind, state });
    }

    pub fn len(&self) -> usize {
        self.packed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// All of them, in no order.
    pub fn values(&self) -> impl Iterator<Item = Thing> {
        self.packed.values().map(|packed| self.unpacked(packed))
    }

    /// Those that are chosen, in the order of their ids, which is that of their making.
    pub fn sorted(&self, is_chosen: impl Fn(&Uuid, &Thing) -> bool) -> Vec<(Uuid, Thing)> {
        let all = self.packed.iter().map(|(id, packed)| (*id, self.unpacked(packed)));
        let mut chosen: Vec<(Uuid, Thing)> =
            all.filter(|(id, thing)| is_chosen(id, thing)).collect();
        chosen.sort_unstable_by_key(|(id, _)| *id);
        chosen
    }

    fn unpacked(&self, packed: &Packed) -> Thing {
        let word = |place: u8| self.words[usize::from(place)];
        let Packed { fen, of, subject, kind, state } = *packed;
        Thing { kind: word(kind), state: word(state), fen, of, subject }
    }

    /// The place of a word; there are some forty kinds and states in all.
    fn word(&mut self, word: &'static str) -> u8 {
        let place = self.words.iter().position(|known| *known == word).unwrap_or_else(|| {
            self.words.push(word);
            self.words.len() - 1
        });
        u8::try_from(place).expect("fewer than 256 kinds and states")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_comes_back_as_it_was_put_and_takes_few_bytes() {
        let mut things = Things::default();
        let of = Some(Uuid::from_u128(1));
        let voucher = Thing {
            kind: "voucher",
            state: "claimed",
            fen: Fen(7),
            of: None,
            subject: Some([3; 16]),
        };
        let redemption =
            Thing { kind: "redemption", state: "claimed", fen: Fen(-1), of, subject: None };
        things.put(Uuid::from_u128(2), redemption);
        things.put(Uuid::from_u128(1), Thing { state: "redeemed", ..voucher });
        things.put(Uuid::from_u128(1), voucher);
        assert_eq!(things.get(&Uuid::from_u128(1)), Some(voucher));
        assert_eq!(things.get(&Uuid::from_u128(3)), None);
        let ids = |things: Vec<(Uuid, Thing)>| -> Vec<u128> {
            things.iter().map(|(id, _)| id.as_u128()).collect()
        };
        assert_eq!(ids(things.sorted(|_, _| true)), [1, 2]);
        assert_eq!(ids(things.sorted(|_, thing| thing.kind == "redemption")), [2]);
        assert_eq!(std::mem::size_of::<Packed>(), 48);
    }
}
