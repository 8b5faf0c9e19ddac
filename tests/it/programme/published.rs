//! The programmes under `config/programmes`, checked as they are published.

use std::fs;
use std::path::Path;
use tradein::programme::{Programmes, check, run_examples};

/// The files of the folder, name and text.
fn texts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/programmes");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.collect();
    files.sort();
    let text = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(file).unwrap())
    };
    files.iter().map(text).collect()
}

/// All of them, compiled.
pub(super) fn programmes() -> Programmes {
    Programmes::from_texts(texts()).unwrap()
}

#[test]
fn every_file_is_good_and_its_examples_pass() {
    let texts = texts();
    assert!(!texts.is_empty());
    for file in check(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
        assert_eq!(file.complaints, [], "{}", file.name);
        assert!(file.examples > 0, "{}", file.name);
    }
}

/// The shared examples are not part of this repository; where they lie beside it, all must pass.
#[test]
fn the_shared_examples_pass_where_they_are_there() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/examples/quotes.csv");
    let Ok(examples) = fs::read_to_string(file) else { return };
    let outcome = run_examples(&programmes(), &examples).unwrap();
    assert_eq!(outcome.differences, []);
    assert!(outcome.passed > 0);
}
