//! The engine: statements, schema, orders of locks, faults.
