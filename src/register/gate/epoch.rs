//! Which entries of Redis are to be believed: those of the present epoch.
//!
//! The epoch is (Postgres timeline, counter). Whoever finds that Redis is not the one that it was
//! (restarted, failed over, gone back in time), or that confirmations were lost, raises the
//! counter by compare-and-set, and from then on every entry is loaded anew when it is first
//! asked for. A flushed Redis needs none of this: a missing entry is loaded anyway.

use super::Gate;
use super::link::Away;
use super::store::{self, EpochRead};
use crate::book::read;
use redis::{InfoDict, Script};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;

static BEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("beat.lua")));

/// (Postgres timeline id << 32) | counter. Below 2^53 for two million promotions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub i64);

impl Epoch {
    fn of(read: &EpochRead) -> Epoch {
        Epoch(read.timeline << 32 | read.counter)
    }

    fn timeline(self) -> i64 {
        self.0 >> 32
    }

    fn counter(self) -> i64 {
        self.0 & 0xFFFF_FFFF
    }
}

/// What an entry's name and contents depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ground {
    pub epoch: Epoch,
    /// The Postgres cluster. It enters the names of the keys, so a dump that is restored into
    /// another cluster, whose counters mean nothing here, finds an empty Redis.
    pub system: i64,
}

/// What this process last left in Redis.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    epoch: i64,
    position: i64,
}

/// The heartbeat as it stands in Redis.
#[derive(Clone, Debug)]
struct Beat {
    epoch: i64,
    server: String,
    position: i64,
}

/// Why an epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// No heartbeat, and this process does not know what became of it.
    Unknown,
    /// Another process or another role: a restart or a failover.
    Server,
    /// The heartbeat is older than the one that this process left.
    RedisWentBack,
    /// The heartbeat is from Postgres' future.
    PostgresWentBack,
    /// Confirmations were lost, or an entry contradicts its row.
    Distrust,
}

impl Gate {
    /// Looks at both servers, raises the epoch where Redis is not to be believed, and closes the
    /// breaker when Redis answers again. To be run at the start and about every second; until the
    /// first look every claim goes to Postgres alone.
    pub async fn look(&self) {
        let mut memory = self.memory.lock().await;
        // Taken before Postgres is read: what is lost from now on is for the next look, because
        // its change may be later than the epoch that this look makes.
        let missed = std::mem::take(&mut *self.missed());
        let distrust = self.distrust.swap(false, Ordering::Relaxed);
        let was_open = self.link.is_open();
        let done = self.look_once(&mut memory, distrust || was_open).await;
        match done {
            Ok(bumped) => {
                self.link.close();
                if !bumped {
                    self.refresh(&missed.into_iter().collect::<Vec<_>>()).await;
                }
            }
            Err(Away) => {
                self.missed().extend(missed);
                self.distrust.fetch_or(distrust, Ordering::Relaxed);
            }
        }
    }

    /// Takes over the epoch that Postgres says, without a look at Redis: for a process that only
    /// compares.
    ///
    /// # Errors
    /// [`Away`]: Postgres.
    pub async fn adopt(&self) -> Result<(), Away> {
        let postgres = self.read_postgres().await?;
        self.set_ground(Some(Ground { epoch: Epoch::of(&postgres), system: postgres.system }));
        Ok(())
    }

    /// True where the epoch was raised after this look began.
    async fn look_once(&self, memory: &mut Memory, distrust: bool) -> Result<bool, Away> {
        let mut postgres = self.read_postgres().await?;
        let (server, beat) = self.read_redis(postgres.system).await?;
        let ahead = |beat: &Beat, postgres: &EpochRead| {
            beat.epoch > Epoch::of(postgres).0 || beat.position > postgres.position
        };
        let mut cause = None;
        if let Some(beat) = beat.as_ref().filter(|beat| ahead(beat, &postgres)) {
            // Another instance may have been quicker; what it saw, Postgres says by now.
            postgres = self.read_postgres().await?;
            cause = ahead(beat, &postgres).then_some(Cause::PostgresWentBack);
        }
        let epoch = Epoch::of(&postgres);
        cause = cause.or_else(|| judge(epoch, &server, beat.as_ref(), *memory));
        cause = cause.or(distrust.then_some(Cause::Distrust));
        if let Some(cause) = cause {
            let there = Epoch(beat.as_ref().map_or(0, |beat| beat.epoch));
            if there.timeline() > postgres.timeline {
                // No counter gets above that, so nothing could be loaded over what is there.
                tracing::error!("gate.redis_is_of_a_later_timeline: flush Redis");
                self.set_ground(None);
                return Err(Away);
            }
            postgres = self.bump(cause, epoch, there.counter()).await?;
        }
        let ground = Ground { epoch: Epoch::of(&postgres), system: postgres.system };
        // The heartbeat goes first: no entry of an epoch is ever older than its heartbeat.
        self.beat(ground, &server, postgres.position).await?;
        *memory = Memory { epoch: ground.epoch.0, position: postgres.position };
        self.set_ground(Some(ground));
        Ok(cause.is_some())
    }

