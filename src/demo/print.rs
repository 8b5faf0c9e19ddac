//! How the stories look: short lines, amounts in yuan, colour only where a person sits.

use std::io::{IsTerminal, Write};

/// Standard output. A reader who has gone away (`| head`) stops nothing.
#[derive(Clone, Debug)]
pub struct Page {
    colour: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

impl Page {
    pub fn new() -> Page {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Page { colour: wanted && std::io::stdout().is_terminal() }
    }

    pub fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// A new part, with a line above it.
    pub fn heading(&self, text: &str) {
        self.line(&format!("\n{}", self.in_colour(BOLD, text)));
    }

    /// Who does what.
    pub fn step(&self, who: &str, what: &str) {
        self.line(&format!("\n  {}  {what}", self.in_colour(BOLD, who)));
    }

    pub fn good(&self, text: &str) {
        self.line(&format!("    {} {text}", self.in_colour(GREEN, "✓")));
    }

    /// A "no" that is as it should be.
    pub fn refused(&self, code: &str, sentence: &str) {
        let code = self.in_colour(YELLOW, code);
        self.line(&format!("    {} {code} {sentence}", self.in_colour(YELLOW, "✗")));
    }

    /// Something went otherwise than it should.
    pub fn wrong(&self, text: &str) {
        self.line(&format!("    {}", self.in_colour(RED, &format!("! {text}"))));
    }

    /// A detail of the line above.
    pub fn note(&self, text: &str) {
        self.line(&format!("      {text}"));
    }

    pub fn dim(&self, text: &str) {
        self.line(&format!("      {}", self.in_colour(DIM, text)));
    }

    fn in_colour(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Fen as a person reads yuan: `1,799.80`.
pub fn yuan(fen: i64) -> String {
    let (whole, rest) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{grouped}.{rest:02}")
}

#[cfg(test)]
mod tests {
    use super::yuan;

    #[test]
    fn yuan_have_their_thousands_apart() {
        for (fen, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (-179_980, "-1,799.80"),
            (99_999, "999.99"),
            (100_000_000, "1,000,000.00"),
        ] {
            assert_eq!(yuan(fen), text);
        }
    }
}
