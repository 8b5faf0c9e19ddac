//! Doors to the outside: settings, servers, keys, telemetry. No business words.

pub mod blobs;
pub mod clock;
pub mod keys;
pub mod local;
pub mod lookup;
pub mod migrations;
pub mod postgres;
pub mod redis;
pub mod settings;
pub mod statement;
pub mod telemetry;
