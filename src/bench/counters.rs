//! What a world has used up: processor time, batches, bytes, and the cost of statements.

use super::process;
use super::world::World;
use crate::infra::local::Role as DatabaseRole;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};

/// Counters of a moment; a measurement is the difference of two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Processor seconds.
    pub service: f64,
    pub client: f64,
    pub postgres: f64,
    pub redis: f64,
    pub batches: f64,
    pub commands: f64,
    /// Bytes written to PostgreSQL's log, and bytes that the database takes.
    pub wal: f64,
    pub disk: f64,
}

impl Counters {
    pub fn since(self, before: Counters) -> Counters {
        Counters {
            service: self.service - before.service,
            client: self.client - before.client,
            postgres: self.postgres - before.postgres,
            redis: self.redis - before.redis,
            batches: self.batches - before.batches,
            commands: self.commands - before.commands,
            wal: self.wal - before.wal,
            disk: self.disk - before.disk,
        }
    }
}

#[derive(QueryableByName)]
struct Written {
    #[diesel(sql_type = BigInt)]
    wal: i64,
    #[diesel(sql_type = BigInt)]
    disk: i64,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    text: String,
}

/// What a statement cost, as PostgreSQL counts it.
#[derive(QueryableByName)]
pub struct Spent {
    #[diesel(sql_type = Text)]
    pub query: String,
    #[diesel(sql_type = BigInt)]
    pub micros: i64,
    #[diesel(sql_type = BigInt)]
    pub calls: i64,
    #[diesel(sql_type = BigInt)]
    pub wal: i64,
}

impl World {
    /// What has been used up so far.
    pub async fn counters(&self) -> anyhow::Result<Counters> {
        let sql = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal, \
             pg_database_size('tradein') AS disk";
        let written: Written = sql_query(sql).get_result(&mut self.admin()?)?;
        let (batches, commands) = self.service.batches().await?;
        let family = |id: i32| process::cpu_of_family(id.unsigned_abs());
        Ok(Counters {
            service: process::cpu_of(self.service.process_id()),
            client: process::cpu_of(std::process::id()),
            postgres: family(self.stack.postgres().process_id()?),
            redis: family(self.stack.redis().process_id()?),
            batches,
            commands,
            wal: written.wal as f64,
            disk: written.disk as f64,
        })
    }

    /// What PostgreSQL runs with, beyond its defaults.
    pub fn postgres_settings(&self) -> Vec<String> {
        let wanted = [
            "shared_buffers",
            "fsync",
            "synchronous_commit",
            "full_page_writes",
            "max_wal_size",
            "checkpoint_timeout",
            "wal_compression",
            "wal_buffers",
        ];
        let Ok(mut admin) = self.admin() else { return Vec::new() };
        let mut shown = |name: &&str| -> Option<String> {
            let show = format!("SELECT current_setting('{name}') AS text");
            let found: Shown = sql_query(show).get_result(&mut admin).ok()?;
            Some(format!("{name}={}", found.text))
        };
        wanted.iter().filter_map(&mut shown).collect()
    }

    /// Has PostgreSQL count what each statement costs, from now on.
    ///
    /// # Errors
    /// Where PostgreSQL came without `pg_stat_statements`.
    pub fn count_statements(&self) -> anyhow::Result<()> {
        let mut admin = self.admin()?;
        admin.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")?;
        admin.batch_execute("SELECT pg_stat_statements_reset()")?;
        Ok(())
    }

    /// What each statement cost since [`World::count_statements`], the dearest first.
    pub fn statements(&self) -> anyhow::Result<Vec<Spent>> {
        let sql = "SELECT regexp_replace(query, '\\s+', ' ', 'g') AS query, \
             (1000 * total_exec_time)::bigint AS micros, calls, wal_bytes::bigint AS wal \
             FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid \
             WHERE d.datname = 'tradein' ORDER BY total_exec_time DESC LIMIT 30";
        Ok(sql_query(sql).load(&mut self.admin()?)?)
    }

    fn admin(&self) -> anyhow::Result<PgConnection> {
        let url = self.stack.url(DatabaseRole::Superuser, "tradein");
        Ok(PgConnection::establish(&url)?)
    }
}
