//! The command line: one module for each subcommand, a few lines over the slices.

pub mod audit;
pub mod bench;
pub mod books;
pub mod caps;
pub mod demo;
pub mod goods;
pub mod healthcheck;
pub mod import;
pub mod keys;
pub mod migrate;
pub mod openapi;
pub mod programmes;
pub mod serve;
pub mod register;
pub mod servers;
pub mod token;
pub mod vault;
