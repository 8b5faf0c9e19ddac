//! Private servers: reachable, closed to the outside, and whole again after a fault.

use crate::support::{Scratch, Servers, TestDb, TestRedis};
use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tradein::infra::local::{LocalError, Profile, Stack};

#[test]
fn a_fresh_folder_gives_both_servers_roles_and_a_database() {
    let scratch = Scratch::new();
    // Deep enough that the sockets cannot lie inside.
    let folder = scratch.path().join("a-long-name".repeat(8));
    let stack = Stack::start(&folder, Profile::Durable).unwrap();
    PgConnection::establish(&stack.owner_url())
        .unwrap()
        .batch_execute("CREATE TABLE t ()")
        .unwrap();
    PgConnection::establish(&stack.app_url()).unwrap().batch_execute("SELECT 1").unwrap();
    let mut redis = redis::Client::open(stack.redis_url()).unwrap().get_connection().unwrap();
    redis::cmd("PING").exec(&mut redis).unwrap();
    for (name, expected) in [("fsync", "on"), ("synchronous_commit", "on"), ("jit", "off")] {
        assert_eq!(setting(&stack.owner_url(), name), expected, "{name}");
    }
    stack.stop();
    let again = Stack::start(&folder, Profile::Durable).unwrap();
    PgConnection::establish(&again.owner_url()).unwrap().batch_execute("SELECT FROM t").unwrap();
}

#[test]
fn nothing_listens_on_a_port() {
    let servers = Servers::private();
    let stack = servers.stack();
    assert_eq!(setting(&stack.owner_url(), "listen_addresses"), "");
    let redis = TestRedis::on(servers.clone());
    let (_, port): (String, String) =
        redis::cmd("CONFIG").arg("GET").arg("port").query(&mut redis.connect()).unwrap();
    assert_eq!(port, "0");
    for server in [stack.postgres(), stack.redis()] {
        let sockets = sockets_of(server.process_id().unwrap());
        assert!(sockets.is_disjoint(&listening()));
    }
    // The same look finds a port that does listen.
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(!sockets_of(std::process::id().cast_signed()).is_disjoint(&listening()));
}

#[test]
fn a_killed_server_comes_back_with_every_commit() {
    let servers = Servers::private();
    let db = TestDb::on(servers.clone());
    let mut connection = db.owner();
    connection.batch_execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").unwrap();
    let postgres = servers.stack().postgres();
    postgres.kill().unwrap();
    connection.batch_execute("SELECT 1").expect_err("its connections are gone");
    assert!(matches!(postgres.pause(), Err(LocalError::NotRunning { .. })));
    postgres.start().unwrap();
    assert_eq!(sql_query("SELECT * FROM t").execute(&mut db.owner()).unwrap(), 1);

    let redis = TestRedis::on(servers.clone());
    redis::cmd("SET").arg("k").arg("v").exec(&mut redis.connect()).unwrap();
    servers.stack().redis().kill().unwrap();
    servers.stack().redis().start().unwrap();
    let known: u32 = redis::cmd("DBSIZE").query(&mut redis.connect()).unwrap();
    assert_eq!(known, 0, "Redis keeps nothing");
}

#[test]
fn a_paused_server_hangs_and_goes_on_where_it_was() {
    let servers = Servers::private();
    let db = TestDb::on(servers.clone());
    let postgres = servers.stack().postgres();
    let mut connection = db.owner();
    postgres.pause().unwrap();
    let asking = std::thread::spawn(move || connection.batch_execute("SELECT 1"));
    let redis = TestRedis::on(servers.clone());
    let mut connection = redis.connect();
    servers.stack().redis().pause().unwrap();
    connection.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    redis::cmd("PING").exec(&mut connection).expect_err("nobody answers");
    assert!(!asking.is_finished());
    postgres.resume().unwrap();
    servers.stack().redis().resume().unwrap();
    asking.join().unwrap().unwrap();
    redis::cmd("PING").exec(&mut redis.connect()).unwrap();
}

#[test]
fn a_process_number_that_belongs_to_somebody_else_now_does_not_keep_it_from_starting() {
    let servers = Servers::private();
    let postgres = servers.stack().postgres();
    postgres.kill().unwrap();
    let file = servers.stack().folder().join("postgres/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut stranger = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let rest = text.split_once('\n').unwrap().1;
    std::fs::write(&file, format!("{}\n{rest}", stranger.id())).unwrap();
    postgres.start().unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger is left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_second_supervisor_is_refused() {
    let servers = Servers::private();
    let folder = servers.stack().folder();
    let refused = Stack::start(folder, Profile::Test).unwrap_err();
    let own = std::process::id();
    assert_eq!(
        refused.to_string(),
        format!(
            "another supervisor (process {own}) uses {}. Stop it, or choose another folder",
            folder.display()
        )
    );
}

#[test]
fn data_of_another_postgres_is_refused() {
    let scratch = Scratch::new();
    let data = scratch.path().join("postgres");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let refused = Stack::start(scratch.path(), Profile::Test).unwrap_err().to_string();
    assert!(refused.contains("was made by PostgreSQL 9"), "{refused}");
    assert!(refused.contains("Install postgresql-9, choose another folder"), "{refused}");
}

#[test]
fn a_folder_that_the_servers_user_cannot_reach_is_refused() {
    let scratch = Scratch::new();
    let closed = scratch.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let only_us = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&closed, only_us).unwrap();
    let started = Stack::start(closed.join("data"), Profile::Test);
    if nix::unistd::Uid::effective().is_root() {
        let refused = started.unwrap_err();
        assert!(matches!(refused, LocalError::Unreachable { .. }), "{refused}");
    } else {
        // Then the servers run as ourselves, and reach what we reach.
        started.unwrap();
    }
}

#[test]
fn starting_is_quick_when_the_data_is_there() {
    let stack = Servers::private();
    let folder = stack.stack().folder().to_owned();
    drop(stack);
    let before = Instant::now();
    Stack::start(folder, Profile::Test).unwrap();
    // 0.2 s on a quiet machine; the limit only tells a start from an initdb under load.
    assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
}

fn setting(url: &str, name: &str) -> String {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let mut connection = PgConnection::establish(url).unwrap();
    let asked = sql_query(format!("SELECT current_setting('{name}') AS value"));
    asked.get_result::<Setting>(&mut connection).unwrap().value
}

/// The inodes of a process' open sockets; none where the system does not tell.
fn sockets_of(pid: i32) -> HashSet<String> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter_map(|target| {
            let name = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(name.to_owned())
        })
        .collect()
}

/// The inodes of all TCP sockets that listen.
fn listening() -> HashSet<String> {
    let table = |name: &str| std::fs::read_to_string(name).unwrap_or_default();
    let lines = table("/proc/net/tcp") + &table("/proc/net/tcp6");
    lines
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(3) == Some(&"0A"))
        .map(|fields| fields[9].to_owned())
        .collect()
}
