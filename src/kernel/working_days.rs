//! Which days are working days, by the State Council's notices; `config/calendar/china.toml` has
//! them and says where they come from.

use chrono::{Datelike, NaiveDate, Weekday};
use serde::Deserialize;
use std::collections::BTreeSet;

const CHINA: &str = include_str!("../../config/calendar/china.toml");

/// The working days of some years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingDays {
    years: BTreeSet<i32>,
    off: BTreeSet<NaiveDate>,
    make_up: BTreeSet<NaiveDate>,
}

/// The last day of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub on: NaiveDate,
    /// A year on the way is not in the calendar yet: holidays will move the day.
    pub is_provisional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    years: Vec<Year>,
}

/// One notice. Where it is printed is for people who check it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Year {
    year: i32,
    #[serde(rename = "notice")]
    _notice: String,
    #[serde(rename = "confidence")]
    _confidence: Confidence,
    holidays: Vec<Holiday>,
}

/// How well a source was seen, as programmes say it too.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Confidence {
    Stated,
    Press,
    Recalled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    name: String,
    from: NaiveDate,
    to: NaiveDate,
    /// Weekend days that are worked in exchange.
    #[serde(default)]
    work: Vec<NaiveDate>,
}

/// A calendar that cannot be right, in one sentence.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadCalendar {
    #[error("the calendar of working days cannot be read: {0}")]
    Form(String),
    #[error("{0} ends before it begins, or lasts longer than two weeks")]
    Span(String),
    #[error("{0} is no day of a weekend, so it cannot be worked in exchange")]
    NoWeekend(NaiveDate),
    #[error("{0} is a day off and a working day")]
    Both(NaiveDate),
    #[error("the year {0} stands twice")]
    Twice(i32),
}

impl WorkingDays {
    /// The calendar that comes with the program: 2024 to 2026.
    pub fn china() -> WorkingDays {
        WorkingDays::read(CHINA).expect("the program's own calendar is tested")
    }

