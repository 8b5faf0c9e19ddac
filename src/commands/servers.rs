//! `tradein servers`: private servers for a person who develops.

use crate::infra::local::{Profile, Role, Stack, default_folder};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Keeps a private PostgreSQL and Redis until Ctrl-C, and prints how to reach them
#[derive(Debug, clap::Args)]
pub struct Servers {
    /// Where they keep their data [default: ./data, as root /var/lib/tradein]
    #[arg(long, env = "TRADEIN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Do not wait for the disk: faster, and lost with the machine's power
    #[arg(long)]
    throwaway: bool,
}

impl Servers {
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.keep())
    }

    async fn keep(self) -> anyhow::Result<()> {
        // Listened to before the servers start, so that a signal in between stops them as well.
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let profile = if self.throwaway { Profile::Test } else { Profile::Durable };
        let folder = self.data_dir.unwrap_or_else(default_folder);
        let stack = tokio::task::spawn_blocking(move || Stack::start(folder, profile)).await??;
        println!("# data: {}", stack.folder().display());
        println!("DATABASE_URL='{}'", stack.app_url());
        println!("OWNER_DATABASE_URL='{}'", stack.owner_url());
        println!("SUPERUSER_DATABASE_URL='{}'", stack.url(Role::Superuser, "postgres"));
        println!("REDIS_URL='{}'", stack.redis_url());
        println!("# running; Ctrl-C stops both");
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        tokio::task::spawn_blocking(move || stack.stop()).await?;
        Ok(())
    }
}
