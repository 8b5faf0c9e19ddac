//! `tradein serve` as a process of its own, as an installation runs it.

use crate::support::world::{Secrets, World};
use crate::support::{Scratch, TestDb, TestRedis, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::RngExt;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tradein::identity::token::Mint;

/// A service that can be killed and started again at the same address.
pub struct Process {
    variables: Vec<(&'static str, String)>,
    address: SocketAddr,
    folder: Arc<Scratch>,
    child: Mutex<Option<Child>>,
}

/// A deployment of one process, and a world beside it that sets it up and asks it.
pub fn deployment(db: TestDb, redis: TestRedis, now: &str) -> (World, Process) {
    let folder = Arc::new(Scratch::new());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (keys, mint, trusted) = (file("keys"), file("mint.pem"), file("trusted.toml"));
    let revoked = file("revoked");
    std::fs::write(&revoked, "# nothing yet\n").expect("a scratch folder takes files");
    ran(&["keys", "new", &keys], &[]);
    let shown = ran(&["token", "--make-key", "--show-key", "--key", &mint], &[]);
    std::fs::write(&trusted, shown.stdout).expect("a scratch folder takes files");
    let pem = std::fs::read_to_string(&mint).expect("a key was made");
    let address = free_address();
    let variables = vec![
        ("DATABASE_URL", db.app_url()),
        ("REDIS_URL", redis.url()),
        ("TRADEIN_SANDBOX__ENABLED", "true".to_owned()),
        ("TRADEIN_SANDBOX__STARTS_AT", now.to_owned()),
        ("TRADEIN_HTTP__BIND", address.to_string()),
        ("TRADEIN_HTTP__PRIVATE_BIND", free_address().to_string()),
        ("TRADEIN_DATABASE__LOCK_TIMEOUT_MS", "10000".to_owned()),
        ("TRADEIN_DATABASE__STATEMENT_TIMEOUT_MS", "20000".to_owned()),
        ("TRADEIN_KEYS__FILE", keys.clone()),
        ("TRADEIN_TOKENS__KEYS_FILE", trusted),
        ("TRADEIN_TOKENS__REVOKED_FILE", revoked),
    ];
    let mint = Mint::from_pem(&pem, "tradein").expect("the key that was made");
    let mut world = World::with(db, redis, now, Secrets { keys_file: keys.into(), mint });
    world.url = format!("http://{address}");
    let process = Process { variables, address, folder, child: Mutex::new(None) };
    process.start();
    (world, process)
}

impl Process {
    /// Starts the service, and returns when it says that it is ready.
    pub fn start(&self) {
        let log = OpenOptions::new().create(true).append(true).open(self.log());
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
        command.arg("serve").envs(self.variables.iter().cloned());
        command.env("TRADEIN_LOG", "debug,tradein=trace").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(log.expect("a file for the log"));
        *self.child() = Some(command.spawn().expect("the service starts"));
        eventually("the service is ready", || {
            if let Ok(Some(status)) = self.child().as_mut().expect("it was started").try_wait() {
                panic!("it ended with {status}:\n{}", self.log_text());
            }
            self.status("/readyz") == Some(200)
        });
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        let mut child = self.child().take().expect("it runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&self) {
        let pid = self.child().as_ref().expect("it runs").id();
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM).expect("it runs");
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> ExitStatus {
        let mut status = None;
        eventually("the service has ended", || {
            status = self.child().as_mut().expect("it ran").try_wait().expect("our own child");
            status.is_some()
        });
        status.expect("it was waited for")
    }

    /// What a GET over a connection of its own is answered with.
    pub fn status(&self, path: &str) -> Option<u16> {
        get(self.address, path)?.split(' ').nth(1)?.parse().ok()
    }

    /// What Prometheus would read.
    pub fn metrics(&self) -> String {
        let private = self.variables.iter().find(|(name, _)| name.ends_with("PRIVATE_BIND"));
        let address = private.and_then(|(_, address)| address.parse().ok()).expect("an address");
        get(address, "/metrics").expect("metrics")
    }

    pub fn revoked_file(&self) -> PathBuf {
        self.folder.path().join("revoked")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log()).expect("a log")).into_owned()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A test that fails half-way must not leave a service behind.
impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The whole answer of a GET, if there is one.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: tradein\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
}

/// Below 32768, where no outgoing connection takes it while the service is down.
pub fn free_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::rng().random_range(20_000..32_768)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// Runs the program to its end.
pub fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
    let mut child = command
        .args(words)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("our own child").is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    // One that should have refused and serves instead.
    let _ = child.kill();
    child.wait_with_output().expect("it has ended")
}

fn ran(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let output = run(words, variables);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
