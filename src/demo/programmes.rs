//! The programme files, and their publication.

use super::client::{Call, Client, Who};
use crate::programme::Programmes;
use anyhow::{Context, anyhow, ensure};
use serde_json::json;
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

/// Publishes what is not published yet, and says how many that were.
pub async fn publish(
    client: &Client,
    admin: &Who,
    programmes: &[(String, String)],
) -> anyhow::Result<usize> {
    let texts = programmes.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let compiled = Programmes::from_texts(texts).map_err(|wrong| {
        let (name, complaint) = &wrong[0];
        anyhow!("{name}: {complaint}; try `tradein programmes check`")
    })?;
    let listed = client.must(admin, Call::get("/v1/programmes")).await?;
    let listed = listed.body["data"].as_array().cloned().unwrap_or_default();
    let mut news = 0;
    for programme in compiled.iter() {
        if listed.iter().any(|it| it["sha256"] == programme.hash()) {
            continue;
        }
        let call = Call::post("/v1/programmes", json!({"text": programme.text()}));
        let named = || format!("{} version {}", programme.id(), programme.version());
        client.must(admin, call).await.with_context(named)?;
        news += 1;
    }
    Ok(news)
}
