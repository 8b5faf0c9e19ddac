//! Checking files together: each by itself, then against each other, then their examples.

use super::compile::{Compiled, compile};
use super::complaint::{Complaint, Complaints};
use super::model::Programme;
use super::resolve::Programmes;
use std::sync::Arc;

/// One file and what is wrong with it.
#[derive(Debug)]
pub struct Checked {
    pub name: String,
    pub complaints: Vec<Complaint>,
    /// How many examples of its own passed.
    pub examples: usize,
}

/// Files compiled together.
pub(crate) struct CompiledSet {
    pub files: Vec<Checked>,
    pub programmes: Programmes,
    compiled: Vec<Option<Compiled>>,
}

/// Checks texts, given as (name of the file, text), as they would be published together: shape,
/// conditions, languages, overlaps, and the examples that each brings.
pub fn check<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Checked> {
    let texts: Vec<(&str, &str)> = texts.into_iter().collect();
    let mut set = compile_all(texts.iter().copied());
    for ((file, compiled), (_, text)) in set.files.iter_mut().zip(&set.compiled).zip(&texts) {
        let Some(compiled) = compiled else { continue };
        let mut complaints = Complaints::about(text);
        for example in &compiled.examples {
            let (class, at) = (&example.class, example.at);
            let found = set.programmes.evaluate(example.region, class, &example.facts, at);
            let own = |it: &Arc<Programme>| it.hash == compiled.programme.hash;
            let id = &example.id;
            if !found.meets(&example.expect) {
                let reason = format!("example {id:?} expects {:?}, got {found}", example.expect);
                complaints.add(example.span.clone(), reason);
            } else if found.programme.as_ref().is_some_and(|it| !own(it)) {
                let reason = format!("example {id:?} is decided by another programme");
                complaints.add(example.span.clone(), reason);
            } else {
                file.examples += 1;
            }
        }
        file.complaints.extend(complaints.into_found());
        file.complaints.sort_by_key(|complaint| complaint.line);
    }
    set.files
}

pub(crate) fn compile_all<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> CompiledSet {
    let mut files = Vec::new();
    let mut compiled: Vec<Option<Compiled>> = Vec::new();
    for (name, text) in texts {
        let mut complaints = Vec::new();
        match compile(text) {
            Ok(programme) => compiled.push(Some(programme)),
            Err(found) => {
                complaints = found;
                compiled.push(None);
            }
        }
        files.push(Checked { name: name.to_owned(), complaints, examples: 0 });
    }
    let all = compiled.iter().flatten().map(|it| Arc::clone(&it.programme)).collect();
    let mut set = CompiledSet { files, programmes: Programmes::new(all), compiled };
    clashes(&mut set);
    set
}

/// Two programmes of one place may not pay the same class at the same time, and a version stands
/// once.
fn clashes(set: &mut CompiledSet) {
    let programmes: Vec<Option<&Programme>> =
        set.compiled.iter().map(|it| it.as_ref().map(|it| it.programme.as_ref())).collect();
    for (place, (later, file)) in programmes.iter().zip(&mut set.files).enumerate() {
        let Some(later) = later else { continue };
        for earlier in programmes[..place].iter().flatten() {
            if let Some(reason) = clash(earlier, later) {
                file.complaints.push(Complaint { line: 1, reason });
            }
        }
    }
}

fn clash(earlier: &Programme, later: &Programme) -> Option<String> {
    if earlier.id == later.id {
        let twice = earlier.version == later.version;
        return twice.then(|| format!("{} version {} stands twice", later.id, later.version));
    }
    let both = later.valid.and(earlier.valid);
    let overlap = both.from.zip(both.until).is_some_and(|(from, until)| from < until);
    if earlier.region != later.region || !overlap {
        return None;
    }
    let class = later.classes.iter().chain(&later.drops).find(|class| earlier.names(class))?;
    Some(format!("{} and {} both act for {class} at the same time", earlier.id, later.id))
}
