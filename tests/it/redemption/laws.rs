//! Random lives of vouchers, in the decisions alone and on the real stack, against the reference
//! model: invariants 1, 2, 3, 5 and 9.

use super::commands::Names;
use super::play::{Act, Foretold, Model, Moment};
use crate::book::engine::{Engine, envelope, propose};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use tradein::audit;
use tradein::book::desk::{Ask, Desk};
use tradein::book::fold::{EntryView, State};
use tradein::book::log::{Place, leaf};
use tradein::book::model::{Actor, Bucket, Command, Decision, Moneys};
use tradein::book::open::ApproveAppropriation;
use tradein::book::store::{Stamp, find_stamps};
use tradein::book::{Envelope, REGISTER, Reply};
use tradein::programme::publish::Publish;
use tradein::redemption::model::Redemption;
use tradein::voucher::model::Voucher;
use uuid::Uuid;

const PEOPLE: usize = 2;
const SERIALS: usize = 3;
/// No sum of these is an end of a reservation or of its grace, so that a second of the real clock
/// never decides.
const WAITS: [i64; 8] = [7, 7, 7, 33, 33, 61, 2_887, 11_527];

/// What is drawn at random: a kind of act and three numbers, which become places in lists.
type Drawn = (u8, usize, usize, usize);

fn acts(most: usize) -> impl Strategy<Value = Vec<Drawn>> {
    prop::collection::vec((0u8..20, 0usize..64, 0usize..64, 0usize..64), 1..most)
}

/// The act that the numbers mean among what there is; `from` are the first places of this
/// sequence's own vouchers and redemptions. What needs a thing that is not there makes one.
fn act(model: &Model, from: (usize, usize), (kind, a, b, c): Drawn) -> Act {
    let place = |n: usize, from: usize, len: usize| (len > from).then(|| from + n % (len - from));
    let claim = Act::Claim { person: a % PEOPLE, class: b % 2 };
    let Some(voucher) = place(a, from.0, model.vouchers.len()) else { return claim };
    let price = [600_000, 400_000, 123_455, 600_000][c % 4];
    let serial = model.people * SERIALS + b % SERIALS;
    let reserve = Act::Reserve { voucher, serial, price, capture: c % 5 == 0 };
    let redemption = place(b, from.1, model.redemptions.len());
    match (kind, redemption) {
        (0..5, _) => claim,
        (5..9, _) => reserve,
        (9..13, None) => reserve,
        (9..12, Some(redemption)) => Act::Capture { redemption },
        (12, Some(redemption)) => Act::Cancel { redemption },
        (13, _) => Act::GiveBack { voucher },
        (14, Some(redemption)) => Act::SweepRedemption { redemption },
        (14 | 15, _) => Act::SweepVoucher { voucher },
        _ => Act::Wait { minutes: WAITS[a % WAITS.len()] },
    }
}

fn noon() -> Moment {
    "2025-06-10T04:00:00Z".parse().unwrap()
}

/// The decisions without a database.
struct Pure {
    names: Names,
    desk: Desk,
    log: State,
    seq: u64,
}

impl Pure {
    fn new(names: Names, available: i64) -> Pure {
        let moneys = [(Bucket::Authority, -available), (Bucket::Available, available)];
        let mut desk = Desk::new(noon(), 1, "open", Moneys::of(moneys));
        names.free_rows(&mut desk, noon());
        let mut log = State::default();
        log.moneys = Moneys::of(moneys);
        Pure { names, desk, log, seq: 0 }
    }

