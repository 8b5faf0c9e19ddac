//! `tradein demo`: a whole sandbox.

use crate::demo::{self, Options};
use crate::infra::local::default_folder;
use std::path::PathBuf;

/// Starts a whole sandbox, plays stories over its HTTP interface, and serves until Ctrl-C
///
/// A private PostgreSQL and Redis, the real programmes, a few shops and people. The data is kept
/// for the next run. Nothing is left running, whichever way it ends.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Where the data is kept [default: ./data, as root /var/lib/tradein]
    #[arg(long, env = "TRADEIN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The port of 127.0.0.1 to serve on; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Remove the data of earlier runs first
    #[arg(long)]
    fresh: bool,
    /// End after the stories: with 0, or with 1 where a step went otherwise than it should
    #[arg(long)]
    once: bool,
    /// The folder of the programmes to publish
    #[arg(long, default_value = "config/programmes")]
    programmes: PathBuf,
}

impl Demo {
    pub fn run(self) -> anyhow::Result<()> {
        let options = Options {
            data_dir: self.data_dir.unwrap_or_else(default_folder),
            port: self.port,
            fresh: self.fresh,
            once: self.once,
            programmes: self.programmes,
        };
        actix_web::rt::System::new().block_on(demo::run(options))
    }
}
