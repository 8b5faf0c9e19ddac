//! What a round measured, and how it is printed.

use std::collections::BTreeMap;
use std::time::Duration;

/// One round of a workload.
#[derive(Clone, Debug, Default)]
pub struct Round {
    pub elapsed: Duration,
    /// Answers by status.
    pub statuses: BTreeMap<u16, usize>,
    /// Of every answer, in the order of arrival.
    pub latencies: Vec<Duration>,
    /// Processor seconds of this process (server and client) and of PostgreSQL.
    pub own_cpu: f64,
    pub postgres_cpu: f64,
}

impl Round {
    /// Answers of a status in a second.
    pub fn rate(&self, status: u16) -> f64 {
        let count = self.statuses.get(&status).copied().unwrap_or_default();
        count as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency below which this share of the answers lies, in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let place = (share * last as f64).round() as usize;
        sorted.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// Median, least and most of the rounds.
pub fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    (at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}

/// Prints the table of a workload whose good answers have this status.
pub fn print(title: &str, good: u16, rounds: &[Round]) {
    println!("{title}");
    let line = |name: &str, of: &dyn Fn(&Round) -> f64, unit: &str| {
        let (median, least, most) = spread(rounds.iter().map(of));
        println!("  {name:<28} {median:>10.1} [{least:.1}..{most:.1}] {unit}");
    };
    let good_count = |round: &Round| *round.statuses.get(&good).unwrap_or(&1) as f64;
    line("good answers", &|round| round.rate(good), "a second");
    line("p50", &|round| round.percentile(0.50), "ms");
    line("p95", &|round| round.percentile(0.95), "ms");
    line("p99", &|round| round.percentile(0.99), "ms");
    line("p99.9", &|round| round.percentile(0.999), "ms");
    line("server and client, each", &|r| r.own_cpu * 1e6 / good_count(r), "us of CPU");
    line("PostgreSQL, each", &|r| r.postgres_cpu * 1e6 / good_count(r), "us of CPU");
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for (status, count) in rounds.iter().flat_map(|round| &round.statuses) {
        *statuses.entry(*status).or_default() += count;
    }
    println!("  answers by status            {statuses:?}, {} rounds", rounds.len());
}

/// Processor seconds of this process.
pub fn own_cpu() -> f64 {
    cpu_of("self").unwrap_or_default()
}

/// Processor seconds of a process and of its children, living and reaped.
pub fn cpu_of_family(parent: u32) -> f64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut sum = cpu_of(&parent.to_string()).unwrap_or_default();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.bytes().all(|b| b.is_ascii_digit()) && parent_of(&name) == Some(parent) {
            sum += cpu_of(&name).unwrap_or_default();
        }
    }
    sum
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

/// User and system time, with those of reaped children; the kernel counts in hundredths.
fn cpu_of(pid: &str) -> Option<f64> {
    let fields = stat(pid)?;
    let ticks: Option<u64> = (11..15).map(|n| fields.get(n)?.parse::<u64>().ok()).sum();
    Some(ticks? as f64 / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_spread_are_of_the_sorted_values() {
        let latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let round = Round { latencies, ..Round::default() };
        assert_eq!(round.percentile(0.5).round(), 51.0);
        assert_eq!(round.percentile(1.0), 100.0);
        assert_eq!(spread([3.0, 1.0, 2.0].into_iter()), (2.0, 1.0, 3.0));
        assert_eq!(Round::default().percentile(0.99), 0.0);
    }
}
