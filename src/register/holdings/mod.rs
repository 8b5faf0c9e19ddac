//! Holdings of an earlier system: who has used which slot, and what has been subsidised.
//!
//! A place that changes over to this system in the middle of a year brings them along while its
//! book is still `prepared`, or people would draw twice. Each line of the file becomes one entry
//! (`holding.imported`), so that the registers stay what the entries add up to; a book that is
//! open takes none.
//!
//! The file is CSV in UTF-8 with a header, the columns in any order:
//!
//! - `person`, of a slot: the person's id, `per_0_…`, as the registration answered it.
//! - `quota`, of a slot: the quota key, `100000/2026/appliance.tv`. Its scope holds the book's
//!   region, its year and family are the book's.
//! - `mark`, of a mark: `new_serial`, `new_gtin_serial`, `new_imei`, `new_vin`, `new_frame`,
//!   `dwelling`, `old_serial`, `old_frame` or `old_vin`.
//! - `thing`, of a mark: the identifier. Of `new_serial` it is `<brand>/<serial>` with the brand
//!   of the goods catalogue, of `new_gtin_serial` `<gtin>/<serial>`.
//!
//! A line is a slot or a mark. A person is named by id and not by identity columns: identities
//! come in through `/v1/people` alone, with their consent, and never stand in a file beside what
//! somebody bought. A line that stands twice for one person and key is a second slot; one mark
//! stands once.
//!
//! Every wrong line is told with its number and reason, and a file with one is not imported at
//! all. The holding of a line has an id made of the file's hash and the line's number: the same
//! file again, after a failure in the middle, adds only what is missing.
//!
//! Invariants kept here: 1 and 2 (an imported slot or mark is held for good, by the holding), 10
//! (a leaf holds pseudonym, quota key or digest, never the person or the thing).

pub mod file;
pub mod import;

pub use import::ENTRY_TYPES;
