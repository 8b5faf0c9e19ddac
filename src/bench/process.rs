//! What the kernel says of processes: processor time and memory.

/// Processor seconds of a process, of all its threads.
pub fn cpu_of(pid: u32) -> f64 {
    seconds(&pid.to_string(), 11..13).unwrap_or_default()
}

/// Processor seconds of a process and of its children, living and reaped.
pub fn cpu_of_family(parent: u32) -> f64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut sum = seconds(&parent.to_string(), 11..15).unwrap_or_default();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.bytes().all(|b| b.is_ascii_digit()) && parent_of(&name) == Some(parent) {
            sum += seconds(&name, 11..15).unwrap_or_default();
        }
    }
    sum
}

/// Megabytes that a process has in memory now, and the most that it ever had.
pub fn memory_of(pid: u32) -> (f64, f64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default()
    };
    (kilobytes("VmRSS:") / 1024.0, kilobytes("VmHWM:") / 1024.0)
}

/// The fields of `/proc/<pid>/stat` after the name, which may itself hold spaces.
fn stat(pid: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn parent_of(pid: &str) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// User and system time, and with the longer range those of reaped children; the kernel counts in
/// hundredths.
fn seconds(pid: &str, fields: std::ops::Range<usize>) -> Option<f64> {
    let stat = stat(pid)?;
    let ticks: Option<u64> = fields.map(|n| stat.get(n)?.parse::<u64>().ok()).sum();
    Some(ticks? as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn work_costs_processor_time_and_memory() {
        let own = std::process::id();
        let before = cpu_of(own);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(200) || cpu_of(own) == before {
            std::hint::black_box(own);
        }
        assert!(cpu_of(own) > before);
        let (now, most) = memory_of(own);
        assert!(now > 1.0 && most >= now, "{now} {most}");
    }
}
