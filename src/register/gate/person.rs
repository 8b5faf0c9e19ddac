//! One person's entry: his used slots as Postgres said them last, and his requests in flight.

use super::store::{QuotaRead, read_quotas};
use super::{Away, Gate, Ground};
use crate::book::read;
use crate::register::model::PersonRef;
use crate::register::store::PersonKey;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use redis::Script;
use sha2::Sha256;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

static RESERVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("reserve.lua")));
static LOAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("load.lua")));

/// How many lost confirmations are kept by name; above it the whole epoch is raised instead.
const MISSED_MAX: usize = 10_000;
/// How many rows are read and loaded at once.
const PAGE: usize = 256;

/// What Redis says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A place is set aside, now or by an earlier attempt of the same request.
    Admitted,
    /// No place, as far as Redis knows; not to be told before Postgres has said the same.
    Full,
    /// Redis knows nothing of this quota in this epoch.
    NeedLoad,
    /// Redis is away, or the gate has not looked yet.
    Unavailable,
}

/// What became of a write of Postgres' state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Written,
    /// What is there is the same, or lower at the same version.
    Kept,
    /// A newer version is there.
    Newer(i64),
    /// A newer epoch is there: this process has not looked since.
    NewerEpoch,
}

impl Gate {
    /// Asks for a place for one request: `reservation` names it, so that asking again is free.
    pub async fn reserve(
        &self,
        person: PersonRef,
        key: &str,
        reservation: [u8; 16],
        cap: u32,
    ) -> Admission {
        let Some(ground) = self.ground() else { return Admission::Unavailable };
        let life = millis(self.settings.reservation);
        let mut script = RESERVE.key(self.entry(ground, person));
        script.key(self.reservations(ground, person, key));
        script.arg(ground.epoch.0).arg(key).arg(&reservation[..]).arg(cap).arg(life);
        match self.link.run::<i64>(&script).await {
            Ok(1) => Admission::Admitted,
            Ok(2) => Admission::Full,
            Ok(_) => Admission::NeedLoad,
            Err(Away) => Admission::Unavailable,
        }
    }

    /// Gives a place back before the request was decided.
    pub async fn release(&self, person: PersonRef, key: &str, reservation: [u8; 16]) {
        let Some(ground) = self.ground() else { return };
        let mut remove = redis::cmd("ZREM");
        remove.arg(self.reservations(ground, person, key)).arg(&reservation[..]);
        // One that is lost runs out.
        let _ = self.link.ask(|mut c| async move { remove.query_async::<i64>(&mut c).await }).await;
    }

    /// Tells Redis what a commit made of a quota row: the count of its live slots and its
    /// version. One that is lost is made good by the next look.
    pub async fn confirm(
        &self,
        person: PersonRef,
        key: &str,
        used: u32,
        version: i64,
        reservation: Option<[u8; 16]>,
    ) {
        match self.write(person, key, used, version, reservation).await {
            Ok(Written::NewerEpoch) | Err(Away) => {
                metrics::counter!("tradein_gate_missed_confirms_total").increment(1);
                self.miss((person, key.to_owned()));
            }
            Ok(_) => {}
        }
    }

    /// Reads quota rows and writes them to Redis; those that Redis does not take are missed.
    pub async fn refresh(&self, keys: &[PersonKey]) {
        for page in keys.chunks(PAGE) {
            let rows = self.read_rows(page.to_vec()).await;
            let Ok(rows) = rows else {
                page.iter().for_each(|key| self.miss(key.clone()));
                continue;
            };
            let write = async |row: &QuotaRead| {
                let quota = &row.quota;
                self.confirm(quota.person, &quota.key, row.used(), quota.version, None).await;
            };
            join_all(rows.iter().map(write)).await;
        }
    }

    /// Writes a row that was just read. Where Redis has a newer version than Postgres had after
    /// that was seen, one of the two has gone back in time, and the epoch will end.
    ///
    /// # Errors
    /// [`Away`], of Redis or of Postgres.
    pub(super) async fn load(&self, row: &QuotaRead) -> Result<Written, Away> {
        metrics::counter!("tradein_gate_loads_total").increment(1);
        let quota = &row.quota;
        let written = self.write(quota.person, &quota.key, row.used(), quota.version, None).await?;
        if let Written::Newer(there) = written {
            let again = self.read_row((quota.person, quota.key.clone())).await?;
            if again.quota.version < there {
                tracing::warn!("gate.entry_from_the_future");
                self.distrust.store(true, Ordering::Relaxed);
            }
        }
        Ok(written)
    }

    async fn write(
        &self,
        person: PersonRef,
        key: &str,
        used: u32,
        version: i64,
        reservation: Option<[u8; 16]>,
    ) -> Result<Written, Away> {
        let ground = self.ground().ok_or(Away)?;
        let jitter = rand::rng().random_range(0.75..1.25);
        let mut script = LOAD.key(self.entry(ground, person));
        script.key(self.reservations(ground, person, key));
        script.arg(ground.epoch.0).arg(key).arg(used).arg(version);
        script.arg(millis(self.settings.entry.mul_f64(jitter)));
        script.arg(reservation.as_ref().map_or(&[][..], |reservation| &reservation[..]));
        Ok(match self.link.run::<(i64, i64)>(&script).await? {
            (0, _) => Written::Kept,
            (1, _) => Written::Written,
            (2, there) => Written::Newer(there),
            _ => Written::NewerEpoch,
        })
    }

    fn miss(&self, key: PersonKey) {
        let mut missed = self.missed();
        if missed.len() < MISSED_MAX {
            missed.insert(key);
        } else {
            self.distrust.store(true, Ordering::Relaxed);
        }
    }

    pub(super) async fn read_rows(&self, keys: Vec<PersonKey>) -> Result<Vec<QuotaRead>, Away> {
        let clock = self.clock.clone();
        read(&self.pool, move |connection| read_quotas(connection, &keys, &clock))
            .await
            .map_err(|_| Away)
    }

    pub(super) fn entry(&self, ground: Ground, person: PersonRef) -> String {
        format!("{{b{}}}:q:{}", person.bucket, self.tag(ground, person))
    }

    pub(super) fn reservations(&self, ground: Ground, person: PersonRef, key: &str) -> String {
        format!("{{b{}}}:r:{}:{key}", person.bucket, self.tag(ground, person))
    }

    /// The name of a person in Redis: a keyed digest of cluster and person id.
    fn tag(&self, ground: Ground, person: PersonRef) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.tag_key)
            .expect("HMAC takes a key of any length");
        mac.update(&ground.system.to_be_bytes());
        mac.update(person.id.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..16])
    }
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
