//! Every refusal has two sentences: one that a person reads in Chinese, one in English.

use std::path::{Path, PathBuf};
use tradein::programme::Programmes;

fn is_han(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn speaks_both(what: &str, code: &str, zh: &str, en: &str) {
    let shaped = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    assert!(shaped && code.len() >= 3, "{what}: {code}");
    assert!(zh.chars().any(is_han), "{what}: {code} has no Chinese: {zh:?}");
    assert!(en.chars().any(|c| c.is_ascii_alphabetic()), "{what}: {code}: {en:?}");
    assert!(!en.chars().any(is_han), "{what}: {code} has Chinese in English: {en:?}");
    assert!(zh != en && en.trim() == en && zh.trim() == zh, "{what}: {code}");
}

/// The literals of one call, in order: its end is the parenthesis that closes it.
fn literals(call: &str) -> Vec<String> {
    let (mut found, mut current) = (Vec::new(), None::<String>);
    let (mut depth, mut escaped) = (0, false);
    for character in call.chars() {
        match (&mut current, character) {
            (Some(text), _) if escaped => {
                escaped = false;
                if !character.is_whitespace() {
                    text.push(character);
                }
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => found.extend(current.take()),
            (Some(text), _) => text.push(character),
            (None, '"') => current = Some(String::new()),
            (None, '(') => depth += 1,
            (None, ')') if depth == 1 => return found,
            (None, ')') => depth -= 1,
            (None, _) => {}
        }
    }
    found
}

/// Reads the sources: what is a constant of the program cannot be listed from outside it.
#[test]
fn every_refusal_of_the_program_speaks_chinese_and_english() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for path in files(&source, "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let what = path.strip_prefix(&source).unwrap().display().to_string();
        for call in ["Refusal::new(", "Problem::new("] {
            for (at, _) in text.match_indices(call) {
                let literals = literals(&text[at + call.len() - 1..]);
                // One that is made of variables shows no literals here.
                if let [code, zh, en] = &literals[..] {
                    speaks_both(&what, code, zh, en);
                    seen += 1;
                }
            }
        }
        for (at, call) in text.match_indices("Problem::bad_field(") {
            let literals = literals(&text[at + call.len() - 1..]);
            if let [.., zh, en] = &literals[..]
                && literals.len() == 3
            {
                speaks_both(&what, "BAD_REQUEST", zh, en);
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen} refusals were seen");
}

#[test]
fn every_refusal_of_a_programme_speaks_chinese_and_english() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/programmes");
    let read =
        |path: &PathBuf| (path.display().to_string(), std::fs::read_to_string(path).unwrap());
    let texts: Vec<(String, String)> = files(&folder, "toml").iter().map(read).collect();
    let named = texts.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let programmes = Programmes::from_texts(named).unwrap();
    let mut seen = 0;
    for programme in programmes.iter() {
        let what = format!("{} v{}", programme.id(), programme.version());
        let (zh, en) = programme.title();
        speaks_both(&what, "TITLE", zh, en);
        for refusal in programme.refusals() {
            speaks_both(&what, &refusal.code, &refusal.zh, &refusal.en);
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen} refusals were seen");
}
