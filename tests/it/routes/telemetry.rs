//! What the service tells those who run it: metrics by name, a log line for each request, and
//! nothing personal in either.

use crate::support::world::World;
use crate::support::{Scratch, TestDb, TestRedis, eventually};
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command};
use tradein::kernel::identifier::{IdNumber, Identifier, Mobile};

/// `tradein serve` as a process of its own; its log is a file.
struct Served {
    child: Child,
    url: String,
    private: String,
    folder: Scratch,
    _redis: TestRedis,
    _db: TestDb,
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}

impl Served {
    fn start() -> Served {
        let (db, redis, folder) = (TestDb::new(), TestRedis::new(), Scratch::new());
        let (address, private) = (free_address(), free_address());
        let log = File::create(folder.path().join("log")).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_tradein"))
            .arg("serve")
            .env("DATABASE_URL", db.app_url())
            .env("REDIS_URL", redis.url())
            .env("TRADEIN_SANDBOX__ENABLED", "true")
            .env("TRADEIN_HTTP__BIND", &address)
            .env("TRADEIN_HTTP__PRIVATE_BIND", &private)
            .env_remove("TRADEIN_CONFIG")
            .env_remove("TRADEIN_LOG")
            .stderr(log)
            .spawn()
            .expect("the program starts");
        let (url, private) = (format!("http://{address}"), format!("http://{private}"));
        eventually("the service listens", || std::net::TcpStream::connect(&address).is_ok());
        Served { child, url, private, folder, _redis: redis, _db: db }
    }

    fn lines(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).expect("the log");
        let line = |line: &str| serde_json::from_str(line).expect("every line is JSON");
        log.lines().map(line).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[actix_web::test]
async fn each_request_has_a_log_line_and_the_metrics_have_their_names() {
    let served = Served::start();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let number = IdNumber::synthetic(4711);
    let mobile = Mobile::synthetic(4711);
    let secrets = [number.reveal(), mobile.reveal(), "欧阳望舒", "vch_1_0192", "secret-token"];
    let body = json!({"document": "resident_card", "id_number": number.reveal(),
        "name": "欧阳望舒", "mobile": mobile.reveal()});
    let post = http.post(format!("{}/v1/people", served.url)).bearer_auth("secret-token");
    let answer = post.header("idempotency-key", "telemetry-1").json(&body).send().await.unwrap();
    let request_id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 401);
    let path = format!("{}/v1/vouchers/vch_1_0192/{}", served.url, number.reveal());
    assert_eq!(http.get(&path).send().await.unwrap().status(), 404);
    let path = format!("{}/v1/vouchers/vch_1_0192?name={}", served.url, mobile.reveal());
    assert_eq!(http.get(&path).send().await.unwrap().status(), 401);
    assert_eq!(http.get(format!("{}/livez", served.url)).send().await.unwrap().status(), 200);

    eventually("the request is logged", || {
        served.lines().iter().any(|line| line["request_id"] == request_id.as_str())
    });
    let lines = served.lines();
    let requests: Vec<&Value> =
        lines.iter().filter(|line| line["message"] == "http.request").collect();
    let line = requests.iter().find(|line| line["request_id"] == request_id.as_str()).unwrap();
    assert_eq!((&line["route"], &line["status"]), (&json!("/v1/people"), &json!(401)));
    assert!(line["micros"].is_u64() && line["method"] == "POST", "{line}");
    let routes: Vec<&str> = requests.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert!(routes.contains(&"/v1/vouchers/{id}") && routes.contains(&"none"), "{routes:?}");
    let known = [
        "timestamp",
        "level",
        "message",
        "target",
        "request_id",
        "method",
        "route",
        "status",
        "micros",
    ];
    for line in &requests {
        assert!(line.as_object().unwrap().keys().all(|name| known.contains(&&**name)), "{line}");
    }
    let metrics = http.get(format!("{}/metrics", served.private)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for name in [
        "tradein_http_request_seconds_bucket{route=\"/v1/people\",status=\"401\",le=",
        "tradein_tokens_refused_total{reason=",
        "# TYPE tradein_book_batch_size histogram",
        "# TYPE tradein_book_faults_total counter\ntradein_book_faults_total 0",
        "# TYPE tradein_book_poison_total counter",
        "# TYPE tradein_book_turned_away_total counter",
        "# TYPE tradein_book_batches_failed_total counter",
        "# TYPE tradein_book_unknown_commits_total counter",
        "# TYPE tradein_gate_redis_failures_total counter",
        "# TYPE tradein_gate_beside_redis_total counter",
        "# TYPE tradein_gate_false_full_total counter",
        "# TYPE tradein_gate_missed_confirms_total counter",
        "# TYPE tradein_gate_loads_total counter",
        "# TYPE tradein_gate_breaker_open gauge",
        "# HELP tradein_http_request_seconds ",
    ] {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }
    let log = std::fs::read_to_string(served.folder.path().join("log")).unwrap();
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!metrics.contains(secret), "{secret} in the metrics");
    }
    // Nobody from outside sees them.
    let outside = http.get(format!("{}/metrics", served.url)).send().await.unwrap();
    assert_eq!(outside.status(), 404);
}

#[actix_web::test]
async fn a_refusal_is_told_in_the_language_that_is_asked_for() {
    let world = World::at("2025-06-01T12:00:00+08:00");
    for (language, chinese) in
        [("zh-CN", true), ("en-GB,zh;q=0.5", false), ("fr", true), ("*", true)]
    {
        let request = world.request("GET", "/v1/people/me").header("accept-language", language);
        let answer = World::sent(request).await.expect(401);
        let detail = answer.body["detail"].as_str().unwrap();
        assert_eq!(!detail.is_ascii(), chinese, "{language}: {detail}");
    }
}
