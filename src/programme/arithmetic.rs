//! Exact rates and rounding: integers only, never more than the base.

use crate::kernel::money::Fen;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A share of a price between 0% and 100%, exact to a ten-thousandth of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// In millionths: 15% is 150,000.
    millionths: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is a percentage from 0% to 100% with at most four decimals, such as 15% or 12.5%")]
pub struct BadRate;

impl Rate {
    /// Whether these rates add up to 100%.
    pub(crate) fn make_a_whole(rates: impl Iterator<Item = Rate>) -> bool {
        rates.map(|rate| u64::from(rate.millionths)).sum::<u64>() == 1_000_000
    }
}

impl FromStr for Rate {
    type Err = BadRate;
    fn from_str(text: &str) -> Result<Rate, BadRate> {
        let number = text.strip_suffix('%').ok_or(BadRate)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let point_ends_it = number.ends_with('.');
        if whole.is_empty() || whole.len() > 3 || decimals.len() > 4 || point_ends_it {
            return Err(BadRate);
        }
        if !digits(whole) || !digits(decimals) {
            return Err(BadRate);
        }
        let millionths: u32 = format!("{whole}{decimals:0<4}").parse().map_err(|_| BadRate)?;
        if millionths > 1_000_000 { Err(BadRate) } else { Ok(Rate { millionths }) }
    }
}

impl TryFrom<String> for Rate {
    type Error = BadRate;
    fn try_from(text: String) -> Result<Rate, BadRate> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> String {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.millionths / 10_000, self.millionths % 10_000);
        if decimals == 0 {
            return write!(f, "{whole}%");
        }
        write!(f, "{whole}.{}%", format!("{decimals:04}").trim_end_matches('0'))
    }
}

/// Where a part of a unit goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// Away from the payer of public money: never pays too much.
    #[default]
    Down,
    Up,
    /// To the nearest unit, half a unit up.
    HalfUp,
}

/// The unit that an amount is rounded to, and how. The cap comes after the rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounding {
    pub unit_fen: u32,
    pub mode: RoundingMode,
}

impl Default for Rounding {
    fn default() -> Rounding {
        Rounding { unit_fen: 1, mode: RoundingMode::Down }
    }
}

impl Rounding {
    /// `rate` of `base`, rounded to this unit. Total: what does not fit saturates at [`Fen::MAX`],
    /// and a base below zero counts as zero.
    #[must_use]
    pub fn share(self, base: Fen, rate: Rate) -> Fen {
        let unit = i128::from(self.unit_fen.max(1)) * 1_000_000;
        let exact = i128::from(base.0.max(0)) * i128::from(rate.millionths);
        let units = match self.mode {
            RoundingMode::Down => exact / unit,
            RoundingMode::Up => (exact + unit - 1) / unit,
            RoundingMode::HalfUp => (exact + unit / 2) / unit,
        };
        let fen = units * i128::from(self.unit_fen.max(1));
        i64::try_from(fen).map_or(Fen::MAX, |fen| Fen(fen).min(Fen::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_exact() {
        for (text, back) in [("15%", "15%"), ("12.5%", "12.5%"), ("0.0001%", "0.0001%")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), back);
        }
        for bad in ["15", "%", "101%", "1.%", "-1%", "1.23456%", ".5%", "+1%"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rounding_follows_its_unit_and_mode() {
        let ten = "10%".parse().unwrap();
        let yuan = |mode| Rounding { unit_fen: 100, mode };
        for (rounding, base, want) in [
            (Rounding::default(), 333_333, 33_333),
            (yuan(RoundingMode::Up), 1_000_010, 100_100),
            (yuan(RoundingMode::Up), 1_000_000, 100_000),
            (yuan(RoundingMode::HalfUp), 1_000_490, 100_000),
            (yuan(RoundingMode::HalfUp), 1_000_500, 100_100),
            (Rounding::default(), -5, 0),
        ] {
            assert_eq!(rounding.share(Fen(base), ten), Fen(want), "{rounding:?} {base}");
        }
    }

    proptest! {
        #[test]
        fn a_share_grows_with_its_base_and_stays_within_a_unit_of_it(
            base in 0..Fen::MAX.0, more in 0..1_000_000i64, percent in 0..=100u32, up: bool,
        ) {
            let mode = if up { RoundingMode::Up } else { RoundingMode::Down };
            let rounding = Rounding { unit_fen: 100, mode };
            let rate: Rate = format!("{percent}%").parse().unwrap();
            let share = rounding.share(Fen(base), rate);
            prop_assert!(share <= rounding.share(Fen((base + more).min(Fen::MAX.0)), rate));
            prop_assert!(share.0 <= base + 99);
            prop_assert_eq!(share.0 % 100, 0);
        }
    }
}
