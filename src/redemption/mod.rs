//! The promise used at the till.
//!
//! States: `reserved → captured`, `reserved → cancelled` by the retailer, `reserved → ended` by
//! time; `ended → captured` only for a late capture within the programme's grace, and
//! `reserved | ended → disputed` where a late capture finds that something is no longer its own.
//!
//! A reservation fixes programme version, deciding moment and amount; it takes the marks of the
//! new item, of the order number and of the old item until its end, which always comes. Capture
//! runs only the conditions of its own phase and never changes the amount: it moves the amount
//! from `held` to `committed` and the rest of the hold back to `available`, makes slot and marks
//! permanent, and moves the amount from held to used on the tally of a cumulative cap. Cancel and
//! end free the marks and give the voucher back to its person; a voucher of flow `checkout` has
//! no life of its own and ends with its reservation, by a second entry.
//!
//! A command first ends, by entries, an overdue reservation that it loads by key, then decides.
//!
//! Invariants kept here: 2 (one live reservation a voucher, one live holder a mark), 3, 5, 8 (the
//! leaf of `redemption.reserved` holds facts and checks from which the amount is recomputed), 9,
//! 11 (the shares of the lines sum to the amount), 13 (redeeming does not ask Redis).
//!
//! Lock order: head, quota row, marks, tallies. Cost of a capture: one redemption, one voucher,
//! one quota row and two or three marks, one entry, one answer.

pub mod cancel;
pub mod capture;
pub mod entries;
pub mod http;
pub mod late;
mod marks;
pub mod model;
mod prepare;
pub mod purchase;
pub mod reads;
pub mod reference;
pub mod reserve;
pub mod store;
