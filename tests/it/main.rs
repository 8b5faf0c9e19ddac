//! All integration tests: one program, one private PostgreSQL and Redis, a database per test.
//! Folders mirror those of `src`.

mod application;
mod audit;
mod bench;
mod book;
mod demo;
mod deploy;
mod erasure;
mod faults;
mod identity;
mod infra;
mod journeys;
mod old_item;
mod register;
mod programme;
mod redemption;
mod routes;
mod support;
mod tidy;
mod voucher;
