//! However a supervisor ends, its servers end with it.

use crate::support::processes::{family, is_alive};
use crate::support::{Scratch, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use tradein::infra::local::{Profile, Stack};

#[test]
fn nothing_is_left_after_the_supervisor_is_killed() {
    let scratch = Scratch::new();
    let supervisor = Supervisor::start(scratch.path());
    let family = supervisor.family();
    assert!(family.len() > 3, "two servers, and those that PostgreSQL starts: {family:?}");
    supervisor.end(Signal::SIGKILL);
    eventually("all servers have ended", || family.iter().all(|pid| !is_alive(*pid)));
    Stack::start(scratch.path(), Profile::Test).unwrap();
}

#[test]
fn a_new_supervisor_takes_over_from_one_that_was_just_killed() {
    let scratch = Scratch::new();
    let supervisor = Supervisor::start(scratch.path());
    let family = supervisor.family();
    // Stopped processes do not notice that their supervisor is gone, so they are still there.
    // One of PostgreSQL's own workers may have ended by itself in the meantime.
    for pid in &family {
        let _ = kill(*pid, Signal::SIGSTOP);
    }
    supervisor.end(Signal::SIGKILL);
    assert!(family.iter().any(|pid| is_alive(*pid)));
    let stack = Stack::start(scratch.path(), Profile::Test).unwrap();
    assert!(family.iter().all(|pid| !is_alive(*pid)));
    stack.stop();
}

#[test]
fn a_plain_stop_ends_both_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let scratch = Scratch::new();
        let supervisor = Supervisor::start(scratch.path());
        let family = supervisor.family();
        let status = supervisor.end(signal);
        assert!(status.success(), "{signal}: {status}");
        assert!(family.iter().all(|pid| !is_alive(*pid)), "{signal}");
        let log = std::fs::read_to_string(scratch.path().join("postgres.log")).unwrap();
        assert!(log.contains("database system is shut down"), "{signal}: {log}");
    }
}

/// `tradein servers` in a process of its own.
struct Supervisor(Child);

impl Supervisor {
    /// Returns when both servers run.
    fn start(folder: &Path) -> Supervisor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
        command.arg("servers").arg("--throwaway").arg("--data-dir").arg(folder);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let ready = said.lines().map(Result::unwrap).any(|line| line.starts_with("# running"));
        assert!(ready, "the supervisor says that its servers run");
        Supervisor(child)
    }

    /// Its servers and their children.
    fn family(&self) -> Vec<Pid> {
        family(Pid::from_raw(self.0.id().cast_signed()))
    }

    fn end(mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).unwrap();
        self.0.wait().unwrap()
    }
}

/// A test that fails half-way must not leave a supervisor behind.
impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
