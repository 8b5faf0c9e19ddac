//! Money is whole fen (分, 1/100 yuan); no float ever holds an amount.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount of money in fen. JSON: an integer, its field named `…_fen`.
///
/// The type may hold a negative amount, because a leg of an entry has a sign; whoever demands a
/// price asks [`Fen::is_positive`]. Arithmetic is checked: an amount that does not fit is a fault
/// of the caller's input and is reported as [`None`], never wrapped.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

impl Fen {
    pub const ZERO: Fen = Fen(0);
    /// The largest amount that a request may name: 90 billion yuan, far below 2^53, so that a
    /// JSON reader that keeps numbers as doubles still reads it exactly.
    pub const MAX: Fen = Fen(9_000_000_000_000);

    pub const fn yuan(yuan: i64) -> Fen {
        Fen(yuan * 100)
    }

    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    #[must_use]
    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0.checked_add(other.0).map(Fen)
    }

    #[must_use]
    pub fn checked_sub(self, other: Fen) -> Option<Fen> {
        self.0.checked_sub(other.0).map(Fen)
    }
}

impl fmt::Display for Fen {
    /// In yuan with two decimals, as a person reads it: `1234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, fen) =
            if self.0 < 0 { ("-", self.0.unsigned_abs()) } else { ("", self.0 as u64) };
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::Fen;

    #[test]
    fn is_read_in_yuan() {
        assert_eq!(Fen(123_450).to_string(), "1234.50");
        assert_eq!(Fen(-5).to_string(), "-0.05");
        assert_eq!(Fen(i64::MAX).checked_add(Fen(1)), None);
    }
}
