//! Arithmetic of check digits, and the folding that every identifier gets before it is read.

/// Trims, folds full-width forms (U+FF01 to U+FF5E, and the ideographic space) to ASCII, and makes
/// ASCII letters upper case: what a Chinese input method leaves in a number field. Text above
/// `most` bytes is not looked at.
pub fn folded(raw: &str, most: usize) -> Option<String> {
    if raw.len() > most {
        return None;
    }
    let fold = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    };
    let text: String = raw.chars().map(fold).map(|c| c.to_ascii_uppercase()).collect();
    Some(text.trim().to_owned())
}

/// [`folded`], without the spaces and hyphens by which people group long numbers.
pub fn ungrouped(raw: &str, most: usize) -> Option<String> {
    Some(folded(raw, most)?.chars().filter(|c| !matches!(c, ' ' | '-')).collect())
}

pub fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The sum of values by weights, for as many as both have.
pub fn weighted(values: impl Iterator<Item = u32>, weights: &[u32]) -> u32 {
    values.zip(weights).map(|(value, weight)| value * weight).sum()
}

/// The value of an ASCII digit; of a letter, 10 for A to 35 for Z.
pub fn value(byte: u8) -> u32 {
    (byte as char).to_digit(36).unwrap_or_default()
}

/// The check digit that the Luhn formula (ISO/IEC 7812-1, annex B) puts after these digits.
pub fn luhn(body: &str) -> u32 {
    let doubled = |(place, byte): (usize, u8)| {
        let digit = value(byte);
        if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
    };
    let sum: u32 = body.bytes().rev().enumerate().map(doubled).sum();
    (10 - sum % 10) % 10
}

/// Whether the last of these digits is the Luhn digit of those before it.
pub fn luhn_holds(digits: &str) -> bool {
    match digits.split_at_checked(digits.len().wrapping_sub(1)) {
        Some((body, last)) => last.parse() == Ok(luhn(body)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_what_an_input_method_leaves() {
        assert_eq!(folded(" \u{3000}ａｂ１２Ｘ x\t", 64).unwrap(), "AB12X X");
        assert_eq!(ungrouped("6222 0210-01", 64).unwrap(), "6222021001");
        assert_eq!(folded("123456789", 8), None);
    }

    #[test]
    fn luhn_knows_the_published_examples() {
        for good in ["79927398713", "4111111111111111", "352099001761481"] {
            assert!(luhn_holds(good), "{good}");
        }
        for bad in ["", "79927398710", "4111111111111112"] {
            assert!(!luhn_holds(bad), "{bad}");
        }
    }
}
