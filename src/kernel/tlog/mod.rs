//! The form in which a log is published, so that tools of others can read and prove it.
//!
//! | file | what | source |
//! | --- | --- | --- |
//! | `tile` | the names of tiles and entry bundles, and how bundles are written | C2SP tlog-tiles |
//! | `edge` | the right edge of a tiled log, to which leaves are appended | C2SP tlog-tiles |
//! | `proof` | inclusion and consistency: made from tiles, and verified | RFC 6962, RFC 9162 2.1 |
//! | `note` | text with Ed25519 signatures and cosignatures | C2SP signed-note, tlog-cosignature |
//! | `checkpoint` | the head of a log: origin, size, root | C2SP tlog-checkpoint |
//! | `receipt` | a proof that one entry is in the log, whole in itself | C2SP tlog-proof |
//! | `policy` | which witnesses there are, and how many are enough | C2SP tlog-policy |
//!
//! A published log is a folder (or an address) with `checkpoint`, `tile/<L>/<N>[.p/<W>]` and
//! `tile/entries/<N>[.p/<W>]` in it. Everything here is pure; hashes are those of
//! [`super::merkle`].

pub mod checkpoint;
pub mod edge;
pub mod note;
pub mod policy;
pub mod proof;
pub mod receipt;
pub mod tile;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;

/// Standard base64, as every C2SP text has it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A hash of 32 bytes in base64.
pub(crate) fn hash_from_base64(text: &str) -> Option<Hash> {
    from_base64(text)?.try_into().ok()
}

/// A number in decimal without leading zeros, as every C2SP text has it.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}
