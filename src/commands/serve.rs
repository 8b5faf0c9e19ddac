//! `tradein serve`: the service.

use crate::infra::settings::Settings;
use crate::infra::telemetry;
use crate::wiring::{Wiring, serve_metrics};
use anyhow::Context;
use std::net::TcpListener;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Serves the interface until SIGTERM or Ctrl-C, then answers what is under way and ends
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Settings over the defaults; every one of them has a twin in the environment
    #[arg(long, env = "TRADEIN_CONFIG")]
    config: Option<PathBuf>,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::log_json();
        keep_small();
        let settings = Settings::load(self.config.as_deref())?;
        let wiring = Wiring::new(settings)?;
        actix_web::rt::System::new().block_on(serve(wiring))
    }
}

/// Asks the kernel for small pages. With huge ones it gives two megabytes wherever the allocator
/// touches a few kilobytes, and a service on a small machine keeps twice the memory that it uses.
fn keep_small() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::debug!(%error, "serve.huge_pages");
    }
}

async fn serve(wiring: Wiring) -> anyhow::Result<()> {
    let settings = wiring.settings.clone();
    let bind = &settings.http.bind;
    let listener = listen(bind)?;
    let private = &settings.http.private_bind;
    if !private.is_empty() {
        let metrics = serve_metrics(listen(private)?, telemetry::metrics()?)?;
        actix_web::rt::spawn(metrics);
    }
    tracing::info!(bind, private, "serve.started");
    wiring.serve(listener, stopped()).await?;
    tracing::info!("serve.stopped");
    Ok(())
}

/// Listens, or says why not and what to do.
pub fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; choose another http.bind"))
}

/// Ends when the process is asked to stop.
pub async fn stopped() {
    let (Ok(mut interrupted), Ok(mut terminated)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
}
