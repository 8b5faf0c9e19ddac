//! A drop's money: what is left of a tranche, as far as Redis knows, and "sold out".

use super::person::millis;
use super::{Away, Gate, Ground};
use crate::book::read;
use crate::book::store::{MoneyLeft, read_money_left};
use crate::kernel::id::BookNo;
use crate::kernel::money::Fen;
use redis::Script;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static HAND_IN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hand_in.lua")));
static REFILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("refill.lua")));

/// How long "sold out" is said on the word of one read of Postgres. The reconciler reads every
/// second; one that has stopped does not keep people away from money.
const WORD: Duration = Duration::from_secs(5);
/// How long a tranche lives in Redis after its last refill.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// A limit of a book from which vouchers draw.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tranche {
    pub book: BookNo,
    /// `year`, or the name of a round as the table of tranches has it.
    pub name: String,
}

impl Tranche {
    /// The book's own money of the year: its balance `available`.
    pub fn year(book: BookNo) -> Tranche {
        Tranche { book, name: "year".to_owned() }
    }

    fn keys(&self) -> [String; 3] {
        let Tranche { book, name } = self;
        ["m", "t", "h"].map(|part| format!("{{t{book}:{name}}}:{part}"))
    }
}

/// What a tranche says to a request that wants to draw its hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    Taken,
    /// Less is left than the hold, counting the tokens in flight.
    NotEnough,
    /// Redis knows nothing of this tranche in this epoch.
    NeedRefill,
}

/// The tranches that this process was asked for, and what Postgres last said of each.
#[derive(Default)]
pub struct Known {
    left: RwLock<HashMap<Tranche, Option<(Fen, Instant)>>>,
    /// One refill on demand at a time.
    refill: tokio::sync::Mutex<()>,
}

impl Known {
    fn watch(&self, tranche: &Tranche) {
        let known = self.left.read().unwrap_or_else(PoisonError::into_inner).contains_key(tranche);
        if !known {
            let mut left = self.left.write().unwrap_or_else(PoisonError::into_inner);
            left.entry(tranche.clone()).or_default();
        }
    }

    fn of(&self, tranche: &Tranche) -> Option<Fen> {
        let left = self.left.read().unwrap_or_else(PoisonError::into_inner);
        let (fen, read_at) = (*left.get(tranche)?)?;
        (read_at.elapsed() < WORD).then_some(fen)
    }

    fn note(&self, tranche: &Tranche, fen: Fen, read_at: Instant) {
        let mut left = self.left.write().unwrap_or_else(PoisonError::into_inner);
        left.insert(tranche.clone(), Some((fen, read_at)));
    }

    fn all(&self) -> Vec<Tranche> {
        let left = self.left.read().unwrap_or_else(PoisonError::into_inner);
        left.keys().cloned().collect()
    }
}

impl Gate {
    /// Whether one of these tranches holds less than this, by what Postgres had committed when
    /// it was last read. Asks nobody, so it can stand before everything else; raised only by
    /// [`Gate::reconcile`] and by a verified refusal. A request that hits it goes on all the same
    /// if [`Gate::is_answered`].
    pub fn sold_out(&self, tranches: &[Tranche], hold: Fen) -> bool {
        let mut sold_out = false;
        for tranche in tranches {
            self.tranches.watch(tranche);
            sold_out |= self.tranches.of(tranche).is_some_and(|left| left < hold);
        }
        sold_out
    }

    /// Takes a token: this request may try to draw its hold. Asking again is free.
    ///
    /// # Errors
    /// [`Away`]
    pub async fn take(&self, tranche: &Tranche, token: [u8; 16], hold: Fen) -> Result<Take, Away> {
        let ground = self.ground().ok_or(Away)?;
        let mut script = TAKE.prepare_invoke();
        script.key(tranche.keys().to_vec());
        script.arg(ground.epoch.0).arg(&token[..]).arg(hold.0);
        script.arg(millis(self.settings.reservation));
        Ok(match self.link.run::<i64>(&script).await? {
            1 => Take::Taken,
            2 => Take::NotEnough,
            _ => Take::NeedRefill,
        })
    }

    /// Removes the token of a request that has its outcome; money that was not drawn is left
    /// again. A token that is not handed in runs out.
    pub async fn hand_in(&self, tranche: &Tranche, token: [u8; 16], drawn: bool) {
        let mut script = HAND_IN.prepare_invoke();
        script.key(tranche.keys().to_vec());
        script.arg(&token[..]).arg(i32::from(drawn));
        let _ = self.link.run::<i64>(&script).await;
    }

