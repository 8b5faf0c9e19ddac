//! The published programmes in memory, and screenings that the desk can check.

use super::store;
use super::{Facts, Interval, Phase, Programme, Programmes, Screening};
use crate::book::desk::{Ask, Desk};
use crate::book::model::Fault;
use crate::book::read;
use crate::book::store::{Stamp, find_stamps};
use crate::http::problem::Problem;
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use std::sync::{Arc, PoisonError, RwLock};

/// The stamp of the set of published programmes.
pub const PROGRAMMES: &str = "programmes";

/// A set of programmes and the stamp under which it was read.
#[derive(Debug)]
pub struct Shelf {
    pub stamp: Stamp,
    pub programmes: Programmes,
}

/// Keeps the newest set that this process has read.
pub struct Library {
    pool: ReadPool,
    shelf: RwLock<Option<Arc<Shelf>>>,
}

impl Library {
    pub fn new(pool: ReadPool) -> Library {
        Library { pool, shelf: RwLock::new(None) }
    }

    /// The set that this process has read, if it has: no read for a caller whom nobody knows yet.
    pub fn known(&self) -> Option<Arc<Shelf>> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The published programmes as this process knows them.
    pub async fn shelf(&self) -> Result<Arc<Shelf>, Problem> {
        match self.known() {
            Some(shelf) => Ok(shelf),
            None => self.refresh().await,
        }
    }

    /// Reads them again: after a publication, or when the desk found them changed.
    pub async fn refresh(&self) -> Result<Arc<Shelf>, Problem> {
        let (stamps, texts) = read(&self.pool, |connection| {
            // The stamp first: a publication in between makes the set newer than its stamp, which
            // costs one more reading and never a stale decision.
            let stamps = find_stamps(connection, &[PROGRAMMES.to_owned()])?;
            Ok((stamps, store::all_published(connection)?))
        })
        .await?;
        let programmes = Programmes::from_texts(texts).map_err(|complaints| {
            for (name, complaint) in complaints {
                tracing::error!(name, %complaint, "programme.published_but_broken");
            }
            Problem::internal()
        })?;
        let stamp = stamps.into_iter().next().ok_or_else(Problem::internal)?;
        let shelf = Arc::new(Shelf { stamp, programmes });
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Some(shelf.clone());
        Ok(shelf)
    }
}

/// A screening as a command carries it to the desk: what it found, and under which stamps.
#[derive(Clone, Debug)]
pub struct Screened {
    /// `None` where no programme covers the class.
    pub programme: Option<Arc<Programme>>,
    pub screening: Screening,
    pub facts: Facts,
    /// The stamps of every changeable set of rows that was read.
    pub stamps: Vec<Stamp>,
    /// Where the resolution holds, too.
    pub holds: Interval,
    /// Refusals of the handler's own.
    pub own: Vec<Refusal>,
    /// The moment that it was made for.
    pub at: Moment,
}

impl Screened {
    /// Resolves the programme and screens these phases.
    pub fn run(
        shelf: &Shelf,
        region: Region,
        class: &Class,
        phases: &[Phase],
        facts: Facts,
        at: Moment,
    ) -> Screened {
        let resolution = shelf.programmes.resolve(region, class, at);
        let (programme, screening) = match resolution.acting {
            Ok(programme) => {
                let screening = programme.screen(class, phases, &facts, at);
                (Some(programme), screening)
            }
            Err(refusal) => (None, Screening::refused(refusal)),
        };
        let holds = resolution.holds.and(screening.holds);
        Screened {
            programme,
            screening,
            facts,
            stamps: vec![shelf.stamp.clone()],
            holds,
            own: Vec::new(),
            at,
        }
    }

    pub fn needs(&self, ask: &mut Ask<'_>) {
        self.stamps.iter().for_each(|stamp| ask.want::<Stamp>(stamp.name.clone()));
    }

    /// Whether the batch's time or the rows have moved on, so that it must be screened again.
    pub fn is_stale(&self, desk: &Desk) -> Result<bool, Fault> {
        if !self.holds.contains(desk.now()) {
            return Ok(true);
        }
        for stamp in &self.stamps {
            if desk.get::<Stamp>(&stamp.name)? != Some(stamp) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds refusals that the rules do not know: the goods are of another class, say. They stand
    /// after those of the programme.
    pub fn also_refused(&mut self, refusals: Vec<Refusal>) {
        self.own = refusals;
    }

    /// Whether anything refuses before the desk.
    pub fn refuses(&self) -> bool {
        !self.screening.refusals.is_empty() || !self.own.is_empty()
    }

    /// The content hash of the acting programme.
    pub fn rule(&self) -> Option<[u8; 32]> {
        self.programme.as_ref().map(|programme| programme.hash_bytes())
    }

    /// What screening refuses, in order; empty where it passes.
    pub fn refusals(&self) -> Vec<Refusal> {
        let by_rule = self.screening.refusals.iter().map(|refused| (*refused.refusal).clone());
        by_rule.chain(self.own.iter().cloned()).collect()
    }
}
