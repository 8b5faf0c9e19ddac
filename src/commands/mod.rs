//! The command line: one module for each subcommand, a few lines over the slices.

pub mod caps;
pub mod migrate;
pub mod servers;
