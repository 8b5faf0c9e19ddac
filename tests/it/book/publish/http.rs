//! The published logs over real HTTP: the standard paths, receipts, proofs, and who may read what.

use crate::support::world::{Answer, Secrets, World};
use crate::support::{Scratch, TestDb, TestRedis, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tradein::identity::role::Role;
use tradein::kernel::merkle::{Hash, leaf_hash};
use tradein::kernel::tlog::checkpoint::Checkpoint;
use tradein::kernel::tlog::note::{Note, VerifierKey};
use tradein::kernel::tlog::proof;
use tradein::kernel::tlog::receipt::LogProof;
use tradein::kernel::tlog::tile::{self, Tile};

const NOW: &str = "2024-10-01T12:00:00+08:00";

/// A service that publishes into a folder.
fn publishing(folder: &Scratch) -> World {
    let log_folder = folder.path().to_owned();
    let secrets = Secrets { log_folder, ..Secrets::default() };
    World::with(TestDb::new(), TestRedis::new(), NOW, secrets)
}

fn keys(world: &World, book: &str) -> Vec<VerifierKey> {
    world.wiring.log.as_ref().expect("it publishes").keys.verifiers(book)
}

/// What a client gets who has no token.
async fn public(world: &World, path: &str) -> Answer {
    World::sent(world.request("GET", path)).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
}

fn hashes(list: &Value) -> Vec<Hash> {
    let list = list.as_array().expect("a list").iter();
    list.map(|hash| hex::decode(hash.as_str().unwrap()).unwrap().try_into().unwrap()).collect()
}

/// Asks for the receipt that an answer promises, from the moment that the answer is there.
async fn receipt(world: &World, answer: &Answer) -> (LogProof, Hash, Duration) {
    let began = Instant::now();
    let told = &answer.body["receipt"];
    let leaf = hex::decode(told["leaf_hash"].as_str().expect("a receipt")).unwrap();
    let (book, seq) = (&told["book"], told["seq"].as_u64().unwrap());
    assert!(told["tree_size"].as_u64().unwrap() > seq, "{told}");
    loop {
        let answer = public(world, &format!("/log/{book}/receipts/{seq}")).await;
        if answer.status == 200 {
            assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
            let proof = answer.text.parse().expect("a tlog-proof");
            return (proof, leaf.try_into().unwrap(), began.elapsed());
        }
        answer.refused(404, "NOT_SIGNED_YET");
        assert!(began.elapsed() < Duration::from_secs(20), "never signed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[actix_web::test]
async fn claim_reserve_capture_and_cancel_are_proven_within_two_seconds() {
    let folder = Scratch::new();
    let world = publishing(&folder);
    world.publish(&["shanghai-appliance-2024"]).await;
    world.load_goods().await;
    world.book("310000", "appliance", 2024, 100_000).await;
    let till = world.retailer().await;
    let keys = keys(&world, "310000/appliance/2024");
    let mut answers = Vec::new();
    for act in ["capture", "cancel"] {
        let token = world.person_token(world.person(35));
        let body = json!({"region": "310000", "class": "appliance.refrigerator",
            "channel": "offline", "location": "310000"});
        let claimed = world.post(&token, "/v1/vouchers", body).await.expect(201);
        let body = json!({"voucher_code": claimed.body["code"], "order_no": format!("order-{act}"),
            "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
            "item": {"gtin": "6908800000012", "serial": format!("SN-{act}")}});
        let reserved = world.post(&till, "/v1/redemptions", body).await.expect(201);
        let id = reserved.body["redemption"]["id"].as_str().unwrap().to_owned();
        let body = match act {
            "capture" => json!({"hand_over": {"opened_and_checked": true}}),
            _ => json!({}),
        };
        let path = format!("/v1/redemptions/{id}/{act}");
        let ended = world.post(&till, &path, body).await.expect(200);
        answers.extend([claimed, reserved, ended]);
        let (proof, leaf, took) = receipt(&world, answers.last().unwrap()).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        proof.verify(&leaf, &keys).expect("it proves itself");
    }
    for answer in &answers {
        let (proof, leaf, _) = receipt(&world, answer).await;
        let head = proof.verify(&leaf, &keys).expect("it proves itself");
        assert!(head.size >= answer.body["receipt"]["tree_size"].as_u64().unwrap());
        // It proves this entry here, and nothing else.
        assert!(proof.verify(&leaf_hash(b"another"), &keys).is_err());
        let elsewhere = LogProof { index: proof.index + 1, ..proof.clone() };
        assert!(elsewhere.verify(&leaf, &keys).is_err());
        let text = proof.to_string();
        let size = format!("\n{}\n", head.size);
        let larger: LogProof =
            text.replace(&size, &format!("\n{}\n", head.size + 1)).parse().unwrap();
        assert!(larger.verify(&leaf, &keys).is_err(), "the signature binds the size");
    }
}

#[actix_web::test]
async fn the_log_is_served_at_its_standard_paths() {
    let folder = Scratch::new();
    let world = publishing(&folder);
    let book = world.book("310000", "appliance", 2024, 0).await;
    for _ in 0..3 {
        world.fund(book, "310000/appliance", 1).await;
    }
    let log = world.wiring.log.clone().unwrap();
    eventually("all is signed", || {
        log.signed("310000/appliance/2024").unwrap().is_some_and(|signed| signed.head.size == 6)
    });
    let found = public(&world, &format!("/log/{book}/checkpoint")).await.expect(200);
    assert_eq!(header(&found, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(header(&found, "cache-control"), "public, max-age=1");
    let note: Note = found.text.parse().unwrap();
    let name = "310000/appliance/2024";
    let head = Checkpoint::verified(&note, &keys(&world, name)).unwrap();
    assert_eq!(head.origin, format!("tradein.sandbox/{name}"));
    let listed = public(&world, &format!("/log/{book}/keys")).await.expect(200);
    assert_eq!(listed.text.trim(), keys(&world, name)[0].to_string());
    public(&world, "/log/0/checkpoint").await.expect(200);

    let found = public(&world, &format!("/log/{book}/tile/0/000.p/6")).await.expect(200);
    assert_eq!(header(&found, "content-type"), "application/octet-stream");
    assert_eq!(header(&found, "cache-control"), "public, max-age=31536000, immutable");
    let tile = log.tile(name, &Tile::parse("tile/0/000.p/6").unwrap()).unwrap().unwrap();
    assert_eq!(tile.len(), 6 * 32);
    // What is not signed, or spelt otherwise, is not there.
    for path in ["0/000", "0/000.p/7", "0/001.p/1", "1/000.p/1", "0/0", "x", "..%2Fcheckpoint", ""]
    {
        let path = format!("/log/{book}/tile/{path}");
        public(&world, &path).await.refused(404, "NOT_FOUND");
    }
    for path in ["/log/99/checkpoint", "/log/x/checkpoint", "/log/1/nothing"] {
        public(&world, path).await.refused(404, "NOT_FOUND");
    }
    entries_are_for_auditors(&world, book, &head).await;
    proofs_are_made_over_http(&world, book, &head).await;
    let state = public(&world, &format!("/log/{book}/state")).await.expect(200);
    assert_eq!(state.body["quorum"], "not_required");
    assert_eq!(state.body["root"], hex::encode(head.root));
    let ready = public(&world, "/readyz").await.expect(200);
    assert_eq!(ready.body["log"]["state"], "publishing", "{}", ready.text);
}

async fn entries_are_for_auditors(world: &World, book: i32, head: &Checkpoint) {
    let path = format!("/log/{book}/tile/entries/000.p/6");
    public(world, &path).await.refused(401, "TOKEN_MISSING");
    let finance = world.official_token(Role::Finance, "310000/*", "finance");
    world.get(&finance, &path).await.refused(403, "WRONG_ROLE");
    let elsewhere = world.official_token(Role::Auditor, "320500/*", "auditor");
    world.get(&elsewhere, &path).await.refused(404, "NOT_FOUND");
    let auditor = world.official_token(Role::Auditor, "310000/*", "auditor");
    let request = world.request("GET", &path).bearer_auth(&auditor);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "private, max-age=31536000, immutable");
    let bundle = answer.bytes().await.unwrap();
    let leaves = tile::entries(&bundle).unwrap();
    let mut frontier = tradein::kernel::merkle::Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(leaf_hash(leaf)));
    assert_eq!((frontier.size(), frontier.root()), (head.size, head.root));
}

async fn proofs_are_made_over_http(world: &World, book: i32, head: &Checkpoint) {
    let auditor = world.official_token(Role::Auditor, "310000/*", "auditor");
    let entries = world.get(&auditor, &format!("/v1/books/{book}/entries")).await.expect(200);
    let leaves = entries.body["data"].as_array().unwrap();
    for (seq, entry) in leaves.iter().enumerate() {
        let path = format!("/log/{book}/inclusion/{seq}");
        let answer = public(world, &path).await.expect(200);
        let leaf = hex::decode(entry["leaf_hash"].as_str().unwrap()).unwrap().try_into().unwrap();
        let (seq, path) = (seq as u64, hashes(&answer.body["proof"]));
        assert!(proof::includes(&leaf, seq, 6, &path, &head.root));
        assert!(!proof::includes(&leaf, seq, 6, &path, &leaf));
    }
    let mut nodes = tradein::kernel::merkle::Frontier::default();
    for (from, entry) in leaves.iter().enumerate() {
        let path = format!("/log/{book}/consistency?from={from}&to=6");
        let answer = public(world, &path).await.expect(200);
        let path = hashes(&answer.body["proof"]);
        assert!(proof::extends(from as u64, &nodes.root(), 6, &head.root, &path), "{from}");
        let leaf = hex::decode(entry["leaf_hash"].as_str().unwrap()).unwrap();
        nodes.push(leaf.try_into().unwrap());
    }
    for path in ["consistency?from=0&to=7", "consistency?from=7", "inclusion/6", "receipts/6"] {
        let answer = public(world, &format!("/log/{book}/{path}")).await;
        assert_eq!(answer.retry_after.as_deref(), Some("1"));
        answer.refused(404, "NOT_SIGNED_YET");
    }
    for path in ["inclusion/x", "receipts/-1", "receipts/99999999999999999999"] {
        public(world, &format!("/log/{book}/{path}")).await.refused(404, "NOT_FOUND");
    }
    for path in ["consistency", "consistency?from=x", "consistency?from=1&too=2"] {
        public(world, &format!("/log/{book}/{path}")).await.refused(400, "BAD_REQUEST");
    }
}

/// No book can be hidden: the register's own signed log names all of them.
#[actix_web::test]
async fn the_register_book_lists_every_book_with_its_signed_head() {
    let folder = Scratch::new();
    let world = publishing(&folder);
    let empty = world.book("320500", "appliance", 2024, 0).await;
    let book = world.book("310000", "appliance", 2024, 1).await;
    let log = world.wiring.log.clone().unwrap();
    eventually("both are signed", || {
        let size = |name: &str| log.signed(name).unwrap().map(|signed| signed.head.size);
        size("310000/appliance/2024") == Some(2) && size("320500/appliance/2024") == Some(0)
    });
    let mut listed = std::collections::BTreeMap::new();
    let jobs = world.wiring.jobs();
    jobs.list_heads(&log, &mut listed).await.unwrap();
    let entries = || {
        let mut app = world.db.app();
        tradein::book::store::list_entries(&mut app, 0, 0, 1_000).unwrap()
    };
    let all = entries();
    let leaf: Value = serde_json::from_slice(&all.last().unwrap().0).unwrap();
    assert_eq!(leaf["kind"], "book.heads_listed");
    let heads = leaf["data"]["heads"].as_array().unwrap();
    let of = |no: i32| heads.iter().find(|head| head["book_no"] == no).expect("it is listed");
    assert_eq!((heads.len(), &of(empty)["size"], &of(book)["size"]), (2, &json!(0), &json!(2)));
    let root = log.signed("310000/appliance/2024").unwrap().unwrap().head.root;
    assert_eq!(of(book)["root"], hex::encode(root));
    // Nothing has changed, nothing is listed again.
    jobs.list_heads(&log, &mut listed).await.unwrap();
    assert_eq!(entries().len(), all.len());
}
