//! What an auditor reads and recomputes.
//!
//! **Replay.** The entries are the truth, the other tables are what they add up to. The replay
//! reads every entry of every book in order and trusts nothing else: it recomputes leaf hashes,
//! frontier and root, folds each entry through the declared entry types, and compares what comes
//! out with every row that the service works with. It tells each difference in one sentence, and
//! changes nothing. The test harness ends every test with it.
//!
//! | it compares | with |
//! | --- | --- |
//! | sequence, time, hashes, the head's size, frontier, root, time and state | the leaves (6, 9) |
//! | an entry's columns, its legs among them | its leaf (5) |
//! | balances | the replay, and the sum of the postings (3, 5) |
//! | vouchers, redemptions, applications, old items | what their entries made of them (9) |
//! | appropriations, payees, documents | the same, and what entries committed to |
//! | who works on an application, what neighbours said | the entries of the desk |
//! | buckets | what the things in the states that keep them have (5) |
//! | receipts in answers | the entries that they name (4, 7) |
//! | slots | vouchers in a matching state, at most N a person and quota key (1); holdings |
//! | marks | reservations and captured redemptions, old items, holdings (2) |
//! | tallies, tranches | the redemptions that drew on them |
//! | heads listed in the register book | the roots of the books that they name (6) |
//! | organisations, programmes, goods | the entries of the register book |
//!
//! The numbers are those of the invariants. A register row without holder means the same as none.
//!
//! It reads the tables of all slices with statements of its own: a check that read them through
//! the slices' stores would share their mistakes. Everything is read in one snapshot, so that it
//! may run beside the service. Cost: each row once; it keeps in memory what lives in the books
//! (about a kilobyte a voucher with its redemption), and entries a page at a time.

mod applications;
mod applied;
mod compare;
mod heads;
pub mod console;
pub mod export;
mod holds;
mod keep;
mod meaning;
mod office;
pub mod reading;
mod reference;
mod registers;
mod replay;
mod rules;
mod store;
pub mod verify;

pub use replay::{Report, run, run_in};

use crate::book::fold::EntryType;

/// Every entry type of every slice.
pub fn entry_types() -> Vec<&'static EntryType> {
    [
        crate::book::entries::ENTRY_TYPES,
        crate::identity::organisation::entries::ENTRY_TYPES,
        crate::identity::people::entries::ENTRY_TYPES,
        crate::programme::publish::ENTRY_TYPES,
        crate::programme::goods::load::ENTRY_TYPES,
        crate::register::holdings::ENTRY_TYPES,
        crate::old_item::entries::ENTRY_TYPES,
        crate::voucher::entries::ENTRY_TYPES,
        crate::redemption::entries::ENTRY_TYPES,
        crate::application::entries::ENTRY_TYPES,
        reading::ENTRY_TYPES,
        crate::application::document::entries::ENTRY_TYPES,
        crate::application::port::entries::ENTRY_TYPES,
        crate::review::entries::ENTRY_TYPES,
    ]
    .concat()
}
