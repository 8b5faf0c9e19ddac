//! Looking at processes that are not ours, from /proc.

use nix::unistd::Pid;

/// The servers that a supervisor runs, and what they have started themselves.
pub fn family(supervisor: Pid) -> Vec<Pid> {
    let servers = children(supervisor);
    let workers = servers.iter().flat_map(|server| children(*server));
    workers.chain(servers.iter().copied()).collect()
}

/// The processes whose command line holds a text.
pub fn naming(text: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    })
    .map(Pid::from_raw)
    .collect()
}

fn children(parent: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| stat(*pid).is_some_and(|(_, its_parent)| its_parent == parent))
        .collect()
}

pub fn is_alive(pid: Pid) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z")
}

/// State and parent of a process.
fn stat(pid: Pid) -> Option<(String, Pid)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(") ")?;
    let mut fields = fields.split(' ').map(str::to_owned);
    Some((fields.next()?, Pid::from_raw(fields.next()?.parse().ok()?)))
}
