//! The promise to the person: this person, this class, this programme, until then.
//!
//! States: `claimed → reserved → redeemed`, with `reserved → claimed` when a reservation is
//! cancelled or ends, `claimed → given_back` by the person, `claimed → lapsed` by time, and
//! `claimed → ended` for a voucher of flow `checkout`, which has no life of its own and ends in
//! the transaction that cancels or ends its reservation. Only a late capture within the
//! programme's grace leads from `claimed`, `lapsed` or `ended` straight to `redeemed`.
//!
//! A claim moves the hold (the most that the voucher can draw) from `available` to `held`, takes a
//! slot of the person's quota row and writes one entry. It is never a demand for payment. Lapse
//! and give-back move the hold back and free the slot. A voucher ends at its `until` for
//! everybody, swept or not; while a reservation is live (`locked_until`) it does not end before
//! that reservation. The sweep only writes what is already true.
//!
//! The code has 100 pseudo-random bits, a book number and a check character (`code.rs`). It is
//! derived from a secret key and the voucher id and stored only as a keyed digest, so a stored
//! answer holds no code and its owner can still see it again.
//!
//! Invariants kept here: 1 (a claim counts the live slots of a locked quota row), 2 (edges are
//! guarded by the row's version), 5 (the hold is what `held` holds), 9.
//!
//! Lock order: the book's head, then the quota row, then the tally. Cost of a claim: one pseudonym
//! (first claim in a book only), one voucher, one quota row, one entry, one answer.

pub mod claim;
pub mod code;
pub mod doors;
pub mod ends;
pub mod entries;
pub mod gate;
pub mod http;
pub mod model;
pub mod seek;
pub mod store;
