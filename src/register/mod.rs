//! What crosses books: quotas, marks and tallies. One row each decides, and every book locks it
//! before it reads it.
//!
//! A register row is taken before it is read: one ascending `INSERT … ON CONFLICT DO NOTHING`
//! makes the missing ones, born free, and one ascending pass locks them all. Locking rows that do
//! not exist locks nothing, and two books would both decide "free". Rows are never deleted;
//! release is a state, and a free row means the same as none.
//!
//! The gate (`gate/`) keeps copies of quotas and of a drop's money in Redis, to turn a crowd away
//! before it reaches a book; it decides nothing.
//!
//! Invariants kept here: 1 (a grant counts the live slots of a locked row) and 2 (a mark has one
//! live holder). Lock order: quotas, marks, tallies, after every row of the book, each ascending.

pub mod gate;
pub mod holdings;
pub mod model;
mod store;

pub use store::CLERK_STATEMENTS;
