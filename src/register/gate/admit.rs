//! One claim at the gate: who goes on to the clerk, and who is told no at the door.

use super::store::read_quotas;
use super::{Admission, Away, Gate, QuotaRead, Take, Tranche};
use crate::book::read;
use crate::book::store::find_answers;
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use crate::register::model::PersonRef;
use futures_util::future::{join, join_all};
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::sync::{Mutex, OwnedSemaphorePermit, SemaphorePermit};

/// What a claim asks of the gate.
#[derive(Clone, Debug)]
pub struct Asking {
    pub person: PersonRef,
    /// The quota key.
    pub key: String,
    /// How many slots the acting programme allows.
    pub cap: u32,
    pub book: BookNo,
    /// The stored form of the idempotency key (`Envelope::key_digest`). It names the reservation
    /// too, so that a repeated request uses its own again.
    pub digest: [u8; 16],
    /// What the voucher draws on: the year's tranche, and a round's where there is one.
    pub tranches: Vec<Tranche>,
    /// The most that the voucher can draw.
    pub hold: Fen,
}

/// The way to the clerk. To be given to [`Gate::settle`]; one that is dropped leaves what it
/// holds in Redis to run out, as a crash does.
#[must_use = "a pass that nobody settles keeps a place until it runs out"]
pub struct Pass {
    asking: Asking,
    /// One of the few places beside Redis.
    beside: Option<OwnedSemaphorePermit>,
}

impl Pass {
    /// Whether the claim goes to Postgres without having asked Redis.
    pub fn is_beside_redis(&self) -> bool {
        self.beside.is_some()
    }
}

/// A no at the door: nothing is stored, the same key may be answered otherwise later.
#[derive(Debug)]
pub enum TurnedAway {
    /// The quota is used up: Postgres says so, and the book has not answered this key.
    Full(Box<QuotaRead>),
    /// The money is gone: Postgres says so, and the book has not answered this key.
    SoldOut,
    /// Too many at once, or the last money is in flight: the same request again in a moment.
    Busy,
}

impl TurnedAway {
    fn count(&self) {
        let why = match self {
            TurnedAway::Full(_) => "full",
            TurnedAway::SoldOut => "sold_out",
            TurnedAway::Busy => "busy",
        };
        metrics::counter!("tradein_gate_turned_away_total", "why" => why).increment(1);
    }
}

/// What became of an admitted claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Granted: the live slots and the version of the quota row after the commit.
    Granted { used: u32, version: i64 },
    /// Refused by the rules, or answered earlier.
    Refused,
    /// Refused because the quota is used up: Redis is told what Postgres has.
    QuotaFull,
    /// Nobody knows (503, 500): the place stays until the same request comes again or time ends
    /// it.
    Unknown,
}

impl Gate {
    /// Decides whether a claim goes on to the clerk.
    ///
    /// # Errors
    /// [`TurnedAway`]; only `Full` and `SoldOut` are an answer, and both are verified.
    pub async fn admit(&self, asking: Asking) -> Result<Pass, TurnedAway> {
        let way = match self.at_cap(&asking).await {
            Ok(Way::Through) => self.at_money(&asking).await,
            other => other,
        };
        let passed = match way {
            Ok(Way::Through) => Ok(Pass { asking, beside: None }),
            Ok(Way::Beside) => self.beside_redis(asking),
            Err(no) => Err(no),
        };
        passed.inspect_err(TurnedAway::count)
    }

    /// Tells Redis what became of a claim. To be called once the answer is known; it changes
    /// nothing of the answer.
    pub async fn settle(&self, pass: Pass, outcome: Outcome) {
        let Pass { asking, beside } = pass;
        // Its turn at Postgres is over.
        drop(beside);
        if outcome == Outcome::Unknown {
            return;
        }
        let Asking { person, key, digest, tranches, .. } = &asking;
        let quota = async {
            match outcome {
                Outcome::Granted { used, version } => {
                    self.confirm(*person, key, used, version, Some(*digest)).await;
                }
                Outcome::Refused => self.release(*person, key, *digest).await,
                Outcome::QuotaFull => {
                    self.release(*person, key, *digest).await;
                    self.refresh(&[(*person, key.clone())]).await;
                }
                Outcome::Unknown => {}
            }
        };
        let drawn = matches!(outcome, Outcome::Granted { .. });
        let money = tranches.iter().map(|tranche| self.hand_in(tranche, *digest, drawn));
        join(quota, join_all(money)).await;
    }

