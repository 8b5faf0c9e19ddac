//! `tradein demo`: a whole sandbox in one process, for a person who looks around.
//!
//! A private PostgreSQL and Redis on unix sockets in a data folder, the real programmes, a small
//! world of shops and people, and the service on loopback. Then whole stories are played over the
//! service's own HTTP interface and printed as they happen, refusals too; then it serves until it
//! is told to stop.
//!
//! - **Everything goes over HTTP**, with tokens as a till or an app would have them. In process are
//!   only: migrating, loading the sample goods (they come from files and have no route), moving the
//!   sandbox's clock, and the audit at the end.
//! - **A story is checked while it is told.** Each step says which answer it expects, refusals by
//!   their code. One that goes otherwise is printed as such and ends its story; the program then
//!   ends with 1 (with `--once`; else it says so and serves).
//! - **The data folder is kept.** Each run tells its stories with new people and at later moments,
//!   since time in a book never runs back. The stories play in three years, oldest first, and a
//!   year leaves no open voucher behind: the sweep would else end it at a moment of a later year.
//!   The last year is that in which the sandbox goes on serving.
//! - **Nothing is left running**: the servers end with this process, whichever way it ends.
//!
//! ```text
//! <folder>/keys.toml      the secrets of this sandbox, made once
//! <folder>/tokens.pem     what signs its tokens, made once
//! <folder>/log            the signed logs
//! <folder>/tradein.log    what the service says, one JSON object a line
//! ```
//! The rest of the folder is `infra::local`'s.

mod client;
mod ending;
mod firms;
mod goods;
mod log;
mod print;
mod programmes;
mod server;
mod stories;
mod story;
mod world;

use anyhow::{Context, bail};
use print::Page;
use server::{Sandbox, Signals};
use std::path::PathBuf;
use story::Teller;
use world::World;

/// How the demo is to run.
#[derive(Clone, Debug)]
pub struct Options {
    pub data_dir: PathBuf,
    /// 0 takes a free one.
    pub port: u16,
    /// Start over: what is in the data folder is removed first.
    pub fresh: bool,
    /// End after the stories.
    pub once: bool,
    /// The folder of the programmes.
    pub programmes: PathBuf,
}

/// Runs the demo until its end.
///
/// # Errors
/// What keeps it from running, or that a step of a story went otherwise than it should.
pub async fn run(options: Options) -> anyhow::Result<()> {
    // Listened to before anything starts, so that a signal in between stops everything as well.
    let mut signals = Signals::listen()?;
    let page = Page::new();
    let programmes = programmes::read(&options.programmes)?;
    let mut sandbox = Sandbox::start(&options, &page).await?;
    let done = tokio::select! {
        told = tell(&sandbox, &page, &programmes) => told.map(Some),
        () = signals.received() => Ok(None),
    };
    let done = match done {
        Ok(Some(wrong)) if !options.once => {
            if wrong > 0 {
                page.line(&format!("{wrong} steps went otherwise than they should; see above."));
            }
            page.line(&format!("Serving on {}; Ctrl-C stops everything.", sandbox.url));
            tokio::select! {
                () = signals.received() => Ok(Some(wrong)),
                ended = sandbox.ended() => Err(ended),
            }
        }
        other => other,
    };
    sandbox.stop().await?;
    match done? {
        Some(wrong) if wrong > 0 => bail!("{wrong} steps went otherwise than they should"),
        Some(_) => Ok(()),
        None if options.once => bail!("stopped before the end of the stories"),
        None => Ok(()),
    }
}

/// Makes the world, tells every story, and says what there is to try. How many steps went wrong.
async fn tell(
    sandbox: &Sandbox,
    page: &Page,
    programmes: &[(String, String)],
) -> anyhow::Result<u32> {
    let world = World::make(sandbox, page, programmes).await.context("the world was not made")?;
    let mut teller = Teller::new(&world.client, page);
    stories::play_all(&world, &mut teller).await?;
    ending::books(&world, sandbox, &mut teller).await?;
    log::receipts(&world, sandbox, &mut teller).await?;
    ending::what_to_try(&world, sandbox, page).await?;
    Ok(teller.wrong)
}
