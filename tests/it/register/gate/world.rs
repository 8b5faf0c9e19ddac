//! Postgres as the truth, written by plain statements, and gates in front of it.

use crate::support::{Servers, TestDb, TestRedis};
use diesel::sql_types::{
    BigInt, Binary, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as Id,
};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tradein::infra::clock::Clock;
use tradein::infra::keys::{KeyRing, Purpose};
use tradein::infra::postgres::{ReadPool, Timeouts, read_pool};
use tradein::kernel::money::Fen;
use tradein::kernel::time::Moment;
use tradein::register::gate::{Asking, Gate, GateSettings, Patience, Tranche};
use tradein::register::model::PersonRef;
use uuid::Uuid;

pub const KEY: &str = "310000/2026/appliance.tv";

/// The pool goes before the database that it is connected to.
pub struct World {
    pub pool: ReadPool,
    pub db: TestDb,
    pub redis: TestRedis,
    pub servers: Arc<Servers>,
    pub clock: Arc<Clock>,
}

/// What a change made of a quota row.
#[derive(Clone, Copy, Debug, QueryableByName, PartialEq, Eq)]
pub struct Changed {
    #[diesel(sql_type = Integer)]
    pub used: i32,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
}

impl World {
    /// On the servers that all tests share.
    pub fn new() -> World {
        let servers = Servers::shared();
        World::of(TestDb::new().made_up(), TestRedis::new(), servers)
    }

    /// On servers that this test may break.
    pub fn private() -> World {
        let servers = Servers::private();
        World::of(TestDb::on(servers.clone()).made_up(), TestRedis::on(servers.clone()), servers)
    }

    fn of(db: TestDb, redis: TestRedis, servers: Arc<Servers>) -> World {
        let patient = Duration::from_secs(10);
        let timeouts = Timeouts { lock: patient, statement: patient };
        let pool = read_pool(&db.app_url(), 8, timeouts);
        World { pool, db, redis, servers, clock: Arc::default() }
    }

    /// A gate that has looked once.
    pub async fn gate(&self) -> Gate {
        let gate = self.gate_with(settings());
        gate.look().await;
        assert!(gate.epoch().is_some());
        gate
    }

    pub fn gate_with(&self, settings: GateSettings) -> Gate {
        let (pool, clock) = (self.pool.clone(), self.clock.clone());
        let keys = KeyRing::sandbox();
        let tag_key = *keys.current(Purpose::RedisTag).1.expose();
        Gate::new(&self.redis.url(), tag_key, pool, clock, settings).unwrap()
    }

    /// Grants a slot if fewer than `cap` are taken, as a clerk would under the row's lock.
    pub fn grant(&self, person: PersonRef, cap: i32, until: Option<Moment>) -> Option<Changed> {
        let mut connection = self.pool.get().unwrap();
        sql_query(
            "INSERT INTO quota (bucket, person_id, key, books, provinces, holders, states, \
             untils, lapse_keys, version) \
             VALUES ($1, $2, $3, '{}', '{}', '{}', '{}', '{}', '{}', 0) ON CONFLICT DO NOTHING",
        )
        .bind::<SmallInt, _>(person.bucket)
        .bind::<Id, _>(person.id)
        .bind::<Text, _>(KEY)
        .execute(&mut connection)
        .unwrap();
        let granted: Vec<Changed> = sql_query(
            "UPDATE quota SET books = books || 1, provinces = provinces || 310000, \
             holders = holders || $4, states = states || 0::smallint, \
             untils = array_append(untils, $5), lapse_keys = array_append(lapse_keys, NULL), \
             version = version + 1 WHERE bucket = $1 AND person_id = $2 AND key = $3 \
             AND cardinality(books) < $6 RETURNING cardinality(books) AS used, version",
        )
        .bind::<SmallInt, _>(person.bucket)
        .bind::<Id, _>(person.id)
        .bind::<Text, _>(KEY)
        .bind::<Id, _>(Uuid::new_v4())
        .bind::<Nullable<Timestamptz>, _>(until)
        .bind::<Integer, _>(cap)
        .load(&mut connection)
        .unwrap();
        granted.first().copied()
    }

