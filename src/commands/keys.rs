//! `tradein keys`: the secrets of a deployment.

use crate::infra::keys::{KeyRing, new_key_file};
use anyhow::Context;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Makes and checks the file of a deployment's secrets
#[derive(Debug, clap::Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Makes a file with fresh secrets that only its owner may read; never overwrites one
    New { file: PathBuf },
    /// Says whether `tradein serve` would take a file
    Check { file: PathBuf },
}

impl Keys {
    pub fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::New { file } => {
                write_secret_file(&file, &new_key_file())?;
                println!("made {}; keep a copy apart from the database's backups", file.display());
            }
            Action::Check { file } => {
                KeyRing::from_file(&file, false)?;
                println!("{} is good", file.display());
            }
        }
        Ok(())
    }
}

/// Writes a new file that only its owner may read, from the first byte on.
///
/// # Errors
/// When there is one already: a secret that is overwritten is lost for ever.
pub fn write_secret_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}
