//! The log store: a folder apart from the database, on a disk of its own where there is one.

use crate::kernel::tlog::tile::{self, Tile};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const CHECKPOINT: &str = "checkpoint";
const FENCE: &str = "fence";
/// Where files wait until they are whole.
const STAGING: &str = ".new";

/// A folder with a log for each book in it.
#[derive(Clone, Debug)]
pub struct LogFolder {
    root: PathBuf,
}

/// Why a write was not made.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    #[error("the log store cannot be used: {0}")]
    Io(#[from] std::io::Error),
    #[error("a later publisher, number {0}, has taken over the log store")]
    Fenced(u64),
    #[error("the log store has another checkpoint than the one that was read")]
    Moved,
}

/// What one write brings.
#[derive(Default)]
pub struct Parcel<'a> {
    /// Tiles and bundles, by their path in the log.
    pub files: &'a [(String, Vec<u8>)],
    /// Small texts beside them (`keys`, `witnessed`).
    pub texts: &'a [(&'a str, String)],
    pub checkpoint: Option<&'a str>,
}

impl LogFolder {
    /// Makes the folder where it is not there yet.
    ///
    /// # Errors
    /// Where it cannot be made or written to.
    pub fn open(root: &Path) -> std::io::Result<LogFolder> {
        std::fs::create_dir_all(root.join(STAGING))?;
        Ok(LogFolder { root: root.to_owned() })
    }

    /// The folder of a book's log.
    pub fn of_book(&self, book: &str) -> PathBuf {
        self.root.join(book)
    }

    /// A file of a book's log; nothing where there is none.
    pub fn read(&self, book: &str, path: &str) -> std::io::Result<Option<Vec<u8>>> {
        absent_is_none(std::fs::read(self.of_book(book).join(path)))
    }

    /// A text of a book's log, such as its checkpoint.
    pub fn text(&self, book: &str, path: &str) -> std::io::Result<Option<String>> {
        absent_is_none(std::fs::read_to_string(self.of_book(book).join(path)))
    }

    pub fn checkpoint(&self, book: &str) -> std::io::Result<Option<String>> {
        self.text(book, CHECKPOINT)
    }

    /// The hashes or leaves of a tile, also of a partial one whose file has grown since.
    pub fn tile(&self, book: &str, tile: &Tile) -> std::io::Result<Vec<u8>> {
        if let Some(bytes) = self.read(book, &tile.to_string())? {
            return Ok(bytes);
        }
        let full = self.read(book, &tile.full().to_string())?;
        let part = full.as_deref().and_then(|bytes| tile::first(tile.kind, bytes, tile.width));
        part.map(<[u8]>::to_vec).ok_or_else(|| {
            std::io::Error::new(ErrorKind::NotFound, format!("{tile} of {book} is missing"))
        })
    }

    /// The number of the last publisher.
    pub fn fence(&self) -> std::io::Result<u64> {
        let text = absent_is_none(std::fs::read_to_string(self.root.join(FENCE)))?;
        let number = text.map_or(Ok(0), |text| text.trim().parse());
        number.map_err(|_| std::io::Error::other("the file fence holds no number"))
    }

    /// Shuts out every publisher with a lower number.
    ///
    /// # Errors
    /// [`NotWritten::Fenced`] where a higher one has been here.
    pub fn raise_fence(&self, fence: u64) -> Result<(), NotWritten> {
        let staged = self.stage(fence, 0, fence.to_string().as_bytes())?;
        let _lock = self.lock()?;
        match self.fence()? {
            found if found > fence => {
                std::fs::remove_file(staged)?;
                Err(NotWritten::Fenced(found))
            }
            _ => {
                std::fs::rename(staged, self.root.join(FENCE))?;
                flush(&self.root)?;
                Ok(self.sweep(fence)?)
            }
        }
    }

    /// Writes files, then the checkpoint, each flushed to disk before the next step, and only
    /// while the checkpoint is still `was` and the publisher's number the one that stands here.
    /// Nobody ever reads half a file.
    ///
    /// # Errors
    /// Nothing was written where the number or the checkpoint was another; after an error of the
    /// disk some files may have been, but never a checkpoint without all of its files.
    pub fn write(
        &self,
        book: &str,
        fence: u64,
        was: Option<&str>,
        write: &Parcel<'_>,
    ) -> Result<(), NotWritten> {
        let folder = self.of_book(book);
        let tiles = write.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        let texts = write.texts.iter().map(|(path, text)| (*path, text.as_bytes()));
        let mut staged = Vec::new();
        for (n, (path, bytes)) in tiles.chain(texts).enumerate() {
            staged.push((self.stage(fence, n + 1, bytes)?, folder.join(path)));
        }
        let checkpoint = write.checkpoint.map(|text| self.stage(fence, 0, text.as_bytes()));
        let checkpoint = checkpoint.transpose()?;
        let _lock = self.lock()?;
        let found = self.fence()?;
        if found != fence {
            return Err(NotWritten::Fenced(found));
        }
        if self.checkpoint(book)?.as_deref() != was {
            return Err(NotWritten::Moved);
        }
        std::fs::create_dir_all(&folder)?;
        let mut touched = BTreeSet::from([folder.clone()]);
        for (from, to) in &staged {
            let parent = to.parent().unwrap_or(&folder);
            if touched.insert(parent.to_owned()) {
                std::fs::create_dir_all(parent)?;
                touched.extend(parent.ancestors().take_while(|a| *a != folder).map(Path::to_owned));
            }
            std::fs::rename(from, to)?;
        }
        let above = folder.ancestors().take_while(|above| above.starts_with(&self.root));
        touched.extend(above.map(Path::to_owned));
        touched.iter().try_for_each(|folder| flush(folder))?;
        if let Some(staged) = checkpoint {
            std::fs::rename(staged, folder.join(CHECKPOINT))?;
            flush(&folder)?;
        }
        Ok(())
    }

