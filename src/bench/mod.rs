//! Load against the real thing: private servers with production settings, real rules, the service
//! as a process of its own, real HTTP.
//!
//! A workload fills a world through the same commands that requests make, runs for a number of
//! rounds, counts answers by status (a refusal is no redemption), and ends with a replay of every
//! book: of a run that broke an invariant there is no report. Client, service, PostgreSQL and
//! Redis share the machine, as they do in a small bureau, so the client's share of the processor
//! is part of every figure.
//!
//! A rate says little without the machine's mood, so each round also runs the yardstick, and what
//! is compared are ratios within a round.

pub mod client;
mod counters;
pub mod drop;
pub mod export;
pub mod grow;
pub mod instructions;
pub mod log;
pub mod mix;
pub mod overload;
mod press;
mod process;
pub mod publish;
pub mod quote;
pub mod redeem;
pub mod report;
mod service;
pub mod soak;
pub mod verify;
pub mod world;
mod yardstick;
