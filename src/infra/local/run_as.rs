//! Who the servers run as: ourselves, or an unprivileged user when we are root.

use super::error::LocalError;
use nix::unistd::{Uid, User};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The user of the server processes and the owner of their folders.
#[derive(Clone, Debug)]
pub struct RunAs {
    /// Only when we are root: whom to become. PostgreSQL refuses to run as root.
    drop_to: Option<User>,
}

impl RunAs {
    /// Ourselves, or `postgres`, or `nobody`.
    pub fn choose() -> Result<RunAs, LocalError> {
        if !Uid::effective().is_root() {
            return Ok(RunAs { drop_to: None });
        }
        let known = |name| User::from_name(name).ok().flatten();
        let user = known("postgres").or_else(|| known("nobody"));
        user.map(|user| RunAs { drop_to: Some(user) }).ok_or(LocalError::NobodyToRunAs)
    }

    /// Makes a command run as this user; the standard library drops the extra groups as well.
    pub fn apply(&self, command: &mut Command) {
        if let Some(user) = &self.drop_to {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    /// Gives a path to this user.
    pub fn own(&self, path: &Path) -> Result<(), LocalError> {
        let Some(user) = &self.drop_to else { return Ok(()) };
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(LocalError::io("give away", path))
    }

    /// The user id that owns the servers' folders.
    pub fn uid(&self) -> u32 {
        self.drop_to.as_ref().map_or(Uid::effective(), |user| user.uid).as_raw()
    }

    /// Whether the user can write in a folder of its own: it cannot when a parent is closed to
    /// it. Asked by doing it, because mode bits are not the whole truth (access lists).
    pub fn check_reach(&self, own_folder: &Path, named: &Path) -> Result<(), LocalError> {
        let Some(user) = &self.drop_to else { return Ok(()) };
        let mut test = Command::new("test");
        test.arg("-w").arg(own_folder).current_dir("/").stderr(Stdio::null());
        self.apply(&mut test);
        let reached = test.status().map_err(LocalError::io("ask for access to", own_folder))?;
        if reached.success() {
            return Ok(());
        }
        Err(LocalError::Unreachable { folder: named.into(), user: user.name.clone() })
    }
}
