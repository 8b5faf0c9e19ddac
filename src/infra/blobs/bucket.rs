//! Files in a bucket that speaks S3.

use super::{BlobError, ContentHash, Received, name};
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use secrecy::{ExposeSecret, SecretString};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Parts of an upload: the least that S3 takes.
const PART: usize = 5 * 1024 * 1024;
/// Parts on their way at once, each of which is held in memory.
const AT_ONCE: usize = 2;

/// A bucket, as the settings name it.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketSettings {
    /// Empty: files are kept in the folder.
    pub name: String,
    /// Before every key, such as `tradein/`; may be empty.
    pub prefix: String,
    pub endpoint: String,
    pub region: String,
    pub access_key: SecretString,
    pub secret_key: SecretString,
}

#[derive(Debug)]
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: String,
}

impl Bucket {
    pub(super) fn of(settings: &BucketSettings) -> Result<Option<Bucket>, BlobError> {
        if settings.name.is_empty() {
            return Ok(None);
        }
        let store = AmazonS3Builder::new()
            .with_bucket_name(&settings.name)
            .with_endpoint(&settings.endpoint)
            .with_region(&settings.region)
            .with_access_key_id(settings.access_key.expose_secret())
            .with_secret_access_key(settings.secret_key.expose_secret())
            // A store of one's own may stand in the same closed network, without a certificate.
            .with_allow_http(settings.endpoint.starts_with("http://"))
            .build()?;
        Ok(Some(Bucket { store: Arc::new(store), prefix: settings.prefix.clone() }))
    }

    fn key(&self, hash: ContentHash) -> Key {
        let (shelf, rest) = name(hash);
        Key::from(format!("{}{shelf}/{rest}", self.prefix))
    }

    pub(super) async fn keep(&self, received: Received) -> Result<(), BlobError> {
        let mut file = tokio::fs::File::from_std(received.file.as_file().try_clone()?);
        file.rewind().await?;
        let upload = self.store.put_multipart(&self.key(received.sha256)).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(AT_ONCE).await?;
            upload.write(&piece[..read]);
        }
        upload.finish().await?;
        Ok(())
    }

    /// Brings a file into a nameless one of the folder.
    pub(super) async fn fetch(&self, hash: ContentHash, to: &Path) -> Result<File, BlobError> {
        let found = match self.store.get(&self.key(hash)).await {
            Err(object_store::Error::NotFound { .. }) => {
                return Err(BlobError::Missing(hex::encode(hash)));
            }
            found => found?,
        };
        let file = tempfile::tempfile_in(to)?;
        let mut writer = tokio::fs::File::from_std(file);
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.next().await {
            writer.write_all(&piece?).await?;
        }
        writer.flush().await?;
        writer.rewind().await?;
        Ok(writer.into_std().await)
    }
}
