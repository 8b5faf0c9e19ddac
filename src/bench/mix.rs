//! `mix`: the shape of a day, and an auditor who takes the book home again and again meanwhile.
//!
//! Of a hundred requests: 20 claims, 25 quotes, 20 purchases captured at once, 10 captures and 5
//! cancels of what was reserved before, 15 looks of people at their vouchers, 3 of shops at their
//! redemptions, 2 applications for a car.

use super::client::{Request, closed_loop, get, open_loop, post};
use super::export::Auditor;
use super::redeem::{REDEEM_PATH, RETAILERS, captured, purchase};
use super::report::{Report, Section};
use super::world::{CLAIM_PATH, Claimed, HOLD_YUAN, Options, World, claim_body};
use crate::identity::model::PersonId;
use crate::kernel::identifier::{BankCard, Identifier, Vin};
use anyhow::{Context, ensure};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

const CARS: &str = include_str!("../../config/programmes/jiangsu-car-replace-2024.toml");
const CLAIMS: usize = 20;
const QUOTES: usize = 25;
const AT_ONCE: usize = 20;
const CAPTURES: usize = 10;
const CANCELS: usize = 5;
const LOOKS: usize = 15;
const SHOPS_LOOKS: usize = 3;
const APPLICATIONS: usize = 2;
const CONNECTIONS: usize = 64;
/// Vouchers that are only asked about.
const QUOTED: usize = 500;
const OPEN_CONNECTIONS: usize = 256;

/// How large the load is.
#[derive(Clone, Debug)]
pub struct Size {
    pub rounds: usize,
    /// Hundreds of requests of one measurement.
    pub hundreds: usize,
    pub json: Option<PathBuf>,
}

/// Fills a world, runs the rounds, checks the books, prints.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    let world = World::start(folder, Options::default()).await?;
    let parts = 3 * size.rounds;
    let mut days = days(&world, parts, size.hundreds).await?;
    let mut closed = Section::new(format!("mix: {CONNECTIONS} connections, closed loop"));
    let mut calm = Section::new("mix: open loop at half of that rate");
    let mut audited = Section::new("mix: the same while an auditor exports");
    let address = world.service.address;
    let mut day = move || days.pop().context("the days are used up");
    for round in 1..=size.rounds {
        let best = closed_loop(address, CONNECTIONS, &day()?).await?;
        let rate = best.total() as f64 / best.elapsed.as_secs_f64();
        tell(&mut closed, &best)?;
        tell(&mut calm, &open_loop(address, OPEN_CONNECTIONS, rate / 2.0, &day()?).await?)?;
        let exporting = Exporting::begin(&world, folder.join(format!("home-{round}")))?;
        let answers = open_loop(address, OPEN_CONNECTIONS, rate / 2.0, &day()?).await?;
        audited.add("exports meanwhile", "", exporting.end()? as f64);
        tell(&mut audited, &answers)?;
        println!("round {round}: {rate:.0} requests a second");
    }
    world.check()?;
    let settings = json!({"rounds": size.rounds, "requests": size.hundreds * 100,
        "connections": CONNECTIONS});
    let mut report = Report::new(settings);
    [closed, calm, audited].into_iter().for_each(|section| report.push(section));
    report.finish(size.json.as_deref())
}

fn tell(section: &mut Section, answers: &super::client::Answers) -> anyhow::Result<()> {
    let statuses = answers.statuses();
    let good = statuses.iter().filter(|(status, _)| **status < 300).map(|(_, n)| n).sum::<usize>();
    ensure!(
        good == answers.total(),
        "not every request of the day did what it should: {statuses:?}"
    );
    for (status, count) in statuses {
        *section.statuses.entry(status).or_default() += count;
    }
    section.add("requests", "a second", good as f64 / answers.elapsed.as_secs_f64());
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)] {
        section.add(name, "ms", answers.percentile(share));
    }
    Ok(())
}

