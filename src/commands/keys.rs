//! `tradein keys`: the secrets of a deployment.

use crate::book::publish::LogKeys;
use crate::infra::keys::{KeyRing, new_key_file, write_secret_file};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Prints the public keys that sign the log of a book, for auditors and witnesses
    Log {
        file: PathBuf,
        /// The name of the deployment, as the setting log.origin has it
        #[arg(long)]
        origin: String,
        /// A book, such as 310000/appliance/2026
        #[arg(long, default_value = "register")]
        book: String,
    },
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
            Action::Log { file, origin, book } => {
                let ring = Arc::new(KeyRing::from_file(&file, false)?);
                let keys = LogKeys::new(ring, &origin)?;
                keys.verifiers(&book).iter().for_each(|key| println!("{key}"));
            }
        }
        Ok(())
    }
}
