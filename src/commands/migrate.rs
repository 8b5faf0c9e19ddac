//! `tradein migrate`: brings a database to this program's schema.

use crate::infra::migrations;

/// Brings the database to this program's schema; does nothing when it is there
#[derive(Debug, clap::Args)]
pub struct Migrate {
    /// The database, as the role that owns it
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
}

impl Migrate {
    pub fn run(self) -> anyhow::Result<()> {
        let run = migrations::run(&self.database_url)?;
        run.iter().for_each(|version| println!("migrated {version}"));
        println!("the database is at this program's schema ({} steps run)", run.len());
        Ok(())
    }
}
