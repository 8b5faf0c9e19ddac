//! Canonical JSON (RFC 8785) and the digests taken of it.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The largest integer that a JSON number of RFC 8785, a double, still holds exactly: 2^53.
const EXACT: u64 = 1 << 53;

/// The bytes of a value in the JSON Canonicalization Scheme. Two equal values have equal bytes.
///
/// serde_json writes names in the order of their bytes and escapes as RFC 8785 does, four times
/// as fast as the canonicalizer. Its bytes differ from the canonical ones only where a name is
/// not ASCII (RFC 8785 orders by UTF-16) or a number is no exact integer: those values are
/// written by the canonicalizer.
///
/// # Panics
/// Never: a [`Value`] holds no name that is not text and no number that is not finite.
pub fn bytes(value: &Value) -> Vec<u8> {
    let written = match is_plain(value) {
        true => serde_json::to_vec(value),
        false => serde_json_canonicalizer::to_vec(value),
    };
    written.expect("a value of serde_json is JSON")
}

/// The same of anything that is written as JSON.
///
/// # Panics
/// Never for the types of this crate: they hold no map with keys that are not strings and no
/// number that is not finite.
pub fn bytes_of<T: Serialize>(value: &T) -> Vec<u8> {
    bytes(&serde_json::to_value(value).expect("values of this crate are JSON"))
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.as_i64().is_some_and(|integer| integer.unsigned_abs() <= EXACT)
        }
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(object) => {
            object.iter().all(|(name, value)| name.is_ascii() && is_plain(value))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, json};

    #[test]
    fn keys_are_sorted_and_text_is_kept() {
        let value = json!({"b": 1, "a": "旧", "c": [true, {"z": 0, "y": "\u{7}"}]});
        let text = String::from_utf8(bytes(&value)).unwrap();
        assert_eq!(text, r#"{"a":"旧","b":1,"c":[true,{"y":"\u0007","z":0}]}"#);
    }

    #[test]
    fn what_serde_json_would_write_otherwise_is_canonical_too() {
        for (value, canonical) in [
            (json!(1.0), "1"),
            (json!(1e21), "1e+21"),
            (json!(-0.0), "0"),
            (json!(9_007_199_254_740_993_u64), "9007199254740992"),
            // UTF-16 puts the surrogates of U+10000 before U+E000; bytes do not.
            (json!({"\u{e000}": 1, "\u{10000}": 2}), "{\"\u{10000}\":2,\"\u{e000}\":1}"),
        ] {
            assert_eq!(String::from_utf8(bytes(&value)).unwrap(), canonical);
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-10_000_i64..10_000).prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let name = prop_oneof!["[ -~]{0,6}", any::<String>()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(name, inner, 0..6)
                    .prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_writers_write_the_same(value in any_value()) {
            prop_assert_eq!(bytes(&value), serde_json_canonicalizer::to_vec(&value).unwrap());
        }
    }
}
