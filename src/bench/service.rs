//! The service under load: `tradein serve` as a process of its own, as in a deployment, so that
//! its processor time and memory are its own.

use super::client::{Connection, get};
use super::process;
use super::world::Options;
use crate::identity::token::Mint;
use crate::infra::local::Stack;
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// When the load plays: an afternoon at which the programme of the load is in force.
pub const MOMENT: &str = "2024-10-01T12:00:00+08:00";

/// How long the service may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running service.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    metrics: SocketAddr,
    /// From the start of the process to its first answer.
    pub started_in: Duration,
}

impl Service {
    /// Starts it on a stack that is migrated, and returns once it has answered. Options may pin it.
    pub async fn start(stack: &Stack, mint: &Mint, options: Options) -> anyhow::Result<Service> {
        let folder = stack.folder();
        let trusted = format!("[[key]]\n{}", toml::to_string(&mint.trusted())?);
        std::fs::write(folder.join("tokens.toml"), trusted)?;
        let (address, metrics) = (free_address()?, free_address()?);
        std::fs::write(folder.join("tradein.toml"), settings(folder, address, metrics, options))?;
        let own = std::env::current_exe()?;
        let mut command = match options.core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", &core.to_string()]).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.arg("serve").arg("--config").arg(folder.join("tradein.toml"));
        command.env("DATABASE_URL", stack.app_url()).env("REDIS_URL", stack.redis_url());
        // The log is written as in a deployment: a line a request.
        command.stderr(File::create(folder.join("tradein.log"))?);
        let began = Instant::now();
        let child = command.spawn().context("the service does not start")?;
        let mut service = Service { child, address, metrics, started_in: Duration::ZERO };
        while !service.answers().await {
            if service.child.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(folder.join("tradein.log")).unwrap_or_default();
                bail!("the service did not come up: {log}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        service.started_in = began.elapsed();
        Ok(service)
    }

    async fn answers(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.address).await else { return false };
        matches!(connection.send(&get("/readyz", "none")).await, Ok(200))
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Batches so far, and commands in them, of all books.
    pub async fn batches(&self) -> anyhow::Result<(f64, f64)> {
        let mut connection = Connection::open(self.metrics).await?;
        connection.send(&get("/metrics", "none")).await?;
        let text = String::from_utf8_lossy(connection.body()).into_owned();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        Ok((value("tradein_book_batch_size_count"), value("tradein_book_batch_size_sum")))
    }

    /// Megabytes that it has in memory now, and the most that it ever had.
    pub fn memory(&self) -> (f64, f64) {
        process::memory_of(self.process_id())
    }
}

impl Drop for Service {
    /// Asks it to end in good order and waits until it has.
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Only what a deployment must set, and the sandbox's clock: the rules of the load are those of
/// 2024. No balancer stands before it.
fn settings(folder: &Path, address: SocketAddr, metrics: SocketAddr, options: Options) -> String {
    let keys = folder.join("tokens.toml");
    let log = match options.without_log {
        true => String::new(),
        false => format!("[log]\nfolder = \"{}\"\n", folder.join("log").display()),
    };
    format!(
        "[http]\nbind = \"{address}\"\nprivate_bind = \"{metrics}\"\nleave_seconds = 0\n\
         [tokens]\nkeys_file = \"{}\"\n[sandbox]\nenabled = true\nstarts_at = \"{MOMENT}\"\n{log}",
        keys.display()
    )
}

/// A free port below 32768: outgoing connections take higher ones.
fn free_address() -> anyhow::Result<SocketAddr> {
    for _ in 0..100 {
        let port = rand::random_range(20_000..32_000);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no port between 20000 and 32000 is free")
}
