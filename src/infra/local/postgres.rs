//! How our PostgreSQL is made and run.

use super::Profile;
use super::binaries;
use super::error::LocalError;
use super::folder::{Folder, private_folder};
use super::process;
use super::run_as::RunAs;
use super::server::{Plan, Server, end_left_over};
use super::url;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Command, Stdio};

/// The superuser that initdb makes. Only the supervisor and tests use it.
pub const SUPERUSER: &str = "postgres";

/// Finds the right programs, makes the data folder if it is new, and returns a server that does
/// not run yet.
pub fn prepare(folder: &Folder, profile: Profile, run_as: &RunAs) -> Result<Server, LocalError> {
    let bin = choose(folder)?;
    if folder.made_by().is_none() {
        initialise(folder, profile, run_as, &bin)?;
    }
    Ok(Server::new(Plan {
        name: "PostgreSQL",
        program: bin.join("postgres"),
        args: arguments(folder, profile),
        folder: folder.postgres(),
        log: folder.log("postgres"),
        run_as: run_as.clone(),
        // The "fast" shutdown: open transactions are rolled back, and it writes a checkpoint.
        stop: Signal::SIGINT,
        when_orphaned: Signal::SIGINT,
        clear,
        answers,
        url: url::postgres(SUPERUSER, "postgres", folder.sockets()),
    }))
}

/// The newest PostgreSQL for a new folder; for an old one that which made it.
fn choose(folder: &Folder) -> Result<std::path::PathBuf, LocalError> {
    let installed = binaries::find_postgres()?;
    let Some(made_by) = folder.made_by() else { return Ok(installed[0].bin.clone()) };
    let same = installed.iter().find(|postgres| postgres.major.to_string() == made_by);
    same.map(|postgres| postgres.bin.clone()).ok_or_else(|| LocalError::OtherMajor {
        folder: folder.postgres(),
        made_by,
        found: installed[0].major,
    })
}

/// Runs initdb beside the final place and renames the result, so that an interrupted one leaves
/// nothing that looks like data.
fn initialise(
    folder: &Folder,
    profile: Profile,
    run_as: &RunAs,
    bin: &Path,
) -> Result<(), LocalError> {
    let data = folder.postgres();
    let unfinished = data.with_extension("new");
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(LocalError::io("remove", &unfinished)(error));
        }
        _ => private_folder(&unfinished, run_as)?,
    }
    let initdb = bin.join("initdb");
    let mut command = Command::new(&initdb);
    command.args(["--auth=trust", "--locale=C", "--encoding=UTF8", "--username", SUPERUSER]);
    if profile == Profile::Test {
        command.arg("--no-sync");
    }
    command.arg("--pgdata").arg(&unfinished).current_dir(&unfinished);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = process::spawn(command, run_as, Signal::SIGTERM)
        .and_then(|child| child.wait_with_output())
        .map_err(LocalError::io("run", &initdb))?;
    if !output.status.success() {
        return Err(LocalError::InitDb(String::from_utf8_lossy(&output.stderr).trim().into()));
    }
    std::fs::rename(&unfinished, &data).map_err(LocalError::io("rename", &unfinished))
}

fn arguments(folder: &Folder, profile: Profile) -> Vec<String> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories={}", folder.sockets().display()),
        format!("port={}", url::PORT),
        "timezone=UTC".into(),
        "log_timezone=UTC".into(),
        "max_connections=300".into(),
        // Our statements are short and many; compiling one costs more than it can win.
        "jit=off".into(),
    ];
    match profile {
        Profile::Durable => settings.extend([
            format!("shared_buffers={}MB", shared_buffers_mb()),
            // Every first change of a page after a checkpoint writes the whole page to the log,
            // so checkpoints are made rare.
            "max_wal_size=4GB".into(),
            "checkpoint_timeout=30min".into(),
        ]),
        // Only the wait for the disk is left out. Without synchronous_commit a killed server
        // would forget the last commits, without full_page_writes it could keep half a page, and
        // tests of faults rely on neither happening.
        Profile::Test => settings.extend(["fsync=off".into(), "shared_buffers=128MB".into()]),
    }
    let data = ["-D".into(), folder.postgres().display().to_string()];
    data.into_iter().chain(settings.into_iter().flat_map(|set| ["-c".into(), set])).collect()
}

/// A quarter of the memory, PostgreSQL's own advice for a machine that it has to itself, but never
/// more than 4 GB: this machine also runs us, Redis and perhaps a desktop.
fn shared_buffers_mb() -> u64 {
    let memory_mb = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().next()?.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(1024, |kilobytes| kilobytes / 1024);
    (memory_mb / 4).clamp(128, 4096)
}

/// A killed supervisor's PostgreSQL may still be ending, or may have left files that name a
/// process number which by now is somebody else's. We hold the folder's lock, so no living
/// supervisor needs either.
fn clear(plan: &Plan) -> Result<(), LocalError> {
    let file = plan.folder.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(()) };
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(pid) = first.trim().parse().map(Pid::from_raw) else { return Ok(()) };
    if !process::is_alive(pid) {
        return Ok(());
    }
    let data = plan.folder.to_string_lossy();
    if process::command_line(pid).iter().any(|word| *word == data) {
        end_left_over(pid, plan.stop);
        return Ok(());
    }
    // PostgreSQL takes the number of its own parent for that of a dead process. So it goes on to
    // its other check, whether the shared memory named further down is in use, which stays.
    let ours = format!("{}\n{rest}", std::process::id());
    std::fs::write(&file, ours).map_err(LocalError::io("write", &file))
}

fn answers(plan: &Plan) -> Result<(), String> {
    // Without a limit an attempt would wait for ever on a server that does not accept it.
    let url = format!("{}&connect_timeout=2", plan.url);
    let mut connection = PgConnection::establish(&url).map_err(|error| error.to_string())?;
    connection.batch_execute("SELECT 1").map_err(|error| error.to_string())
}
