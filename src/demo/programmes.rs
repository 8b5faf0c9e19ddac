//! The programme files that the sandbox publishes.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};

/// Names and texts, in the order of their names: a version after the one before it.
pub fn read(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let entries = std::fs::read_dir(folder).with_context(|| {
        let folder = folder.display();
        format!("cannot read the programmes in {folder}; --programmes names their folder")
    })?;
    let files: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|it| it.path())).collect();
    let mut files = files?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no programme file", folder.display());
    let text = |file: PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file);
        Ok((name, text.with_context(|| format!("cannot read {}", file.display()))?))
    };
    files.into_iter().map(text).collect()
}
