//! Files in a folder: `ab/cdef…`, and `incoming/` for what is being received.

use super::{BlobError, ContentHash, Received, name, sync_folder};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// No upload takes so long: what lies in `incoming/` longer was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
    incoming: PathBuf,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Folder, BlobError> {
        let incoming = root.join("incoming");
        make_private(&incoming)?;
        // Others on this machine have no business here, whatever the umask was.
        std::fs::set_permissions(root, PermissionsExt::from_mode(0o700))?;
        for entry in std::fs::read_dir(&incoming)? {
            let entry = entry?;
            let written = entry.metadata()?.modified()?;
            let age = SystemTime::now().duration_since(written).unwrap_or_default();
            if age > ABANDONED {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Folder { root: root.to_owned(), incoming })
    }

    /// Where files are written before they are kept.
    pub(super) fn incoming(&self) -> &Path {
        &self.incoming
    }

    pub(super) fn keep(&self, received: Received) -> Result<(), BlobError> {
        let (shelf, rest) = name(received.sha256);
        let shelf = self.root.join(shelf);
        make_private(&shelf)?;
        received.file.as_file().sync_all()?;
        // Over a file of the same name, and so of the same bytes.
        received.file.persist(shelf.join(rest)).map_err(|failed| failed.error)?;
        sync_folder(&shelf)?;
        sync_folder(&self.root)?;
        Ok(())
    }

    pub(super) fn find(&self, hash: ContentHash) -> Result<File, BlobError> {
        let (shelf, rest) = name(hash);
        File::open(self.root.join(shelf).join(rest)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BlobError::Missing(hex::encode(hash)),
            _ => BlobError::Io(error),
        })
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
