//! What the service tells those who run it: metrics by name, a log line for each request, and
//! nothing personal in either.

use super::process::{Process, deployment};
use super::sales::NOW;
use crate::support::world::World;
use crate::support::{TestDb, TestRedis, eventually};
use serde_json::{Value, json};
use tradein::kernel::identifier::{IdNumber, Identifier, Mobile};

/// What a log line of a request may hold.
const FIELDS: [&str; 9] = [
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

/// What whoever runs the service builds alarms on.
const METRICS: [&str; 15] = [
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
];

/// The lines of the log that are about requests.
fn requests(process: &Process) -> Vec<Value> {
    let text = process.log_text();
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("every line is JSON"));
    lines.filter(|line: &Value| line["message"] == "http.request").collect()
}

#[actix_web::test]
async fn each_request_has_a_log_line_and_the_metrics_have_their_names() {
    let (world, process) = deployment(TestDb::new(), TestRedis::new(), NOW);
    let (number, mobile) = (IdNumber::synthetic(4711), Mobile::synthetic(4711));
    let body = json!({"document": "resident_card", "id_number": number.reveal(),
        "name": "欧阳望舒", "mobile": mobile.reveal()});
    let answer = world.post("secret-token", "/v1/people", body).await.expect(401);
    let request_id = answer.body["request_id"].as_str().expect("it has one").to_owned();
    let path = format!("/v1/vouchers/vch_1_0192/{}", number.reveal());
    world.get("secret-token", &path).await.expect(404);
    let path = format!("/v1/vouchers/vch_1_0192?name={}", mobile.reveal());
    world.get("secret-token", &path).await.expect(401);

    let is_it = |line: &Value| line["request_id"] == request_id.as_str();
    eventually("the request is logged", || requests(&process).iter().any(is_it));
    let lines = requests(&process);
    let line = lines.iter().find(|line| is_it(line)).expect("it was there");
    assert_eq!((&line["route"], &line["status"]), (&json!("/v1/people"), &json!(401)));
    assert!(line["micros"].is_u64() && line["method"] == "POST", "{line}");
    let routes: Vec<&str> = lines.iter().filter_map(|line| line["route"].as_str()).collect();
    assert!(routes.contains(&"/v1/vouchers/{id}") && routes.contains(&"none"), "{routes:?}");
    for line in &lines {
        let fields = line.as_object().expect("an object");
        assert!(fields.keys().all(|name| FIELDS.contains(&&**name)), "{line}");
    }
    let metrics = process.metrics();
    for name in METRICS {
        assert!(metrics.contains(name), "no {name} in\n{metrics}");
    }
    let log = process.log_text();
    for secret in [number.reveal(), mobile.reveal(), "欧阳望舒", "vch_1_0192", "secret-token"] {
        assert!(!log.contains(secret), "{secret} in the log");
        assert!(!metrics.contains(secret), "{secret} in the metrics");
    }
    // Nobody from outside sees them.
    world.get("secret-token", "/metrics").await.expect(404);
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
