//! One server process: started, stopped, and for tests of faults killed, paused and resumed.

use super::error::LocalError;
use super::process;
use super::run_as::RunAs;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to answer: a crash recovery reads what was written since the last
/// checkpoint, which can be gigabytes.
const START_DEADLINE: Duration = Duration::from_secs(120);
/// How long a server may take to end in good order before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// How often a state that somebody else changes is looked at.
const POLL: Duration = Duration::from_millis(10);

/// What there is to know about a server before it runs.
#[derive(Debug)]
pub(super) struct Plan {
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub folder: PathBuf,
    pub log: PathBuf,
    pub run_as: RunAs,
    /// Asks for an end in good order.
    pub stop: Signal,
    /// What the kernel sends when the supervisor is gone.
    pub when_orphaned: Signal,
    /// Tidies up what an earlier, killed process left behind; run before each start.
    pub clear: fn(&Plan) -> Result<(), LocalError>,
    /// Opens a real connection and asks something of it.
    pub answers: fn(&Plan) -> Result<(), String>,
    pub url: String,
}

/// A server of a [`Stack`](super::Stack). Every method may be called from any thread.
#[derive(Debug)]
pub struct Server {
    plan: Plan,
    process: Mutex<Option<Child>>,
}

impl Server {
    pub(super) fn new(plan: Plan) -> Server {
        Server { plan, process: Mutex::new(None) }
    }

    /// Starts the server and returns when it answers; does nothing if it runs.
    pub fn start(&self) -> Result<(), LocalError> {
        let mut process = self.process();
        if process.is_some() {
            return Ok(());
        }
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            (self.plan.clear)(&self.plan)?;
            let mut child = self.plan.spawn()?;
            match self.wait_until_it_answers(&mut child, deadline) {
                Ok(()) => {
                    *process = Some(child);
                    return Ok(());
                }
                // What is left of a killed server may need a moment to go.
                Err(Failure::LeftOver) if Instant::now() < deadline => std::thread::sleep(POLL),
                Err(failure) => {
                    end(&mut child);
                    return Err(self.not_ready(failure));
                }
            }
        }
    }

    /// Ends the server in good order; does nothing if it does not run.
    pub fn stop(&self) {
        let Some(mut child) = self.process().take() else { return };
        let pid = pid_of(&child);
        process::thaw(pid);
        process::signal(pid, self.plan.stop);
        let deadline = Instant::now() + STOP_DEADLINE;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                return end(&mut child);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Ends every process of the server at once, as a power cut would. `start` brings it back.
    pub fn kill(&self) -> Result<(), LocalError> {
        let mut child = self.process().take().ok_or(self.not_running())?;
        end(&mut child);
        Ok(())
    }

    /// Stops the server in the middle of whatever it does; connections stay open and hang.
    pub fn pause(&self) -> Result<(), LocalError> {
        process::freeze(self.pid()?);
        Ok(())
    }

    /// Lets a paused server go on.
    pub fn resume(&self) -> Result<(), LocalError> {
        process::thaw(self.pid()?);
        Ok(())
    }

    /// A program that came with the server.
    pub fn tool(&self, name: &str) -> PathBuf {
        self.plan.program.with_file_name(name)
    }

    /// The number of the server's main process.
    pub fn process_id(&self) -> Result<i32, LocalError> {
        Ok(self.pid()?.as_raw())
    }

    fn pid(&self) -> Result<Pid, LocalError> {
        self.process().as_ref().map(pid_of).ok_or(self.not_running())
    }

    fn not_running(&self) -> LocalError {
        LocalError::NotRunning { server: self.plan.name }
    }

    /// A panic elsewhere leaves the process as it is, so a poisoned lock still tells the truth.
    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_it_answers(&self, child: &mut Child, deadline: Instant) -> Result<(), Failure> {
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                let left_over = self.log_tail().lines().last().is_some_and(is_left_over);
                return Err(if left_over {
                    Failure::LeftOver
                } else {
                    Failure::Because(format!("it ended with {status}"))
                });
            }
            match (self.plan.answers)(&self.plan) {
                Ok(()) => return Ok(()),
                Err(reason) if Instant::now() >= deadline => return Err(Failure::Because(reason)),
                Err(_) => std::thread::sleep(POLL),
            }
        }
    }

    fn not_ready(&self, failure: Failure) -> LocalError {
        let reason = match failure {
            Failure::LeftOver => "an earlier server on this folder does not end".into(),
            Failure::Because(reason) => reason,
        };
        let tail = self.log_tail();
        LocalError::NotReady { server: self.plan.name, reason, log: self.plan.log.clone(), tail }
    }

    /// The last lines that the server said.
    fn log_tail(&self) -> String {
        let log = std::fs::read(&self.plan.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Plan {
    /// Starts the process without waiting for it.
    fn spawn(&self) -> Result<Child, LocalError> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(LocalError::io("open", &self.log))?;
        let error_log = log.try_clone().map_err(LocalError::io("open", &self.log))?;
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(log).stderr(error_log);
        process::spawn(command, &self.run_as, self.when_orphaned)
            .map_err(LocalError::io("run", &self.program))
    }
}

/// Why a start did not succeed.
enum Failure {
    /// Processes of an earlier server still hold the data.
    LeftOver,
    Because(String),
}

/// PostgreSQL's hint when processes of a killed one have not ended yet.
fn is_left_over(line: &str) -> bool {
    line.contains("Terminate any old server processes associated with data directory")
}

/// Kills the process and its children, and returns when none of them runs.
fn end(child: &mut Child) {
    let pid = pid_of(child);
    let children = process::freeze(pid);
    children.iter().chain([&pid]).for_each(|pid| process::signal(*pid, Signal::SIGKILL));
    // It was started by us and has been killed, so waiting for it ends and cannot fail.
    let _ = child.wait();
    let deadline = Instant::now() + STOP_DEADLINE;
    while children.iter().any(|child| process::is_alive(*child)) && Instant::now() < deadline {
        std::thread::sleep(POLL);
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// Ends a process that an earlier supervisor left behind, and returns when it is gone.
pub(super) fn end_left_over(pid: Pid, stop: Signal) {
    process::thaw(pid);
    process::signal(pid, stop);
    let deadline = Instant::now() + STOP_DEADLINE;
    while process::is_alive(pid) {
        if Instant::now() >= deadline {
            let family = process::freeze(pid);
            family.iter().chain([&pid]).for_each(|pid| process::signal(*pid, Signal::SIGKILL));
        }
        std::thread::sleep(POLL);
    }
}
