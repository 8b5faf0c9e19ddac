//! The logs as the world sees them: signed, in tiles, outside the database.
//!
//! One process of a deployment at a time is the **publisher**. Twice a second it looks at the
//! heads of all books and, where one has grown, appends to the **log store**, a folder apart from
//! the database: first the tiles and entry bundles, flushed to disk, then the signed checkpoint,
//! flushed as well. Everything that is served is read from the store, by every process.
//!
//! ```text
//! <store>/fence                            the number of the last publisher
//! <store>/310000/appliance/2026/checkpoint the last signed head, with cosignatures
//! <store>/310000/appliance/2026/witnessed  the last one that had its quorum of witnesses
//! <store>/310000/appliance/2026/keys       every key that has signed this log, newest first
//! <store>/310000/appliance/2026/tile/…     C2SP tlog-tiles
//! <store>/register/…                       the same of the register book
//! ```
//!
//! **Never a fork** (invariant 6: every signed checkpoint is a prefix of every later one). Before
//! it signs, the publisher rebuilds the right edge of the tree from the store, checks it against
//! the last signed root, appends the new leaves, each checked against its hash, and compares the
//! root with the one that the clerk wrote in the transaction. Where the store is ahead of the
//! database (a failover lost its tail, an old backup was restored) or the database does not
//! extend it, the publisher **halts** for that book and says so: an error in the log, the gauge
//! `tradein_log_halted`, `/readyz`. Nothing is held in memory that this depends on.
//!
//! **One publisher.** A row with a lease and a fencing number in Postgres; the store keeps the
//! number too. Every write to the store happens under its lock, only with the number that stands
//! there, and only where the checkpoint is still the one that was read (compare and swap). A
//! publisher that was paused and comes back late, or that hangs on to a database which lost, finds
//! its write refused and its signature is never seen.
//!
//! **Crashes.** Files beyond the signed size mean nothing, are never served and are overwritten;
//! partial tiles are removed only after a checkpoint that no longer needs them is on disk. So
//! after a crash at any step the next publisher goes on from the last checkpoint.
//!
//! **Keys.** Every version of the key ring up to the current one signs, so that a reader who
//! trusts an old key can follow while he is given the new one; a checkpoint that the current key
//! has not signed is signed again. Old proofs stay valid under the key that signed them, which
//! stays in `keys`. The name of a key is the log's origin: deployment and book.
//!
//! **Witnesses** (C2SP tlog-witness) named by a policy file are asked for cosignatures after each
//! change. Signing does not wait for them; which quorum is required and whether it is met is a
//! state that everybody can read.
//!
//! **No hidden book.** The publisher lists the signed heads of all books, empty ones too, in the
//! register book, whose own log is published like every other.
//!
//! What is private: entry bundles, which only auditors get over HTTP. Hash tiles and checkpoints
//! are public: a leaf holds 128 random bits in its `about` or `subj`, so its hash cannot be tried
//! out.

pub mod folder;
pub mod heads;
mod keys;
pub mod publisher;
pub mod serve;
mod status;
pub mod step;
mod store;
pub mod witness;

pub use folder::LogFolder;
pub use keys::{BadLogKeys, LogKeys};
pub use status::{Halt, Standing, Status};

use crate::kernel::tlog::policy::Policy;

/// The published logs of a deployment: where they are, who signs and who cosigns.
pub struct Log {
    pub folder: LogFolder,
    pub keys: LogKeys,
    pub policy: Policy,
    pub status: Status,
}
