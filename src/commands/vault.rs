//! `tradein vault`: destroying what the people vault knows of somebody.

use super::register::{Terminal, keys};
use crate::erasure::{self, Doors, Order};
use crate::identity::model::PersonId;
use crate::identity::people::model::CaseNo;
use crate::infra::blobs::Blobs;
use crate::infra::settings::Settings;
use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::Arc;

/// Destroys what the people vault knows of somebody
#[derive(Debug, clap::Args)]
pub struct Vault {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Destroys a person's clear data and keys; every proof stays valid. Again, it finishes what
    /// broke off
    Erase {
        /// The person's id, such as per_0_019a0000000070008000000000000001
        person: PersonId,
        /// The number of the case in which it was decided; it stands in the ledger
        #[arg(long, value_parser = case)]
        case: CaseNo,
        /// What was approved for this person has been paid, so that no account is needed
        #[arg(long)]
        approved_were_paid: bool,
        /// The settings of the service: its database, keys, files and Redis
        #[arg(long, env = "TRADEIN_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Takes away what stays of the erased whose last year is over and closed
    Forget {
        /// The database, as the role that owns its tables
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
}

fn case(text: &str) -> Result<CaseNo, String> {
    CaseNo::try_from(text.to_owned()).map_err(|bad| bad.to_string())
}

impl Vault {
    /// # Errors
    /// One sentence that says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        match self.act {
            Act::Erase { person, case, approved_were_paid, config } => {
                let order = Order { person, case, is_paid: approved_were_paid };
                erase(&Settings::load(config.as_deref())?, &order)
            }
            Act::Forget { database_url } => {
                let count = erasure::forget(&mut connect(&database_url)?)
                    .context("only the role that owns the tables can delete from the vault")?;
                println!("{count} people forgotten");
                Ok(())
            }
        }
    }
}

fn connect(database_url: &str) -> anyhow::Result<PgConnection> {
    PgConnection::establish(database_url).context("the database does not answer")
}

fn erase(settings: &Settings, order: &Order) -> anyhow::Result<()> {
    let terminal = Terminal::of(settings)?;
    let mut connection = connect(settings.database.url.expose_secret())?;
    connection.batch_execute("SET lock_timeout = '10s'; SET TIME ZONE 'UTC'")?;
    let redis = redis::Client::open(settings.redis.url.expose_secret());
    let mut doors = Doors {
        connection: &mut connection,
        books: terminal.books_door(),
        keys: Arc::new(keys(settings)?),
        blobs: &Blobs::open(&settings.files).context("files.folder or files.bucket")?,
        redis: &redis.context("REDIS_URL is no address of Redis")?,
    };
    let erased = terminal.wait_for(erasure::erase(&mut doors, order))?;
    let (books, files) = (erased.books, erased.files);
    println!("erased: {books} books know a stand-in, {files} files destroyed");
    Ok(())
}
