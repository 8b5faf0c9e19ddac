//! `tradein healthcheck`: what a container's engine asks, without another program in the image.

use crate::infra::settings::Settings;
use anyhow::{Context, ensure};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Less than the time that the container's engine gives us.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the service of this machine whether it lives; ends with 0 if it says so
#[derive(Debug, clap::Args)]
pub struct Healthcheck {
    /// The settings that the service was started with
    #[arg(long, env = "TRADEIN_CONFIG")]
    config: Option<PathBuf>,
}

impl Healthcheck {
    pub fn run(self) -> anyhow::Result<()> {
        let settings = Settings::load(self.config.as_deref())?;
        let bind: SocketAddr = settings.http.bind.parse().context("http.bind is no address")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(ask(reachable(bind)))
    }
}

async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    // A proxy for the outside would not reach this machine's own address.
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let url = format!("http://{address}/livez");
    let answer = client.get(&url).send().await.with_context(|| format!("no answer at {url}"))?;
    ensure!(answer.status().is_success(), "{url} answered {}", answer.status());
    Ok(())
}

/// A service that listens on every address is asked on this machine's own.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let own: IpAddr = match bind.ip() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if bind.ip().is_unspecified() { SocketAddr::new(own, bind.port()) } else { bind }
}
