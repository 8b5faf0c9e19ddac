//! Why private servers do not run: one sentence that says what is wrong, one that says what to do.

use std::path::PathBuf;

/// A refusal to start, or a start that failed.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error(
        "not found: {0}.\n  Debian and Ubuntu: sudo apt-get install -y postgresql redis-server\n  \
         or run `make prepare`, or point at servers of your own with DATABASE_URL and REDIS_URL"
    )]
    Missing(String),
    #[error(
        "another supervisor (process {pid}) uses {}. Stop it, or choose another folder",
        folder.display()
    )]
    InUse { folder: PathBuf, pid: String },
    #[error(
        "{} was made by PostgreSQL {made_by}, and only PostgreSQL {found} is installed here. \
         Install postgresql-{made_by}, choose another folder, or remove this one with its data",
        folder.display()
    )]
    OtherMajor { folder: PathBuf, made_by: String, found: u32 },
    #[error(
        "running as root, so the servers run as '{user}', but '{user}' cannot reach {} (a parent \
         folder is closed to it). Choose a folder outside it, for example /var/lib/tradein",
        folder.display()
    )]
    Unreachable { folder: PathBuf, user: String },
    #[error(
        "running as root, but there is neither a user 'postgres' nor a user 'nobody' to run the \
         servers as. Run as an ordinary user, or create one of them"
    )]
    NobodyToRunAs,
    #[error("{} belongs to another user. Choose another folder", folder.display())]
    Foreign { folder: PathBuf },
    #[error("{server} did not come up: {reason}. The end of {}:\n{tail}", log.display())]
    NotReady { server: &'static str, reason: String, log: PathBuf, tail: String },
    #[error("{server} is not running, so it cannot be paused, resumed or killed")]
    NotRunning { server: &'static str },
    #[error("initdb failed: {0}")]
    InitDb(String),
    #[error("the new PostgreSQL did not take its roles and database: {0}")]
    SetUp(String),
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
}

impl LocalError {
    /// Adds to an input or output error what was being done, and to what.
    pub(super) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> LocalError {
        let path = path.into();
        move |source| LocalError::Io { what, path, source }
    }
}
