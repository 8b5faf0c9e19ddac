//! All integration tests: one program, one private PostgreSQL and Redis, a database per test.
//! Folders mirror those of `src`.

mod infra;
mod register;
mod support;
mod tidy;
