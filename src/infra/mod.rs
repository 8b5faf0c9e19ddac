//! Doors to the outside: settings, servers, keys, telemetry.

pub mod local;
pub mod migrations;
