//! A file as it comes in: to disk, through the hash, and no further than its limit.

use super::{BlobError, ContentHash, MediaType, blocking, sniff};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

/// A file that is being received. Dropped before it is whole, it is gone.
pub struct Incoming {
    file: NamedTempFile,
    writer: tokio::fs::File,
    digest: Sha256,
    bytes: u64,
    most: u64,
}

/// A file that was received whole and is not kept yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Received {
    pub(super) file: NamedTempFile,
    pub sha256: ContentHash,
    /// Its size.
    pub bytes: u64,
    /// What its bytes say that it is, whatever the sender said; nothing of the known types.
    pub media: Option<MediaType>,
}

impl Incoming {
    pub(super) async fn begin(folder: &Path, most: u64) -> Result<Incoming, BlobError> {
        let folder = folder.to_owned();
        // Mode 600 is what a temporary file has.
        let file = blocking(move || Ok(NamedTempFile::new_in(folder)?)).await?;
        let writer = tokio::fs::File::from_std(file.as_file().try_clone()?);
        Ok(Incoming { file, writer, digest: Sha256::new(), bytes: 0, most })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] as soon as the limit is passed; the disk is full.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.most {
            return Err(BlobError::TooLarge(self.most));
        }
        self.digest.update(piece);
        self.writer.write_all(piece).await?;
        Ok(())
    }

    /// The sender has said all.
    ///
    /// # Errors
    /// The disk is full.
    pub async fn finish(mut self) -> Result<Received, BlobError> {
        self.writer.flush().await?;
        let Incoming { file, digest, bytes, .. } = self;
        blocking(move || {
            let media = sniff::media_type(file.as_file())?;
            Ok(Received { file, sha256: digest.finalize().into(), bytes, media })
        })
        .await
    }
}
