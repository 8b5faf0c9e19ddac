//! Keys and tokens that are refused before their time: a file that the issuers' people write and
//! every process reads again when it changes.
//!
//! ```text
//! # a till's computer was stolen on 2026-03-04
//! token 0195f3a2-…
//! key   issuer-2025
//! ```
//!
//! A line may go when its token has expired by itself, or its key is no longer trusted.

use std::collections::HashSet;
use std::path::PathBuf;

/// What is refused: keys by `kid`, tokens by `jti`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revoked {
    pub keys: HashSet<String>,
    pub tokens: HashSet<String>,
}

/// Why a list of revocations is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadRevocations {
    #[error("tokens.revoked_file {0} cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("tokens.revoked_file, line {0}: write `token <jti>` or `key <kid>`")]
    Line(usize),
}

impl Revoked {
    /// # Errors
    /// The first line that says neither: a list that is half understood lets somebody in.
    pub fn parse(text: &str) -> Result<Revoked, BadRevocations> {
        let mut revoked = Revoked::default();
        for (place, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let into = match words[..] {
                [] => continue,
                [first, ..] if first.starts_with('#') => continue,
                ["key", _] => &mut revoked.keys,
                ["token", _] => &mut revoked.tokens,
                _ => return Err(BadRevocations::Line(place + 1)),
            };
            into.insert(words[1].to_owned());
        }
        Ok(revoked)
    }
}

/// The file, and what it said when it was last read.
pub struct RevokedFile {
    path: PathBuf,
    text: Option<String>,
}

impl RevokedFile {
    pub fn new(path: PathBuf) -> RevokedFile {
        RevokedFile { path, text: None }
    }

    /// The list where it is another than at the last reading.
    ///
    /// # Errors
    /// A file that is away or wrong; what held before goes on holding.
    pub fn changed(&mut self) -> Result<Option<Revoked>, BadRevocations> {
        let unreadable = |error| BadRevocations::Unreadable(self.path.clone(), error);
        let text = std::fs::read_to_string(&self.path).map_err(unreadable)?;
        if self.text.as_ref() == Some(&text) {
            return Ok(None);
        }
        let revoked = Revoked::parse(&text)?;
        self.text = Some(text);
        Ok(Some(revoked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let revoked = Revoked::parse("# a till\n\ntoken t-1\n  key\tk-1  \ntoken t-2\n").unwrap();
        assert_eq!(revoked.tokens, ["t-1", "t-2"].map(str::to_owned).into());
        assert_eq!(revoked.keys, ["k-1".to_owned()].into());
        for wrong in ["token", "t-1", "token a b", "Key k-1", "token t-1\nkeys k-1"] {
            assert!(Revoked::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_taken_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("revoked");
        let mut file = RevokedFile::new(path.clone());
        assert!(file.changed().is_err(), "it is not there");
        std::fs::write(&path, "key k-1\n").unwrap();
        assert_eq!(file.changed().unwrap().unwrap().keys.len(), 1);
        assert_eq!(file.changed().unwrap(), None);
        std::fs::write(&path, "key k-1\nwhat\n").unwrap();
        assert!(file.changed().is_err());
        std::fs::write(&path, "").unwrap();
        assert_eq!(file.changed().unwrap(), Some(Revoked::default()));
    }
}
