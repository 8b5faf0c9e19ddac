//! Whether Redis says what Postgres says, for `tradein caps check`, and the warmer.

use super::store::{QuotaRead, page_quotas};
use super::{Away, Gate, Ground, Tranche};
use crate::book::read;
use crate::book::store::{MoneyLeft, list_books};
use crate::register::store::PersonKey;
use std::fmt;

const PAGE: i64 = 500;
/// How often a row that seems wrong is read again: under traffic a commit is in Postgres a moment
/// before it is in Redis.
const LOOKS: usize = 3;

/// How an entry of the present epoch differs from Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Redis would refuse what Postgres would grant; every such refusal costs a read of Postgres.
    Upward { entry: String, redis: (i64, i64), postgres: (i64, i64) },
    /// Slots ended by time since Redis was told: the first refusal makes it good.
    Ended { entry: String, redis: (i64, i64), postgres: (i64, i64) },
    /// Redis would let through what Postgres refuses.
    Downward { entry: String, redis: (i64, i64), postgres: (i64, i64) },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, entry, redis, postgres) = match self {
            Finding::Upward { entry, redis, postgres } => ("upward", entry, redis, postgres),
            Finding::Ended { entry, redis, postgres } => ("ended", entry, redis, postgres),
            Finding::Downward { entry, redis, postgres } => ("downward", entry, redis, postgres),
        };
        write!(
            f,
            "{what:<8} {entry}: Redis {} (version {}), Postgres {} (version {})",
            redis.0, redis.1, postgres.0, postgres.1
        )
    }
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Quota rows in Postgres.
    pub rows: u64,
    /// Of them, those with an entry of the present epoch.
    pub entries: u64,
    /// Tranches with an entry of the present epoch.
    pub tranches: u64,
    pub upward: u64,
    pub ended: u64,
    pub downward: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { rows, entries, tranches, upward, ended, downward } = self;
        write!(
            f,
            "{rows} quota rows, {entries} of them in Redis, {tranches} tranches: {upward} wrong \
             upward, {ended} ended by time, {downward} wrong downward"
        )
    }
}

impl Report {
    fn add(&mut self, finding: &Finding) {
        match finding {
            Finding::Upward { .. } => self.upward += 1,
            Finding::Ended { .. } => self.ended += 1,
            Finding::Downward { .. } => self.downward += 1,
        }
    }
}

impl Gate {
    /// Compares every quota row and tranche of Postgres with its entry of the present epoch, if
    /// it has one, and tells each difference. It changes nothing.
    ///
    /// # Errors
    /// [`Away`], of Redis or of Postgres, or where the gate has not looked.
    pub async fn check(&self, mut tell: impl FnMut(&Finding)) -> Result<Report, Away> {
        let ground = self.ground().ok_or(Away)?;
        let mut report = Report::default();
        let mut last = None;
        loop {
            let page = self.page(last).await?;
            let Some(end) = page.last().cloned() else { break };
            for key in &page {
                report.rows += 1;
                let (there, finding) = self.compare(ground, key).await?;
                report.entries += u64::from(there);
                if let Some(finding) = finding {
                    report.add(&finding);
                    tell(&finding);
                }
            }
            last = Some(end);
        }
        self.check_tranches(ground, &mut report, &mut tell).await?;
        Ok(report)
    }

    /// Loads every quota row into Redis. Optional: rows are loaded when they are first asked for.
    ///
    /// # Errors
    /// [`Away`]
    pub async fn warm(&self) -> Result<u64, Away> {
        let (mut rows, mut last) = (0, None);
        loop {
            let page = self.page(last).await?;
            let Some(end) = page.last().cloned() else { return Ok(rows) };
            self.refresh(&page).await;
            if self.is_open() {
                return Err(Away);
            }
            rows += page.len() as u64;
            last = Some(end);
        }
    }

    async fn page(&self, after: Option<PersonKey>) -> Result<Vec<PersonKey>, Away> {
        read(&self.pool, move |connection| page_quotas(connection, after.as_ref(), PAGE))
            .await
            .map_err(|_| Away)
    }

    /// Whether the row has an entry of this epoch, and what is wrong with it.
    async fn compare(
        &self,
        ground: Ground,
        (person, key): &PersonKey,
    ) -> Result<(bool, Option<Finding>), Away> {
        let entry = self.entry(ground, *person);
        let mut found = None;
        for _ in 0..LOOKS {
            // Redis first: what it was told is in Postgres by the time of the second read.
            let mut ask = redis::cmd("HMGET");
            ask.arg(&entry).arg("e").arg(format!("u:{key}")).arg(format!("v:{key}"));
            let redis: (Option<i64>, Option<i64>, Option<i64>) =
                self.link.ask(|mut c| async move { ask.query_async(&mut c).await }).await?;
            let (Some(epoch), Some(used), Some(version)) = redis else { return Ok((false, None)) };
            if epoch != ground.epoch.0 {
                return Ok((false, None));
            }
            let row = self.read_row((*person, key.clone())).await?;
            found = judge(&format!("{entry} {key}"), (used, version), &row);
            if found.is_none() {
                break;
            }
        }
        Ok((true, found))
    }

    async fn check_tranches(
        &self,
        ground: Ground,
        report: &mut Report,
        tell: &mut impl FnMut(&Finding),
    ) -> Result<(), Away> {
        let books = read(&self.pool, list_books).await.map_err(|_| Away)?;
        for row in self.money_left(books.iter().map(|book| book.no)).await? {
            let tranche = Tranche { book: row.book, name: row.tranche.clone() };
            let mut found = None;
            for _ in 0..LOOKS {
                let Some(there) = self.tranche_entry(ground, &tranche).await? else { break };
                let rows = self.money_left(std::iter::once(row.book)).await?;
                found = rows
                    .iter()
                    .find(|row| row.tranche == tranche.name)
                    .and_then(|row| judge_tranche(&tranche, there, row));
                if found.is_none() {
                    report.tranches += 1;
                    break;
                }
            }
            if let Some(finding) = found {
                report.tranches += 1;
                report.add(&finding);
                tell(&finding);
            }
        }
        Ok(())
    }
}

fn judge(entry: &str, redis: (i64, i64), row: &QuotaRead) -> Option<Finding> {
    let (used, version) = redis;
    let live = i64::from(row.used());
    let postgres = (live, row.quota.version);
    let entry = entry.to_owned();
    if used == live {
        return None;
    }
    if used < live {
        return Some(Finding::Downward { entry, redis, postgres });
    }
    // At the row's own version every slot of it was live once.
    let once_live = i64::try_from(row.quota.slots.len()).unwrap_or(i64::MAX);
    Some(if version == row.quota.version && used <= once_live {
        Finding::Ended { entry, redis, postgres }
    } else {
        Finding::Upward { entry, redis, postgres }
    })
}

/// A tranche is judged at the sequence at which Redis was last told; a later one comes with the
/// next refill. Tokens of grants that Postgres already counts are money counted twice until then,
/// so too little left is wrong only by more than what is in flight.
fn judge_tranche(
    tranche: &Tranche,
    (sequence, left, flight): (i64, i64, i64),
    row: &MoneyLeft,
) -> Option<Finding> {
    let entry = format!("tranche {}:{}", tranche.book, tranche.name);
    let (redis, postgres) = ((left, sequence), (row.fen, row.size));
    if sequence < row.size {
        return None;
    }
    if left + flight < row.fen {
        Some(Finding::Upward { entry, redis, postgres })
    } else if left > row.fen {
        Some(Finding::Downward { entry, redis, postgres })
    } else {
        None
    }
}