    async fn read_postgres(&self) -> Result<EpochRead, Away> {
        read(&self.pool, store::read_epoch).await.map_err(|_| Away)
    }

    async fn bump(&self, cause: Cause, seen: Epoch, above: i64) -> Result<EpochRead, Away> {
        let raise = move |connection: &mut _| store::bump_epoch(connection, seen.counter(), above);
        if read(&self.pool, raise).await.map_err(|_| Away)? {
            tracing::warn!(?cause, "gate.epoch_raised");
            metrics::counter!("tradein_gate_epochs_total", "cause" => format!("{cause:?}"))
                .increment(1);
        }
        self.read_postgres().await
    }

    /// Who Redis is now, and the heartbeat that it holds.
    async fn read_redis(&self, system: i64) -> Result<(String, Option<Beat>), Away> {
        let key = heartbeat(system);
        let mut ask = redis::pipe();
        ask.cmd("INFO").arg("server").cmd("INFO").arg("replication");
        ask.cmd("HMGET").arg(key).arg(&["e", "server", "at"]);
        type Found = (InfoDict, InfoDict, (Option<i64>, Option<String>, Option<i64>));
        let (server, replication, found): Found =
            self.link.probe(|mut c| async move { ask.query_async(&mut c).await }).await?;
        let run = text(&server, "run_id");
        let (role, line) = (text(&replication, "role"), text(&replication, "master_replid"));
        if role != "master" {
            // A replica would refuse every write anyway.
            return Err(Away);
        }
        let beat = match found {
            (Some(epoch), Some(server), Some(position)) => Some(Beat { epoch, server, position }),
            _ => None,
        };
        Ok((format!("{run}/{line}"), beat))
    }

    async fn beat(&self, ground: Ground, server: &str, position: i64) -> Result<(), Away> {
        let mut beat = BEAT.key(heartbeat(ground.system));
        beat.arg(ground.epoch.0).arg(server).arg(position);
        let _: i64 =
            self.link.probe(|mut c| async move { beat.invoke_async(&mut c).await }).await?;
        Ok(())
    }
}

fn heartbeat(system: i64) -> String {
    format!("{{gate}}:{system}")
}

fn text(info: &InfoDict, name: &str) -> String {
    info.get(name).unwrap_or_default()
}

/// Whether what Redis holds of this epoch is to be believed.
fn judge(epoch: Epoch, server: &str, beat: Option<&Beat>, memory: Memory) -> Option<Cause> {
    let Some(beat) = beat else {
        // Flushed: every entry is gone with the heartbeat. A process that has just started
        // cannot know that it was that.
        return (memory.epoch != epoch.0).then_some(Cause::Unknown);
    };
    if beat.epoch != epoch.0 {
        // Somebody has raised the epoch since; entries of the old one are not believed.
        return None;
    }
    if beat.server != server {
        return Some(Cause::Server);
    }
    (memory.epoch == epoch.0 && beat.position < memory.position).then_some(Cause::RedisWentBack)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_when_redis_is_not_the_one_that_it_was() {
        let beat = |epoch, server: &str, position| Beat { epoch, server: server.into(), position };
        let known = Memory { epoch: 5, position: 100 };
        let fresh = Memory::default();
        for (beat, memory, expected) in [
            (Some(beat(5, "a", 100)), known, None),
            (Some(beat(5, "a", 100)), fresh, None),
            (Some(beat(5, "b", 100)), known, Some(Cause::Server)),
            (Some(beat(5, "b", 100)), fresh, Some(Cause::Server)),
            (Some(beat(5, "a", 99)), known, Some(Cause::RedisWentBack)),
            (Some(beat(5, "a", 99)), Memory { epoch: 4, position: 100 }, None),
            (Some(beat(4, "b", 1)), known, None),
            (None, known, None),
            (None, fresh, Some(Cause::Unknown)),
        ] {
            assert_eq!(judge(Epoch(5), "a", beat.as_ref(), memory), expected, "{beat:?}");
        }
    }
}
