//! Settings: the defaults in the binary, a file over them, the environment over both.

use super::blobs::BlobSettings;
use crate::kernel::time::Moment;
use crate::kernel::working_days::WorkingDays;
use config::{Config, Environment, File, FileFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Everything that can be set; `config/default.toml` says what each means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: Http,
    pub database: Database,
    pub redis: Redis,
    pub book: Book,
    pub application: Application,
    pub log: Log,
    pub keys: Keys,
    pub files: BlobSettings,
    pub clocks: Clocks,
    pub ports: Ports,
    pub tokens: Tokens,
    pub sandbox: Sandbox,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub bind: String,
    pub private_bind: String,
    pub workers: usize,
    pub leave_seconds: u64,
    pub drain_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: SecretString,
    pub read_pool: u32,
    pub lock_timeout_ms: u64,
    pub statement_timeout_ms: u64,
}

impl Database {
    pub fn timeouts(&self) -> super::postgres::Timeouts {
        super::postgres::Timeouts {
            lock: Duration::from_millis(self.lock_timeout_ms),
            statement: Duration::from_millis(self.statement_timeout_ms),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    pub url: SecretString,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    pub batch: usize,
    pub queue: usize,
    pub sweep_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    pub second_person_above_fen: i64,
    pub correction_days: u16,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub folder: PathBuf,
    pub origin: String,
    pub policy_file: PathBuf,
    pub heads_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub file: PathBuf,
}

/// The day clocks of applications, in working days.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// A calendar of one's own; empty: the program's.
    pub calendar: PathBuf,
    pub accept_days: u16,
    pub review_days: u16,
}

impl Clocks {
    /// The calendar by which the days are counted.
    ///
    /// # Errors
    /// A file that cannot be read or contradicts itself, in one sentence.
    pub fn working_days(&self) -> Result<WorkingDays, BadSettings> {
        if self.calendar.as_os_str().is_empty() {
            return Ok(WorkingDays::china());
        }
        let bad = |why: String| {
            let path = self.calendar.display();
            BadSettings::Weak(format!("clocks.calendar {path}: {why}"))
        };
        let text = std::fs::read_to_string(&self.calendar).map_err(|e| bad(e.to_string()))?;
        WorkingDays::read(&text).map_err(|error| bad(error.to_string()))
    }
}

/// The neighbours that are asked about applications.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    pub vehicle_register: String,
    pub invoice_check: String,
    pub holdings: String,
    pub token: SecretString,
    pub timeout_ms: u64,
    pub sandbox_answers: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub issuer: String,
    pub audience: String,
    pub keys_file: PathBuf,
    pub revoked_file: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    pub enabled: bool,
    pub starts_at: String,
}

impl Sandbox {
    /// Where the sandbox's clock stands when the process starts; `None` for the real time.
    pub fn start(&self) -> Result<Option<Moment>, BadSettings> {
        if self.starts_at.is_empty() {
            return Ok(None);
        }
        let moment = self.starts_at.parse::<Moment>();
        moment.map(Some).map_err(|_| {
            let says = "sandbox.starts_at is no moment, such as 2024-10-01T12:00:00+08:00";
            BadSettings::Weak(says.to_owned())
        })
    }
}

/// A setting that cannot be used, in one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    #[error("the settings cannot be read: {0}")]
    Unreadable(#[from] config::ConfigError),
    #[error("{0}")]
    Weak(String),
}

impl Settings {
    /// The defaults, the file where one is given, the environment.
    pub fn load(file: Option<&Path>) -> Result<Settings, BadSettings> {
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let twins = Environment::with_prefix("TRADEIN").prefix_separator("_").separator("__");
        // What other parts of the program read for themselves is no setting of the service.
        let own = |name: &str| name.starts_with("TRADEIN_") && name.contains("__");
        let variables = std::env::vars().filter(|(name, _)| own(name)).collect();
        sources = sources.add_source(twins.try_parsing(true).source(Some(variables)));
        for (variable, key) in [("DATABASE_URL", "database.url"), ("REDIS_URL", "redis.url")] {
            if let Ok(url) = std::env::var(variable) {
                sources = sources.set_override(key, url)?;
            }
        }
        Ok(sources.build()?.try_deserialize()?)
    }

    /// Refuses what must not run with public money.
    ///
    /// # Errors
    /// The first weakness, in one sentence.
    pub fn check(&self) -> Result<(), BadSettings> {
        let weak = |sentence: &str| Err(BadSettings::Weak(sentence.to_owned()));
        if self.database.url.expose_secret().is_empty() {
            return weak(
                "DATABASE_URL is not set: give the serving role's URL, for example \
                         postgres://tradein_app@db/tradein",
            );
        }
        if self.redis.url.expose_secret().is_empty() {
            return weak("REDIS_URL is not set, for example redis://cache/0");
        }
        if !(1..=4096).contains(&self.book.batch) || self.book.queue < self.book.batch {
            return weak("book.batch must be 1 to 4096, and book.queue at least as much");
        }
        if self.http.workers == 0 || self.database.read_pool == 0 || self.book.sweep_seconds == 0 {
            return weak(
                "http.workers, database.read_pool and book.sweep_seconds must be at \
                         least 1",
            );
        }
        if self.log.heads_seconds == 0 {
            return weak("log.heads_seconds must be at least 1");
        }
        if self.sandbox.enabled {
            return self.sandbox.start().map(|_| ());
        }
        if !self.sandbox.starts_at.is_empty() {
            return weak("sandbox.starts_at is set: only a sandbox may have a time of its own");
        }
        if self.keys.file.as_os_str().is_empty() {
            return weak(
                "keys.file is not set: make one with `tradein keys new FILE`, and keep it \
                         apart from the database's backups",
            );
        }
        if self.log.folder.as_os_str().is_empty() || self.log.origin.is_empty() {
            return weak(
                "log.folder and log.origin are not set: a folder outside the database where the \
                         signed logs are kept, and the name of this deployment in them, such as \
                         logs.example.gov.cn",
            );
        }
        if self.files.folder.as_os_str().is_empty() {
            return weak(
                "files.folder is not set: it names the folder that uploaded documents are kept \
                         in, or received in where files.bucket keeps them",
            );
        }
        if self.tokens.keys_file.as_os_str().is_empty() {
            return weak(
                "tokens.keys_file is not set: it names the public keys that sign access \
                         tokens",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_whole_and_refuse_to_serve() {
        let settings: Settings = Config::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .build()
            .unwrap()
            .try_deserialize()
            .unwrap();
        let refused = settings.check().unwrap_err().to_string();
        assert!(refused.contains("DATABASE_URL"), "{refused}");
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(file.path(), "[http]\nbindd = \"x\"\n").unwrap();
        let error = Settings::load(Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("bindd"), "{error}");
    }
}
