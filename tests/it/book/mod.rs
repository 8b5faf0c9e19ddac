//! The engine: statements, schema, the order of locks, faults, and the clerk against a model.

mod catalog;
pub mod engine;
mod errors;
mod interleaving;
mod plans;
mod proxy;
mod publish;
mod role;
