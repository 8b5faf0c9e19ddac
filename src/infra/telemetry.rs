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
}
