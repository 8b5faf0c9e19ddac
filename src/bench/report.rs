//! What was measured, as a table to read and as JSON to keep.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Everything of one run.
pub struct Report {
    about: Value,
    sections: Vec<Section>,
}

/// The figures of one workload, a value a round each.
#[derive(Default)]
pub struct Section {
    pub title: String,
    figures: Vec<(String, &'static str, Vec<f64>)>,
    /// Answers by status, where there are any.
    pub statuses: BTreeMap<u16, usize>,
}

impl Section {
    pub fn new(title: impl Into<String>) -> Section {
        Section { title: title.into(), ..Section::default() }
    }

    /// Adds the value of one more round to a figure.
    pub fn add(&mut self, name: &str, unit: &'static str, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.0 == name) {
            Some(figure) => figure.2.push(value),
            None => self.figures.push((name.to_owned(), unit, vec![value])),
        }
    }

    fn json(&self) -> Value {
        let figures = self.figures.iter().map(|(name, unit, values)| {
            let (median, least, most) = spread(values);
            json!({"name": name, "unit": unit, "median": median, "min": least, "max": most,
                "rounds": values})
        });
        json!({"title": self.title, "figures": figures.collect::<Vec<_>>(),
            "answers_by_status": self.statuses})
    }

    fn print(&self) {
        println!("{}", self.title);
        for (name, unit, values) in &self.figures {
            let (median, least, most) = spread(values);
            let decimals = if median.abs() < 100.0 { 2 } else { 0 };
            println!(
                "  {name:<40} {median:>10.decimals$} \
                 [{least:.decimals$}..{most:.decimals$}] {unit}"
            );
        }
        if !self.statuses.is_empty() {
            println!("  {:<40} {:?}", "answers by status", self.statuses);
        }
    }
}

impl Report {
    /// A report that knows the machine, the program and the settings of the run.
    pub fn new(settings: Value) -> Report {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model =
            cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let memory = read("/proc/meminfo");
        let about = json!({
            "machine": {
                "processor": model,
                "cores": std::thread::available_parallelism().map_or(0, usize::from),
                "memory": memory.lines().next().and_then(|line| line.split(':').nth(1))
                    .map(str::trim),
                "kernel": read("/proc/sys/kernel/osrelease").trim(),
                "load_average_before": read("/proc/loadavg").trim(),
            },
            "version": env!("CARGO_PKG_VERSION"),
            "commit": commit(),
            "optimised": !cfg!(debug_assertions),
            "settings": settings,
        });
        Report { about, sections: Vec::new() }
    }

    pub fn push(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// Prints the tables; writes the JSON where a file is given.
    pub fn finish(self, file: Option<&Path>) -> anyhow::Result<()> {
        println!();
        self.sections.iter().for_each(Section::print);
        println!("{}", self.about);
        if let Some(file) = file {
            let sections: Vec<Value> = self.sections.iter().map(Section::json).collect();
            let report = json!({"about": self.about, "sections": sections});
            std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
        }
        Ok(())
    }
}

/// The commit of the folder that the run was started in, where it is a repository.
fn commit() -> Option<String> {
    let asked = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let told = String::from_utf8(asked.stdout).ok()?;
    Some(told.trim().to_owned()).filter(|told| !told.is_empty())
}

/// Median, least and most.
pub fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    (at(sorted.len() / 2), at(0), at(sorted.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_as_median_least_and_most_of_its_rounds() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), (2.0, 1.0, 3.0));
        assert_eq!(spread(&[]), (0.0, 0.0, 0.0));
        let mut section = Section::new("t");
        [3.0, 1.0, 2.0].iter().for_each(|value| section.add("rate", "a second", *value));
        let figure = &section.json()["figures"][0];
        assert_eq!((figure["median"].as_f64(), figure["max"].as_f64()), (Some(2.0), Some(3.0)));
    }
}
