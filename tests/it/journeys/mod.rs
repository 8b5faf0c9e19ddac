//! Whole purchases over HTTP, as the published programmes describe them.

// Amounts are grouped as people read them, yuan and fen: 6_000_00.
#![allow(clippy::inconsistent_digit_grouping)]

mod beijing;
mod car;
mod car_years;
mod desk;
mod desk_shown;
mod digital;
mod ebike;
mod examples;
mod ebike_applied;
mod grant;
mod home;
mod limits;
pub mod office;
pub mod paper;
mod review;
mod order;
pub mod shop;
