//! What the service does not serve with: weak settings, and a role that could change the ledger.

use super::process::{free_address, get, run};
use crate::support::{Servers, TestDb, TestRedis, eventually};
use diesel::connection::SimpleConnection;
use std::net::SocketAddr;
use std::process::Output;
use tradein::infra::settings::Settings;

/// The settings of an installation that would be served, as far as they can be judged alone.
fn good() -> Settings {
    let mut settings = Settings::load(None).expect("the defaults are settings");
    settings.database.url = "postgres://tradein_app@db/tradein".to_owned().into();
    settings.redis.url = "redis://cache/0".to_owned().into();
    settings.keys.file = "keys".into();
    settings.files.folder = "files".into();
    settings.tokens.keys_file = "trusted.toml".into();
    settings.sandbox.enabled = false;
    settings
}

#[test]
fn each_weak_setting_is_refused_with_one_sentence_that_names_it() {
    good().check().expect("nothing is weak");
    type Weaken = fn(&mut Settings);
    let table: [(Weaken, &str); 14] = [
        (|s| s.database.url = String::new().into(), "DATABASE_URL"),
        (|s| s.redis.url = String::new().into(), "REDIS_URL"),
        (|s| s.book.batch = 0, "book.batch"),
        (|s| s.book.batch = 4097, "book.batch"),
        (|s| s.book.queue = s.book.batch - 1, "book.queue"),
        (|s| s.http.workers = 0, "http.workers"),
        (|s| s.database.read_pool = 0, "database.read_pool"),
        (|s| s.book.sweep_seconds = 0, "book.sweep_seconds"),
        (|s| s.keys.file = "".into(), "keys.file"),
        (|s| s.files.folder = "".into(), "files.folder"),
        (|s| s.tokens.keys_file = "".into(), "tokens.keys_file"),
        (|s| s.sandbox.starts_at = "2024-10-01T12:00:00+08:00".into(), "sandbox.starts_at"),
        (
            |s| (s.sandbox.enabled, s.sandbox.starts_at) = (true, "yesterday".into()),
            "sandbox.starts_at",
        ),
        (|s| (s.sandbox.enabled, s.http.workers) = (true, 0), "http.workers"),
    ];
    for (weaken, names) in table {
        let mut settings = good();
        weaken(&mut settings);
        let sentence = settings.check().expect_err(names).to_string();
        assert!(sentence.contains(names) && !sentence.contains('\n'), "{sentence}");
    }
}

#[test]
fn the_program_ends_with_the_sentence() {
    let nowhere = [("DATABASE_URL", ""), ("REDIS_URL", "")];
    is_refused(&run(&["serve"], &nowhere), "DATABASE_URL is not set");
    let url = ("DATABASE_URL", "postgres://tradein_app@db/tradein");
    let keyless = [url, ("REDIS_URL", "redis://cache/0")];
    is_refused(&run(&["serve"], &keyless), "keys.file is not set");
}

#[test]
fn a_role_that_could_change_the_ledger_does_not_serve() {
    let (db, redis) = (TestDb::new(), TestRedis::new());
    let serve = |url: String| serve(&url, &redis.url(), free_address());
    is_refused(&serve(db.owner_url()), "tradein_owner, which owns the tables");
    is_refused(&serve(db.superuser_url()), "which owns the tables or may act as their owner");
    for (right, back) in [
        ("GRANT DELETE ON entry TO tradein_app", "REVOKE DELETE ON entry FROM tradein_app"),
        ("GRANT TRUNCATE ON entry TO PUBLIC", "REVOKE TRUNCATE ON entry FROM PUBLIC"),
        ("GRANT UPDATE (leaf) ON entry TO tradein_app", "REVOKE UPDATE ON entry FROM tradein_app"),
    ] {
        db.owner().batch_execute(right).expect(right);
        is_refused(&serve(db.app_url()), "tradein_app, which may update, delete or truncate");
        db.owner().batch_execute(back).expect(back);
    }
}

/// A service starts without its database, and does not serve a flawed role when it is back.
#[test]
fn a_role_is_looked_at_as_soon_as_the_database_is_there() {
    let servers = Servers::private();
    let (db, redis) = (TestDb::on(servers.clone()), TestRedis::on(servers.clone()));
    let (url, redis) = (db.owner_url(), redis.url());
    let postgres = servers.stack().postgres();
    postgres.kill().expect("it runs");
    let address = free_address();
    let service = std::thread::spawn(move || serve(&url, &redis, address));
    eventually("the service is up", || get(address, "/livez").is_some());
    postgres.start().expect("it recovers");
    is_refused(&service.join().expect("it ends"), "tradein_owner, which owns the tables");
}

/// Runs the service in a sandbox until it ends.
fn serve(database: &str, redis: &str, bind: SocketAddr) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (mint, trusted) = (file("mint.pem"), file("trusted.toml"));
    let shown = run(&["token", "--make-key", "--show-key", "--key", &mint], &[]);
    std::fs::write(&trusted, shown.stdout).expect("a folder takes files");
    let variables = [
        ("DATABASE_URL", database),
        ("REDIS_URL", redis),
        ("TRADEIN_SANDBOX__ENABLED", "true"),
        ("TRADEIN_TOKENS__KEYS_FILE", &trusted),
        ("TRADEIN_HTTP__BIND", &bind.to_string()),
        ("TRADEIN_HTTP__PRIVATE_BIND", ""),
    ];
    run(&["serve"], &variables)
}

/// It ended by itself, unsuccessfully, and says why in one line.
fn is_refused(output: &Output, sentence: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    // A thread of the pool may still log that it lost its server.
    let why = said.lines().rfind(|line| line.starts_with("Error: ")).unwrap_or_default();
    assert!(why.contains(sentence), "{said}");
}
