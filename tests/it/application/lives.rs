//! Random lives of applications: what the service answers is what a small model of the states
//! says, the buckets are the model's sums, and the replay of the harness finds nothing.

use crate::journeys::office::{Office, id};
use crate::support::world::World;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::HashMap;
use tradein::identity::model::PersonId;

/// Of an application, what the model knows.
#[derive(Clone)]
struct Life {
    id: String,
    person: usize,
    state: &'static str,
    fen: i64,
    application: Value,
    /// The hour at which a correction is too late.
    until: Option<i64>,
}

struct Play {
    office: Office,
    book: i32,
    people: Vec<PersonId>,
    lives: Vec<Life>,
    /// Hours since the beginning.
    hour: i64,
    dice: StdRng,
}

const STARTS: &str = "2025-06-10T00:00:00+08:00";

impl Play {
    async fn of(seed: u64) -> Play {
        let world = World::at(STARTS);
        world.publish(&["zhejiang-car-replace-2025"]).await;
        let book = world.book("330300", "car", 2025, 60_000).await;
        let people = world.people(5, 35);
        let office = Office::of(world).await;
        let (lives, dice) = (Vec::new(), StdRng::seed_from_u64(seed));
        Play { office, book, people, lives, hour: 0, dice }
    }

    fn pick(&mut self, most: usize) -> usize {
        self.dice.random_range(0..most)
    }

    /// Live for the model: its turn and its car are its own.
    fn has_turn(&self, life: &Life) -> bool {
        match life.state {
            "submitted" | "approved" | "payable" => true,
            "correction_requested" => life.until.is_some_and(|until| self.hour < until),
            _ => false,
        }
    }

    fn held(&self) -> i64 {
        let held = |life: &&Life| ["submitted", "correction_requested"].contains(&life.state);
        self.lives.iter().filter(held).map(|life| life.fen).sum()
    }

    fn sum(&self, state: &str) -> i64 {
        self.lives.iter().filter(|life| life.state == state).map(|life| life.fen).sum()
    }

    async fn step(&mut self) {
        match self.pick(10) {
            0..=2 => self.submit().await,
            3 => {
                let hours = self.dice.random_range(1..300);
                self.passes(hours);
            }
            4 => self.sweep().await,
            _ if self.lives.is_empty() => {}
            n => {
                let at = self.pick(self.lives.len());
                let acts = ["approve", "confirm", "reject", "request-correction", "correct"];
                self.act(at, acts[n - 5]).await;
            }
        }
        self.sums_agree().await;
    }

    fn passes(&mut self, hours: i64) {
        self.hour += hours;
        let start: tradein::kernel::time::Moment = STARTS.parse().unwrap();
        self.office.world.wiring.clock.set(start + chrono::TimeDelta::hours(self.hour));
    }

    async fn sums_agree(&self) {
        let balances = self.office.world.balances(self.book).await;
        for (bucket, fen) in [
            ("held", self.held()),
            ("committed", self.sum("approved")),
            ("payable", self.sum("payable")),
        ] {
            assert_eq!(balances[bucket], fen, "{bucket}");
        }
    }

    async fn submit(&mut self) {
        let person = self.pick(self.people.len());
        let yuan = [60_000, 120_000, 250_000][self.pick(3)];
        let due = match yuan {
            60_000 => 10_000_00,
            120_000 => 12_000_00,
            _ => 15_000_00,
        };
        let mut application =
            self.office.replacement(self.people[person], "330300", "2025-06-01", yuan);
        // Now and then a car that stands in another application.
        let mut same_car = false;
        if !self.lives.is_empty() && self.pick(4) == 0 {
            let at = self.pick(self.lives.len());
            let vin = self.lives[at].application["papers"]["item"]["vin"].clone();
            application["papers"]["item"]["vin"] = vin.clone();
            let taken = |life: &&Life| life.application["papers"]["item"]["vin"] == vin;
            same_car = self.lives.iter().filter(taken).any(|life| self.has_turn(life));
        }
        let turn = self.lives.iter().any(|life| life.person == person && self.has_turn(life));
        let left = 60_000_00 - self.held() - self.sum("approved") - self.sum("payable");
        let answer = self.office.submits(self.people[person], &application).await;
        let code = match (turn, same_car) {
            (true, _) => "QUOTA_EXHAUSTED",
            (_, true) => "NEW_CAR_ALREADY_SUBSIDISED",
            _ if left < due => "BUDGET_EXHAUSTED",
            _ => "",
        };
        if !code.is_empty() {
            answer.refused(422, code);
            return;
        }
        let id = id(&answer.expect(201));
        let state = "submitted";
        self.lives.push(Life { id, person, state, fen: due, application, until: None });
    }

    async fn sweep(&mut self) {
        self.office.world.sweep().await;
        let hour = self.hour;
        for life in &mut self.lives {
            if life.state == "correction_requested" && life.until.is_some_and(|it| it <= hour) {
                life.state = "lapsed";
            }
        }
    }

    async fn act(&mut self, at: usize, act: &str) {
        let life = self.lives[at].clone();
        let own = self.office.world.person_token(self.people[life.person]);
        let (one, two) = (self.office.reviewer.clone(), self.office.second.clone());
        let overdue = !self.has_turn(&life) && life.state == "correction_requested";
        let reasons = json!({"reasons": ["DOCUMENT_MISSING"]});
        let (token, path, body, due, next) = match act {
            "approve" => {
                // Nothing here is above the limit: one person is enough.
                let due = life.state == "submitted";
                (one, act, json!({"still_owned": true}), due, "payable")
            }
            "confirm" => (two, act, json!({}), life.state == "approved", "payable"),
            "reject" => (one, act, reasons, life.state == "submitted", "rejected"),
            "request-correction" => {
                (one, act, reasons, life.state == "submitted", "correction_requested")
            }
            _ if self.pick(2) == 0 => {
                let due =
                    life.state == "submitted" || life.state == "correction_requested" && !overdue;
                (own, "withdraw", json!({}), due, "withdrawn")
            }
            _ => {
                let due = life.state == "correction_requested" && !overdue;
                let body = json!({"papers": life.application["papers"]});
                (own, "corrections", body, due, "submitted")
            }
        };
        let answer = self.office.acts(&token, &life.id, path, body).await;
        if !due {
            let late = path == "corrections" && (overdue || life.state == "lapsed");
            let (status, code) = match late {
                true => (422, "CORRECTION_DEADLINE_PASSED"),
                false => (409, "APPLICATION_STATE"),
            };
            answer.refused(status, code);
            return;
        }
        answer.expect(200);
        let life = &mut self.lives[at];
        life.state = next;
        // Thirty whole days after this one.
        let until = (self.hour / 24 + 31) * 24;
        life.until = (next == "correction_requested").then_some(until);
    }
}

#[actix_web::test]
async fn random_lives_of_applications_are_those_of_the_model() {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for seed in 1..=4 {
        let mut play = Play::of(seed).await;
        for _ in 0..70 {
            play.step().await;
        }
        // In the end every correction that is asked for comes too late.
        play.passes(24 * 40);
        play.sweep().await;
        play.sums_agree().await;
        play.lives.iter().for_each(|life| *seen.entry(life.state).or_default() += 1);
    }
    for state in ["payable", "rejected", "withdrawn", "lapsed"] {
        assert!(seen.contains_key(state), "no life ended {state}: {seen:?}");
    }
}
