//! Files kept by the SHA-256 of their content: in a folder, or in a bucket that speaks S3.
//!
//! A file is received piece by piece, hashed as it comes and never whole in memory; it is written
//! below the store's own folder, so that keeping it is a rename. A kept file is complete, on disk
//! (fsync of file and folder) and readable by this user alone. Keeping the same content twice is
//! keeping it once.
//!
//! What is read is hashed again before a byte of it goes out: a store that was changed behind the
//! program's back gives an error, never another file.
//!
//! Cost: an upload is written once and synced once; a read hashes the file once more, about 20 ms
//! for the largest that is taken.

mod bucket;
mod folder;
mod incoming;
mod sniff;

pub use bucket::BucketSettings;
pub use incoming::{Incoming, Received};
pub use sniff::MediaType;

use bucket::Bucket;
use folder::Folder;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The SHA-256 of a file's content, which is its name.
pub type ContentHash = [u8; 32];

/// Why a file is not taken, kept or given.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    #[error("there is no file {0}")]
    Missing(String),
    /// Its bytes are not those of its name.
    #[error("the file {0} was changed in the store")]
    Altered(String),
    #[error("the file store: {0}")]
    Io(#[from] io::Error),
    #[error("the file store's bucket: {0}")]
    Bucket(#[from] object_store::Error),
}

/// Where the files are, as the settings say it.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobSettings {
    /// Files are kept here; with a bucket, only received here.
    pub folder: PathBuf,
    pub bucket: BucketSettings,
}

/// The store. Made once at the start and shared.
#[derive(Debug)]
pub struct Blobs {
    folder: Folder,
    bucket: Option<Bucket>,
    /// A sandbox without a folder keeps its files in one that goes when it ends.
    _passing: Option<TempDir>,
}

impl Blobs {
    /// Opens the store, makes its folders where they are missing, and removes what an earlier
    /// process was receiving when it died.
    ///
    /// # Errors
    /// A folder that cannot be made or written, or settings that are no bucket.
    pub fn open(settings: &BlobSettings) -> Result<Blobs, BlobError> {
        let passing = match settings.folder.as_os_str().is_empty() {
            true => Some(tempfile::Builder::new().prefix("tradein-files-").tempdir()?),
            false => None,
        };
        let root = passing.as_ref().map_or(settings.folder.as_path(), |folder| folder.path());
        let folder = Folder::open(root)?;
        let bucket = Bucket::of(&settings.bucket)?;
        Ok(Blobs { folder, bucket, _passing: passing })
    }

    /// Begins to receive a file of at most so many bytes.
    ///
    /// # Errors
    /// The folder takes no more.
    pub async fn receive(&self, most: u64) -> Result<Incoming, BlobError> {
        Incoming::begin(self.folder.incoming(), most).await
    }

    /// Keeps a received file under its hash. When this returns, it survives a crash.
    ///
    /// # Errors
    /// The store is full or away; nothing is kept then.
    pub async fn keep(&self, received: Received) -> Result<ContentHash, BlobError> {
        let hash = received.sha256;
        match &self.bucket {
            Some(bucket) => bucket.keep(received).await?,
            None => {
                let folder = self.folder.clone();
                blocking(move || folder.keep(received)).await?;
            }
        }
        Ok(hash)
    }

    /// A kept file, read and found to be the one of this name, from its first byte on.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Altered`], or the store is away.
    pub async fn read(&self, hash: ContentHash) -> Result<(tokio::fs::File, u64), BlobError> {
        let file = match &self.bucket {
            Some(bucket) => bucket.fetch(hash, self.folder.incoming()).await?,
            None => self.folder.find(hash)?,
        };
        let (file, size) = blocking(move || checked(file, hash)).await?;
        Ok((tokio::fs::File::from_std(file), size))
    }
}

/// The file, rewound, where its bytes are those of its name.
fn checked(mut file: std::fs::File, hash: ContentHash) -> Result<(std::fs::File, u64), BlobError> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => {
                digest.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
    if digest.finalize()[..] != hash {
        return Err(BlobError::Altered(hex::encode(hash)));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok((file, size))
}

/// Runs what waits for a disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| BlobError::Io(io::Error::other(error)))?
}

/// `ab/cdef…`: a folder holds a 256th of the files.
fn name(hash: ContentHash) -> (String, String) {
    let text = hex::encode(hash);
    (text[..2].to_owned(), text[2..].to_owned())
}

/// Makes the names in a folder survive a crash.
fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
