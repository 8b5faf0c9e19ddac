//! The papers behind an application, as files: what an office reads before it decides.
//!
//! **Filing.** The applicant says what a document is: its kind, the fields that its kind has, and
//! the SHA-256, size and type of the file; then he sends the file, which must be just that one.
//! So the entry commits to the content before the content travels, a broken upload is sent again
//! without a second document, and nobody is given a file by naming its hash alone.
//!
//! States: `filed → received`. A document is never changed or removed; a better one is filed
//! beside it. It can be filed and sent while the application is open (submitted, or waiting for a
//! correction).
//!
//! **Limits.** At most [`model::MOST`] documents an application; the size is bounded by kind, the
//! type is one of PDF, JPEG, PNG, OFD, and is what the bytes say, whatever the name says.
//!
//! **What the ledger has.** `document.filed` holds the kind, size, type and a commitment: HMAC
//! under a key of the applicant's pseudonym in this book, over the file's hash and the canonical
//! fields. With that one key an auditor checks one applicant's documents, and learns nothing of
//! any other's. The fields themselves (numbers of invoices, VINs) are sealed in the vault.
//!
//! **Who reads.** The applicant, and the reviewers and auditors of the place; each file that an
//! official opens is an entry (`document.opened`), committed before its first byte goes out. The
//! fields are shown to the reviewer who has taken the application (`review`). Of an applicant who
//! was erased there are neither fields nor files, and no key for the commitments.
//!
//! Invariants kept here: 9, 10. Lock order: the book's head and nothing more. Cost of a document:
//! one row, two entries, and the file.

pub mod entries;
pub mod fields;
pub mod file;
pub mod http;
pub mod model;
pub mod open;
pub mod receive;
pub mod store;
