//! How our Redis is run.

use super::binaries;
use super::error::LocalError;
use super::folder::Folder;
use super::run_as::RunAs;
use super::server::{Plan, Server};
use super::url;
use nix::sys::signal::Signal;
use std::time::Duration;

/// Enough logical databases for one per test.
const DATABASES: &str = "1024";

/// Returns a server that does not run yet.
pub fn prepare(folder: &Folder, run_as: &RunAs) -> Result<Server, LocalError> {
    let socket = folder.sockets().join("redis.sock").display().to_string();
    let args: [&[&str]; 5] = [
        &["--port", "0"],
        &["--unixsocket", &socket, "--unixsocketperm", "700"],
        // Nothing is saved: what Redis knows can be loaded from PostgreSQL again.
        &["--save", "", "--appendonly", "no"],
        &["--databases", DATABASES],
        &["--daemonize", "no"],
    ];
    Ok(Server::new(Plan {
        name: "Redis",
        program: binaries::find_redis()?,
        args: args.concat().into_iter().map(str::to_owned).collect(),
        folder: folder.redis(),
        log: folder.log("redis"),
        run_as: run_as.clone(),
        stop: Signal::SIGTERM,
        // It has nothing to save, and this ends a paused one too.
        when_orphaned: Signal::SIGKILL,
        clear: |_| Ok(()),
        answers,
        url: url::redis(folder.sockets()),
    }))
}

fn answers(plan: &Plan) -> Result<(), String> {
    let patience = Duration::from_secs(2);
    let ping = || {
        let client = redis::Client::open(plan.url.as_str())?;
        let mut connection = client.get_connection_with_timeout(patience)?;
        connection.set_read_timeout(Some(patience))?;
        redis::cmd("PING").query::<String>(&mut connection)
    };
    ping().map(|_| ()).map_err(|error: redis::RedisError| error.to_string())
}
