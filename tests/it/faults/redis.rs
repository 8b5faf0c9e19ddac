//! Redis forgets, ends, goes back in time and hangs in the middle of claims at two processes.

use super::sales::{NOW, Shop};
use crate::support::instance::Instance;
use crate::support::world::{Answer, World};
use crate::support::{Servers, TestDb, TestRedis, eventually};
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use futures_util::future::join_all;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tradein::identity::model::PersonId;
use tradein::infra::local::Server;

/// Each looks after some people of its own, so it knows what each of them has.
const HANDS: usize = 48;
const PEOPLE_OF_A_HAND: usize = 2;
const CLASSES: [&str; 3] = ["appliance.refrigerator", "appliance.washer", "appliance.tv"];
const ROUNDS: usize = 3;
/// Claims that are answered between two faults.
const BETWEEN: u64 = 40;

/// Both processes, and what happened.
struct Town {
    world: World,
    second: Instance,
    book: i32,
    answered: AtomicU64,
    busy: AtomicU64,
    lost: AtomicU64,
    done: AtomicBool,
}

/// Invariants 1 and 13.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_redis_break_no_cap_and_turn_nobody_away_for_good() {
    let servers = Servers::private();
    let (db, redis) = (TestDb::on(servers.clone()), TestRedis::on(servers.clone()));
    let world = World::on(db, redis, NOW);
    world.publish(&["shanghai-appliance-2024"]).await;
    let book = world.book("310000", "appliance", 2024, 10_000_000).await;
    let second = world.second();
    let (answered, busy, lost) = Default::default();
    let done = AtomicBool::new(false);
    let town = Arc::new(Town { world, second, book, answered, busy, lost, done });
    let breaking = {
        let town = town.clone();
        tokio::task::spawn_blocking(move || break_redis(&town, &servers))
    };
    let hands = join_all((0..HANDS).map(|_| town.one_hand())).await;
    breaking.await.expect("every fault");
    let held: i64 = hands.iter().sum();
    town.reckon(held);
    town.heal().await;
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (answered, busy) = (read(&town.answered), read(&town.busy));
    eprintln!(
        "{answered} claims and give-backs answered, {busy} times 503, {} times no answer",
        read(&town.lost)
    );
    assert!(busy <= answered * 4, "{busy} times 503 for {answered} answers");
}

/// Invariant 13: redeeming does not ask it.
#[tokio::test(flavor = "multi_thread")]
async fn tills_redeem_without_redis() {
    let servers = Servers::private();
    let (db, redis) = (TestDb::on(servers.clone()), TestRedis::on(servers.clone()));
    let shop = Shop::open(World::on(db, redis, NOW), 4).await;
    servers.stack().redis().kill().expect("it runs");
    for _ in 0..4 {
        let step = shop.one_more().await;
        shop.is_kept(&step).await;
    }
    assert_eq!(shop.counts.unknown.load(Ordering::Relaxed), 0);
}

impl Town {
    /// Claims and gives back for its people until told to stop; how many vouchers they have then.
    async fn one_hand(&self) -> i64 {
        let people = self.world.people(PEOPLE_OF_A_HAND, 35);
        let mut held = 0;
        let mut vouchers: Vec<Vec<Option<String>>> = vec![vec![None; CLASSES.len()]; people.len()];
        while !self.done.load(Ordering::Relaxed) {
            let who = rand::rng().random_range(0..people.len());
            let class = rand::rng().random_range(0..CLASSES.len());
            let token = self.world.person_token(people[who]);
            let voucher = &mut vouchers[who][class];
            match voucher.take() {
                None => {
                    *voucher = Some(self.claims(&token, CLASSES[class]).await);
                    held += 1;
                }
                Some(id) if rand::rng().random_bool(0.5) => {
                    let path = format!("/v1/vouchers/{id}/give-back");
                    self.until_answered(&token, &path, json!({})).await.expect(200);
                    held -= 1;
                }
                Some(id) => {
                    // The cap is one: this is refused whatever Redis says.
                    let again = self.until_answered(&token, "/v1/vouchers", body(CLASSES[class]));
                    again.await.refused(422, "QUOTA_EXHAUSTED");
                    *voucher = Some(id);
                }
            }
        }
        held
    }

    /// Two claims at once, at two processes perhaps: one is granted, one is refused.
    async fn claims(&self, token: &str, class: &str) -> String {
        let claim = || self.until_answered(token, "/v1/vouchers", body(class));
        let (one, other) = tokio::join!(claim(), claim());
        let (granted, refused) = if one.status == 201 { (one, other) } else { (other, one) };
        refused.refused(422, "QUOTA_EXHAUSTED");
        let granted = granted.expect(201);
        granted.body["voucher"]["id"].as_str().expect("an id").to_owned()
    }

