//! Connection addresses over unix sockets.

use std::fmt::Write;
use std::path::Path;

/// `postgres://user@/database?host=%2Fsocket%2Ffolder&port=5432`. The port is part of the
/// socket's name; unsaid, it would come from the environment.
pub fn postgres(user: &str, database: &str, sockets: &Path) -> String {
    let folder = percent_encode(&sockets.to_string_lossy(), b"-._~");
    format!("postgres://{user}@/{database}?host={folder}&port={PORT}")
}

/// `redis+unix:///socket/folder/redis.sock`.
pub fn redis(sockets: &Path) -> String {
    let socket = sockets.join("redis.sock");
    format!("redis+unix://{}", percent_encode(&socket.to_string_lossy(), b"/-._~"))
}

/// The number in the name of PostgreSQL's socket; nothing listens on a port.
pub const PORT: u16 = 5432;

fn percent_encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            encoded.push(byte.into());
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes every text");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_is_part_of_the_address() {
        assert_eq!(
            postgres("tradein_app", "tradein", "/tmp/a b".as_ref()),
            "postgres://tradein_app@/tradein?host=%2Ftmp%2Fa%20b&port=5432"
        );
        assert_eq!(redis("/tmp/a b".as_ref()), "redis+unix:///tmp/a%20b/redis.sock");
    }
}
