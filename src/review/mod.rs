//! A person looks before money moves.
//!
//! The desk of an office: the queue of a book, oldest first, with its day clocks; an application
//! with all its facts, the rules' derivation, its documents and what neighbours said; and the acts
//! of the application slice, which decide. Over HTTP as JSON, and as pages for a browser.
//!
//! **Taking.** A reviewer takes an application before he works on it: its documents are opened to
//! him alone. Nobody takes his own. Another may take it over, openly: who had it before stands in
//! the entries. Taking is what meets the first clock.
//!
//! **Neighbours** are asked by the reviewer who has it; see `application::port`.
//!
//! **The pages** (`page/`) are made on the server and run no script: their policy allows none.
//! They call the same handlers as JSON callers do, so no rule stands twice. Signing in puts the
//! access token into a cookie that no script reads and no other site sends; each form carries a
//! keyed digest of token, path and its own idempotency key, so that a form of another site is
//! refused and a button pressed twice acts once.
//!
//! Invariants kept here: 7 (a form's key), 9, 10 (identity is masked; a document's fields are shown
//! to the reviewer who has taken it, which is on record). Lock order: the book's head and nothing
//! more. Cost of a page of the queue: two statements, whatever its length.

pub mod dossier;
pub mod entries;
pub mod http;
pub mod model;
pub mod page;
pub mod store;
pub mod take;
