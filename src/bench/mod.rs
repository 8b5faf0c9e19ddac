//! Load against the real thing: private servers with production settings, real rules, real HTTP.
//!
//! A workload fills a world through the same commands that requests make, runs for a number of
//! rounds, and counts answers by status, not responses: a refusal is no redemption. Client,
//! server, PostgreSQL and Redis share the machine, as they do in a small bureau, so the client's
//! share of the processor is part of every figure.

pub mod client;
pub mod press;
pub mod log;
pub mod quote;
pub mod redeem;
pub mod report;
pub mod verify;
pub mod world;
