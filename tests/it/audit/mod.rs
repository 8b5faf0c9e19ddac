//! What an auditor recomputes: the replay, shown to notice every tampering.

mod exported;
mod forge;
mod lies;
mod reading;
mod replay;
mod story;

pub use story::VOUCHERS;
