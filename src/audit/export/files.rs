//! The files of a log, written whole or not at all.

use crate::kernel::merkle::Hash;
use crate::kernel::tlog::edge::{Edge, File};
use crate::kernel::tlog::proof::{fold, hashes};
use crate::kernel::tlog::tile::{Kind, Tile, WIDTH};
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Lays a log out in a folder, leaf by leaf.
pub struct Writer {
    folder: PathBuf,
    edge: Edge,
    /// What became full and is yet to be written.
    full: Vec<File>,
}

impl Writer {
    /// Goes on after the whole bundles that a folder has, as far as a log of this size has them.
    ///
    /// # Errors
    /// What the file system says, or a tile that does not hold what its name says.
    pub fn open(folder: &Path, size: u64) -> Result<Writer> {
        let is_there = |kind: Kind, index| {
            let tile = Tile { kind, index, width: WIDTH as u16 };
            folder.join(tile.to_string()).is_file()
        };
        let mut whole = 0;
        while (whole + 1) * WIDTH <= size
            && is_there(Kind::Entries, whole)
            && is_there(Kind::Hashes(0), whole)
        {
            whole += 1;
        }
        let edge = Edge::read(whole * WIDTH, |tile| partial(folder, tile));
        let edge = edge.map_err(|error| error.unwrap_or_else(|| broken("a tile")))?;
        Ok(Writer { folder: folder.to_owned(), edge, full: Vec::new() })
    }

    /// The entries that are there.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Appends a leaf.
    ///
    /// # Errors
    /// What the file system says.
    pub fn push(&mut self, leaf: &[u8]) -> Result<()> {
        self.edge.push(leaf, &mut self.full);
        for file in self.full.drain(..) {
            put(&self.folder, &file)?;
        }
        Ok(())
    }

    /// Writes the files of the right edge.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(&self) -> Result<()> {
        self.edge.partial_files().iter().try_for_each(|file| put(&self.folder, file))
    }
}

/// The hashes at the edge of a level, from the whole tiles of the level below.
fn partial(folder: &Path, tile: &Tile) -> Result<Vec<u8>> {
    let below = match tile.kind {
        Kind::Hashes(level) if level > 0 => Kind::Hashes(level - 1),
        _ => return Err(broken("a log of whole bundles")),
    };
    let first = tile.index * WIDTH;
    let mut bytes = Vec::new();
    for index in first..first + u64::from(tile.width) {
        let tile = Tile { kind: below, index, width: WIDTH as u16 };
        let read = fs::read(folder.join(tile.to_string()))?;
        let read = hashes(&tile, &read).ok_or_else(|| broken(&tile.to_string()))?;
        bytes.extend_from_slice(&fold(&read));
    }
    Ok(bytes)
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{what} does not hold what its name says"))
}

/// A tile; the partial ones that stood in its place before go.
fn put(folder: &Path, file: &File) -> Result<()> {
    let partial = folder.join(format!("{}.p", file.tile.full()));
    match fs::remove_dir_all(partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(folder, &file.tile.to_string(), &file.bytes)
}

/// Writes a file under another name first, so that nobody finds half of it.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let new = path.with_added_extension("new");
    fs::write(&new, bytes)?;
    fs::rename(new, path)
}
