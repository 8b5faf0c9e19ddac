//! `grow`: captures beside the vouchers, marks and entries of a book that is millions old.
//!
//! What is there already is copied within PostgreSQL from rows that the service made, under keys
//! scattered over every index; it is taken away again before the books are replayed.

use super::client::closed_loop;
use super::redeem::requests;
use super::report::{Report, Section, spread};
use super::world::{Options, World};
use anyhow::ensure;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

const CONNECTIONS: usize = 64;
/// Vouchers that one transaction copies.
const CHUNK: u64 = 100_000;

/// A voucher with its slot, its two marks, an entry and an answer, `n` times; `seq` numbers the
/// entries, in a book of their own.
const COPY: &str = "
INSERT INTO voucher SELECT book_id, gen_random_uuid(), (random() * 4095)::smallint,
    gen_random_uuid(), subject, class, channel, 'grown', rule, quota_key, lapse_key, code_key,
    decode(md5(random()::text), 'hex'), state, hold_fen, claimed_at, until, locked_until,
    redemption_id, version FROM (SELECT * FROM voucher LIMIT 1) v, generate_series(1, {n});
INSERT INTO quota SELECT (random() * 4095)::smallint, gen_random_uuid(), 'grown', books, provinces,
    holders, states, untils, lapse_keys, version
    FROM (SELECT * FROM quota WHERE cardinality(books) = 1 LIMIT 1) q, generate_series(1, {n});
INSERT INTO mark SELECT (random() * 4095)::smallint, 'grown', decode(md5(random()::text), 'hex'),
    book_id, holder, until, version
    FROM (SELECT * FROM mark LIMIT 1) m, generate_series(1, 2 * {n});
INSERT INTO entry SELECT 900, {seq} + g, at, kind, gen_random_uuid(), accounts, amounts, leaf,
    leaf_hash FROM (SELECT * FROM entry ORDER BY length(leaf) DESC LIMIT 1) e,
    generate_series(1, {n}) g;
INSERT INTO answer SELECT book_id, decode(md5(random()::text), 'hex'), fingerprint, 299, body,
    codes, rule, at FROM (SELECT * FROM answer ORDER BY length(body) DESC LIMIT 1) a,
    generate_series(1, {n});
";

const REMOVE: &str = "
DELETE FROM voucher WHERE region = 'grown';
DELETE FROM quota WHERE key = 'grown';
DELETE FROM mark WHERE kind = 'grown';
DELETE FROM entry WHERE book_id = 900;
DELETE FROM answer WHERE status = 299;
";

/// How old the book gets.
#[derive(Clone, Debug)]
pub struct Size {
    /// Existing vouchers, ascending.
    pub vouchers: Vec<u64>,
    pub rounds: usize,
    pub captures: usize,
    pub json: Option<PathBuf>,
}

/// Fills a world, lets it grow step by step, and measures captures at each.
pub async fn run(folder: &Path, size: Size) -> anyhow::Result<()> {
    ensure!(size.vouchers.is_sorted(), "the numbers of vouchers must ascend");
    let world = World::start(folder, Options::default()).await?;
    let mut due = requests(&world, size.vouchers.len() * size.rounds * size.captures).await?;
    let mut admin = PgConnection::establish(&world.stack.owner_url())?;
    let (mut there, mut sections, mut rates) = (0, Vec::new(), Vec::new());
    for step in &size.vouchers {
        let began = Instant::now();
        while there < *step {
            let n = CHUNK.min(step - there);
            let copy = COPY.replace("{n}", &n.to_string()).replace("{seq}", &there.to_string());
            admin.batch_execute(&copy)?;
            there += n;
        }
        admin.batch_execute("VACUUM ANALYZE")?;
        println!(
            "{there} vouchers are there already, after {:.0} s",
            began.elapsed().as_secs_f64()
        );
        let mut section = Section::new(format!("redeem beside {there} existing vouchers"));
        let mut own = Vec::new();
        for _ in 0..size.rounds {
            let work = due.split_off(due.len() - size.captures);
            let answers = closed_loop(world.service.address, CONNECTIONS, &work).await?;
            ensure!(answers.count(201) == size.captures, "{:?}", answers.statuses());
            own.push(answers.rate(201));
            section.add("captures", "a second", answers.rate(201));
            section.add("p50", "ms", answers.percentile(0.5));
            section.add("p99", "ms", answers.percentile(0.99));
        }
        rates.push(spread(&own).0);
        section.add("of the first step's rate", "", spread(&own).0 / rates[0]);
        sections.push(section);
    }
    admin.batch_execute(REMOVE)?;
    world.check()?;
    let Size { vouchers, rounds, captures, .. } = size;
    let settings = json!({"vouchers": vouchers, "rounds": rounds, "captures": captures});
    let mut report = Report::new(settings);
    sections.into_iter().for_each(|section| report.push(section));
    report.finish(size.json.as_deref())
}
