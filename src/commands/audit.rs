//! `tradein audit`: what an auditor recomputes.

use crate::audit;
use anyhow::{Context, bail};
use diesel::{Connection, PgConnection};

/// Recomputes what the service has done
#[derive(Debug, clap::Args)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Reads every entry of every book again and compares the rows with what they add up to;
    /// prints each difference, and fails where there is one
    Replay {
        /// The database, as a role that may read all of it
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
}

impl Audit {
    pub fn run(self) -> anyhow::Result<()> {
        let What::Replay { database_url } = self.what;
        let mut connection =
            PgConnection::establish(&database_url).context("the database does not answer")?;
        let report = audit::run(&mut connection).context("the database cannot be read")?;
        report.differences.iter().for_each(|difference| println!("{difference}"));
        let (books, entries) = (report.books, report.entries);
        match report.differences.len() {
            0 => println!("{entries} entries of {books} books replayed: no difference"),
            count => bail!("{entries} entries of {books} books replayed: {count} differences"),
        }
        Ok(())
    }
}
