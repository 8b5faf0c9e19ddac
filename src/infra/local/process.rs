//! Starting processes that cannot outlive us, and finding those that belong together.

use super::run_as::RunAs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

type Job = Box<dyn FnOnce() + Send>;

/// The thread from which every server is started. Linux ends a child when the *thread* that
/// started it ends, so this one never does.
fn keeper() -> &'static Sender<Job> {
    static KEEPER: OnceLock<Sender<Job>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (jobs, inbox) = channel::<Job>();
        std::thread::Builder::new()
            .name("servers".into())
            .spawn(move || inbox.into_iter().for_each(|job| job()))
            .expect("a thread can be started when the program starts");
        jobs
    })
}

/// Starts a command as `run_as`, in a process group of its own so that Ctrl-C reaches only us.
/// When we end in whatever way, the kernel sends it `when_orphaned`.
pub fn spawn(mut command: Command, run_as: &RunAs, when_orphaned: Signal) -> io::Result<Child> {
    run_as.apply(&mut command);
    command.process_group(0).env("LC_ALL", "C");
    end_with_us(&mut command, when_orphaned);
    let (answer, started) = channel();
    let job = Box::new(move || {
        // The receiver waits two lines below, so the answer is always taken.
        let _ = answer.send(command.spawn());
    });
    keeper().send(job).map_err(|_| io::Error::other("the thread that starts servers is gone"))?;
    started.recv().map_err(io::Error::other)?
}

#[cfg(target_os = "linux")]
fn end_with_us(command: &mut Command, when_orphaned: Signal) {
    let parent = Pid::this();
    // Runs after the change of user, which would clear the setting.
    let set = move || {
        nix::sys::prctl::set_pdeathsig(when_orphaned)?;
        // We may have ended between the fork and the line above; then no signal would come.
        if Pid::parent() != parent {
            return Err(nix::errno::Errno::ECHILD.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes two system calls, and neither allocates nor
    // takes a lock.
    unsafe { command.pre_exec(set) };
}

/// Other systems have no such signal: there a plain stop, Ctrl-C or SIGTERM, stops the servers.
#[cfg(not(target_os = "linux"))]
fn end_with_us(_command: &mut Command, _when_orphaned: Signal) {}

/// Sends a signal; a process that is gone is not an error.
pub fn signal(pid: Pid, signal: Signal) {
    let _ = kill(pid, signal);
}

/// Whether a process runs. One that has ended and waits for its parent does not.
pub fn is_alive(pid: Pid) -> bool {
    match stat(pid) {
        Some((state, _)) => state != 'Z' && state != 'X',
        None => !cfg!(target_os = "linux") && kill(pid, None).is_ok(),
    }
}

/// The children of a process, from /proc; empty where there is none. PostgreSQL puts each of its
/// own into a session of its own, so a process group does not find them.
pub fn children(parent: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| stat(*pid).is_some_and(|(_, its_parent)| its_parent == parent))
        .collect()
}

/// The words of a process' command line, readable for every process (unlike its folder).
pub fn command_line(pid: Pid) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// State and parent. The program's name before them may hold anything, even parentheses.
fn stat(pid: Pid) -> Option<(char, Pid)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    Some((state, Pid::from_raw(parent)))
}

/// Stops a whole server at one point in time, the parent first so that it starts no more.
pub fn freeze(parent: Pid) -> Vec<Pid> {
    signal(parent, Signal::SIGSTOP);
    let children = children(parent);
    children.iter().for_each(|child| signal(*child, Signal::SIGSTOP));
    children
}

/// Lets a frozen server go on.
pub fn thaw(parent: Pid) {
    children(parent).into_iter().for_each(|child| signal(child, Signal::SIGCONT));
    signal(parent, Signal::SIGCONT);
}