    /// Reads a calendar in the form of `config/calendar/china.toml`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<WorkingDays, BadCalendar> {
        let file: File =
            toml::from_str(text).map_err(|error| BadCalendar::Form(error.message().to_owned()))?;
        let mut days =
            WorkingDays { years: BTreeSet::new(), off: BTreeSet::new(), make_up: BTreeSet::new() };
        for year in file.years {
            if !days.years.insert(year.year) {
                return Err(BadCalendar::Twice(year.year));
            }
            year.holidays.into_iter().try_for_each(|holiday| days.add(holiday))?;
        }
        match days.off.intersection(&days.make_up).next() {
            Some(day) => Err(BadCalendar::Both(*day)),
            None => Ok(days),
        }
    }

    fn add(&mut self, holiday: Holiday) -> Result<(), BadCalendar> {
        if !(0..14).contains(&(holiday.to - holiday.from).num_days()) {
            return Err(BadCalendar::Span(holiday.name));
        }
        if let Some(day) = holiday.work.iter().find(|day| !is_weekend(**day)) {
            return Err(BadCalendar::NoWeekend(*day));
        }
        self.off.extend(holiday.from.iter_days().take_while(|day| *day <= holiday.to));
        self.make_up.extend(holiday.work);
        Ok(())
    }

    pub fn is_working(&self, day: NaiveDate) -> bool {
        self.make_up.contains(&day) || !(is_weekend(day) || self.off.contains(&day))
    }

    /// Whether the calendar has the year of a day.
    pub fn knows(&self, day: NaiveDate) -> bool {
        self.years.contains(&day.year())
    }

    /// So many working days after a day, which is not counted itself (Civil Code, article 201);
    /// the clock runs out at 24:00 of the day that is returned. After zero days it is the day
    /// itself.
    pub fn after(&self, day: NaiveDate, days: u16) -> Due {
        let working = day.iter_days().skip(1).filter(|day| self.is_working(*day));
        // A calendar's end lies beyond every life of an application.
        let on = working.take(days.into()).last().unwrap_or(day);
        let is_provisional = !(day.year()..=on.year()).all(|year| self.years.contains(&year));
        Due { on, is_provisional }
    }

    /// The working days after `from` up to `to`, which is counted: what a clock that began on
    /// `from` has used up at the end of `to`.
    pub fn between(&self, from: NaiveDate, to: NaiveDate) -> u16 {
        let days = from.iter_days().skip(1).take_while(|day| *day <= to);
        u16::try_from(days.filter(|day| self.is_working(*day)).count()).unwrap_or(u16::MAX)
    }
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn holidays_weekends_and_make_up_days_are_told_apart() {
        let china = WorkingDays::china();
        for (text, works) in [
            ("2024-02-04", true),  // a Sunday, worked for the Spring Festival
            ("2024-02-09", true),  // the eve, not one of the days off of that year
            ("2024-02-12", false), // a Monday of the Spring Festival
            ("2024-10-12", true),
            ("2024-10-13", false),
            ("2025-01-28", false), // the eve is one since 2025
            ("2025-10-08", false),
            ("2025-10-09", true),
            ("2026-01-02", false),
            ("2026-01-04", true),
            ("2026-02-23", false),
            ("2026-02-24", true),
            ("2026-10-10", true),
        ] {
            assert_eq!(china.is_working(day(text)), works, "{text}");
        }
    }

    /// The days off of a year, as the notices count them: 11 statutory days and, since 2025, 13,
    /// beside the weekends that are not worked.
    #[test]
    fn a_year_has_the_working_days_that_the_law_gives_it() {
        let china = WorkingDays::china();
        for (year, working) in [(2024, 251), (2025, 248), (2026, 248)] {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            let days = first.iter_days().take_while(|day| day.year() == year);
            assert_eq!(days.filter(|day| china.is_working(*day)).count(), working, "{year}");
        }
    }

    #[test]
    fn working_days_are_counted_from_the_day_after() {
        let china = WorkingDays::china();
        for (from, days, on) in [
            ("2026-03-02", 0, "2026-03-02"),
            ("2026-03-02", 3, "2026-03-05"),
            ("2026-03-06", 1, "2026-03-09"),
            // Over the Spring Festival, and a Saturday that is worked before it.
            ("2026-02-12", 3, "2026-02-24"),
            ("2024-09-30", 1, "2024-10-08"),
            ("2024-09-30", 5, "2024-10-12"),
        ] {
            let due = china.after(day(from), days);
            assert_eq!(due, Due { on: day(on), is_provisional: false }, "{from} + {days}");
            assert_eq!(china.between(day(from), due.on), days, "{from} to {on}");
        }
        assert!(china.after(day("2026-12-30"), 5).is_provisional, "2027 is not known yet");
        assert_eq!(china.between(day("2026-03-06"), day("2026-03-08")), 0);
    }

    #[test]
    fn a_calendar_that_contradicts_itself_is_refused() {
        let year = |holidays: &str| {
            let text = format!(
                "[[years]]\nyear = 2030\nnotice = \"n\"\nconfidence = \"stated\"\n\
                 holidays = [{holidays}]\n"
            );
            WorkingDays::read(&text).map(|_| ())
        };
        let holiday = |from: &str, to: &str, work: &str| {
            format!("{{ name = \"x\", from = \"{from}\", to = \"{to}\", work = [{work}] }}")
        };
        assert_eq!(year(&holiday("2030-01-01", "2030-01-01", "")), Ok(()));
        let cases = [
            (holiday("2030-01-02", "2030-01-01", ""), BadCalendar::Span("x".into())),
            (holiday("2030-01-02", "2031-01-01", ""), BadCalendar::Span("x".into())),
            (
                holiday("2030-01-01", "2030-01-01", "\"2030-01-02\""),
                BadCalendar::NoWeekend(day("2030-01-02")),
            ),
            (
                holiday("2030-01-05", "2030-01-07", "\"2030-01-06\""),
                BadCalendar::Both(day("2030-01-06")),
            ),
        ];
        for (holidays, flaw) in cases {
            assert_eq!(year(&holidays), Err(flaw), "{holidays}");
        }
        assert_eq!(
            WorkingDays::read(&CHINA.replace("2025", "2024")),
            Err(BadCalendar::Twice(2024))
        );
        assert!(matches!(WorkingDays::read("years = 7"), Err(BadCalendar::Form(_))));
    }
}
