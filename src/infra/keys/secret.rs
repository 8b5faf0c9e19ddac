//! One secret of 32 bytes: where it is read from, and what is refused as too weak.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use rand::RngExt;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// What is wrong with a secret; follows the name of its setting.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    #[error("is not set: use file:PATH or env:NAME")]
    Missing,
    #[error("stands in the settings themselves; outside a sandbox use file:PATH or env:NAME")]
    Literal,
    #[error("cannot be read from {from}: {why}")]
    Unreadable { from: String, why: String },
    #[error("is not 32 bytes in hex or base64; make one with `openssl rand -hex 32`")]
    Form,
    #[error("is too weak, {0}; make one with `openssl rand -hex 32`")]
    Weak(&'static str),
    #[error("is the sandbox's, which everybody knows; make one with `openssl rand -hex 32`")]
    Sandbox,
}

/// What the secrets of a sandbox are hashed from, before the name of each.
const SANDBOX_LABEL: &str = "tradein sandbox, not a secret: ";

/// The names of the sandbox's secrets, to know them again.
const SANDBOX_NAMES: [&str; 4] = ["bucket", "master 1", "master 2", "master 3"];

pub fn sandbox_text(name: &str) -> String {
    hex::encode(Sha256::digest(format!("{SANDBOX_LABEL}{name}")))
}

/// How far a source is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    /// The text itself may be the secret: in a sandbox, and in a file that holds nothing else.
    pub literal: bool,
    /// Any 32 bytes will do: in a sandbox.
    pub weak: bool,
}

/// A new secret, in hex.
pub fn fresh_text() -> Zeroizing<String> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::rng().random());
    Zeroizing::new(hex::encode(bytes.as_slice()))
}

/// The 32 bytes behind `file:PATH`, `env:NAME`, or where that is trusted the text itself.
pub fn read(source: &str, trust: Trust) -> Result<Zeroizing<[u8; 32]>, BadSecret> {
    let unreadable = |why: String| BadSecret::Unreadable { from: source.to_owned(), why };
    let text = if let Some(path) = source.strip_prefix("file:") {
        std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?
    } else if let Some(name) = source.strip_prefix("env:") {
        std::env::var(name).map_err(|error| unreadable(error.to_string()))?
    } else if source.trim().is_empty() {
        return Err(BadSecret::Missing);
    } else if trust.literal {
        source.to_owned()
    } else {
        return Err(BadSecret::Literal);
    };
    let bytes = decode(Zeroizing::new(text).trim())?;
    if !trust.weak {
        refuse_weak(&bytes)?;
    }
    Ok(bytes)
}

fn decode(text: &str) -> Result<Zeroizing<[u8; 32]>, BadSecret> {
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    // 64 hex digits are also valid base64 of 48 bytes, so hex is tried first.
    let bytes = match hex::decode(text) {
        Ok(bytes) => Some(bytes),
        Err(_) => engines.into_iter().find_map(|engine| engine.decode(text).ok()),
    };
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(_) => Err(BadSecret::Form),
    }
}

/// Refuses what was typed rather than drawn. Of 32 random bytes about 30 differ; fewer than 16,
/// or only printable characters, do not happen by chance in the life of this project.
fn refuse_weak(bytes: &[u8; 32]) -> Result<(), BadSecret> {
    let mut distinct = bytes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    if distinct.len() < 16 {
        Err(BadSecret::Weak("it repeats few bytes"))
    } else if bytes.windows(2).all(|pair| step(pair) == step(bytes)) {
        Err(BadSecret::Weak("its bytes count up or down"))
    } else if bytes.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
        Err(BadSecret::Weak("it is text, not random bytes"))
    } else if SANDBOX_NAMES.iter().any(|name| sandbox_text(name) == hex::encode(bytes)) {
        Err(BadSecret::Sandbox)
    } else {
        Ok(())
    }
}

/// Writes a new file that only its owner may read, from the first byte on.
///
/// # Errors
/// When there is one already: a secret that is overwritten is lost for ever.
pub fn write_secret_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const RANDOM: &str = "9f1c7a42d05be36688a1fd2390c4571ee8b20f64bd3a97c1527de6f80b49ac35";

    const SERVICE: Trust = Trust { literal: false, weak: false };
    const SANDBOX: Trust = Trust { literal: true, weak: true };

    fn in_file(text: &str, trust: Trust) -> Result<Zeroizing<[u8; 32]>, BadSecret> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "{text}").unwrap();
        read(&format!("file:{}", file.path().display()), trust)
    }

    #[test]
    fn hex_and_base64_give_the_same_bytes() {
        let bytes = hex::decode(RANDOM).unwrap();
        for text in [
            RANDOM.to_owned(),
            RANDOM.to_uppercase(),
            STANDARD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
            format!("  {RANDOM} \r\n"),
        ] {
            assert_eq!(in_file(&text, SERVICE).unwrap().as_slice(), bytes, "{text}");
        }
    }

    #[test]
    fn weak_ones_are_refused_outside_a_sandbox() {
        let counting: Vec<u8> = (10..42).collect();
        for (text, says) in [
            ("", "not 32 bytes"),
            ("secret", "not 32 bytes"),
            (&RANDOM[2..], "not 32 bytes"),
            (&"00".repeat(32), "too weak"),
            (&"deadbeef".repeat(8), "too weak"),
            (&hex::encode(counting), "count up"),
            (&STANDARD.encode("my very secret passphrase 123456"), "it is text"),
            (&sandbox_text("master 1"), "everybody knows"),
            (&sandbox_text("bucket"), "everybody knows"),
        ] {
            let error = in_file(text, SERVICE).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(in_file(&"00".repeat(32), SANDBOX).is_ok(), "a sandbox takes any 32 bytes");
        assert!(matches!(read(RANDOM, SERVICE), Err(BadSecret::Literal)));
        assert!(matches!(read("", SANDBOX), Err(BadSecret::Missing)));
        assert!(read(RANDOM, SANDBOX).is_ok());
        let key_file = Trust { literal: true, weak: false };
        assert!(read(RANDOM, key_file).is_ok());
        assert!(read(&"00".repeat(32), key_file).is_err());
        assert!(read(&fresh_text(), key_file).is_ok() && fresh_text() != fresh_text());
    }

    #[test]
    fn an_error_names_the_place_and_not_the_secret() {
        let error = read("env:TRADEIN_NO_SUCH_VARIABLE", SERVICE).unwrap_err().to_string();
        assert!(error.contains("env:TRADEIN_NO_SUCH_VARIABLE"), "{error}");
        let error = read("file:/nonexistent/key", SERVICE).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/key"), "{error}");
        assert!(!in_file("typed-by-hand", SERVICE).unwrap_err().to_string().contains("typed"));
    }
}