    /// Repeats a request with its key, at either process, until it has an answer.
    async fn until_answered(&self, token: &str, path: &str, body: Value) -> Answer {
        let key = self.world.fresh_key();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let urls = [&self.world.url, &self.second.url];
            let url = urls.choose(&mut rand::rng()).expect("there are two");
            match self.world.try_post(url, token, path, &key, &body).await {
                Some(answer) if answer.status == 503 => {
                    assert!(answer.retry_after.is_some(), "{}", answer.text);
                    self.busy.fetch_add(1, Ordering::Relaxed);
                }
                Some(answer) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return answer;
                }
                None => _ = self.lost.fetch_add(1, Ordering::Relaxed),
            }
            assert!(Instant::now() < deadline, "a key that never gets its answer");
            // How long somebody waits before he asks again.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Invariant 1 after every prefix of the book: nobody has two vouchers of a class at once.
    fn reckon(&self, held: i64) {
        #[derive(QueryableByName)]
        struct Most {
            #[diesel(sql_type = BigInt)]
            most: i64,
            #[diesel(sql_type = BigInt)]
            live: i64,
            #[diesel(sql_type = BigInt)]
            claims: i64,
        }
        let step = "CASE e.kind WHEN 'voucher.claimed' THEN 1 ELSE -1 END";
        let running = format!(
            "SELECT coalesce(max(n), 0)::bigint AS most, coalesce(sum(step), 0)::bigint AS live, \
             count(*) FILTER (WHERE step = 1) AS claims FROM (SELECT {step} AS step, \
             sum({step}) OVER (PARTITION BY v.person_id, v.quota_key ORDER BY e.seq) AS n \
             FROM entry e JOIN voucher v ON v.book_id = e.book_id AND v.voucher_id = e.about \
             WHERE e.book_id = {}) steps",
            self.book
        );
        let Most { most, live, claims } =
            sql_query(running).get_result(&mut self.world.db.app()).expect("a count");
        assert_eq!((most, live), (1, held));
        assert!(claims > 300, "{claims}");
        eprintln!("{claims} claims granted, {live} of them live in the end");
    }

    /// After healing both processes believe the same, and Redis refuses nobody wrongly.
    async fn heal(&self) {
        let gates = [&self.world.wiring.gate, &self.second.wiring.gate];
        let deadline = Instant::now() + Duration::from_secs(30);
        while gates.iter().any(|gate| gate.is_open()) || gates[0].epoch() != gates[1].epoch() {
            assert!(Instant::now() < deadline, "the gates do not agree");
            // Each does this about every second by itself.
            join_all(gates.iter().map(|gate| gate.look())).await;
        }
        join_all(gates.iter().map(|gate| gate.look())).await;
        for gate in gates {
            let mut findings = Vec::new();
            let report = gate.check(|finding| findings.push(finding.to_string())).await;
            let report = report.expect("both servers answer");
            assert_eq!(report.upward, 0, "{report}\n{findings:#?}");
            assert!(report.rows >= (HANDS * PEOPLE_OF_A_HAND) as u64, "{report}");
        }
        let before = self.busy.load(Ordering::Relaxed);
        let person: PersonId = self.world.person(35);
        let token = self.world.person_token(person);
        self.claims(&token, CLASSES[0]).await;
        assert_eq!(self.busy.load(Ordering::Relaxed), before, "claims are as they were");
    }
}

fn body(class: &str) -> Value {
    json!({"region": "310000", "class": class, "channel": "offline", "location": "310000"})
}

/// Breaks Redis in every way in turn, some times.
fn break_redis(town: &Town, servers: &Servers) {
    let redis = servers.stack().redis();
    let dump = dump_of(town);
    for round in 0..ROUNDS {
        for fault in 0..5 {
            let before = town.answered.load(Ordering::Relaxed);
            let goes_on = || town.answered.load(Ordering::Relaxed) >= before + BETWEEN;
            eventually("claims go on", goes_on);
            match fault {
                0 => redis::cmd("FLUSHALL").exec(&mut town.world.redis.connect()).expect("a flush"),
                // Empty.
                1 => restart(redis),
                2 => save(town),
                // From the copy that was made some claims ago.
                3 => {
                    restart(redis);
                    std::fs::remove_file(&dump).expect("the copy was there");
                }
                _ => {
                    redis.pause().expect("it runs");
                    // Longer than the gate waits, and in the last round for many claims.
                    let longer = BETWEEN * if round + 1 == ROUNDS { 6 } else { 3 };
                    eventually("claims go on beside Redis", || {
                        town.answered.load(Ordering::Relaxed) >= before + longer
                    });
                    redis.resume().expect("it was paused");
                }
            }
        }
    }
    redis.kill().expect("it runs");
    let before = town.answered.load(Ordering::Relaxed);
    eventually("claims go on without Redis", || {
        town.answered.load(Ordering::Relaxed) >= before + BETWEEN
    });
    redis.start().expect("it starts again");
    town.done.store(true, Ordering::Relaxed);
}

fn restart(redis: &Server) {
    redis.kill().expect("it runs");
    redis.start().expect("it starts again");
}

fn save(town: &Town) {
    redis::cmd("SAVE").exec(&mut town.world.redis.connect()).expect("a copy");
}

/// Where Redis keeps the copy from which it starts.
fn dump_of(town: &Town) -> std::path::PathBuf {
    let (_, folder): (String, String) = redis::cmd("CONFIG")
        .arg(&["GET", "dir"])
        .query(&mut town.world.redis.connect())
        .expect("Redis says where it works");
    std::path::PathBuf::from(folder).join("dump.rdb")
}