/// The requests of some days, each in an order of its own.
async fn days(world: &World, parts: usize, hundreds: usize) -> anyhow::Result<Vec<Vec<Request>>> {
    let of_all = |share: usize| share * hundreds * parts;
    let with_voucher = of_all(AT_ONCE + CAPTURES + CANCELS) + QUOTED;
    let count = with_voucher + of_all(CLAIMS + APPLICATIONS);
    println!("filling: {RETAILERS} shops, {count} people, {with_voucher} of them with a voucher");
    world.prepare(HOLD_YUAN * count as i64).await?;
    world.fund(CARS, ("320500", "car"), 20_000 * of_all(APPLICATIONS) as i64).await?;
    let tills = world.retailers(RETAILERS).await?;
    let till = |n: usize| &tills[n % tills.len()];
    let mut people = world.people(count).await?;
    let vouchers = world.vouchers(&people.split_off(count - with_voucher)).await?;
    let (quoted, bought) = vouchers.split_at(QUOTED);
    let (at_once, reserved) = bought.split_at(of_all(AT_ONCE));
    let reserve = |n: usize| {
        let body = purchase(with_voucher + n, &reserved[n].code);
        (till(n).clone(), REDEEM_PATH, body)
    };
    let made = world.fill(reserved.len(), reserve).await?;
    let id = |made: &serde_json::Value| {
        made["redemption"]["id"].as_str().map(str::to_owned).context("no redemption")
    };
    let redemptions = made.iter().map(id).collect::<anyhow::Result<Vec<String>>>()?;
    let mut days = Vec::new();
    for part in 0..parts {
        let mut day = Vec::with_capacity(hundreds * 100);
        // The n-th of a kind in this part, counted over all parts.
        let of = |share: usize| part * share * hundreds..(part + 1) * share * hundreds;
        for n in of(CLAIMS) {
            let token = world.person_token(&people[n])?;
            day.push(post(CLAIM_PATH, &token, &format!("claim-{n:08}"), &claim_body().to_string()));
        }
        for n in of(QUOTES) {
            let body = purchase(1_000_000 + n, &quoted[n % QUOTED].code).to_string();
            day.push(post("/v1/quotes", till(n), &format!("quote-{n:08}"), &body));
        }
        for n in of(AT_ONCE) {
            let body = captured(n, &at_once[n].code).to_string();
            day.push(post(REDEEM_PATH, till(n), &format!("once-{n:08}"), &body));
        }
        let handed = json!({"hand_over": {"opened_and_checked": true}}).to_string();
        for n in of(CAPTURES) {
            let path = format!("{REDEEM_PATH}/{}/capture", redemptions[n]);
            day.push(post(&path, till(n), &format!("capture-{n:08}"), &handed));
        }
        for n in of(CANCELS).map(|n| n + of_all(CAPTURES)) {
            let path = format!("{REDEEM_PATH}/{}/cancel", redemptions[n]);
            day.push(post(&path, till(n), &format!("cancel-{n:08}"), "{}"));
        }
        for n in of(LOOKS) {
            let Claimed { id, token, .. } = &vouchers[n % vouchers.len()];
            day.push(get(&format!("{CLAIM_PATH}/{id}"), token));
        }
        for n in of(SHOPS_LOOKS) {
            let n = n % redemptions.len();
            day.push(get(&format!("{REDEEM_PATH}/{}", redemptions[n]), till(n)));
        }
        for n in of(APPLICATIONS) {
            day.push(application(world, &people[of_all(CLAIMS) + n], n)?);
        }
        day.shuffle(&mut StdRng::seed_from_u64(part as u64));
        days.push(day);
    }
    Ok(days)
}

/// A car sold in Suzhou, and a new-energy one bought.
fn application(world: &World, person: &PersonId, n: usize) -> anyhow::Result<Request> {
    let (region, day, number) = ("320500", "2024-09-20", n as u64);
    let body = json!({"region": region, "class": "car.replace", "location": region,
        "payee": {"account": BankCard::synthetic(number).reveal(), "bank": "示例银行"},
        "papers": {"price_fen": 16_000_000,
            "invoice": {"number": format!("INV-{n:08}"), "buyer": person, "issued_on": day,
                "region": region},
            "item": {"vin": Vin::synthetic(number).reveal(), "power": "nev", "in_catalogue": true,
                "registered_on": day, "registration_region": region},
            "old": {"vin": Vin::synthetic(5_000_000 + number).reveal(), "owner": person,
                "invoice_number": format!("USED-{n:08}"),
                "facts": {"fuel": "petrol", "use": "private", "registered_on": "2012-05-01",
                    "in_name_since": "2016-01-01", "plate_region": region,
                    "transferred_on": day}}}});
    let token = world.person_token(person)?;
    Ok(post("/v1/applications", &token, &format!("application-{n:08}"), &body.to_string()))
}

/// An auditor at work on a thread of his own.
struct Exporting {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<usize>>,
}

impl Exporting {
    fn begin(world: &World, folder: PathBuf) -> anyhow::Result<Exporting> {
        let mut auditor = Auditor::new(&world.stack.owner_url())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut exports = 0;
            while !stopped.load(Ordering::Relaxed) {
                auditor.takes_home(&folder)?;
                std::fs::remove_dir_all(&folder)?;
                exports += 1;
            }
            Ok(exports)
        });
        Ok(Exporting { stop, thread })
    }

    /// Lets the last one end: how many there were.
    fn end(self) -> anyhow::Result<usize> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the auditor panicked"))?
    }
}
