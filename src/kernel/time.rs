//! One time line in UTC, read by people and rules in Asia/Shanghai.
//!
//! China has kept UTC+8 without daylight saving since 1991, before any rule that this project
//! knows, so a fixed offset is exact and no time-zone database is needed.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Utc};

/// A moment, kept to the microsecond (PostgreSQL's own resolution).
pub type Moment = DateTime<Utc>;

/// UTC+08:00.
pub fn shanghai() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).expect("eight hours are within a day")
}

/// The calendar day of a moment in Shanghai.
pub fn day_of(moment: Moment) -> NaiveDate {
    moment.with_timezone(&shanghai()).date_naive()
}

/// The first moment of a day in Shanghai. The end "24:00" of a day is the start of the next one,
/// and is the first moment that is outside.
pub fn day_start(day: NaiveDate) -> Moment {
    shanghai()
        .from_local_datetime(&day.and_time(NaiveTime::MIN))
        .single()
        .expect("a fixed offset maps every local time once")
        .with_timezone(&Utc)
}

/// RFC 3339 in UTC with microseconds, the form of entries and answers.
pub fn text(moment: Moment) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// RFC 3339 with +08:00 and seconds, as a person in China reads it.
pub fn local_text(moment: Moment) -> String {
    moment.with_timezone(&shanghai()).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_shanghai() {
        let day = NaiveDate::from_ymd_opt(2024, 9, 18).unwrap();
        let start = day_start(day);
        assert_eq!(text(start), "2024-09-17T16:00:00.000000Z");
        assert_eq!(day_of(start), day);
        assert_eq!(day_of(start - chrono::TimeDelta::microseconds(1)), day.pred_opt().unwrap());
        assert_eq!(local_text(start), "2024-09-18T00:00:00+08:00");
    }
}
