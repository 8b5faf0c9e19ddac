//! Canonical JSON (RFC 8785) and the digests taken of it.

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The bytes of a value in the JSON Canonicalization Scheme. Two equal values have equal bytes.
///
/// # Panics
/// Never for the types of this crate: they hold no map with keys that are not strings and no
/// number that is not finite.
pub fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("values of this crate are JSON")
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_and_text_is_kept() {
        let value = json!({"b": 1, "a": "旧", "c": [true, {"z": 0, "y": "\u{7}"}]});
        let text = String::from_utf8(bytes(&value)).unwrap();
        assert_eq!(text, r#"{"a":"旧","b":1,"c":[true,{"y":"\u0007","z":0}]}"#);
    }
}
