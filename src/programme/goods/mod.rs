//! What the authority knows of a product: the goods catalogue and the prices filed with it.
//!
//! A till names a barcode and never a class, a label grade or a filed price: those come from here
//! (facts of source `goods`). Both sets are loaded from CSV files by an official, from the command
//! line: `tradein goods check FILE` tells every wrong line, `tradein goods load FILE [--prices
//! FILE] [--dry-run]` shows what would change and changes it.
//!
//! **The catalogue file**: UTF-8 (a byte order mark is tolerated), a header line, columns in any
//! order. Those with `*` must be there; an empty field says "not known or not applicable".
//!
//! | column | holds |
//! | --- | --- |
//! | `gtin`* | 13 digits with a right check digit; once in the file |
//! | `class`* | `appliance.refrigerator` |
//! | `brand`*, `model`* | 1 to 100 characters, as on the product |
//! | `energy_label`, `water_label` | grade 1 to 5 |
//! | `label_scheme` | `true`, or `false` where no label scheme exists; then without a grade |
//! | `ccc`, `in_catalogue`, `central_set` | `true` or `false` |
//! | `power` | `nev` or `fuel` |
//! | `displacement_ml` | whole millilitres, 1 to 20000 |
//! | `emission` | `6a` or `6b` |
//! | `battery` | `lead` or `lithium` |
//! | `valid_from`*, `valid_to` | `2026-01-01`; both days inside, no end where it is empty |
//! | `source`* | the paper or list that says so, 1 to 300 characters |
//!
//! **The price file**: `gtin`*, `region`* (six digits), `price_fen`* (whole fen, above 0),
//! `valid_from`*, `valid_to`, `source`*. The prices of one product and place do not overlap.
//!
//! **Loading** adds and changes and never removes: a product or price leaves by its `valid_to`, so
//! that old decisions still find what they read. A price is known by product, place and first day.
//! To follow an open price by another one, the file lists both, the old one with its last day. The
//! same file a second time changes nothing, writes no entry and leaves the stamp alone.
//!
//! **A load is one command of the register book**, with one entry `goods.loaded` that names the
//! files by SHA-256 and counts what changed, and it raises the stamp `goods`: every screening that
//! read the old rows is judged again before it decides (`library.rs`).
//!
//! **Nearest place wins** among filed prices: city, then province, then nation.
//!
//! Lock order: the register book's head. Cost of a load: two reads and two writes, whatever the
//! size (at most 50,000 lines a file); of a look-up: one index read.

pub mod file;
pub mod load;
pub mod model;
pub mod store;

pub use model::{FiledPrice, Goods};

/// The stamp of catalogue and filed prices together.
pub const GOODS: &str = "goods";
