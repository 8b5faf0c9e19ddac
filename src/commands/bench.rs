//! `tradein bench`: load against the real thing, and the speed of the rules alone.

use crate::bench::{drop, overload, quote, redeem};
use std::path::{Path, PathBuf};

/// Measures this machine; use a release build (`make bench`)
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Debug, clap::Subcommand)]
enum Workload {
    /// Durable captures over HTTP: private servers, production settings, beside pgbench
    Redeem {
        /// Connections of the closed loops
        #[arg(long, value_delimiter = ',', default_value = "64,128,256")]
        connections: Vec<usize>,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Captures of one measurement
        #[arg(long, default_value_t = 4_000)]
        captures: usize,
        /// Also print what each of PostgreSQL's statements cost
        #[arg(long)]
        statements: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Everybody claims at once: each person a token of his own, far fewer vouchers than people
    Drop {
        #[arg(long, default_value_t = 100_000)]
        people: usize,
        #[arg(long, default_value_t = 10_000)]
        vouchers: usize,
        #[arg(long, default_value_t = 256)]
        connections: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Four times its capacity offered to a service that is held to one core
    Overload {
        /// Captures from which the capacity is taken
        #[arg(long, default_value_t = 4_000)]
        captures: usize,
        /// How long too much is offered
        #[arg(long, default_value_t = 5)]
        seconds: usize,
        #[command(flatten)]
        place: Place,
    },
    /// One screening of a full appliance purchase by the rules, on one core, without a database
    Quote {
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// An empty folder for the servers' data [default: a new one, removed afterwards]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Write the report there as JSON too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Bench {
    pub fn run(self) -> anyhow::Result<()> {
        if cfg!(debug_assertions) {
            println!("this is a debug build: its figures say nothing about a release build");
        }
        match self.workload {
            Workload::Quote { rounds } => quote::run(rounds),
            Workload::Drop { people, vouchers, connections, place } => {
                let json = place.json.clone();
                let size = drop::Size { people, vouchers, connections, json };
                place.run(async |folder| drop::run(folder, size).await)
            }
            Workload::Overload { captures, seconds, place } => {
                let size = overload::Size { captures, seconds, json: place.json.clone() };
                place.run(async |folder| overload::run(folder, size).await)
            }
            Workload::Redeem { connections, rounds, captures, statements, place } => {
                let json = place.json.clone();
                let size = redeem::Size { connections, rounds, captures, statements, json };
                place.run(async |folder| redeem::run(folder, size).await)
            }
        }
    }
}

impl Place {
    /// Runs a workload in the folder; one of our own is removed afterwards.
    fn run(&self, work: impl AsyncFnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let own = || std::env::temp_dir().join(format!("tradein-bench-{}", std::process::id()));
        let folder = self.data_dir.clone().unwrap_or_else(own);
        let done = runtime.block_on(work(&folder));
        if self.data_dir.is_none() {
            let _ = std::fs::remove_dir_all(&folder);
        }
        done
    }
}