    /// Removes the partial files whose full ones are signed.
    pub fn drop_partials<'t>(&self, book: &str, full: impl Iterator<Item = &'t Tile>) {
        for tile in full {
            let path = self.of_book(book).join(format!("{tile}.p"));
            // What is left lies about and does no harm.
            let _ = std::fs::remove_dir_all(path);
        }
    }

    /// Writes a file aside, whole and flushed.
    fn stage(&self, fence: u64, number: usize, bytes: &[u8]) -> std::io::Result<PathBuf> {
        let name = format!("{fence}-{}-{number}", std::process::id());
        let path = self.root.join(STAGING).join(name);
        let mut file = File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(path)
    }

    /// Removes what earlier publishers have left aside.
    fn sweep(&self, fence: u64) -> std::io::Result<()> {
        for entry in std::fs::read_dir(self.root.join(STAGING))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let number = name.split('-').next().and_then(|number| number.parse::<u64>().ok());
            if number.is_none_or(|number| number < fence) {
                absent_is_none(std::fs::remove_file(&path))?;
            }
        }
        Ok(())
    }

    /// Waits for the lock of the store, which is held for as long as a few renames take.
    fn lock(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(self.root.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

/// Flushes the names in a folder to disk.
fn flush(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn absent_is_none<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        // A partial tile's folder may be a file's place in another state of the log.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bring<'a>(files: &'a [(String, Vec<u8>)], checkpoint: &'a str) -> Parcel<'a> {
        Parcel { files, texts: &[], checkpoint: Some(checkpoint) }
    }

    #[test]
    fn a_checkpoint_is_swapped_only_for_the_one_that_was_read() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = LogFolder::open(scratch.path()).unwrap();
        folder.raise_fence(1).unwrap();
        let files = [("tile/0/000.p/1".to_owned(), vec![7; 32])];
        folder.write("310000/a/2026", 1, None, &bring(&files, "one")).unwrap();
        assert_eq!(folder.checkpoint("310000/a/2026").unwrap().as_deref(), Some("one"));
        for was in [None, Some("two")] {
            let refused = folder.write("310000/a/2026", 1, was, &bring(&files, "three"));
            assert!(matches!(refused, Err(NotWritten::Moved)), "{was:?}");
        }
        folder.write("310000/a/2026", 1, Some("one"), &bring(&[], "two")).unwrap();
        assert_eq!(folder.checkpoint("310000/a/2026").unwrap().as_deref(), Some("two"));
        assert_eq!(folder.checkpoint("register").unwrap(), None);
    }

    #[test]
    fn an_earlier_publisher_writes_nothing_any_more() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = LogFolder::open(scratch.path()).unwrap();
        assert_eq!(folder.fence().unwrap(), 0);
        folder.raise_fence(4).unwrap();
        folder.raise_fence(5).unwrap();
        let files = [("tile/0/000".to_owned(), vec![9; 32])];
        let late = folder.write("register", 4, None, &bring(&files, "late"));
        assert!(matches!(late, Err(NotWritten::Fenced(5))));
        assert!(matches!(folder.raise_fence(3), Err(NotWritten::Fenced(5))));
        assert_eq!(folder.read("register", "tile/0/000").unwrap(), None);
        assert_eq!(folder.checkpoint("register").unwrap(), None);
        // The next to come sweeps what the late one has left aside.
        let aside = || std::fs::read_dir(scratch.path().join(STAGING)).unwrap().count();
        assert!(aside() > 0);
        folder.raise_fence(6).unwrap();
        assert_eq!(aside(), 0);
    }

    #[test]
    fn a_partial_tile_is_found_in_the_full_one_too() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = LogFolder::open(scratch.path()).unwrap();
        folder.raise_fence(1).unwrap();
        let part = Tile::parse("tile/0/000.p/2").unwrap();
        assert_eq!(folder.tile("b", &part).unwrap_err().kind(), ErrorKind::NotFound);
        let bytes: Vec<u8> = (0..=255).flat_map(|n| [n; 32]).collect();
        let partial = [("tile/0/000.p/2".to_owned(), vec![1; 64])];
        folder.write("b", 1, None, &bring(&partial, "one")).unwrap();
        assert_eq!(folder.tile("b", &part).unwrap(), [1; 64]);
        let full = [("tile/0/000".to_owned(), bytes.clone())];
        folder.write("b", 1, Some("one"), &bring(&full, "two")).unwrap();
        folder.drop_partials("b", [part.full()].iter());
        assert_eq!(folder.tile("b", &part).unwrap(), bytes[..64]);
    }
}
