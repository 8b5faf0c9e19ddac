//! Whole purchases over HTTP, as the published programmes describe them.

// Amounts are grouped as people read them, yuan and fen: 6_000_00.
#![allow(clippy::inconsistent_digit_grouping)]

mod beijing;
mod digital;
mod ebike;
mod examples;
mod home;
mod limits;
mod order;
pub mod shop;
