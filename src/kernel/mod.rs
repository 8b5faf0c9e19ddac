//! Pure words that every other module shares: money, time, places, classes, refusals.
//!
//! Nothing here does input or output, reads a clock, or knows a table, a route or a setting.

pub mod canonical;
pub mod class;
pub mod id;
pub mod identifier;
pub mod merkle;
pub mod money;
pub mod refusal;
pub mod region;
pub mod time;
pub mod tlog;
pub mod working_days;
