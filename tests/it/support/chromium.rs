//! Chromium without a head, where it is on the machine.

use crate::support::Scratch;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A browser with a profile of its own.
#[derive(Clone)]
pub struct Chromium {
    program: PathBuf,
    profile: Arc<Scratch>,
}

impl Chromium {
    /// The one on the path; where there is none, says so.
    pub fn found() -> Option<Chromium> {
        let names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
        let places = names.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
        let found = places.into_iter().find(|place| place.is_file());
        if found.is_none() {
            eprintln!(
                "NOT TESTED IN A BROWSER: no Chromium on this machine \
                 (apt-get install chromium-headless-shell fonts-noto-cjk)"
            );
        }
        Some(Chromium { program: found?, profile: Arc::new(Scratch::new()) })
    }

    /// A page as it shows it: its DOM.
    pub fn page(&self, url: &str) -> String {
        self.run(url, "--dump-dom")
    }

    /// A picture of a page.
    pub fn picture(&self, url: &str, place: &Path) {
        self.run(url, &format!("--screenshot={}", place.display()));
    }

    fn run(&self, url: &str, what: &str) -> String {
        let out = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args(["--hide-scrollbars", "--lang=zh-CN", "--window-size=1280,1600"])
            .arg("--timeout=20000")
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args([what, url])
            .output()
            .expect("Chromium runs");
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{told}");
        assert!(!told.contains("Content Security Policy"), "{told}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}
