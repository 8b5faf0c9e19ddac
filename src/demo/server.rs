//! The private servers, the service on them, and how all of it ends.

use super::Options;
use super::print::Page;
use crate::audit;
use crate::identity::token::Mint;
use crate::infra::keys::{KeyRing, new_key_file, write_secret_file};
use crate::infra::local::{Profile, Stack};
use crate::infra::settings::Settings;
use crate::infra::{migrations, telemetry};
use crate::kernel::time::Moment;
use crate::wiring::{Wiring, serve_metrics};
use anyhow::{Context, anyhow};
use diesel::{Connection, PgConnection};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Before the first story: nothing in any book is over yet, so the sweep has nothing to write.
const BEGINNING: &str = "2024-10-01T09:00:00+08:00";

/// Everything that runs.
pub struct Sandbox {
    pub wiring: Wiring,
    pub mint: Arc<Mint>,
    /// `http://127.0.0.1:8080`
    pub url: String,
    pub metrics: String,
    stack: Stack,
    stop: oneshot::Sender<()>,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Sandbox {
    /// Starts servers and service, migrated and reachable.
    pub async fn start(options: &Options, page: &Page) -> anyhow::Result<Sandbox> {
        // First, since it fails fast: a taken port is found before a server is started.
        let listener = listen(options.port)?;
        let folder = options.data_dir.clone();
        if options.fresh {
            start_over(&folder)?;
        }
        let kept = folder.join("postgres").exists();
        page.line(match kept {
            true => "Starting PostgreSQL and Redis on the data that is there …",
            false => "Making and starting a private PostgreSQL and Redis …",
        });
        let stack = blocking(move || Ok(Stack::start(folder, Profile::Durable)?)).await?;
        let owner_url = stack.owner_url();
        blocking(move || migrations::run(&owner_url)).await?;
        let folder = stack.folder();
        let log = OpenOptions::new().create(true).append(true).open(folder.join("tradein.log"))?;
        telemetry::log_json_to(log);
        let mut settings = Settings::load(None)?;
        settings.database.url = stack.app_url().into();
        settings.redis.url = stack.redis_url().into();
        settings.log.folder = folder.join("log");
        settings.log.origin = "demo.tradein.example".to_owned();
        settings.log.heads_seconds = 10;
        // A laptop may be busy with other things; nobody waits in a queue here.
        settings.database.lock_timeout_ms = 10_000;
        settings.database.statement_timeout_ms = 20_000;
        settings.book.sweep_seconds = 1;
        // No balancer stands before a demo.
        settings.http.leave_seconds = 0;
        settings.http.drain_seconds = 2;
        let keys = secret(folder, "keys.toml", || new_key_file().to_string())?;
        let keys = KeyRing::from_file(&keys, true)?;
        let pem = secret(folder, "tokens.pem", || Mint::generate_pem().to_string())?;
        let pem = std::fs::read_to_string(pem)?;
        let mint = Arc::new(Mint::from_pem(&pem, &settings.tokens.audience)?);
        let wiring = Wiring::sandbox(settings, keys, &mint)?;
        wiring.clock.set(BEGINNING.parse::<Moment>()?);
        let metrics = private_listener(listener.local_addr()?.port())?;
        let metrics_url = format!("http://{}/metrics", metrics.local_addr()?);
        actix_web::rt::spawn(serve_metrics(metrics, telemetry::metrics()?)?);
        let url = format!("http://{}", listener.local_addr()?);
        page.line(&format!("The data is kept in {}.", folder.display()));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = wiring.clone().serve(listener, async {
            let _ = stopped.await;
        });
        let serving = Some(actix_web::rt::spawn(serving));
        Ok(Sandbox { wiring, mint, url, metrics: metrics_url, stack, stop, serving })
    }

    /// Replays every book and compares all rows with what the entries add up to, as
    /// `tradein audit replay` does.
    pub async fn replay(&self) -> anyhow::Result<audit::Report> {
        let url = self.stack.owner_url();
        blocking(move || Ok(audit::run(&mut PgConnection::establish(&url)?)?)).await
    }

    /// Where the signed logs are kept.
    pub fn log_folder(&self) -> &Path {
        &self.wiring.settings.log.folder
    }

    /// Comes back only where the service ends by itself, which it should not.
    pub async fn ended(&mut self) -> anyhow::Error {
        let Some(serving) = &mut self.serving else { return std::future::pending().await };
        let ended = serving.await;
        self.serving = None;
        match ended {
            Ok(Err(error)) => error.context("the service ended"),
            _ => anyhow!("the service ended by itself"),
        }
    }

    /// Stops the service, which answers what is under way, then Redis, then PostgreSQL.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Sandbox { stop, stack, serving, wiring, .. } = self;
        let _ = stop.send(());
        let ended = match serving {
            Some(serving) => serving.await?,
            None => Ok(()),
        };
        drop(wiring);
        blocking(move || {
            stack.stop();
            Ok(())
        })
        .await?;
        ended
    }
}

/// What asks a process to stop.
pub struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    pub fn listen() -> anyhow::Result<Signals> {
        Ok(Signals {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} of 127.0.0.1 is taken; choose another with --port (0: a free one)")
        }
        _ => anyhow!("cannot listen on 127.0.0.1:{port}: {error}; choose another with --port"),
    })
}

/// The next port for the metrics, or any that is free.
fn private_listener(port: u16) -> anyhow::Result<TcpListener> {
    let next = TcpListener::bind(("127.0.0.1", port.saturating_add(1)));
    next.or_else(|_| TcpListener::bind(("127.0.0.1", 0))).context("no port is free for /metrics")
}

/// The file of a secret, made where there is none yet.
fn secret(folder: &Path, name: &str, make: impl FnOnce() -> String) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    if !path.exists() {
        write_secret_file(&path, &make())?;
    }
    Ok(path)
}

/// Removes what an earlier demo left in the folder: our own things only, by their names, and
/// nothing while another process supervises it.
fn start_over(folder: &Path) -> anyhow::Result<()> {
    let Ok(lock) = File::open(folder.join("supervisor.lock")) else { return Ok(()) };
    // Where somebody else has it, starting says so in a sentence of its own.
    if lock.try_lock().is_err() {
        return Ok(());
    }
    for name in ["postgres", "redis", "run", "log"] {
        absent_is_fine(std::fs::remove_dir_all(folder.join(name)))
            .with_context(|| format!("cannot remove {}", folder.join(name).display()))?;
    }
    for name in ["keys.toml", "tokens.pem", "tradein.log", "postgres.log", "redis.log"] {
        absent_is_fine(std::fs::remove_file(folder.join(name)))
            .with_context(|| format!("cannot remove {}", folder.join(name).display()))?;
    }
    Ok(())
}

fn absent_is_fine(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}
