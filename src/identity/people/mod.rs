//! People: who they are stands in the vault and nowhere else.
//!
//! A real-name provider registers a person: `active`; an erasure (slice `erasure`) makes him
//! `erased`, for good. The same identity is always the same person, also when two providers bring
//! it at once, and also after erasure: he gets his id and state, and whatever he asks for then is
//! refused (`PERSON_ERASED`), so that nobody draws a second quota by coming back. An identity is
//! found by its keyed digest under every version of the lookup key; who is met under an older
//! version gets a row under the current one, so that the old key can be retired.
//!
//! **Where things are.** `vault.identity` has the digest, `vault.person` the ciphertext, bound to
//! its row, in the bucket of the person's id. The leaf of a registration says only for which
//! purposes somebody consented: its `about` is random and stands nowhere else. What is stored of an
//! answer holds a receipt and names nobody; the person is added when it goes out, found by the
//! request. The fingerprint of such a request is keyed, since a plain digest of a body with a
//! person in it could be tried out. Ids of people are random through and through: the time in one
//! would tell which registration was his.
//!
//! **Looking up.** An official sees a person who has dealings in a book of the official's scope,
//! masked; in clear text only by a command of the register book, with a reason and a case, whose
//! entry is committed before the vault is opened. The clear fields are added to the answer after
//! the commit and are stored nowhere. The entry names the person by a commitment under a key of
//! two halves, the key ring's and the person's own `secret`: who has both can count the look-ups of
//! one person, nobody else can tell whom they concern, and after an erasure nobody can.
//!
//! Invariants kept here: 10.
//!
//! Lock order: the head of the register book and nothing more; its writers all hold it, which is
//! why an identity is registered once. Cost of a registration: one row in each table, one entry.

pub mod entries;
pub mod http;
pub mod look_up;
pub mod model;
pub mod register;
pub mod sealed;
pub mod store;
