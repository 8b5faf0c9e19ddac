//! The connection to Redis: it never waits long, never retries by itself, and stops asking a
//! Redis that does not answer.

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, RedisResult, ScriptInvocation};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Redis did not answer, answered with an error, or was not asked because the breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Away;

/// How long Redis may take, and how often it may fail.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To connect, and again to answer.
    pub answer: Duration,
    /// Failures in a row after which it is not asked any more.
    pub failures: u32,
}

/// One shared connection and its circuit breaker.
///
/// The breaker opens after some failures in a row. Nobody but the once-a-second look of the gate
/// then asks Redis (the half-open probe), and only that look closes it again.
pub struct Link {
    client: Client,
    patience: Patience,
    /// None until it is first used, and again after it was given up.
    connection: RwLock<Option<ConnectionManager>>,
    failures: AtomicU32,
    open: AtomicBool,
}

impl Link {
    /// Connects when it is first used, so Redis may be away now.
    ///
    /// # Errors
    /// An address that is none.
    pub fn new(url: &str, patience: Patience) -> RedisResult<Link> {
        let client = Client::open(url)?;
        let connection = RwLock::default();
        let (failures, open) = (AtomicU32::new(0), AtomicBool::new(false));
        Ok(Link { client, patience, connection, failures, open })
    }

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Lets requests ask Redis again.
    pub fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        if self.open.swap(false, Ordering::Relaxed) {
            metrics::gauge!("tradein_gate_breaker_open").set(0.0);
            tracing::info!("gate.breaker_closed");
        }
    }

    /// Runs a script, unless the breaker is open. A script that Redis does not know is sent to it
    /// and run then; nothing else is ever sent twice.
    ///
    /// # Errors
    /// [`Away`]; the script may have run all the same.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Away> {
        self.ask(|mut connection| async move { script.invoke_async(&mut connection).await }).await
    }

    /// Asks Redis something, unless the breaker is open.
    ///
    /// # Errors
    /// [`Away`]
    pub async fn ask<T, F: Future<Output = RedisResult<T>>>(
        &self,
        work: impl FnOnce(ConnectionManager) -> F,
    ) -> Result<T, Away> {
        if self.is_open() { Err(Away) } else { self.probe(work).await }
    }

    /// Asks Redis something, whatever the breaker says.
    ///
    /// # Errors
    /// [`Away`]
    pub async fn probe<T, F: Future<Output = RedisResult<T>>>(
        &self,
        work: impl FnOnce(ConnectionManager) -> F,
    ) -> Result<T, Away> {
        let Ok(connection) = self.connection() else { return Err(self.failed(None)) };
        // The connection has limits of its own for connecting and for each answer; this one also
        // bounds the wait behind somebody else's attempt to connect.
        let limit = self.patience.answer * 2;
        match tokio::time::timeout(limit, work(connection)).await {
            Ok(Ok(answer)) => {
                self.failures.store(0, Ordering::Relaxed);
                Ok(answer)
            }
            Ok(Err(error)) => Err(self.failed(Some(&error))),
            Err(_) => Err(self.failed(None)),
        }
    }

    fn failed(&self, error: Option<&RedisError>) -> Away {
        metrics::counter!("tradein_gate_redis_failures_total").increment(1);
        // The kind and not the whole error: a message could hold what was sent.
        let kind = error.map(RedisError::kind);
        tracing::debug!(?kind, "gate.redis_failed");
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= self.patience.failures && !self.open.swap(true, Ordering::Relaxed) {
            metrics::gauge!("tradein_gate_breaker_open").set(1.0);
            tracing::warn!(?kind, failures, "gate.breaker_opened");
        }
        if self.is_open() {
            // A connection whose other end is gone without a word would fail for many minutes.
            *self.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Away
    }

    fn connection(&self) -> RedisResult<ConnectionManager> {
        let known = self.connection.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = known {
            return Ok(connection);
        }
        let mut place = self.connection.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*place {
            return Ok(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(self.patience.answer))
            .set_response_timeout(Some(self.patience.answer))
            // A failed attempt to connect is a failure, told at once; the next request tries
            // again.
            .set_number_of_retries(0);
        let fresh = ConnectionManager::new_lazy_with_config(self.client.clone(), config)?;
        Ok(place.insert(fresh).clone())
    }
}
