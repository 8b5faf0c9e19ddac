//! Places by their code of GB/T 2260: six digits, province, city, county.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A place: `100000` is the nation, `310000` a province, `320500` a city, `310104` a district.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(u32);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a region is a GB/T 2260 code of six digits from 100000 to 999999, not {0:?}")]
pub struct BadRegion(String);

impl Region {
    pub const NATION: Region = Region(100_000);

    /// The province that a place lies in; of the nation, the nation.
    #[must_use]
    pub fn province(self) -> Region {
        Region(self.0 / 10_000 * 10_000)
    }

    /// Whether `other` lies in this place: the nation holds every place, `320000` and `320500`
    /// hold those whose code begins with `32` and `3205`.
    pub fn contains(self, other: Region) -> bool {
        let reach = match self.0 {
            100_000 => return true,
            code if code % 10_000 == 0 => 10_000,
            code if code % 100 == 0 => 100,
            _ => 1,
        };
        self.0 / reach == other.0 / reach
    }

    pub fn code(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Region {
    type Error = BadRegion;
    fn try_from(code: u32) -> Result<Self, BadRegion> {
        if (100_000..=999_999).contains(&code) {
            Ok(Region(code))
        } else {
            Err(BadRegion(code.to_string()))
        }
    }
}

impl FromStr for Region {
    type Err = BadRegion;
    fn from_str(text: &str) -> Result<Self, BadRegion> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(code) if digits && code >= 100_000 => Ok(Region(code)),
            _ => Err(BadRegion(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = BadRegion;
    fn try_from(text: String) -> Result<Self, BadRegion> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.to_string()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Region;

    fn region(text: &str) -> Region {
        text.parse().unwrap()
    }

    #[test]
    fn places_contain_others_by_their_code() {
        for (outer, inner, holds) in [
            ("100000", "320500", true),
            ("320000", "320500", true),
            ("320500", "320500", true),
            ("320500", "320582", true),
            ("320500", "320100", false),
            ("310000", "320500", false),
            ("320500", "320000", false),
            ("320500", "100000", false),
        ] {
            assert_eq!(region(outer).contains(region(inner)), holds, "{outer} {inner}");
        }
        assert_eq!(region("320582").province(), region("320000"));
    }

    #[test]
    fn only_six_digits_are_a_place() {
        for bad in ["", "3100", "3100000", "31000a", "031000", "+31000"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
