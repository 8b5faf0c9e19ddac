//! Where the server programs are, and whether they are new enough.

use super::error::LocalError;
use std::path::{Path, PathBuf};
use std::process::Command;

const OLDEST_POSTGRES: u32 = 15;

/// The programs of one PostgreSQL installation.
#[derive(Clone, Debug)]
pub struct Postgres {
    pub bin: PathBuf,
    pub major: u32,
}

/// Every usable PostgreSQL, the preferred one first: what `TRADEIN_PG_BIN` names, or else the
/// Debian installations from the newest down, or else what `PATH` has.
pub fn find_postgres() -> Result<Vec<Postgres>, LocalError> {
    let folders = match std::env::var_os("TRADEIN_PG_BIN") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => debian_folders().into_iter().chain(path_folders()).collect(),
    };
    let mut found: Vec<Postgres> = folders
        .into_iter()
        .filter(|bin| bin.join("initdb").is_file())
        .filter_map(|bin| {
            let major = version(&bin.join("postgres"))?.0;
            (major >= OLDEST_POSTGRES).then_some(Postgres { bin, major })
        })
        .collect();
    found.sort_by_key(|postgres| std::cmp::Reverse(postgres.major));
    if found.is_empty() {
        return Err(LocalError::Missing("PostgreSQL, version 15 or later".into()));
    }
    Ok(found)
}

/// Redis 7.0 or later, or Valkey 7.2 or later, from `PATH`.
pub fn find_redis() -> Result<PathBuf, LocalError> {
    let candidates = [("redis-server", (7, 0)), ("valkey-server", (7, 2))];
    for (name, oldest) in candidates {
        for program in path_folders().map(|folder| folder.join(name)) {
            if version(&program).is_some_and(|found| found >= oldest) {
                return Ok(program);
            }
        }
    }
    Err(LocalError::Missing("redis-server, version 7.0 or later".into()))
}

fn debian_folders() -> Vec<PathBuf> {
    let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") else { return Vec::new() };
    versions.flatten().map(|version| version.path().join("bin")).collect()
}

fn path_folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.into_iter()
}

/// What a server program says of itself; nothing if it is absent or does not run.
fn version(program: &Path) -> Option<(u32, u32)> {
    if !program.is_file() {
        return None;
    }
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The first number that stands at the head of a word, as in `postgres (PostgreSQL) 15.18` or
/// `Redis server v=7.0.15`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace()
        .map(|word| word.strip_prefix("v=").unwrap_or(word))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .and_then(|word| {
            let mut parts = word.split(|c: char| !c.is_ascii_digit());
            let major = parts.next()?.parse().ok()?;
            let minor = parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0);
            Some((major, minor))
        })
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_are_read_as_the_programs_write_them() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some((15, 18))),
            ("postgres (PostgreSQL) 19beta1", Some((19, 0))),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc bits=64", Some((7, 0))),
            ("Valkey server v=8.1.1 sha=00000000:0", Some((8, 1))),
            ("no number here", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }
}
