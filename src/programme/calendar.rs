//! Days, windows and the intervals of time in which an answer stays true.

use crate::kernel::time::{Moment, day_of, day_start, shanghai};
use chrono::{Datelike, Days, NaiveDate, TimeDelta, Timelike};
use serde::Deserialize;

/// A half-open stretch of time: `from` is inside, `until` is the first moment outside. An open end
/// is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    pub from: Option<Moment>,
    pub until: Option<Moment>,
}

impl Interval {
    pub fn new(from: Moment, until: Moment) -> Interval {
        Interval { from: Some(from), until: Some(until) }
    }

    pub fn contains(&self, at: Moment) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Cuts this interval at a moment where an answer may change, keeping the side of `at`.
    pub(crate) fn cut(&mut self, edge: Moment, at: Moment) {
        if edge <= at {
            self.from = Some(self.from.map_or(edge, |from| from.max(edge)));
        } else {
            self.until = Some(self.until.map_or(edge, |until| until.min(edge)));
        }
    }

    /// Cuts at both ends of a window.
    pub(crate) fn cut_around(&mut self, window: Interval, at: Moment) {
        for edge in [window.from, window.until].into_iter().flatten() {
            self.cut(edge, at);
        }
    }

    /// The part that lies in both.
    #[must_use]
    pub fn and(self, other: Interval) -> Interval {
        let later = |a: Option<Moment>, b: Option<Moment>| a.max(b);
        let earlier = |a: Option<Moment>, b: Option<Moment>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Interval { from: later(self.from, other.from), until: earlier(self.until, other.until) }
    }
}

/// How the days of a voucher are counted; the notices leave it open, so it is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// The day after the claim is day one (Civil Code art. 201); ends at 24:00 of the last day.
    NextDay,
    /// The day of the claim is day one; ends at 24:00 of the last day.
    ClaimDay,
    /// So many times 24 hours after the claim.
    Hours,
}

/// When a voucher ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VoucherEnd {
    Days(u16, Counting),
    /// At 24:00 of the day of the claim.
    SameDay,
    /// At 24:00 of the Sunday on or after the day of the claim.
    Sunday,
    /// With the programme.
    Programme,
}

impl VoucherEnd {
    /// The first moment at which a voucher claimed then is over; `None` where only the programme
    /// ends it.
    pub fn after(self, claimed_at: Moment) -> Option<Moment> {
        let day = day_of(claimed_at);
        let start_after = |days| day.checked_add_days(Days::new(days)).map(day_start);
        match self {
            VoucherEnd::Days(days, Counting::NextDay) => start_after(u64::from(days) + 1),
            VoucherEnd::Days(days, Counting::ClaimDay) => start_after(u64::from(days)),
            VoucherEnd::Days(days, Counting::Hours) => {
                claimed_at.checked_add_signed(TimeDelta::days(i64::from(days)))
            }
            VoucherEnd::SameDay => start_after(1),
            VoucherEnd::Sunday => start_after(7 - u64::from(day.weekday().num_days_from_monday())),
            VoucherEnd::Programme => None,
        }
    }
}

/// Hours of each day, in minutes from midnight in Shanghai; 1440 is 24:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DailyHours {
    pub from: u16,
    pub until: u16,
}

impl DailyHours {
    /// `10:00` or `24:00` in minutes.
    pub fn minutes(text: &str) -> Option<u16> {
        let (hours, minutes) = text.split_once(':')?;
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
        let total = two(hours)? * 60 + two(minutes).filter(|minutes| *minutes < 60)?;
        (total <= 1440).then_some(total)
    }

    /// Whether a moment lies in the hours, and the interval in which that stays so.
    pub fn open_at(self, at: Moment) -> (bool, Interval) {
        let local = at.with_timezone(&shanghai());
        let minute = (local.hour() * 60 + local.minute()) as u16;
        let day = day_start(local.date_naive());
        let edge = |minutes: u16| day + TimeDelta::minutes(i64::from(minutes));
        let mut holds = Interval::new(day, edge(1440));
        holds.cut(edge(self.from), at);
        holds.cut(edge(self.until), at);
        ((self.from..self.until).contains(&minute), holds)
    }
}

/// A day that many years later; 29 February becomes 28 February in a common year.
pub(crate) fn plus_years(day: NaiveDate, years: i64) -> Option<NaiveDate> {
    let months = i32::try_from(years.checked_mul(12)?).ok()?;
    if months >= 0 {
        day.checked_add_months(chrono::Months::new(months.unsigned_abs()))
    } else {
        day.checked_sub_months(chrono::Months::new(months.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programme::parse_facts::moment;

    fn at(text: &str) -> Moment {
        moment(&format!("{text}+08:00")).unwrap()
    }

    #[test]
    fn vouchers_end_as_their_programme_counts() {
        for (end, claimed, until) in [
            (VoucherEnd::Days(7, Counting::NextDay), "2024-09-10T09:00:00", "2024-09-18T00:00:00"),
            (VoucherEnd::Days(7, Counting::ClaimDay), "2024-09-10T09:00:00", "2024-09-17T00:00:00"),
            (VoucherEnd::Days(7, Counting::Hours), "2024-09-10T09:00:00", "2024-09-17T09:00:00"),
            (VoucherEnd::SameDay, "2026-02-12T10:05:00", "2026-02-13T00:00:00"),
            (VoucherEnd::Sunday, "2026-02-09T10:00:00", "2026-02-16T00:00:00"),
            (VoucherEnd::Sunday, "2026-02-15T10:05:00", "2026-02-16T00:00:00"),
        ] {
            assert_eq!(end.after(at(claimed)), Some(at(until)), "{end:?} {claimed}");
        }
        assert_eq!(VoucherEnd::Programme.after(at("2026-02-09T10:00:00")), None);
    }

    #[test]
    fn daily_hours_open_and_close() {
        let hours = DailyHours { from: 600, until: 1440 };
        let (open, holds) = hours.open_at(at("2026-02-12T09:59:59"));
        assert!(!open);
        assert_eq!(holds, Interval::new(at("2026-02-12T00:00:00"), at("2026-02-12T10:00:00")));
        let (open, holds) = hours.open_at(at("2026-02-12T10:00:00"));
        assert!(open);
        assert_eq!(holds, Interval::new(at("2026-02-12T10:00:00"), at("2026-02-13T00:00:00")));
        assert_eq!(DailyHours::minutes("24:00"), Some(1440));
        for bad in ["24:01", "1:00", "10:60", "10", "ab:cd"] {
            assert_eq!(DailyHours::minutes(bad), None, "{bad}");
        }
    }
}
