//! The folder of one supervisor: who may use it, and where things are in it.

use super::error::LocalError;
use super::run_as::RunAs;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest path of a socket is 107 bytes on Linux and 103 on macOS; PostgreSQL adds 19 for
/// the name of its socket and 6 for the lock beside it.
const LONGEST_SOCKET_FOLDER: usize = 103 - 25;

/// A folder that this process alone supervises, until it drops this or ends.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    sockets: PathBuf,
    /// The kernel releases the lock with the file, however the process ends.
    lock: File,
}

/// Where servers keep their data if nobody says otherwise. As root not below the current folder,
/// because an unprivileged user often cannot reach that.
pub fn default_folder() -> PathBuf {
    if nix::unistd::Uid::effective().is_root() { "/var/lib/tradein".into() } else { "data".into() }
}

impl Folder {
    /// Makes the folder if it is new, and takes it for this process.
    pub fn take(path: &Path, run_as: &RunAs) -> Result<Folder, LocalError> {
        std::fs::create_dir_all(path).map_err(LocalError::io("create", path))?;
        let root = path.canonicalize().map_err(LocalError::io("find", path))?;
        let lock = lock(&root)?;
        let sockets = socket_folder(&root);
        let folder = Folder { root, sockets, lock };
        for own in [folder.redis(), folder.sockets.clone()] {
            private_folder(&own, run_as)?;
            run_as.check_reach(&own, &folder.root)?;
        }
        Ok(folder)
    }

    /// The folder itself, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// PostgreSQL's data.
    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Redis' working folder.
    pub fn redis(&self) -> PathBuf {
        self.root.join("redis")
    }

    /// Both sockets.
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// What a server says.
    pub fn log(&self, server: &str) -> PathBuf {
        self.root.join(format!("{server}.log"))
    }

    /// The major version of PostgreSQL that made the data, if there is any.
    pub fn made_by(&self) -> Option<String> {
        let version = std::fs::read_to_string(self.postgres().join("PG_VERSION")).ok()?;
        Some(version.trim().to_owned())
    }
}

impl Drop for Folder {
    /// Closing the file is not enough: a child that another thread is just starting has it open
    /// until it becomes its own program.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// A folder that only the servers' user may enter. One that is there must be that user's already:
/// in a shared place such as /tmp somebody else could have put it there.
pub fn private_folder(path: &Path, run_as: &RunAs) -> Result<(), LocalError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => run_as.own(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let there = path.symlink_metadata().map_err(LocalError::io("look at", path))?;
            if there.is_dir() && there.uid() == run_as.uid() {
                return Ok(());
            }
            Err(LocalError::Foreign { folder: path.into() })
        }
        Err(error) => Err(LocalError::io("create", path)(error)),
    }
}

/// Takes the folder's lock and writes our process number beside it, for the next one's message.
fn lock(root: &Path) -> Result<File, LocalError> {
    let path = root.join("supervisor.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(LocalError::io("open", &path))?;
    if file.try_lock().is_err() {
        let mut pid = String::new();
        file.read_to_string(&mut pid).map_err(LocalError::io("read", &path))?;
        return Err(LocalError::InUse { folder: root.into(), pid: pid.trim().into() });
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(LocalError::io("write", &path))?;
    Ok(file)
}

/// `run` inside the folder, or a short name of its own where that would be too long for a socket.
fn socket_folder(root: &Path) -> PathBuf {
    let inside = root.join("run");
    if inside.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return inside;
    }
    let name = hex::encode(&Sha256::digest(root.as_os_str().as_bytes())[..8]);
    Path::new("/tmp").join(format!("tradein-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_folder_gets_a_short_name_for_its_sockets() {
        assert_eq!(socket_folder(Path::new("/data")), Path::new("/data/run"));
        let long = PathBuf::from(format!("/{}", "long".repeat(40)));
        let short = socket_folder(&long);
        assert!(short.as_os_str().len() <= LONGEST_SOCKET_FOLDER);
        assert_eq!(short, socket_folder(&long));
        assert_ne!(short, socket_folder(&long.join("other")));
    }
}
