//! Folders that the servers can reach, also when they run as another user than we do.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An empty folder, removed when dropped.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Scratch {
        // The usual mode of a temporary folder, 700, would shut out the servers' user.
        let open = std::fs::Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("tradein-").permissions(open).tempdir();
        Scratch(folder.expect("a temporary folder can be made"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Where stacks are kept from run to run, so that only the first run pays for initdb: in cargo's
/// target folder, and if the servers' user cannot reach that, among the temporary files.
pub fn lasting_folders() -> [PathBuf; 2] {
    let user = nix::unistd::Uid::effective();
    let temporary = std::env::temp_dir().join(format!("tradein-test-{user}"));
    [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), temporary]
}