    /// Frees one slot, if there is one.
    pub fn give_back(&self, person: PersonRef) -> Option<Changed> {
        let freed: Vec<Changed> = sql_query(
            "UPDATE quota SET books = books[2:], provinces = provinces[2:], \
             holders = holders[2:], states = states[2:], untils = untils[2:], \
             lapse_keys = lapse_keys[2:], version = version + 1 WHERE bucket = $1 \
             AND person_id = $2 AND key = $3 AND cardinality(books) > 0 \
             RETURNING cardinality(books) AS used, version",
        )
        .bind::<SmallInt, _>(person.bucket)
        .bind::<Id, _>(person.id)
        .bind::<Text, _>(KEY)
        .load(&mut self.pool.get().unwrap())
        .unwrap();
        freed.first().copied()
    }

    /// Stores an answer of the register book under a key.
    pub fn answer(&self, digest: [u8; 16]) {
        sql_query(
            "INSERT INTO answer (book_id, key, fingerprint, status, body, codes, at) \
             VALUES (0, $1, '', 201, '{}', '{}', now())",
        )
        .bind::<Binary, _>(digest.to_vec())
        .execute(&mut self.pool.get().unwrap())
        .unwrap();
    }

    pub fn run(&self, statement: &str) {
        sql_query(statement).execute(&mut self.db.owner()).unwrap();
    }

    pub fn counter(&self) -> i64 {
        let one: Changed = sql_query("SELECT 0 AS used, counter AS version FROM gate_epoch")
            .get_result(&mut self.pool.get().unwrap() as &mut PgConnection)
            .unwrap();
        one.version
    }

    /// The fields of the one entry that Redis holds.
    pub fn entry(&self) -> HashMap<String, String> {
        let mut connection = self.redis.connect();
        let names: Vec<String> = redis::cmd("KEYS").arg("{b*}:q:*").query(&mut connection).unwrap();
        assert!(names.len() <= 1, "{names:?}");
        let Some(name) = names.first() else { return HashMap::new() };
        redis::cmd("HGETALL").arg(name).query(&mut connection).unwrap()
    }

    /// Used and version of that entry, and its epoch.
    pub fn entry_of(&self, key: &str) -> (String, String) {
        let entry = self.entry();
        let field = |name: &str| entry.get(&format!("{name}:{key}")).cloned().unwrap_or_default();
        (field("u"), field("v"))
    }

    /// Ends Redis as a power cut would and starts it again, from its last copy if it has one.
    pub fn restart_redis(&self) {
        self.servers.stack().redis().kill().unwrap();
        self.servers.stack().redis().start().unwrap();
    }

    /// Makes Redis write the copy from which it starts the next time.
    pub fn copy_redis(&self) -> Copy {
        let mut connection = self.redis.connect();
        redis::cmd("SAVE").exec(&mut connection).unwrap();
        let (_, folder): (String, String) =
            redis::cmd("CONFIG").arg("GET").arg("dir").query(&mut connection).unwrap();
        Copy(PathBuf::from(folder).join("dump.rdb"))
    }
}

/// A copy that Redis would load; gone with the test.
pub struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Patient, because tests share the machine; the tests of faults take less.
pub fn settings() -> GateSettings {
    let patience = Patience { answer: Duration::from_secs(2), failures: 3 };
    GateSettings { patience, read_wait: Duration::from_secs(10), ..GateSettings::default() }
}

pub fn person(n: u128) -> PersonRef {
    PersonRef { bucket: i16::try_from(n % 4096).unwrap(), id: Uuid::from_u128(n << 64 | 0xfeed) }
}

pub fn request(n: u128) -> [u8; 16] {
    n.to_be_bytes()
}

pub fn asking(n: u128, digest: u128, cap: u32) -> Asking {
    Asking {
        person: person(n),
        key: KEY.to_owned(),
        cap,
        book: 0,
        digest: request(digest),
        tranches: Vec::new(),
        hold: Fen(100),
    }
}

/// A round of the register book, which is there in every database.
pub fn round() -> Tranche {
    Tranche { book: 0, name: "round".to_owned() }
}
