//! What an auditor recomputes: the replay, shown to notice every tampering.

pub mod exported;
mod forge;
mod lies;
mod reading;
mod replay;
mod taken;
mod views;
pub mod story;

pub use story::VOUCHERS;
