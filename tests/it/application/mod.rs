//! Applications against a model: random lives, over HTTP.

// Amounts are grouped as people read them, yuan and fen: 6_000_00.
#![allow(clippy::inconsistent_digit_grouping)]

mod lives;
