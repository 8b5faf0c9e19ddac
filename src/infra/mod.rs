//! Doors to the outside: settings, servers, keys, telemetry.
