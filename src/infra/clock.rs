//! The clock: the machine's own, and in a sandbox an offset that tells stories of other years.

use crate::kernel::time::Moment;
use chrono::{SubsecRound, TimeDelta, Utc};
use std::sync::atomic::{AtomicI64, Ordering};

/// The one source of "now" outside a book. Inside a book the database's clock decides, to which
/// the clerk adds the same offset.
#[derive(Debug, Default)]
pub struct Clock {
    offset_micros: AtomicI64,
}

impl Clock {
    pub fn now(&self) -> Moment {
        (Utc::now() + self.offset()).trunc_subsecs(6)
    }

    /// What a sandbox adds to the real time; zero in service.
    pub fn offset(&self) -> TimeDelta {
        TimeDelta::microseconds(self.offset_micros.load(Ordering::Relaxed))
    }

    /// Moves the sandbox to a moment. Time goes on from there.
    pub fn set(&self, moment: Moment) {
        let offset = (moment - Utc::now()).num_microseconds().unwrap_or_default();
        self.offset_micros.store(offset, Ordering::Relaxed);
    }
}
