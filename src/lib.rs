//! tradein: a self-hosted backend for trade-in subsidy vouchers (消费品以旧换新补贴).
//!
//! Folders are business moments, files inside are kinds of code, and imports run downhill along
//! the order in which the modules stand below; `tests/it/tidy.rs` holds the sources to it.

pub mod kernel;
pub mod infra;
pub mod http;
pub mod book;
pub mod identity;
pub mod programme;
pub mod register;
pub mod old_item;
pub mod voucher;
pub mod redemption;
pub mod application;
pub mod review;
pub mod erasure;
pub mod audit;
pub mod routes;
pub mod jobs;
pub mod wiring;
pub mod bench;
pub mod demo;
pub mod commands;