    /// Sets what is left of every tranche that this process was asked for to what Postgres has,
    /// minus the tokens in flight. To be run about every second, and after a commit that gave
    /// money.
    pub async fn reconcile(&self) {
        let known = self.tranches.all();
        let _ = self.refill(&known).await;
    }

    /// A tranche that Redis does not know, during a drop: one request reads for all.
    ///
    /// # Errors
    /// [`Away`]
    pub(super) async fn take_refilled(
        &self,
        tranche: &Tranche,
        token: [u8; 16],
        hold: Fen,
    ) -> Result<Take, Away> {
        self.tranches.watch(tranche);
        let first = self.take(tranche, token, hold).await?;
        if first != Take::NeedRefill {
            return Ok(first);
        }
        let _one = self.tranches.refill.lock().await;
        let second = self.take(tranche, token, hold).await?;
        if second != Take::NeedRefill {
            return Ok(second);
        }
        self.refill(std::slice::from_ref(tranche)).await?;
        self.take(tranche, token, hold).await
    }

    /// What Postgres has of these tranches, noted for [`Gate::sold_out`] and set in Redis.
    async fn refill(&self, tranches: &[Tranche]) -> Result<(), Away> {
        let read_at = Instant::now();
        let rows = self.money_left(tranches.iter().map(|tranche| tranche.book)).await?;
        for row in rows {
            let tranche = Tranche { book: row.book, name: row.tranche.clone() };
            if !tranches.contains(&tranche) {
                continue;
            }
            self.tranches.note(&tranche, Fen(row.fen), read_at);
            self.set_left(&tranche, &row).await?;
        }
        Ok(())
    }

    /// What Postgres has of a tranche now; nothing where there is no such tranche.
    pub(super) async fn left_in_postgres(&self, tranche: &Tranche) -> Result<Option<Fen>, Away> {
        let read_at = Instant::now();
        let rows = self.money_left(std::iter::once(tranche.book)).await?;
        let left = rows.iter().find(|row| row.tranche == tranche.name).map(|row| Fen(row.fen));
        if let Some(left) = left {
            self.tranches.note(tranche, left, read_at);
        }
        Ok(left)
    }

    pub(super) async fn money_left(
        &self,
        books: impl Iterator<Item = BookNo>,
    ) -> Result<Vec<MoneyLeft>, Away> {
        let mut books: Vec<BookNo> = books.collect();
        books.sort_unstable();
        books.dedup();
        read(&self.pool, move |connection| read_money_left(connection, &books))
            .await
            .map_err(|_| Away)
    }

    async fn set_left(&self, tranche: &Tranche, row: &MoneyLeft) -> Result<(), Away> {
        let ground = self.ground().ok_or(Away)?;
        let mut script = REFILL.prepare_invoke();
        script.key(tranche.keys().to_vec());
        script.arg(ground.epoch.0).arg(row.size).arg(row.fen).arg(millis(LIFE));
        let (written, left): (i64, i64) = self.link.run(&script).await?;
        if written == 1 {
            let name = tranche.name.clone();
            let book = tranche.book.to_string();
            metrics::gauge!("tradein_gate_left_fen", "book" => book, "tranche" => name)
                .set(left as f64);
        }
        Ok(())
    }

    /// What Redis holds of a tranche: epoch, sequence, left, and the sum of the tokens' holds.
    pub(super) async fn tranche_entry(
        &self,
        ground: Ground,
        tranche: &Tranche,
    ) -> Result<Option<(i64, i64, i64)>, Away> {
        let [money, _, holds] = tranche.keys();
        let mut ask = redis::pipe();
        ask.atomic().cmd("HMGET").arg(money).arg(&["e", "seq", "left"]);
        ask.cmd("HVALS").arg(holds);
        type Found = ((Option<i64>, Option<i64>, Option<i64>), Vec<i64>);
        let (found, holds): Found =
            self.link.ask(|mut c| async move { ask.query_async(&mut c).await }).await?;
        Ok(match found {
            (Some(epoch), Some(sequence), Some(left)) if epoch == ground.epoch.0 => {
                Some((sequence, left, holds.iter().sum()))
            }
            _ => None,
        })
    }
}
