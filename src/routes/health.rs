//! `/livez`: the process answers. `/readyz`: it can do its work, and says what keeps it.

use crate::book::publish::Log;
use crate::book::read;
use crate::infra::clock::Clock;
use crate::infra::migrations;
use crate::infra::postgres::ReadPool;
use crate::infra::redis::RedisDoor;
use crate::kernel::time::Moment;
use actix_web::{HttpResponse, web};
use diesel::{QueryResult, RunQueryDsl, select};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// More than this between process and database, and times in answers and entries would differ
/// visibly.
const CLOCK_TOLERANCE_MS: i64 = 2_000;

/// Falls first when the process is told to stop, so that a balancer sends nobody any more.
#[derive(Default)]
pub struct Draining(pub AtomicBool);

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "health",
    responses((status = 200, description = "It answers")))]
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

diesel::define_sql_function! {
    /// The database's clock, not that of its transaction.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}

fn database(connection: &mut diesel::PgConnection) -> QueryResult<(Moment, usize)> {
    let now = select(clock_timestamp()).get_result(connection)?;
    Ok((now, migrations::pending(connection)))
}

/// Whether the process can do its work, and what keeps it from it.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready"),
        (status = 503, description = "Not ready: why")))]
pub async fn readyz(
    pool: web::Data<ReadPool>,
    redis: web::Data<RedisDoor>,
    clock: web::Data<Clock>,
    draining: web::Data<Draining>,
    log: web::Data<Option<Arc<Log>>>,
) -> HttpResponse {
    let mut troubles = Vec::new();
    if draining.0.load(Ordering::Relaxed) {
        troubles.push("stopping".to_owned());
    }
    match read(&pool, database).await {
        Err(_) => troubles.push("postgres is not reachable".to_owned()),
        Ok((database_now, pending)) => {
            let apart = (clock.now() - clock.offset() - database_now).num_milliseconds().abs();
            if apart > CLOCK_TOLERANCE_MS {
                troubles.push(format!("this clock and the database's are {apart} ms apart"));
            }
            if pending > 0 {
                troubles.push(format!("{pending} migrations are to be run: tradein migrate"));
            }
        }
    }
    // Claims go on without Redis, slower; a process that lacks it is ready and says so.
    let redis = if redis.is_reachable().await { "reachable" } else { "away" };
    // A log that is halted is an alarm for people; decisions do not need it.
    let log = log.as_ref().as_ref().map_or(json!({"state": "off"}), |log| log.status.json());
    if troubles.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ready", "redis": redis, "log": log}))
    } else {
        let body = json!({
            "status": "not ready", "redis": redis, "log": log, "troubles": troubles,
        });
        HttpResponse::ServiceUnavailable().json(body)
    }
}
