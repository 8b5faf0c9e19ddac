//! Whole purchases over HTTP, as the published programmes describe them.

mod beijing;
mod digital;
mod ebike;
mod examples;
mod home;
mod limits;
mod order;
pub mod shop;
