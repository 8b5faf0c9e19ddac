//! The day clocks of an application: in how many working days an office takes it up, and in how
//! many more it decides.
//!
//! A clock runs while the application lies with the office. A request for correction stops it,
//! the corrected application sets it going with the days that are left. Days are counted from the
//! day after the one on which a clock was set going (Civil Code, article 201), in Shanghai.

use crate::infra::settings::Clocks;
use crate::kernel::time::{Moment, day_of};
use crate::kernel::working_days::WorkingDays;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// What the clocks of one application are read from.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// In order, the stretches during which the application lay with the office: from the
    /// submission or a correction, until a request for correction or the decision.
    pub with_office: Vec<Stretch>,
    /// When somebody took it up.
    pub taken_at: Option<Moment>,
    /// It is approved, rejected, withdrawn or lapsed.
    pub is_decided: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub from: Moment,
    /// Nothing: it lies there now.
    pub until: Option<Moment>,
}

/// Which clock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockName {
    Accept,
    Review,
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    Running,
    /// The applicant has it for correction.
    Stopped,
    /// What it waited for has come in time.
    Met,
    /// What it waits for has not come in time, or came late.
    Overdue,
}

/// One clock, as office and applicant see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reading {
    pub clock: ClockName,
    pub state: ClockState,
    /// The last day on which it is met, in Shanghai; absent while it is stopped.
    pub due_on: Option<NaiveDate>,
    /// Working days left after today; negative when overdue.
    pub days_left: i32,
    /// Holidays of a year that no notice has set yet will move the day.
    pub is_provisional: bool,
}

/// The clocks of a deployment.
#[derive(Clone, Debug)]
pub struct Office {
    days: WorkingDays,
    accept: u16,
    review: u16,
}

impl Office {
    pub fn new(days: WorkingDays, settings: &Clocks) -> Office {
        Office { days, accept: settings.accept_days, review: settings.review_days }
    }

    /// Both clocks at a moment.
    pub fn read(&self, course: &Course, now: Moment) -> Vec<Reading> {
        let accepted = course.taken_at.or(course.decided_at());
        let accept = self.clock(ClockName::Accept, self.accept, course, accepted, now);
        let review = self.clock(ClockName::Review, self.review, course, course.decided_at(), now);
        accept.into_iter().chain(review).collect()
    }

    /// One clock; nothing where the application never lay with the office.
    fn clock(
        &self,
        clock: ClockName,
        days: u16,
        course: &Course,
        met_at: Option<Moment>,
        now: Moment,
    ) -> Option<Reading> {
        let end = met_at.unwrap_or(now);
        let lay = course.with_office.iter().filter(|stretch| stretch.from <= end);
        let until = |stretch: &Stretch| stretch.until.map_or(end, |until| until.min(end));
        let spans: Vec<(NaiveDate, NaiveDate)> =
            lay.map(|stretch| (day_of(stretch.from), day_of(until(stretch)))).collect();
        let (&(from, to), earlier) = spans.split_last()?;
        let before: u16 = earlier.iter().map(|(from, to)| self.days.between(*from, *to)).sum();
        let used = i32::from(before) + i32::from(self.days.between(from, to));
        let days_left = i32::from(days) - used;
        let due = self.days.after(from, days.saturating_sub(before));
        let is_stopped = met_at.is_none() && !course.lies_with_office();
        let state = match met_at {
            _ if days_left < 0 => ClockState::Overdue,
            Some(_) => ClockState::Met,
            None if is_stopped => ClockState::Stopped,
            None => ClockState::Running,
        };
        let due_on = (!is_stopped).then_some(due.on);
        Some(Reading { clock, state, due_on, days_left, is_provisional: due.is_provisional })
    }
}

/// One step of an application: the name of its entry, and when.
pub type Event = (String, Moment);

impl Course {
    /// Reads the course from the entries of the application, in their order.
    pub fn of(events: &[Event]) -> Course {
        let mut course = Course::default();
        for (kind, at) in events {
            match kind.as_str() {
                "application.submitted" | "application.corrected" => {
                    course.with_office.push(Stretch { from: *at, until: None });
                }
                "review.taken" => course.taken_at = course.taken_at.or(Some(*at)),
                "application.correction_requested" => course.close(*at),
                "application.approved"
                | "application.rejected"
                | "application.withdrawn"
                | "application.lapsed" => {
                    course.close(*at);
                    course.is_decided = true;
                }
                // Released, topped up: after the decision.
                _ => {}
            }
        }
        course
    }

