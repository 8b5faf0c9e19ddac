//! The voucher code: `H-7QK2M-9XW4T-0B3ZC-8RNVE-5`, read out, typed, or scanned as a QR code.
//!
//! Crockford base 32: the book number, 20 symbols that are 100 bits of HMAC-SHA256 under a secret
//! key over book and voucher, and Crockford's check symbol (mod 37) over all of them. Nobody who
//! lacks the key can guess one: at 1,000 guesses a second against ten million live codes the
//! first hit takes some 10^12 years.

use crate::infra::keys::SubKey;
use crate::kernel::id::BookNo;
use uuid::Uuid;

const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECKS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
const SECRET_SYMBOLS: usize = 20;

/// A code of the right form: its check symbol fits. Its Debug says nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    pub book: BookNo,
    /// The 20 symbols.
    secret: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a voucher code: a letter is missing or mistyped")]
pub struct BadCode;

impl Code {
    /// The code of a voucher under a key.
    pub fn derive(key: &SubKey, book: BookNo, voucher: Uuid) -> Code {
        let digest = key.digest(format!("code/{book}/{}", voucher.simple()).as_bytes());
        // Five bits of each of the first 20 bytes: 100 bits, each byte used once.
        let symbol = |byte: &u8| char::from(SYMBOLS[usize::from(byte & 31)]);
        Code { book, secret: digest[..SECRET_SYMBOLS].iter().map(symbol).collect() }
    }

    /// Reads a code as people type it: case, spaces, hyphens and the letters that Crockford takes
    /// for digits do not matter.
    ///
    /// # Errors
    /// Every other text, and one wrong or swapped symbol.
    pub fn parse(text: &str) -> Result<Code, BadCode> {
        let mut symbols = String::new();
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            symbols.push(match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            });
            if symbols.len() > 40 {
                return Err(BadCode);
            }
        }
        let check = symbols.pop().ok_or(BadCode)?;
        let values: Option<Vec<usize>> = symbols.bytes().map(value).collect();
        let values = values.filter(|values| values.len() > SECRET_SYMBOLS).ok_or(BadCode)?;
        if CHECKS[remainder(&values)] != u8::try_from(check).map_err(|_| BadCode)? {
            return Err(BadCode);
        }
        let (book, _) = values.split_at(values.len() - SECRET_SYMBOLS);
        let number = book.iter().try_fold(0i32, |number, value| {
            number.checked_mul(32)?.checked_add(i32::try_from(*value).ok()?)
        });
        let secret = symbols[symbols.len() - SECRET_SYMBOLS..].to_owned();
        Ok(Code { book: number.ok_or(BadCode)?, secret })
    }

    /// By what the code is found: 16 bytes of a keyed digest.
    pub fn digest(&self, key: &SubKey) -> Vec<u8> {
        key.digest(format!("found/{}/{}", self.book, self.secret).as_bytes())[..16].to_vec()
    }

    /// The code as a person reads it.
    pub fn reveal(&self) -> String {
        let book = book_symbols(self.book);
        let joined = format!("{book}{}", self.secret);
        let values: Vec<usize> = joined.bytes().filter_map(value).collect();
        let check = char::from(CHECKS[remainder(&values)]);
        let groups: Vec<&str> =
            (0..SECRET_SYMBOLS).step_by(5).map(|at| &self.secret[at..at + 5]).collect();
        format!("{book}-{}-{check}", groups.join("-"))
    }

    /// The code as an SVG picture of a QR code.
    pub fn qr_svg(&self) -> Option<String> {
        let code = qrcode::QrCode::new(self.reveal().as_bytes()).ok()?;
        let svg = code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build();
        Some(svg)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code(book {}, ********************)", self.book)
    }
}

fn value(symbol: u8) -> Option<usize> {
    SYMBOLS.iter().position(|known| *known == symbol)
}

fn remainder(values: &[usize]) -> usize {
    values.iter().fold(0, |sum, value| (sum * 32 + value) % 37)
}

fn book_symbols(book: BookNo) -> String {
    let mut number = book.unsigned_abs() as usize;
    let mut symbols = Vec::new();
    loop {
        symbols.push(char::from(SYMBOLS[number % 32]));
        number /= 32;
        if number == 0 {
            return symbols.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infra::keys::{KeyRing, Purpose};
    use proptest::prelude::*;

    fn code(book: BookNo, n: u128) -> Code {
        let ring = KeyRing::sandbox();
        Code::derive(ring.current(Purpose::VoucherCode).1, book, Uuid::from_u128(n))
    }

    #[test]
    fn people_may_type_it_as_they_like() {
        let code = code(17, 5);
        let text = code.reveal();
        assert_eq!(text.len(), 1 + 4 * 6 + 2, "{text}");
        assert_eq!(Code::parse(&text.to_lowercase().replace('-', " ")), Ok(code.clone()));
        assert_eq!(Code::parse(&text.replace('0', "o").replace('1', "l")), Ok(code));
        for bad in ["", "-", "H", "H-7QK2M-9XW4T-0B3ZC-8RNVE-旧", &"A".repeat(100)] {
            assert_eq!(Code::parse(bad), Err(BadCode), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_symbol_is_always_seen(
            book in 1..40_000i32, n: u128, at in 0..30usize, to in 0..32usize,
        ) {
            let text = code(book, n).reveal();
            prop_assert_eq!(Code::parse(&text), Ok(code(book, n)));
            let at = at % text.len();
            let mut bytes = text.clone().into_bytes();
            if bytes[at] != b'-' && at + 1 < text.len() && bytes[at] != SYMBOLS[to] {
                bytes[at] = SYMBOLS[to];
                prop_assert_eq!(Code::parse(&String::from_utf8(bytes).unwrap()), Err(BadCode));
            }
        }
    }
}