    fn run(&mut self, now: Moment, command: &Arc<dyn Command>) -> Foretold {
        self.desk.settle(now);
        self.names.free_marks(&mut self.desk);
        for _ in 0..4 {
            command.needs(&mut Ask::of(&mut self.desk));
            self.desk.settle(now);
        }
        match command.decide(&mut self.desk).expect("no fault") {
            Decision::Done(outcome) => {
                for draft in &outcome.entries {
                    let (book_name, actor) = ("310000/appliance/2025", &Actor::System);
                    let place = Place { book: 1, book_name, at: now, actor };
                    let view = EntryView::of_leaf(&leaf(&place, self.seq, draft.clone())).unwrap();
                    self.log.apply(&audit::entry_types(), &view).expect("it follows");
                    self.desk.moneys.apply(&draft.legs).expect("it balances");
                    self.seq += 1;
                }
                self.desk.keep();
                (outcome.status, reasons(&outcome.body))
            }
            Decision::Refused { refusals, status, .. } => {
                self.desk.undo();
                (status, refusals[0].code.to_string())
            }
            Decision::Stale => panic!("nothing goes stale here"),
        }
    }

    fn check(&self, model: &Model) {
        let desk = &self.desk;
        let fen = |bucket| desk.moneys.get(bucket).0;
        let is = (fen(Bucket::Available), fen(Bucket::Held), fen(Bucket::Committed));
        assert_eq!(is, (model.available, model.held, model.committed));
        for (id, due) in self.names.vouchers.iter().zip(&model.vouchers) {
            let row = desk.get::<Voucher>(id).unwrap().expect("a voucher");
            assert_eq!((row.state.as_str(), row.until), (due.state, due.until));
        }
        for (id, due) in self.names.redemptions.iter().zip(&model.redemptions) {
            let row = desk.get::<Redemption>(id).unwrap().expect("a redemption");
            assert_eq!((row.state.as_str(), row.amount.0), (due.state, due.amount));
        }
        assert_eq!(self.log.moneys, desk.moneys);
        assert_eq!(self.log.sum("voucher", &["claimed", "reserved"]), model.held);
        assert_eq!(self.log.sum("redemption", &["captured"]), model.committed);
    }
}

