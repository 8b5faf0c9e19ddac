//! Check digits of the identifiers that rules judge: GTIN-13, IMEI, VIN.

/// GB 12904: thirteen digits, weights 1 and 3, modulo 10.
pub(crate) fn gtin(text: &str) -> bool {
    let Some(digits) = digits(text, 13) else { return false };
    let sum: u32 = digits.iter().zip([1, 3].into_iter().cycle()).map(|(d, w)| d * w).sum();
    sum.is_multiple_of(10)
}

/// 3GPP TS 23.003: fifteen digits, Luhn.
pub(crate) fn imei(text: &str) -> bool {
    let Some(digits) = digits(text, 15) else { return false };
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let place = |(i, d): (usize, &u32)| if i % 2 == 1 { doubled(*d) } else { *d };
    digits.iter().enumerate().map(place).sum::<u32>().is_multiple_of(10)
}

/// GB 16735: seventeen characters without I, O and Q, weighted sum modulo 11 at place 9.
pub(crate) fn vin(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if text.len() != 17 {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in text.bytes().zip(WEIGHTS) {
        let Some(value) = vin_value(byte) else { return false };
        sum += value * weight;
    }
    let want = match sum % 11 {
        10 => b'X',
        digit => b'0' + digit as u8,
    };
    text.as_bytes()[8] == want
}

fn vin_value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'H' => byte - b'A' + 1,
        b'J'..=b'N' => byte - b'J' + 1,
        b'P' => 7,
        b'R' => 9,
        b'S'..=b'Z' => byte - b'S' + 2,
        _ => return None,
    };
    Some(u32::from(value))
}

fn digits(text: &str, count: usize) -> Option<Vec<u32>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    digits.filter(|digits| digits.len() == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_values() {
        assert!(gtin("6901234567892") && !gtin("6901234567893") && !gtin("690123456789"));
        assert!(imei("352099001761481") && !imei("352099001761482") && !imei(""));
        assert!(vin("1M8GDM9AXKP042788") && vin("LSVAB2188E2100001"));
        assert!(!vin("1M8GDM9A1KP042788") && !vin("IM8GDM9AXKP042788"));
    }
}
