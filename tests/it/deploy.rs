//! What is shipped beside the program names things of the program: they must exist.

use crate::support::Servers;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use tradein::infra::local::Role;

#[test]
fn every_subcommand_that_the_image_runs_exists() {
    let dockerfile = shipped("Dockerfile");
    let compose = shipped("config/compose.yaml");
    let ours = |line: &&str| line.starts_with("CMD ") || line.contains(" CMD [\"tradein\"");
    let in_image = dockerfile.lines().filter(ours).map(last_word);
    // The third service's command is Redis' own.
    let in_compose = compose
        .lines()
        .filter(|line| line.trim().starts_with("command: ") && !line.contains("redis-server"));
    let named: BTreeSet<String> = in_image.chain(in_compose.map(last_word)).collect();
    assert_eq!(Vec::from_iter(&named), ["healthcheck", "migrate", "serve"]);
    for name in &named {
        assert!(tradein(&[name, "--help"], &[]).status.success(), "tradein {name}");
    }
}

#[test]
fn the_readme_names_what_exists() {
    let readme = shipped("README.md");
    let table: BTreeSet<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `tradein ")?.split('`').next())
        .collect();
    let help = String::from_utf8(tradein(&["--help"], &[]).stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter_map(|line| {
        line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next()
    });
    let exists: BTreeSet<&str> = listed.filter(|name| *name != "help").collect();
    assert_eq!(table, exists, "the README's table of subcommands against --help");
    let makefile = shipped("Makefile");
    for target in ["demo", "test", "prepare"] {
        assert!(readme.contains(&format!("make {target}")), "{target}");
        assert!(makefile.contains(&format!("\n{target}:")), "{target}");
    }
}

#[test]
fn every_setting_that_compose_makes_exists() {
    let defaults: toml::Table = shipped("config/default.toml").parse().unwrap();
    let mut seen = 0;
    for line in shipped("config/compose.yaml").lines().map(str::trim) {
        let Some((name, _)) = line.split_once(": ") else { continue };
        let Some(path) = name.strip_prefix("TRADEIN_").filter(|path| path.contains("__")) else {
            continue;
        };
        let path = path.to_lowercase();
        let (group, key) = path.split_once("__").unwrap();
        let known = defaults.get(group).and_then(|group| group.get(key)).is_some();
        assert!(known, "{name}: config/default.toml has no {group}.{key}");
        seen += 1;
    }
    assert_eq!(seen, 4, "the settings are where they were");
}

#[test]
fn compose_holds_no_secret_and_demands_each() {
    let compose = shipped("config/compose.yaml");
    let body: Vec<&str> = compose.lines().filter(|line| !line.trim().starts_with('#')).collect();
    for line in body.iter().filter(|line| line.contains("PASSWORD")) {
        assert!(line.contains("_PASSWORD:?must be set}"), "{line}");
    }
    let head = compose.lines().take_while(|line| line.starts_with('#')).collect::<String>();
    for variable in body.iter().flat_map(|line| line.split("${").skip(1)) {
        let (name, demand) = variable.split_once(':').unwrap();
        assert!(demand.starts_with("?must be set}"), "{name} may be left out");
        assert!(head.contains(name), "{name} is not explained at the head");
    }
}

#[test]
fn the_image_is_built_from_what_prepare_installs() {
    let dockerfile = shipped("Dockerfile");
    let cargo: toml::Table = shipped("Cargo.toml").parse().unwrap();
    let rust = cargo["package"]["rust-version"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-slim-bookworm AS build")));
    assert!(dockerfile.contains("FROM debian:bookworm-slim"));
    assert!(dockerfile.contains("install -y --no-install-recommends libpq-dev "));
    assert!(dockerfile.contains("install -y --no-install-recommends ca-certificates libpq5 "));
    let prepare = shipped("config/prepare.sh");
    for package in ["build-essential", "libpq-dev", "postgresql", "redis-server"] {
        assert!(prepare.contains(&format!("missing+=({package})")), "{package}");
    }
}

#[test]
fn the_roles_of_an_installation_can_be_made_and_migrated() {
    let servers = Servers::private();
    let superuser = servers.database_url(Role::Superuser, "postgres");
    let mut connection = PgConnection::establish(&superuser).unwrap();
    // Back to a server as it is delivered.
    for statement in [
        "DROP DATABASE tradein",
        "DROP DATABASE tradein_test_template",
        "DROP ROLE tradein_owner, tradein_app",
    ] {
        connection.batch_execute(statement).expect(statement);
    }
    let made = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--file", "config/roles.sql", &superuser])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TRADEIN_OWNER_PASSWORD", "it's")
        .env("TRADEIN_APP_PASSWORD", "secret")
        .output()
        .expect("psql comes with PostgreSQL");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let owner = servers.database_url(Role::Owner, "tradein");
    let migrated = tradein(&["migrate"], &[("DATABASE_URL", &owner)]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    PgConnection::establish(&servers.database_url(Role::App, "tradein")).map(|_| ()).unwrap();
}

#[test]
fn the_health_check_believes_only_the_service() {
    for (answer, healthy) in [("200 OK", true), ("503 Service Unavailable", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // As in a container, where the service listens on every address.
        let bind = format!("0.0.0.0:{}", listener.local_addr().unwrap().port());
        let service = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let length = client.read(&mut request).unwrap();
            write!(client, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let checked = tradein(&["healthcheck"], &[("TRADEIN_HTTP__BIND", &bind)]);
        assert_eq!(checked.status.success(), healthy, "{answer}");
        assert!(service.join().unwrap().starts_with("GET /livez "));
        let alone = tradein(&["healthcheck"], &[("TRADEIN_HTTP__BIND", &bind)]);
        assert!(!alone.status.success(), "nobody listens any more");
    }
}

fn tradein(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
    command.args(words).envs(variables.iter().copied()).output().unwrap()
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The last word of a list such as `["tradein", "healthcheck"]`.
fn last_word(line: &str) -> String {
    line.rsplit('"').nth(1).expect("the line ends with a list").to_owned()
}
