//! The reference model: vouchers, redemptions, slots and money as plain lists, written from the
//! specification and not from the code. It foretells the answer of every act.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tradein::kernel::time::{day_of, day_start};

pub type Moment = DateTime<Utc>;

pub const HOLD: i64 = 100_000;
pub const PIECES: usize = 2;
pub const LAPSES: usize = 2;
pub const CAP: i64 = 150_000;
pub const DAY: i64 = 180_000;

/// What somebody does; numbers are places in the lists of the model.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    Wait { minutes: i64 },
    Claim { person: usize, class: usize },
    GiveBack { voucher: usize },
    Reserve { voucher: usize, serial: usize, price: i64, capture: bool },
    Capture { redemption: usize },
    Cancel { redemption: usize },
    SweepRedemption { redemption: usize },
    SweepVoucher { voucher: usize },
}

#[derive(Clone, Debug)]
pub struct Voucher {
    pub person: usize,
    pub class: usize,
    pub state: &'static str,
    pub until: Moment,
    pub redemption: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Redemption {
    pub voucher: usize,
    pub serial: usize,
    pub amount: i64,
    pub state: &'static str,
    pub at: Moment,
    pub until: Moment,
    released_on: Option<NaiveDate>,
    captured_on: Option<NaiveDate>,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub now: Moment,
    pub available: i64,
    pub held: i64,
    pub committed: i64,
    pub vouchers: Vec<Voucher>,
    pub redemptions: Vec<Redemption>,
    /// The number of the first person of the present sequence.
    pub people: usize,
    lapsed: Vec<usize>,
}

/// Status, and the first code of a refusal or the reasons of a dispute.
pub type Foretold = (u16, String);

fn no(status: u16, code: &str) -> Foretold {
    (status, code.to_owned())
}

impl Model {
    pub fn new(now: Moment, available: i64) -> Model {
        let (vouchers, redemptions, lapsed) = (Vec::new(), Vec::new(), Vec::new());
        let (held, committed, people) = (0, 0, 0);
        Model { now, available, held, committed, vouchers, redemptions, people, lapsed }
    }

    pub fn act(&mut self, act: Act) -> Foretold {
        match act {
            Act::Wait { minutes } => {
                self.now += TimeDelta::minutes(minutes);
                no(200, "")
            }
            Act::Claim { person, class } => self.claim(self.people + person, class),
            Act::GiveBack { voucher } => self.give_back(voucher),
            Act::Reserve { voucher, serial, price, capture } => {
                self.reserve(voucher, serial, price, capture)
            }
            Act::Capture { redemption } => self.capture(redemption),
            Act::Cancel { redemption } => {
                let r = &self.redemptions[redemption];
                if r.state != "reserved" || r.until <= self.now {
                    return no(409, "REDEMPTION_STATE");
                }
                self.release(redemption, "cancelled");
                no(200, "")
            }
            Act::SweepRedemption { redemption } => {
                self.end(redemption);
                no(200, "")
            }
            Act::SweepVoucher { voucher } => {
                self.lapse(voucher);
                no(200, "")
            }
        }
    }

    fn is_slot_live(&self, voucher: &Voucher) -> bool {
        match voucher.state {
            "redeemed" => true,
            "claimed" => self.now < voucher.until,
            "reserved" => {
                let until = voucher.redemption.map(|r| self.redemptions[r].until);
                until.is_some_and(|until| self.now < until.max(voucher.until))
            }
            _ => false,
        }
    }

    fn slots(&self, person: usize, class: usize) -> usize {
        let own = |v: &&Voucher| v.person == person && v.class == class;
        self.vouchers.iter().filter(own).filter(|v| self.is_slot_live(v)).count()
    }

    /// Written lapses of a person and class, and those that time has brought.
    fn lapses(&self, person: usize, class: usize) -> usize {
        let own = |v: &&usize| {
            let v = &self.vouchers[**v];
            v.person == person && v.class == class
        };
        let written = self.lapsed.iter().filter(own).count();
        let due = |v: &&Voucher| {
            v.person == person
                && v.class == class
                && ["claimed", "reserved"].contains(&v.state)
                && !self.is_slot_live(v)
        };
        written + self.vouchers.iter().filter(due).count()
    }

    fn claim(&mut self, person: usize, class: usize) -> Foretold {
        if self.lapses(person, class) >= LAPSES {
            return no(422, "LAPSE_LIMIT");
        }
        if self.slots(person, class) >= PIECES {
            return no(422, "QUOTA_EXHAUSTED");
        }
        if self.available < HOLD {
            return no(422, "BUDGET_EXHAUSTED");
        }
        self.available -= HOLD;
        self.held += HOLD;
        let until = day_start(day_of(self.now) + TimeDelta::days(8));
        let voucher = Voucher { person, class, state: "claimed", until, redemption: None };
        self.vouchers.push(voucher);
        no(201, "")
    }

    fn give_back(&mut self, voucher: usize) -> Foretold {
        let v = &mut self.vouchers[voucher];
        if v.state != "claimed" || v.until <= self.now {
            return no(409, "VOUCHER_STATE");
        }
        v.state = "given_back";
        self.available += HOLD;
        self.held -= HOLD;
        no(200, "")
    }

    /// A thing is taken by a captured purchase for good, by a reserved one until its end.
    fn is_taken(&self, serial: usize, by_other_than: usize) -> bool {
        self.redemptions.iter().any(|r| {
            r.serial == serial
                && r.voucher != by_other_than
                && (r.state == "captured" || r.state == "reserved" && self.now < r.until)
        })
    }

