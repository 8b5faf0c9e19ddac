//! The command line: one module for each subcommand, a few lines over the slices.

pub mod healthcheck;
pub mod keys;
pub mod migrate;
pub mod programmes;
pub mod servers;
pub mod token;
