//! Private servers: one PostgreSQL and one Redis of our own, for the demo, the tests and a person
//! who develops. An installation that serves people brings its own servers instead.
//!
//! What it keeps:
//!
//! - Unix sockets only, in folders that only the server's user may enter; no TCP port.
//! - A folder has at most one supervisor (a lock on `supervisor.lock`), and nothing of a server
//!   outlives its supervisor, not even after `kill -9` (Linux; elsewhere a plain stop does).
//! - As root the servers run as `postgres` or `nobody`, because PostgreSQL refuses to run as root.
//! - Nobody waits for a fixed time: a server is ready when it has answered a real connection.
//!
//! ```text
//! <folder>/supervisor.lock   who uses the folder
//! <folder>/postgres          PostgreSQL's data, made by initdb on the first start
//! <folder>/redis             Redis' working folder; it saves nothing, Postgres is the truth
//! <folder>/run               both sockets, unless the path is too long for one
//! <folder>/*.log             what the servers say
//! ```

mod binaries;
mod error;
mod folder;
mod postgres;
mod process;
mod redis;
mod run_as;
mod server;
mod stack;
mod url;

pub use error::LocalError;
pub use folder::default_folder;
pub use server::Server;
pub use stack::{Role, Stack};

/// How much a stack cares for its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Every commit is on disk when it is answered. For the demo and for measurements.
    Durable,
    /// Fast, and lost with the machine's power: a killed server still recovers every commit.
    Test,
}
