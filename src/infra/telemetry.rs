//! Logs and metrics.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::fs::File;
use std::sync::Arc;
use tracing_subscriber::EnvFilter;

/// One JSON object a line on standard error. What may stand in a line is decided where it is
/// written: ids of requests and things, codes, counts; never a body, a token or an identity.
pub fn log_json() {
    let filter = EnvFilter::try_from_env("TRADEIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A second call in one process (tests) keeps the first log.
    let _ = log.with_writer(std::io::stderr).try_init();
}

/// The same into a file, for a program whose output people read.
pub fn log_json_to(file: File) {
    let filter = EnvFilter::try_from_env("TRADEIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    let _ = log.with_writer(Arc::new(file)).try_init();
}

/// Starts counting; the handle renders Prometheus' text.
///
/// # Errors
/// Where this process counts already.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let seconds = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
    let sizes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
        .set_buckets_for_metric(Matcher::Suffix("_size".to_owned()), &sizes)?
        .install_recorder()
        .inspect(|_| begin())
}

/// What rises and falls. They stand at zero from the start as well.
const GAUGES: [(&str, &str); 4] = [
    ("tradein_gate_breaker_open", "1 while Redis is left alone after failures"),
    ("tradein_log_halted", "Logs that are not signed any further: a person has to look"),
    ("tradein_log_unsigned_entries", "Entries that the publisher found unsigned at its last look"),
    ("tradein_log_without_quorum", "Logs whose last head lacks its quorum of witnesses"),
];

/// What is counted without a label, and what it means. They stand at zero from the start: an
/// alarm on a counter that is not there yet never rings.
const COUNTERS: [(&str, &str); 11] = [
    ("tradein_book_faults_total", "Commands that broke a promise of the program: bugs"),
    ("tradein_book_poison_total", "Commands that the database refused when alone: bugs"),
    ("tradein_book_turned_away_total", "Requests refused because a book's queue was full"),
    ("tradein_book_batches_failed_total", "Transactions that had to be tried again or split"),
    ("tradein_book_unknown_commits_total", "Commits whose outcome had to be looked up"),
    ("tradein_gate_redis_failures_total", "Calls to Redis that failed or took too long"),
    ("tradein_gate_beside_redis_total", "Claims that went on without Redis"),
    ("tradein_gate_false_full_total", "Refusals of Redis that PostgreSQL did not confirm"),
    ("tradein_gate_missed_confirms_total", "Grants that Redis was not told of"),
    ("tradein_log_signed_total", "Checkpoints that this process has signed"),
    ("tradein_log_witness_failures_total", "Cosignatures that a witness did not give"),
];

fn begin() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_histogram!("tradein_http_request_seconds", "Requests by route and status");
    describe_histogram!("tradein_book_batch_size", "Commands that a clerk committed together");
    describe_gauge!("tradein_gate_left_fen", "What is left of a drop's money, by the gate");
    describe_counter!("tradein_gate_loads_total", "Quota rows that were copied to Redis");
    describe_counter!("tradein_gate_turned_away_total", "Claims refused at the gate, by reason");
    describe_counter!("tradein_gate_epochs_total", "Times that Redis was emptied, by cause");
    describe_counter!("tradein_tokens_refused_total", "Access tokens refused, by reason");
    for (name, meaning) in COUNTERS {
        describe_counter!(name, meaning);
        metrics::counter!(name).absolute(0);
    }
    metrics::counter!("tradein_gate_loads_total").absolute(0);
    for (name, meaning) in GAUGES {
        describe_gauge!(name, meaning);
        metrics::gauge!(name).set(0.0);
    }
    // Registered, not recorded: no batch has been written yet.
    let _ = metrics::histogram!("tradein_book_batch_size");
}
