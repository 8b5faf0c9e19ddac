//! Worked examples from a CSV file: `id,region,at,class,facts,expect,source`.

use super::evaluate::{Evaluation, Expect};
use super::facts::Facts;
use super::parse_facts::moment;
use super::resolve::Programmes;
use crate::kernel::class::Class;
use crate::kernel::region::Region;
use serde::Deserialize;

/// An example that came out otherwise than expected, or could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub id: String,
    pub expected: String,
    pub got: String,
    /// The rules that applied: programme and version, the refusals or the steps of the amount.
    pub rules: String,
}

/// How a file of examples fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub passed: usize,
    pub differences: Vec<Difference>,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    region: String,
    at: String,
    class: String,
    facts: String,
    expect: String,
}

/// Runs a CSV text of examples against a set of programmes.
///
/// # Errors
/// Where the text is no CSV with those columns; an example that cannot be read is a difference.
pub fn run_examples(programmes: &Programmes, text: &str) -> Result<Outcome, csv::Error> {
    let mut outcome = Outcome::default();
    for record in csv::Reader::from_reader(text.as_bytes()).deserialize() {
        let record: Record = record?;
        match run(programmes, &record) {
            Ok((expect, found)) if found.meets(&expect) => outcome.passed += 1,
            Ok((_, found)) => outcome.differences.push(Difference {
                id: record.id,
                expected: record.expect,
                got: found.to_string(),
                rules: rules(&found),
            }),
            Err(reason) => outcome.differences.push(Difference {
                id: record.id,
                expected: record.expect,
                got: "unreadable".to_owned(),
                rules: reason,
            }),
        }
    }
    Ok(outcome)
}

fn run(programmes: &Programmes, record: &Record) -> Result<(Expect, Evaluation), String> {
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let expect: Expect = record.expect.parse().map_err(|error| say(&error))?;
    let region: Region = record.region.parse().map_err(|error| say(&error))?;
    let class: Class = record.class.parse().map_err(|error| say(&error))?;
    let at = moment(&record.at).ok_or_else(|| format!("{:?} is no moment", record.at))?;
    let json = serde_json::from_str(&record.facts).map_err(|error| say(&error))?;
    let facts = Facts::from_json(&json).map_err(|error| say(&error))?;
    Ok((expect, programmes.evaluate(region, &class, &facts, at)))
}

/// One line on what decided.
fn rules(found: &Evaluation) -> String {
    let name = match &found.programme {
        Some(programme) => format!("{} v{}", programme.id(), programme.version()),
        None => "no programme".to_owned(),
    };
    let why = match &found.outcome {
        Ok(judged) => judged.derivation.en().replace('\n', "; "),
        Err(refused) => {
            let each = refused.iter();
            each.map(|it| it.refusal.en.as_ref()).collect::<Vec<_>>().join("; ")
        }
    };
    format!("{name}: {why}")
}