    fn drawn_by(&self, person: usize) -> i64 {
        let of = |r: &&Redemption| {
            self.vouchers[r.voucher].person == person && ["reserved", "captured"].contains(&r.state)
        };
        self.redemptions.iter().filter(of).map(|r| r.amount).sum()
    }

    fn drawn_on(&self, day: NaiveDate) -> i64 {
        let counts = |r: &&Redemption| {
            day_of(r.at) == day && (r.released_on != Some(day) || r.captured_on == Some(day))
        };
        self.redemptions.iter().filter(counts).map(|r| r.amount).sum()
    }

    fn reserve(&mut self, voucher: usize, serial: usize, price: i64, capture: bool) -> Foretold {
        if self.vouchers[voucher].until <= self.now {
            return no(422, "VOUCHER_EXPIRED");
        }
        let before = self.clone();
        if let Some(earlier) = self.vouchers[voucher].redemption {
            self.end(earlier);
        }
        let refused = self.reserve_refuses(voucher, serial, price);
        if let Err(refused) = refused {
            *self = before;
            return refused;
        }
        let amount = self.amount(voucher, price);
        let until = self.now + TimeDelta::minutes(30);
        let (at, state) = (self.now, "reserved");
        let (released_on, captured_on) = (None, None);
        let new =
            Redemption { voucher, serial, amount, state, at, until, released_on, captured_on };
        self.redemptions.push(new);
        let redemption = self.redemptions.len() - 1;
        self.vouchers[voucher].state = "reserved";
        self.vouchers[voucher].redemption = Some(redemption);
        if capture {
            self.take(redemption);
        }
        no(201, "")
    }

    fn amount(&self, voucher: usize, price: i64) -> i64 {
        let left = (CAP - self.drawn_by(self.vouchers[voucher].person)).max(0);
        (price / 5).min(HOLD).min(left)
    }

    fn reserve_refuses(&self, voucher: usize, serial: usize, price: i64) -> Result<(), Foretold> {
        if self.vouchers[voucher].state != "claimed" {
            return Err(no(409, "VOUCHER_STATE"));
        }
        if self.is_taken(serial, voucher) {
            return Err(no(422, "SERIAL_REUSED"));
        }
        if self.drawn_by(self.vouchers[voucher].person) >= CAP {
            return Err(no(422, "TOTAL_EXHAUSTED"));
        }
        if DAY - self.drawn_on(day_of(self.now)) < self.amount(voucher, price) {
            return Err(no(422, "BUDGET_EXHAUSTED"));
        }
        Ok(())
    }

    /// From `held`, or where the voucher has ended from `available`.
    fn take(&mut self, redemption: usize) {
        let (amount, voucher) =
            (self.redemptions[redemption].amount, self.redemptions[redemption].voucher);
        if ["claimed", "reserved"].contains(&self.vouchers[voucher].state) {
            self.held -= HOLD;
            self.available += HOLD;
        }
        self.available -= amount;
        self.committed += amount;
        self.redemptions[redemption].state = "captured";
        self.redemptions[redemption].captured_on = Some(day_of(self.now));
        self.vouchers[voucher].state = "redeemed";
        self.vouchers[voucher].redemption = Some(redemption);
    }

    fn capture(&mut self, redemption: usize) -> Foretold {
        let r = self.redemptions[redemption].clone();
        let late = r.state == "ended" || r.state == "reserved" && r.until <= self.now;
        if !late && r.state != "reserved" {
            return no(409, "REDEMPTION_STATE");
        }
        if !late {
            self.take(redemption);
            return no(200, "");
        }
        self.end(redemption);
        let v = self.vouchers[r.voucher].clone();
        let mut reasons = Vec::new();
        let mut unless = |holds: bool, code: &'static str| {
            if !holds {
                reasons.push(code);
            }
        };
        unless(self.now < r.until + TimeDelta::minutes(60), "GRACE_OVER");
        unless(["claimed", "lapsed"].contains(&v.state), "VOUCHER_NOT_FREE");
        unless(!self.is_taken(r.serial, r.voucher), "MARK_TAKEN");
        let own = self.is_slot_live(&v);
        unless(own || self.slots(v.person, v.class) < PIECES, "QUOTA_EXHAUSTED");
        let is_held = ["claimed", "reserved"].contains(&v.state);
        unless(is_held || self.available >= r.amount, "BUDGET_EXHAUSTED");
        unless(self.drawn_by(v.person) + r.amount <= CAP, "CAP_EXHAUSTED");
        let today = day_of(self.now);
        // On its own day the end gave the money back, and it is drawn again.
        let given_back = day_of(r.at) == today;
        unless(!given_back || DAY - self.drawn_on(today) >= r.amount, "DAY_BUDGET_EXHAUSTED");
        if reasons.is_empty() {
            self.take(redemption);
            return no(200, "");
        }
        self.redemptions[redemption].state = "disputed";
        (202, reasons.join(","))
    }

    fn end(&mut self, redemption: usize) {
        let r = &self.redemptions[redemption];
        if r.state == "reserved" && r.until <= self.now {
            self.release(redemption, "ended");
        }
    }

    fn release(&mut self, redemption: usize, to: &'static str) {
        let today = day_of(self.now);
        let r = &mut self.redemptions[redemption];
        r.state = to;
        r.released_on = Some(today);
        let voucher = r.voucher;
        self.vouchers[voucher].state = "claimed";
        self.vouchers[voucher].redemption = None;
        self.lapse(voucher);
    }

    fn lapse(&mut self, voucher: usize) {
        let v = &mut self.vouchers[voucher];
        if v.state == "claimed" && v.until <= self.now {
            v.state = "lapsed";
            self.available += HOLD;
            self.held -= HOLD;
            self.lapsed.push(voucher);
        }
    }
}
