//! Who is asking, in which role and where; the people vault; organisations.
//!
//! - A **person** is a random id everywhere but in the vault (`vault`): there stand the clear
//!   identity as ciphertext bound to its place, and a keyed digest by which it is found again.
//! - A **token** (`token`) is a short-lived signed JWT of an issuer whose public key stands in the
//!   settings. Nothing about it is believed before its signature holds under that key, and the
//!   key's entry, not the token, says which algorithm, issuer and roles it may carry.
//! - A **role** (`role`) is what the caller may be here; a handler's signature demands one by
//!   `Acting<…>` (`acting`), so a route without a role check is a route without a caller.
//!   An official's role comes with a scope: regions and families.
//!
//! Keeps invariant 10: clear identity never leaves the vault without an audited reason. What this
//! module logs about a failed token is a fixed word, never a claim of it.

pub mod acting;
pub mod model;
pub mod envelope;
pub mod organisation;
pub mod people;
pub mod role;
pub mod store;
pub mod token;
pub mod vault;