    async fn at_cap(&self, asking: &Asking) -> Result<Way, TurnedAway> {
        let reserve = || self.reserve(asking.person, &asking.key, asking.digest, asking.cap);
        let mut admission = reserve().await;
        if admission == Admission::NeedLoad {
            let lane = self.lane(asking);
            let _turn = match lane.try_lock() {
                Ok(turn) => turn,
                // Another request of this person loads it.
                Err(_) => {
                    let turn = lane.lock().await;
                    admission = reserve().await;
                    turn
                }
            };
            if admission == Admission::NeedLoad {
                let key = (asking.person, asking.key.clone());
                let row = self.read_row(key).await.map_err(busy)?;
                // Both travel together, in this order.
                let (loaded, reserved) = join(self.load(&row), reserve()).await;
                admission = reserved;
                // The first load of a Redis that did not know the script comes too late for that.
                if admission == Admission::NeedLoad && loaded.is_ok() {
                    admission = reserve().await;
                }
            }
        }
        match admission {
            Admission::Admitted => Ok(Way::Through),
            Admission::Full => self.verify_full(asking).await,
            // Still to be loaded: another instance has raised the epoch, and this one will see
            // it with its next look.
            Admission::NeedLoad | Admission::Unavailable => Ok(Way::Beside),
        }
    }

    /// Redis says that the quota is used up. One read, one at a time for a person, asks Postgres
    /// about the quota and the book about the key.
    async fn verify_full(&self, asking: &Asking) -> Result<Way, TurnedAway> {
        let _lane = self.lane(asking).lock().await;
        let _turn = self.turn().await?;
        let keys = vec![(asking.person, asking.key.clone())];
        let (clock, book, digest) = (self.clock.clone(), asking.book, asking.digest.to_vec());
        let look = move |connection: &mut diesel::PgConnection| {
            let rows = read_quotas(connection, &keys, &clock)?;
            Ok((rows, !find_answers(connection, book, &[&digest])?.is_empty()))
        };
        let (rows, answered) = read(&self.pool, look).await.map_err(|_| TurnedAway::Busy)?;
        let row = rows.into_iter().next().ok_or(TurnedAway::Busy)?;
        // What was read makes good whatever Redis had wrong.
        let _ = self.load(&row).await;
        if answered {
            return Ok(Way::Through);
        }
        if row.used() >= asking.cap {
            return Err(TurnedAway::Full(Box::new(row)));
        }
        metrics::counter!("tradein_gate_false_full_total").increment(1);
        Ok(Way::Through)
    }

    /// Takes a token of every tranche.
    async fn at_money(&self, asking: &Asking) -> Result<Way, TurnedAway> {
        for tranche in &asking.tranches {
            match self.take_refilled(tranche, asking.digest, asking.hold).await {
                Ok(Take::Taken) => {}
                Ok(Take::NotEnough) => match self.verify_sold_out(asking, tranche).await {
                    Ok(way) => return Ok(way),
                    Err(no) => {
                        self.give_back(asking).await;
                        return Err(no);
                    }
                },
                Ok(Take::NeedRefill) | Err(Away) => return Ok(Way::Beside),
            }
        }
        Ok(Way::Through)
    }

    /// Redis says that too little is left. "Sold out" is true only of money that is drawn; what
    /// is in flight may come back.
    async fn verify_sold_out(&self, asking: &Asking, tranche: &Tranche) -> Result<Way, TurnedAway> {
        let _turn = self.turn().await?;
        if self.is_answered(asking.book, asking.digest).await.map_err(|_| TurnedAway::Busy)? {
            return Ok(Way::Through);
        }
        let left = self.left_in_postgres(tranche).await.map_err(busy)?;
        Err(match left {
            Some(left) if left < asking.hold => TurnedAway::SoldOut,
            _ => TurnedAway::Busy,
        })
    }

    async fn give_back(&self, asking: &Asking) {
        self.release(asking.person, &asking.key, asking.digest).await;
        for tranche in &asking.tranches {
            self.hand_in(tranche, asking.digest, false).await;
        }
    }

    fn beside_redis(&self, asking: Asking) -> Result<Pass, TurnedAway> {
        let permit = self.postgres_only.clone().try_acquire_owned();
        let beside = Some(permit.map_err(|_| TurnedAway::Busy)?);
        metrics::counter!("tradein_gate_beside_redis_total").increment(1);
        Ok(Pass { asking, beside })
    }

    /// One request of a person and quota at a time.
    fn lane(&self, asking: &Asking) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (asking.person, &asking.key).hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % self.lanes.len() as u64).unwrap_or_default();
        &self.lanes[lane]
    }

    /// One of the gate's turns to read Postgres.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, TurnedAway> {
        let turn = tokio::time::timeout(self.settings.read_wait, self.reads.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or(TurnedAway::Busy)
    }
}

/// Where a claim goes on.
enum Way {
    Through,
    /// Redis is away, in whichever step: a few may go on without it.
    Beside,
}

fn busy(_: Away) -> TurnedAway {
    TurnedAway::Busy
}
