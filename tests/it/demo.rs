//! `tradein demo` as a newcomer runs it.

use crate::support::processes::{family, is_alive, naming};
use crate::support::{Scratch, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const REAL: &str = "config/programmes";
/// Those that the stories play under: a few are published sooner than all.
const OF_THE_STORIES: [&str; 6] = [
    "shanghai-appliance-2024",
    "shanghai-ebike-2024",
    "zhejiang-home-goods-2025",
    "shanghai-digital-2025-v1",
    "nation-car-scrap-2025",
    "jiangsu-appliance-2026",
];

#[test]
fn the_stories_go_as_they_should_again_and_again_on_one_folder() {
    let scratch = Scratch::new();
    for (run, news) in [(1, "55 programmes, 55 of them new"), (2, ", 0 of them new")] {
        let output = once(&scratch.path().join("data"), Path::new(REAL), &["--port", "0"]);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "run {run}:\n{told}");
        for line in [
            news,
            "1,799.80 yuan are owed to the shop",
            "422 QUOTA_EXHAUSTED 本年度该品类的补贴次数或件数已用完",
            "20% of 8,999.00 = 1,799.80",
            "at most 500.00, so 500.00",
            "20,000.00 yuan are payable to her",
            "recomputed from its entries",
            "of 7 books replayed: no difference",
            "curl -sS http://127.0.0.1:",
        ] {
            assert!(told.contains(line), "run {run} says {line:?}:\n{told}");
        }
        assert!(!told.contains("\x1b["), "no colours in a pipe");
        assert_eq!(naming(&scratch.path().display().to_string()), [], "nothing is left running");
    }
}

#[test]
fn a_step_that_goes_otherwise_ends_with_1_and_the_next_stories_are_told() {
    let scratch = Scratch::new();
    let programmes = some_programmes(&scratch, &OF_THE_STORIES[..2]);
    let output = once(&scratch.path().join("data"), &programmes, &["--port", "0"]);
    assert_eq!(output.status.code(), Some(1));
    let (told, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("1,799.80 yuan are owed to the shop"), "{told}");
    assert!(told.contains("! expected 201"), "{told}");
    assert!(told.contains("7. Two tills want one voucher"), "{told}");
    assert!(error.contains("5 steps went otherwise than they should"), "{error}");
}

#[test]
fn a_taken_port_is_one_clear_sentence_before_anything_starts() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = scratch.path().join("data");
    let output = once(&data, Path::new(REAL), &["--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    let sentence =
        format!("port {port} of 127.0.0.1 is taken; choose another with --port (0: a free one)");
    assert_eq!(error, format!("Error: {sentence}\n"));
    assert!(!data.exists());
}

#[actix_web::test]
async fn it_serves_what_it_printed_and_nothing_outlives_it() {
    let scratch = Scratch::new();
    let programmes = some_programmes(&scratch, &OF_THE_STORIES);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
        let mut demo = Demo::start(&scratch.path().join("data"), &programmes);
        assert_eq!(demo.paste().await, (201, String::new()));
        assert_eq!(demo.paste().await, (422, "QUOTA_EXHAUSTED".to_owned()));
        let ready = reqwest::get(format!("{}/readyz", demo.url)).await.unwrap();
        assert_eq!(ready.status(), 200);
        let pid = Pid::from_raw(demo.child.id().cast_signed());
        let family = family(pid);
        assert!(family.len() > 3, "two servers, and those that PostgreSQL starts: {family:?}");
        kill(pid, signal).unwrap();
        let status = demo.child.wait().unwrap();
        assert_eq!(status.success(), signal != Signal::SIGKILL, "{signal}: {status}");
        if status.success() {
            assert!(family.iter().all(|pid| !is_alive(*pid)), "{signal}");
            let log = std::fs::read_to_string(scratch.path().join("data/postgres.log")).unwrap();
            assert!(log.contains("database system is shut down"), "{signal}: {log}");
        }
        eventually("all servers have ended", || family.iter().all(|pid| !is_alive(*pid)));
    }
}

#[test]
fn the_secrets_of_the_folder_are_its_owners_and_fresh_makes_others() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let (data, programmes) =
        (scratch.path().join("data"), some_programmes(&scratch, &OF_THE_STORIES));
    let mut secrets = Vec::new();
    for more in [&["--port", "0"][..], &["--port", "0"], &["--port", "0", "--fresh"]] {
        let output = once(&data, &programmes, more);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}");
        for name in ["keys.toml", "tokens.pem"] {
            let path = data.join(name);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            secrets.push(std::fs::read_to_string(path).unwrap());
        }
        let fresh = more.contains(&"--fresh") || secrets.len() == 2;
        assert_eq!(told.contains("6 programmes, 6 of them new"), fresh, "{told}");
    }
    assert_eq!(secrets[..2], secrets[2..4]);
    assert!(secrets[4] != secrets[0] && secrets[5] != secrets[1]);
}

/// A folder with some of the real programmes.
fn some_programmes(scratch: &Scratch, names: &[&str]) -> std::path::PathBuf {
    let folder = scratch.path().join("programmes");
    std::fs::create_dir(&folder).unwrap();
    for name in names {
        let file = format!("{name}.toml");
        std::fs::copy(Path::new(REAL).join(&file), folder.join(&file)).unwrap();
    }
    folder
}

fn command(data: &Path, programmes: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
    command.arg("demo").arg("--data-dir").arg(data).arg("--programmes").arg(programmes);
    command
}

fn once(data: &Path, programmes: &Path, more: &[&str]) -> Output {
    command(data, programmes).arg("--once").args(more).output().unwrap()
}

/// A demo that serves, and what it printed to be pasted.
struct Demo {
    child: Child,
    url: String,
    token: String,
    body: String,
}

impl Demo {
    /// Returns when it says that it serves.
    fn start(data: &Path, programmes: &Path) -> Demo {
        let mut command = command(data, programmes);
        let mut child = command.args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let (mut url, mut token, mut body) = (String::new(), String::new(), String::new());
        let mut served = false;
        for line in lines {
            if let Some((address, rest)) =
                line.strip_prefix("curl -sS ").and_then(|rest| rest.split_once("/v1/"))
            {
                url = address.to_owned();
                token = rest.split_once("Bearer ").unwrap().1.trim_end_matches("' \\").to_owned();
            } else if let Some(data) = line.trim().strip_prefix("-d '") {
                body = data.trim_end_matches('\'').to_owned();
            } else if line.starts_with("Serving on ") {
                served = true;
                break;
            }
        }
        let demo = Demo { child, url, token, body };
        assert!(served, "it says that it serves");
        demo
    }

    /// What the printed line does in a shell: the status, and the code of a refusal.
    async fn paste(&mut self) -> (u16, String) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{}/v1/vouchers", self.url)).bearer_auth(&self.token);
        let key = format!("try-{}", uuid::Uuid::new_v4());
        let request = request.header("idempotency-key", key);
        let request = request.header("content-type", "application/json").body(self.body.clone());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.unwrap();
        let code = body["code"].as_str().filter(|_| status >= 400).unwrap_or_default();
        (status, code.to_owned())
    }
}

/// A test that fails half-way must not leave a demo behind.
impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
