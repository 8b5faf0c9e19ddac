//! Organisations: who they are, what they may take part in, and where their stores are.
//!
//! A programme admin registers one (`active`), suspends and readmits it (`active ↔ suspended`), or
//! removes it for good (`→ removed`). An **approval** lets it take part with a family of goods, or
//! some classes of it, in a region, from a day to a day. What follows from a status is a rule of
//! the programmes (fact `merchant.status`); what follows from a missing approval is decided here
//! ([`Standing::may_act`]: `NOT_APPROVED`).
//!
//! Every change is a command of the register book, writes one entry a thing, and bumps the stamp
//! `organisation:<id>`: a screening that read the organisation goes stale and is made again.
//!
//! **Scope.** Registering and the status belong to whoever governs the organisation's region as a
//! whole, an approval to whoever governs its region and family, a store to whoever governs the
//! region of the store: a chain that is registered in Beijing is approved in Shanghai by Shanghai.
//!
//! Invariants kept here: 9 (the status moves along its graph; `removed` is final).
//!
//! Lock order: the head of the register book and nothing more; its writers all hold it. Cost of a
//! change: one row and one stamp. [`find_standing`] costs three statements on a read connection.

pub mod change;
pub mod entries;
pub mod http;
pub mod model;
pub mod register;
pub mod store;

pub use model::{Standing, Status, stamp_name};
pub use store::find_standing;