    fn close(&mut self, at: Moment) {
        if let Some(last) = self.with_office.last_mut() {
            last.until = last.until.or(Some(at));
        }
    }

    fn lies_with_office(&self) -> bool {
        self.with_office.last().is_some_and(|stretch| stretch.until.is_none())
    }

    fn decided_at(&self) -> Option<Moment> {
        let last = self.with_office.last()?;
        last.until.filter(|_| self.is_decided)
    }
}

#[cfg(test)]
mod tests {
    use super::ClockState::{Met, Overdue, Running, Stopped};
    use super::*;
    use std::path::PathBuf;

    fn office() -> Office {
        let settings = Clocks { calendar: PathBuf::new(), accept_days: 3, review_days: 15 };
        Office::new(WorkingDays::china(), &settings)
    }

    fn at(text: &str) -> Moment {
        format!("{text}:00+08:00").parse().unwrap()
    }

    /// Both clocks: state and days left.
    fn read(events: &[(&str, &str)], taken: Option<&str>, now: &str) -> [(ClockState, i32); 2] {
        let event = |(kind, when): &(&str, &str)| (format!("application.{kind}"), at(when));
        let taken = taken.map(|when| ("review.taken".to_owned(), at(when)));
        let mut events: Vec<Event> = events.iter().map(event).chain(taken).collect();
        events.sort_by_key(|(_, at)| *at);
        let read = office().read(&Course::of(&events), at(now));
        [0, 1].map(|clock| (read[clock].state, read[clock].days_left))
    }

    #[test]
    fn clocks_run_in_working_days_while_the_office_has_it() {
        // A Thursday before the Spring Festival of 2026, which takes 15 to 23 February.
        let submitted = ("submitted", "2026-02-12T10:00");
        let asked = ("correction_requested", "2026-02-25T09:00");
        let corrected = ("corrected", "2026-03-09T09:00");
        let approved = ("approved", "2026-03-12T09:00");
        for (events, taken, now, accept, review) in [
            (vec![submitted], None, "2026-02-12T23:59", (Running, 3), (Running, 15)),
            // 13 and 14 February are working days, the latter a Saturday.
            (vec![submitted], None, "2026-02-14T09:00", (Running, 1), (Running, 13)),
            (vec![submitted], None, "2026-02-23T09:00", (Running, 1), (Running, 13)),
            (vec![submitted], None, "2026-02-24T23:59", (Running, 0), (Running, 12)),
            (vec![submitted], None, "2026-02-25T00:00", (Overdue, -1), (Running, 11)),
            (
                vec![submitted],
                Some("2026-02-24T23:59"),
                "2026-02-25T00:00",
                (Met, 0),
                (Running, 11),
            ),
            (
                vec![submitted],
                Some("2026-02-25T00:00"),
                "2026-02-26T00:00",
                (Overdue, -1),
                (Running, 10),
            ),
            // It stands still while the applicant has it, and goes on with what is left.
            (
                vec![submitted, asked],
                Some("2026-02-13T09:00"),
                "2026-03-06T09:00",
                (Met, 2),
                (Stopped, 11),
            ),
            (
                vec![submitted, asked, corrected],
                Some("2026-02-13T09:00"),
                "2026-03-10T09:00",
                (Met, 2),
                (Running, 10),
            ),
            (
                vec![submitted, asked, corrected],
                Some("2026-02-13T09:00"),
                "2026-03-25T09:00",
                (Met, 2),
                (Overdue, -1),
            ),
            (
                vec![submitted, asked, corrected, approved],
                Some("2026-02-13T09:00"),
                "2026-06-01T09:00",
                (Met, 2),
                (Met, 8),
            ),
            // Decided without being taken first is taken up by the decision.
            (
                vec![submitted, ("rejected", "2026-02-13T09:00")],
                None,
                "2026-06-01T09:00",
                (Met, 2),
                (Met, 14),
            ),
        ] {
            let told = read(&events, taken, now);
            assert_eq!(told, [accept, review], "{events:?}, taken {taken:?}, now {now}");
        }
    }

    #[test]
    fn a_clock_says_its_last_day() {
        let events = [("application.submitted".to_owned(), at("2026-02-12T10:00"))];
        let read = office().read(&Course::of(&events), at("2026-02-13T09:00"));
        let due: Vec<String> = read.iter().map(|it| it.due_on.unwrap().to_string()).collect();
        assert_eq!(due, ["2026-02-24", "2026-03-11"]);
        assert!(read.iter().all(|reading| !reading.is_provisional));
        assert!(office().read(&Course::default(), at("2026-02-13T09:00")).is_empty());
    }
}
