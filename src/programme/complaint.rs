//! What is wrong with a programme file, told by line.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Counted from 1.
    pub line: usize,
    pub reason: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Gathers the complaints about one text.
pub(crate) struct Complaints<'a> {
    text: &'a str,
    found: Vec<Complaint>,
}

impl<'a> Complaints<'a> {
    pub fn about(text: &'a str) -> Complaints<'a> {
        Complaints { text, found: Vec::new() }
    }

    /// Adds one, at the line where the span begins.
    pub fn add(&mut self, span: Range<usize>, reason: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        self.found.push(Complaint { line, reason: reason.into() });
    }

    /// Passes a value on, or adds the reason why there is none.
    pub fn take<T, E: fmt::Display>(&mut self, span: Range<usize>, it: Result<T, E>) -> Option<T> {
        it.map_err(|error| self.add(span, error.to_string())).ok()
    }

    /// All of them, in the order of the file.
    pub fn into_found(mut self) -> Vec<Complaint> {
        self.found.sort_by_key(|complaint| complaint.line);
        self.found.dedup();
        self.found
    }
}
