//! The engine: statements, schema, the order of locks, faults, and the clerk against a model.

mod catalog;
mod engine;
mod errors;
mod interleaving;
mod model;
mod plans;
mod proxy;
