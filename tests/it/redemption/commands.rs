//! The acts of the model as the commands that the service runs, without its HTTP.

use super::play::{Act, Model, Moment};
use serde_json::json;
use std::sync::Arc;
use tradein::book::desk::Desk;
use tradein::book::model::Command;
use tradein::book::store::Stamp;
use tradein::identity::store::Fresh;
use tradein::kernel::class::Class;
use tradein::kernel::time;
use tradein::programme::{Facts, Mark, Phase, Programme, Programmes, Screened, Shelf};
use tradein::redemption::cancel::{Cancel, End};
use tradein::redemption::capture::Capture;
use tradein::redemption::reserve::{Reserve, WantedMark};
use tradein::register::model::{Mark as MarkRow, MarkKey, PersonRef, Quota, Tally};
use tradein::voucher::claim::{Claim, lapse_of, quota_of};
use tradein::voucher::ends::{GiveBack, Lapse};
use uuid::Uuid;

const CLASSES: [&str; 2] = ["appliance.tv", "appliance.refrigerator"];

/// The programme of the audit's story, with the limits of the model.
pub fn text() -> String {
    let mut text = crate::audit::VOUCHERS.to_owned();
    for (from, to) in [
        ("limit_fen = 50_000_00", "limit_fen = 1_800_00"),
        ("cap_fen = 3_500_00", "cap_fen = 1_500_00"),
        ("times = 3", "times = 2"),
        ("until = \"2026-01-01\"", "until = \"2060-01-01\""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

/// Names in the model are places in lists; here they become ids.
pub struct Names {
    pub shelf: Shelf,
    pub programme: Arc<Programme>,
    pub people: Vec<Uuid>,
    pub vouchers: Vec<Uuid>,
    pub redemptions: Vec<Uuid>,
    /// Serial numbers and people of one sequence are not those of another.
    pub space: u64,
    orders: u64,
    marks: Vec<MarkKey>,
}

impl Names {
    pub fn new(stamp: Stamp) -> Names {
        let programmes = Programmes::from_texts([("test", text())]).expect("it compiles");
        let region = "310000".parse().unwrap();
        let at = "2025-06-10T04:00:00Z".parse().unwrap();
        let class: Class = CLASSES[0].parse().unwrap();
        let programme = programmes.resolve(region, &class, at).acting.expect("it acts");
        let shelf = Shelf { stamp, programmes };
        let (people, vouchers, redemptions) = (Vec::new(), Vec::new(), Vec::new());
        Names {
            shelf,
            programme,
            people,
            vouchers,
            redemptions,
            space: 0,
            orders: 0,
            marks: Vec::new(),
        }
    }

    pub fn meet(&mut self, people: usize) {
        self.people = (0..people).map(|_| Uuid::new_v4()).collect();
    }

    fn person(&self, person: usize) -> PersonRef {
        PersonRef { bucket: 5, id: self.people[person] }
    }

    fn screened(
        &self,
        class: usize,
        phases: &[Phase],
        facts: &serde_json::Value,
        at: Moment,
    ) -> Screened {
        let class = CLASSES[class].parse().unwrap();
        let facts = Facts::from_json(facts).expect("facts");
        Screened::run(&self.shelf, "310000".parse().unwrap(), &class, phases, facts, at)
    }

    /// The command of an act, before the model takes the act. `None` for the clock.
    pub fn command(&mut self, model: &Model, act: Act) -> Option<Arc<dyn Command>> {
        Some(match act {
            Act::Wait { .. } => return None,
            Act::Claim { person, class } => Arc::new(self.claim(model, person, class)),
            Act::GiveBack { voucher } => {
                let person = self.people[model.vouchers[voucher].person - model.people];
                Arc::new(GiveBack { voucher: self.vouchers[voucher], person })
            }
            Act::Reserve { voucher, serial, price, capture } => {
                Arc::new(self.reserve(model, voucher, serial, price, capture))
            }
            Act::Capture { redemption } => Arc::new(self.capture(model, redemption)),
            Act::Cancel { redemption } => Arc::new(Cancel {
                redemption: self.redemptions[redemption],
                organisation: Uuid::nil(),
            }),
            Act::SweepRedemption { redemption } => {
                Arc::new(End { redemption: self.redemptions[redemption] })
            }
            Act::SweepVoucher { voucher } => Arc::new(Lapse { voucher: self.vouchers[voucher] }),
        })
    }

    fn claim(&mut self, model: &Model, person: usize, class: usize) -> Claim {
        let voucher = Uuid::now_v7();
        self.vouchers.push(voucher);
        Claim {
            voucher,
            person: self.person(person),
            fresh: Fresh::draw(),
            class: CLASSES[class].parse().unwrap(),
            channel: "offline".to_owned(),
            region: "310000".parse().unwrap(),
            province: "310000".parse().unwrap(),
            screened: self.screened(class, &[Phase::Claim], &json!({}), model.now),
            code_key: 1,
            code_digest: Some(voucher.as_bytes().to_vec()),
        }
    }

    fn reserve(
        &mut self,
        model: &Model,
        voucher: usize,
        serial: usize,
        price: i64,
        capture: bool,
    ) -> Reserve {
        let of = &model.vouchers[voucher];
        let redemption = Uuid::now_v7();
        self.redemptions.push(redemption);
        self.orders += 1;
        let facts = json!({
            "purchase": {"price_fen": price, "channel": "offline"},
            "item": {"serial": "SN", "gtin": "6901234567892"},
            "merchant": {"status": "active"},
            "voucher": {"channel": "offline", "until": time::local_text(of.until),
                "claimed_at": "2025-06-10T12:00:00+08:00"},
        });
        let phases: &[Phase] =
            if capture { &[Phase::Reserve, Phase::Capture] } else { &[Phase::Reserve] };
        let mark = |kind: &str, thing: [u64; 2]| MarkKey {
            bucket: 3,
            kind: kind.to_owned(),
            digest: thing.map(u64::to_be_bytes).concat(),
        };
        let key = mark("new_serial", [self.space, serial as u64]);
        self.marks = vec![key.clone(), mark("order_no", [0, self.orders])];
        let serial = WantedMark { key, rule: Some(Mark::NewSerial), refusal: None };
        let order =
            WantedMark { key: mark("order_no", [0, self.orders]), rule: None, refusal: None };
        Reserve {
            redemption,
            voucher: self.vouchers[voucher],
            claim: None,
            organisation: Uuid::nil(),
            store: None,
            class: CLASSES[of.class].parse().unwrap(),
            screened: self.screened(of.class, phases, &facts, model.now),
            marks: vec![serial, order],
            lines: Vec::new(),
            needs_review: false,
            old_item: None,
            capture,
            earlier: of.redemption.map(|place| self.redemptions[place]),
        }
    }

    fn capture(&self, model: &Model, redemption: usize) -> Capture {
        let of = &model.redemptions[redemption];
        let class = model.vouchers[of.voucher].class;
        let mut screened = self.screened(class, &[Phase::Capture], &json!({}), of.at);
        screened.stamps.clear();
        Capture {
            redemption: self.redemptions[redemption],
            organisation: Uuid::nil(),
            screened,
            grace: self.programme.late_capture_grace(),
            slots: super::play::PIECES as u32,
            cap: Some(tradein::kernel::money::Fen(super::play::CAP)),
        }
    }

    /// Forgets the id that was drawn for a new thing when the act was refused.
    pub fn settle(&mut self, model: &Model) {
        self.vouchers.truncate(model.vouchers.len());
        self.redemptions.truncate(model.redemptions.len());
    }

    /// The free rows that a clerk would have made of the keys that commands of these people take.
    pub fn free_rows(&self, desk: &mut Desk, at: Moment) {
        for person in 0..self.people.len() {
            for class in 0..CLASSES.len() {
                let claim = self.screened(class, &[Phase::Claim], &json!({}), at);
                let (key, _) = quota_of(&claim).expect("a quota");
                let person = self.person(person);
                let key = key.to_owned();
                desk.put(Quota { person, key, slots: Vec::new(), version: 0 });
                let lapses = lapse_of(&claim).expect("a limit").to_owned();
                for key in [lapses, "310000/2025/appliance.all".to_owned()] {
                    let (held_fen, used_fen, count, version) = (0, 0, 0, 0);
                    desk.put(Tally { person, key, held_fen, used_fen, count, version });
                }
            }
        }
        desk.put(self.shelf.stamp.clone());
        desk.keep();
    }

    /// The same for the marks of the newest reservation.
    pub fn free_marks(&self, desk: &mut Desk) {
        for key in &self.marks {
            if desk.get::<MarkRow>(key).is_err() {
                let (holder, until, version) = (None, None, 0);
                desk.put(MarkRow { key: key.clone(), holder, until, version });
            }
        }
        desk.keep();
    }
}
