//! A mobile number of mainland China.

use super::{BadIdentifier, digits, identifier, private_identifier};
use serde::Deserialize;

/// 11 digits from 13 to 19; `+86`, `0086`, spaces and hyphens are dropped.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Mobile {
    text: String,
}

identifier!(Mobile, "mobile");
private_identifier!(Mobile);

const FORM: BadIdentifier = BadIdentifier::form(
    "手机号应为11位数字，以13至19开头",
    "a mobile number has 11 digits and begins with 13 to 19",
);

fn parse(raw: &str) -> Result<Mobile, BadIdentifier> {
    let text = digits::ungrouped(raw, 128).ok_or(FORM)?;
    let prefix = ["+86", "0086"].into_iter().find_map(|prefix| text.strip_prefix(prefix));
    let text = prefix.unwrap_or(&text).to_owned();
    let begins = text.starts_with('1') && text.as_bytes().get(1).is_some_and(|b| *b >= b'3');
    if text.len() == 11 && digits::all_digits(&text) && begins {
        Ok(Mobile { text })
    } else {
        Err(FORM)
    }
}

impl Mobile {
    /// For people's eyes: `138****5678`.
    pub fn masked(&self) -> String {
        format!("{}****{}", &self.text[..3], &self.text[7..])
    }

    /// A valid number by index, distinct for 10^8.
    pub fn synthetic(index: u64) -> Mobile {
        Mobile { text: format!("199{:08}", index % 100_000_000) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for good in
            ["13800005678", "+86 138-0000-5678", "008613800005678", "１３８００００５６７８"]
        {
            assert_eq!(parse(good).unwrap().text, "13800005678", "{good}");
        }
        for bad in ["", "1", "12800005678", "23800005678", "1380000567", "138000056789", "+8613"] {
            assert_eq!(parse(bad).unwrap_err(), FORM, "{bad}");
        }
        assert_eq!(parse("13800005678").unwrap().masked(), "138****5678");
        assert!(parse(&Mobile::synthetic(7).text).is_ok());
    }
}
