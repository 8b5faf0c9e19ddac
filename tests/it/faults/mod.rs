//! The whole service while something under it breaks: PostgreSQL, Redis, the process itself; and
//! what it refuses to serve with, and what it never tells.
//!
//! A request whose outcome is unknown (no answer, a reset, 5xx) is repeated with its key until it
//! has an answer, as a till does; then everything is read back and compared.

mod postgres;
mod privacy;
mod process;
mod redis;
mod refused;
mod sales;
mod server;
mod telemetry;