fn reasons(body: &Value) -> String {
    let reasons = body["reasons"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<&str> = reasons.iter().filter_map(Value::as_str).collect();
    reasons.join(",")
}

fn stamp() -> Stamp {
    Stamp { name: "programmes".to_owned(), version: 1 }
}

#[test]
fn ten_thousand_lives_are_as_the_model_foretells() {
    let mut seen: BTreeSet<(&'static str, Foretold)> = BTreeSet::new();
    let template = Names::new(stamp());
    let names = std::cell::RefCell::new(Some(template));
    let outcomes = std::cell::RefCell::new(&mut seen);
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    // The same lives each time, so that what they must have met is met each time.
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let done = TestRunner::new_with_rng(config, chance).run(
        &(acts(40), any::<bool>()),
        |(drawn, rich)| {
            // Compiled once; a sequence has its own people and things.
            let mut own = names.borrow_mut().take().unwrap_or_else(|| Names::new(stamp()));
            own.meet(PEOPLE);
            (own.vouchers, own.redemptions) = (Vec::new(), Vec::new());
            let money = if rich { 5_000_000 } else { 300_000 };
            let mut model = Model::new(noon(), money);
            let mut pure = Pure::new(own, money);
            for drawn in drawn {
                let act = act(&model, (0, 0), drawn);
                let command = pure.names.command(&model, act);
                let foretold = model.act(act);
                let Some(command) = command else { continue };
                let is = pure.run(model.now, &command);
                prop_assert_eq!(&is, &foretold, "{:?}", act);
                pure.names.settle(&model);
                pure.check(&model);
                outcomes.borrow_mut().insert((kind(act), is));
            }
            names.replace(Some(pure.names));
            Ok(())
        },
    );
    done.unwrap_or_else(|failure| panic!("{failure}"));
    // The lives must have met every answer that there is, or the law is weak.
    let met: BTreeSet<&str> = seen.iter().map(|(_, (_, code))| code.as_str()).collect();
    for code in [
        "LAPSE_LIMIT",
        "QUOTA_EXHAUSTED",
        "BUDGET_EXHAUSTED",
        "VOUCHER_EXPIRED",
        "VOUCHER_STATE",
        "REDEMPTION_STATE",
        "SERIAL_REUSED",
        "TOTAL_EXHAUSTED",
        "GRACE_OVER",
        "MARK_TAKEN",
        "VOUCHER_NOT_FREE",
        "CAP_EXHAUSTED",
        "DAY_BUDGET_EXHAUSTED",
    ] {
        assert!(met.contains(code), "{code} was never said: {met:?}");
    }
}

fn kind(act: Act) -> &'static str {
    match act {
        Act::Wait { .. } => "wait",
        Act::Claim { .. } => "claim",
        Act::GiveBack { .. } => "give back",
        Act::Reserve { .. } => "reserve",
        Act::Capture { .. } => "capture",
        Act::Cancel { .. } => "cancel",
        Act::SweepRedemption { .. } | Act::SweepVoucher { .. } => "sweep",
    }
}

async fn submit(engine: &Engine, book: i32, envelope: Envelope) -> Foretold {
    let reply = engine.books.submit(book, envelope).await.expect("an answer");
    let Reply::Answer { status, body, .. } = reply else { panic!("nothing goes stale here") };
    let body: Value = serde_json::from_slice(&body).unwrap();
    let code = body["code"].as_str().map_or_else(|| reasons(&body), str::to_owned);
    (status, code)
}

/// One book lives through all of them; each has people and things of its own. The invariants are
/// checked when the database goes.
#[actix_web::test]
async fn a_thousand_lives_on_the_real_stack() {
    const MONEY: i64 = 20_000_000;
    let engine = Engine::new();
    let mut model = Model::new(noon(), MONEY);
    engine.clock.set(model.now);
    let book = engine.open("310000").await;
    let money = propose(MONEY);
    let id = money.id;
    submit(&engine, book, envelope(None, money)).await;
    let approve = ApproveAppropriation { id, by: "b".into() };
    assert_eq!(submit(&engine, book, envelope(None, approve)).await.0, 200);
    let stamps = find_stamps(&mut engine.db.app(), &["programmes".to_owned()]).unwrap();
    let mut names = Names::new(stamps[0].clone());
    let publish = Publish { programme: names.programme.clone(), id: Uuid::now_v7() };
    assert_eq!(submit(&engine, REGISTER, envelope(None, publish)).await.0, 201);
    let stamps = find_stamps(&mut engine.db.app(), &["programmes".to_owned()]).unwrap();
    names.shelf.stamp = stamps[0].clone();
    let mut runner = TestRunner::deterministic();
    let mut commands = 0;
    for space in 0..1_000 {
        names.space = space;
        names.meet(PEOPLE);
        let from = (model.vouchers.len(), model.redemptions.len());
        let drawn = acts(14).new_tree(&mut runner).unwrap().current();
        for drawn in drawn {
            let act = act(&model, from, drawn);
            let command = names.command(&model, act);
            let foretold = model.act(act);
            match command {
                None => engine.clock.set(model.now),
                Some(command) => {
                    let mut envelope = envelope(None, Nothing);
                    envelope.command = command;
                    let is = submit(&engine, book, envelope).await;
                    assert_eq!(is, foretold, "{act:?} of life {space}");
                    names.settle(&model);
                    commands += 1;
                }
            }
        }
        model.people += PEOPLE;
    }
    let moneys = tradein::book::store::load_moneys(&mut engine.db.app(), book).unwrap();
    let fen = |bucket| moneys.get(bucket).0;
    let is = (fen(Bucket::Available), fen(Bucket::Held), fen(Bucket::Committed));
    assert_eq!(is, (model.available, model.held, model.committed));
    assert!(commands > 4_000, "{commands} commands");
}

/// Takes the place of the command of an envelope until there is one.
struct Nothing;

impl Command for Nothing {
    fn needs(&self, _: &mut Ask<'_>) {}

    fn decide(&self, _: &mut Desk) -> Result<Decision, tradein::book::model::Fault> {
        Ok(Decision::Stale)
    }
}
