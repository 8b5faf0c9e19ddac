//! `tradein bench`: load against the real thing, and the speed of the rules alone.

use crate::bench::{quote, redeem, verify};
use std::path::PathBuf;

/// Measures this machine; use a release build (`make bench`)
#[derive(Debug, clap::Args)]
pub struct Bench {
    #[command(subcommand)]
    workload: Workload,
}

#[derive(Debug, clap::Subcommand)]
enum Workload {
    /// Durable captures over HTTP: private servers, production settings, a closed loop
    Redeem {
        #[arg(long, default_value_t = 64)]
        connections: usize,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Captures of one round
        #[arg(long, default_value_t = 4_000)]
        captures: usize,
        /// Twice as many rounds, every second one with the publisher of the logs
        #[arg(long)]
        log: bool,
        /// An empty folder for the servers' data [default: a new one, removed afterwards]
        #[arg(long)]
        data_dir: Option<PathBuf>,
    },
    /// One screening of a full appliance purchase by the rules, on one core, without a database
    Quote {
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// The offline proof of a large book, made first in the product's own encoding
    Verify {
        #[arg(long, default_value_t = 1_000_000)]
        entries: u64,
        /// Only signatures, tree, order, schema and balances
        #[arg(long)]
        structure: bool,
        /// A folder for the book, which is kept and used again
        #[arg(long)]
        dir: PathBuf,
    },
}

impl Bench {
    pub fn run(self) -> anyhow::Result<()> {
        if cfg!(debug_assertions) {
            println!("this is a debug build: its figures say nothing about a release build");
        }
        match self.workload {
            Workload::Quote { rounds } => quote::run(rounds),
            Workload::Verify { entries, structure, dir } => verify::bench(&dir, entries, structure),
            Workload::Redeem { connections, rounds, captures, log, data_dir } => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let size = redeem::Size { connections, rounds, captures, log };
                let own = data_dir.is_none();
                let folder = data_dir.unwrap_or_else(|| {
                    std::env::temp_dir().join(format!("tradein-bench-{}", std::process::id()))
                });
                let done = runtime.block_on(redeem::run(&folder, size));
                if own {
                    let _ = std::fs::remove_dir_all(&folder);
                }
                done
            }
        }
    }
}
