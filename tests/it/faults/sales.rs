//! Tills that redeem while something breaks, and the reckoning afterwards.

use crate::support::world::{Answer, World};
use diesel::sql_types::{BigInt, Binary, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::iter;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tradein::identity::model::PersonId;
use tradein::kernel::id::{Kind, PublicId};
use tradein::kernel::merkle::{self, Frontier};
use uuid::Uuid;

/// Grades 1 and 3, of the sample catalogue; the second is not paid.
const GRADE_1: &str = "6908800000012";
const GRADE_3: &str = "6908800000036";
pub const NOW: &str = "2024-10-01T12:00:00+08:00";

/// One purchase at a till, with the keys that the till remembers.
pub struct Sale {
    key: String,
    body: Value,
    /// Reserved first and captured by a second request.
    in_two: bool,
}

/// One request that has its answer.
pub struct Step {
    path: String,
    key: String,
    body: Value,
    answer: Answer,
}

impl Step {
    pub fn is_capture(&self) -> bool {
        self.answer.body["redemption"]["state"] == "captured"
    }

    /// Lets the receipt promise another entry.
    pub fn forge_receipt(&mut self) {
        self.answer.body["receipt"]["leaf_hash"] = json!("00".repeat(32));
    }
}

/// What happened, counted.
#[derive(Default)]
pub struct Counts {
    /// Requests that had their answer, the last of a sale.
    pub acknowledged: AtomicU64,
    /// Attempts whose outcome nobody knew.
    pub unknown: AtomicU64,
    /// Requests with such an attempt, which turned out to have been committed by it.
    pub committed: AtomicU64,
    /// Requests with such an attempt, which were decided only when they were repeated.
    pub repeated: AtomicU64,
}

impl Counts {
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }
}

/// A shop with several tills before one book.
pub struct Shop {
    pub world: World,
    pub book: i32,
    till: String,
    queue: Mutex<VecDeque<Sale>>,
    pub counts: Counts,
    pub done: AtomicBool,
}

impl Shop {
    pub async fn open(world: World, vouchers: usize) -> Shop {
        world.publish(&["shanghai-appliance-2024"]).await;
        world.load_goods().await;
        let book = world.book("310000", "appliance", 2024, 10_000_000).await;
        let till = world.retailer().await;
        let people = world.people(vouchers, 35);
        let claims = people
            .iter()
            .map(|person: &PersonId| world.claimed(*person, "310000", "appliance.refrigerator"));
        let codes: Vec<String> =
            iter(claims).buffer_unordered(32).map(|claimed| claimed.1).collect().await;
        let (counts, done) = (Counts::default(), AtomicBool::new(false));
        let queue = Mutex::new(sales(&world, &codes));
        Shop { world, book, till, queue, counts, done }
    }

    /// Redeems at several tills at once until told to stop.
    pub async fn redeem(&self, tills: usize) -> Vec<Step> {
        let steps = join_all((0..tills).map(|_| self.one_till())).await;
        steps.into_iter().flatten().collect()
    }

