//! `tradein bench`: load against the real thing, and the speed of the rules alone.

use crate::bench::{
    drop, export, grow, instructions, mix, overload, publish, quote, redeem, soak, verify,
};
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
    /// Instructions of the pure paths, as valgrind counts them
    Instructions {
        /// Only walk this path, uncounted: what valgrind watches
        #[arg(long, requires = "times")]
        path: Option<String>,
        #[arg(long, requires = "path")]
        times: Option<u64>,
    },
    /// The offline proof of a large book, made first in the product's own encoding
    Verify {
        #[arg(long, default_value_t = 1_000_000)]
        entries: u64,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Only signatures, tree, order, schema and balances
        #[arg(long)]
        structure: bool,
        /// A folder for the book, which is kept and used again
        #[arg(long)]
        dir: PathBuf,
        /// Write the report there as JSON too
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// A book of a real database taken home, beside a plain COPY of the same rows
    Export {
        /// Captures that the book is filled with: three entries each
        #[arg(long, default_value_t = 20_000)]
        captures: usize,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Captures beside millions of existing vouchers, marks and entries
    Grow {
        /// Existing vouchers at each step
        #[arg(long, value_delimiter = ',', default_value = "0,1000000,5000000")]
        vouchers: Vec<u64>,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Captures of one round
        #[arg(long, default_value_t = 4_000)]
        captures: usize,
        #[command(flatten)]
        place: Place,
    },
    /// Half of the best rate for a long time: memory and latency must stay flat
    Soak {
        #[arg(long, default_value_t = 30)]
        minutes: u32,
        #[command(flatten)]
        place: Place,
    },
    /// A day's shape: claims, quotes, purchases, applications, looks, and an auditor's export
    Mix {
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Hundreds of requests of one measurement, three a round
        #[arg(long, default_value_t = 40)]
        hundreds: usize,
        #[command(flatten)]
        place: Place,
    },
    /// What the publisher of the logs costs: rounds of captures with it and without, in turn
    Publish {
        #[arg(long, default_value_t = 64)]
        connections: usize,
        /// Rounds of each
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Captures of one round
        #[arg(long, default_value_t = 4_000)]
        captures: usize,
        #[command(flatten)]
        place: Place,
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
        let is_counted = matches!(self.workload, Workload::Instructions { .. });
        if cfg!(debug_assertions) && !is_counted {
            println!("this is a debug build: its figures say nothing about a release build");
        }
        match self.workload {
            Workload::Quote { rounds } => quote::run(rounds),
            Workload::Instructions { path: Some(path), times } => {
                instructions::walk(&path, times.unwrap_or_default())
            }
            Workload::Instructions { path: None, .. } => instructions::run(),
            Workload::Verify { entries, rounds, structure, dir, json } => {
                let size = verify::Size { entries, rounds, only_structure: structure, json };
                verify::bench(&dir, &size)
            }
            Workload::Export { captures, rounds, place } => {
                let size = export::Size { captures, rounds, json: place.json.clone() };
                place.run(async |folder| export::run(folder, size).await)
            }
            Workload::Grow { vouchers, rounds, captures, place } => {
                let json = place.json.clone();
                let size = grow::Size { vouchers, rounds, captures, json };
                place.run(async |folder| grow::run(folder, size).await)
            }
            Workload::Soak { minutes, place } => {
                let size = soak::Size { minutes, json: place.json.clone() };
                place.run(async |folder| soak::run(folder, size).await)
            }
            Workload::Mix { rounds, hundreds, place } => {
                let size = mix::Size { rounds, hundreds, json: place.json.clone() };
                place.run(async |folder| mix::run(folder, size).await)
            }
            Workload::Publish { connections, rounds, captures, place } => {
                let json = place.json.clone();
                let size = publish::Size { connections, rounds, captures, json };
                place.run(async |folder| publish::run(folder, size).await)
            }
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