    async fn one_till(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        while !self.done.load(Ordering::Relaxed) {
            let Some(sale) = self.next() else { break };
            let first = self.until_answered("/v1/redemptions", sale.key.clone(), sale.body).await;
            let id = first.answer.body["redemption"]["id"].as_str().map(str::to_owned);
            steps.push(first);
            if let Some(id) = id.filter(|_| sale.in_two) {
                let path = format!("/v1/redemptions/{id}/capture");
                let body = json!({"hand_over": {"opened_and_checked": true}});
                let key = format!("{}-capture", sale.key);
                steps.push(self.until_answered(&path, key, body).await);
            }
            self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        steps
    }

    fn next(&self) -> Option<Sale> {
        self.queue.lock().expect("nobody panics while holding it").pop_front()
    }

    /// Sends one more sale by itself.
    pub async fn one_more(&self) -> Step {
        let sale = self.next().expect("a sale is left");
        self.until_answered("/v1/redemptions", sale.key, sale.body).await
    }

    /// Repeats a request with its key until there is an answer that is one.
    async fn until_answered(&self, path: &str, key: String, body: Value) -> Step {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut unknown = 0;
        loop {
            let answer = self.world.try_post(&self.world.url, &self.till, path, &key, &body).await;
            if let Some(answer) = answer.filter(|answer| answer.status < 500) {
                if unknown > 0 {
                    let counts = &self.counts;
                    let kind = if answer.replayed { &counts.committed } else { &counts.repeated };
                    kind.fetch_add(1, Ordering::Relaxed);
                }
                return Step { path: path.to_owned(), key, body, answer };
            }
            unknown += 1;
            self.counts.unknown.fetch_add(1, Ordering::Relaxed);
            assert!(Instant::now() < deadline, "a key that never gets its answer");
            // How long a till waits before it asks again.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Invariant 7: the key has the answer that was given.
    pub async fn is_kept(&self, step: &Step) {
        let Step { path, key, body, answer } = step;
        let again = self.world.post_with_key(&self.till, path, key, body.clone()).await;
        assert_eq!((&again.text, again.replayed), (&answer.text, true));
    }

    /// Holds everything that was answered against what the book has.
    pub async fn reckon(&self, steps: &[Step]) {
        let ledger = Ledger::read(self);
        ledger.is_whole();
        let mut captured: HashMap<Uuid, i64> = HashMap::new();
        let mut refused = 0;
        for step in steps {
            self.is_kept(step).await;
            if step.answer.status >= 400 {
                let codes = ["LABEL_GRADE_TOO_LOW", "VOUCHER_STATE"];
                assert!(codes.contains(&step.answer.code()), "{}", step.answer.text);
                refused += 1;
                continue;
            }
            let redemption = &step.answer.body["redemption"];
            let id = redemption["id"].as_str().expect("an id");
            let id = PublicId::parse(Kind::Redemption, id).expect("an id").id;
            let is_captured = step.is_capture();
            let kind = if is_captured { "redemption.captured" } else { "redemption.reserved" };
            ledger.holds(&step.answer.body["receipt"], kind, id);
            if is_captured {
                let fen = redemption["amount_fen"].as_i64().expect("fen");
                assert_eq!(captured.insert(id, fen), None, "one capture, one answer");
            }
        }
        // Neither more nor fewer than were answered, so a refused one has no effect.
        assert_eq!(ledger.captures(), captured.len());
        assert_eq!(self.rows(), captured, "what the rows say");
        let committed = &self.world.balances(self.book).await["committed"];
        assert_eq!(committed.as_i64(), Some(captured.values().sum()));
        let Counts { unknown, committed, repeated, .. } = &self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        eprintln!(
            "{} captures acknowledged, {refused} requests refused; {} attempts without an answer: \
             of their keys {} had been committed and {} were decided when repeated",
            captured.len(),
            read(unknown),
            read(committed),
            read(repeated),
        );
        assert!(captured.len() > 50 && refused > 5 && read(unknown) > 0);
    }

    /// The captured redemptions and their amounts; each has redeemed a voucher of its own.
    fn rows(&self) -> HashMap<Uuid, i64> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = SqlUuid)]
            id: Uuid,
            #[diesel(sql_type = SqlUuid)]
            voucher: Uuid,
            #[diesel(sql_type = BigInt)]
            fen: i64,
        }
        let rows = "SELECT r.redemption_id AS id, v.voucher_id AS voucher, r.amount_fen AS fen \
             FROM redemption r JOIN voucher v ON v.book_id = r.book_id \
             AND v.voucher_id = r.voucher_id AND v.redemption_id = r.redemption_id \
             AND v.state = 'redeemed' WHERE r.state = 'captured'";
        let rows: Vec<Row> = sql_query(rows).load(&mut self.world.db.app()).expect("rows");
        let mut vouchers: Vec<Uuid> = rows.iter().map(|row| row.voucher).collect();
        vouchers.sort_unstable();
        vouchers.dedup();
        assert_eq!(vouchers.len(), rows.len(), "invariant 2");
        rows.into_iter().map(|row| (row.id, row.fen)).collect()
    }
}

/// A purchase for every code. One of eight is refused by the rules, one of eight is tried twice
/// under different keys, one of four takes two requests.
fn sales(world: &World, codes: &[String]) -> VecDeque<Sale> {
    let mut queue = VecDeque::new();
    for (n, code) in codes.iter().enumerate() {
        let gtin = if n % 8 == 1 { GRADE_3 } else { GRADE_1 };
        let mut sale = |serial: String, in_two: bool| {
            let body = json!({"voucher_code": code, "order_no": format!("order-{serial}"),
                "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
                "capture": !in_two, "item": {"gtin": gtin, "serial": serial}});
            queue.push_back(Sale { key: world.fresh_key(), body, in_two });
        };
        sale(format!("SN-{n:06}"), n % 4 == 2);
        if n % 8 == 5 {
            sale(format!("SN-{n:06}-again"), false);
        }
    }
    queue
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    about: Uuid,
    #[diesel(sql_type = Binary)]
    leaf: Vec<u8>,
    #[diesel(sql_type = Binary)]
    leaf_hash: Vec<u8>,
}

/// A book's entries as they stand.
struct Ledger {
    entries: Vec<Entry>,
    root: Vec<u8>,
}

impl Ledger {
    fn read(shop: &Shop) -> Ledger {
        #[derive(QueryableByName)]
        struct Head {
            #[diesel(sql_type = Binary)]
            root: Vec<u8>,
        }
        let app = &mut shop.world.db.app();
        let entries = format!("SELECT * FROM entry WHERE book_id = {} ORDER BY seq", shop.book);
        let entries = sql_query(entries).load(app).expect("entries");
        let head = format!("SELECT root FROM book_head WHERE book_id = {}", shop.book);
        let head: Head = sql_query(head).get_result(app).expect("a head");
        Ledger { entries, root: head.root }
    }

    /// Invariant 6: no gap, and the root is that of these leaves.
    fn is_whole(&self) {
        let mut frontier = Frontier::default();
        for (n, entry) in self.entries.iter().enumerate() {
            assert_eq!(entry.seq, n as i64);
            assert_eq!(entry.leaf_hash, merkle::leaf_hash(&entry.leaf));
            frontier.push(merkle::leaf_hash(&entry.leaf));
        }
        assert_eq!(self.root, frontier.root());
    }

    /// Invariant 4: the entry that a receipt promised is at its place.
    fn holds(&self, receipt: &Value, kind: &str, about: Uuid) {
        let seq = receipt["seq"].as_u64().expect("a place") as usize;
        let entry = self.entries.get(seq).expect("an acknowledged entry is there");
        assert_eq!((entry.kind.as_str(), entry.about), (kind, about));
        assert_eq!(receipt["leaf_hash"], hex::encode(&entry.leaf_hash));
    }

    fn captures(&self) -> usize {
        self.entries.iter().filter(|entry| entry.kind == "redemption.captured").count()
    }
}
