//! What auditors read over HTTP and in the console, and that readers are read.

use super::story::Story;
use crate::support::chromium::Chromium;
use crate::support::world::{Answer, World};
use base64::Engine;
use serde_json::{Value, json};
use std::path::PathBuf;
use tradein::identity::role::Role;

fn auditor(world: &World, scope: &str) -> String {
    world.official_token(Role::Auditor, scope, "auditor")
}

async fn seen(story: &Story, path: &str) -> Answer {
    story.world.get(&auditor(&story.world, "310000/*"), path).await
}

fn rows(answer: &Answer) -> &Vec<Value> {
    answer.body["data"].as_array().expect("rows")
}

#[actix_web::test]
async fn entries_are_found_by_filters_pages_and_time() {
    let story = Story::whole().await;
    let all = seen(&story, "/v1/books/1/entries?limit=200").await.expect(200);
    let size = all.body["checkpoint"]["size"].as_u64().unwrap();
    assert_eq!((rows(&all).len() as u64, &all.body["rows"]), (size, &json!(size)));
    assert!(all.body["next"].is_null());
    // The pages of any length are the whole.
    let (mut from, mut paged) = ("0".to_owned(), Vec::new());
    loop {
        let page = format!("/v1/books/1/entries?limit=7&from={from}");
        let page = seen(&story, &page).await.expect(200);
        paged.extend(rows(&page).clone());
        match page.body["next"].as_str() {
            Some(next) => next.clone_into(&mut from),
            None => break,
        }
    }
    assert_eq!(&paged, rows(&all));
    let kinds = |answer: &Answer| -> Vec<String> {
        rows(answer).iter().map(|row| row["leaf"]["kind"].as_str().unwrap().to_owned()).collect()
    };
    let captured = seen(&story, "/v1/books/1/entries?kind=redemption.captured").await.expect(200);
    assert_eq!(kinds(&captured), ["redemption.captured"]);
    assert_eq!(captured.body["sum_fen"], rows(&captured)[0]["leaf"]["data"]["amount_fen"]);
    let subject = rows(&captured)[0]["leaf"]["subj"].as_str().unwrap();
    let his = seen(&story, &format!("/v1/books/1/entries?subject={subject}")).await.expect(200);
    assert!(rows(&his).len() > 3);
    assert!(rows(&his).iter().all(|row| row["leaf"]["subj"] == subject));
    // By time, on the very microsecond of an entry.
    let at = |n: usize| rows(&all)[n]["leaf"]["at"].as_str().unwrap().to_owned();
    let since = format!("/v1/books/1/entries?limit=200&since={}", at(9));
    let first = rows(&seen(&story, &since).await.expect(200))[0]["leaf"]["at"].clone();
    assert_eq!(first, json!(at(9)));
    let before = format!("/v1/books/1/entries?limit=200&before={}", at(9));
    let before = seen(&story, &before).await.expect(200);
    assert!(rows(&before).iter().all(|row| row["leaf"]["at"].as_str() < Some(&*at(9))));
    for bad in ["subject=%3D1%2B1", "since=yesterday", "format=pdf", "class=x%20y"] {
        let path = format!("/v1/books/1/entries?{bad}");
        assert_eq!(seen(&story, &path).await.status, 400, "{bad}");
    }
}

#[actix_web::test]
async fn a_story_is_told_from_claim_to_capture_with_its_derivation() {
    let story = Story::whole().await;
    let captured = seen(&story, "/v1/books/1/entries?kind=redemption.captured").await.expect(200);
    let about = rows(&captured)[0]["leaf"]["about"].as_str().unwrap();
    let told = seen(&story, &format!("/v1/books/1/stories/rdm_1_{about}")).await.expect(200);
    let kinds: Vec<&str> =
        rows(&told).iter().map(|row| row["leaf"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["voucher.claimed", "redemption.reserved", "redemption.captured"]);
    let derivation = rows(&told)[1]["derivation_zh"].as_str().unwrap();
    assert!(derivation.contains("4000.00元 × 20%"), "{derivation}");
    let granted = seen(&story, "/v1/books/3/entries?kind=application.topped_up").await.expect(200);
    let more = &rows(&granted)[0]["leaf"];
    let first = more["data"]["of"].as_str().unwrap();
    let told_of = async |id: &str| {
        let path = format!("/v1/books/3/stories/app_3_{id}");
        seen(&story, &path).await.expect(200).body["data"].clone()
    };
    let told_first = told_of(first).await;
    let kinds: Vec<&str> = told_first
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["leaf"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[0], "application.submitted");
    assert!(kinds.contains(&"application.topped_up"), "{kinds:?}");
    assert_eq!(told_of(more["about"].as_str().unwrap()).await, told_first);
    // By the voucher it is the same story; of what is not there, none.
    let voucher = rows(&told)[0]["leaf"]["about"].as_str().unwrap();
    let same = seen(&story, &format!("/v1/books/1/stories/vch_1_{voucher}")).await.expect(200);
    assert_eq!(same.body["data"], told.body["data"]);
    for id in [format!("vch_2_{voucher}"), format!("vch_1_{}", "0".repeat(32)), "x".into()] {
        seen(&story, &format!("/v1/books/1/stories/{id}")).await.refused(404, "NOT_FOUND");
    }
}

#[actix_web::test]
async fn sums_burn_down_and_refusals_agree_with_the_book() {
    let story = Story::whole().await;
    let balances = story.world.balances(1).await;
    let days = seen(&story, "/v1/books/1/burn-down").await.expect(200);
    let last = rows(&days).last().unwrap();
    for bucket in ["authority", "available", "held", "committed"] {
        assert_eq!(last[bucket], balances[bucket], "{bucket}");
    }
    assert_eq!(days.body["sum_fen"], 0, "the buckets are one equation");
    for by in ["day", "class", "retailer"] {
        let sums = seen(&story, &format!("/v1/books/1/sums?by={by}")).await.expect(200);
        let captured = rows(&sums).iter().filter(|row| row["state"] == "captured");
        let fen: i64 = captured.map(|row| row["fen"].as_i64().unwrap()).sum();
        assert_eq!(json!(fen), balances["committed"], "{by}");
    }
    // The books of cars and grants have applications where others have redemptions.
    let balances = story.world.balances(3).await;
    for by in ["day", "class", "retailer"] {
        let sums = seen(&story, &format!("/v1/books/3/sums?by={by}")).await.expect(200);
        for (state, bucket) in [("approved", "committed"), ("payable", "payable")] {
            let of = rows(&sums).iter().filter(|row| row["state"] == state);
            let fen: i64 = of.map(|row| row["fen"].as_i64().unwrap()).sum();
            assert_eq!(json!(fen), balances[bucket], "{by} {state}");
        }
    }
    // A voucher that is given back cannot be given back again, not even with a new key.
    let person = story.world.person(40);
    let token = story.world.person_token(person);
    let (voucher, _) = story.world.claimed(person, "310000", "appliance.tv").await;
    let path = format!("/v1/vouchers/{voucher}/give-back");
    story.world.post(&token, &path, json!({})).await.expect(200);
    for _ in 0..2 {
        story.world.post(&token, &path, json!({})).await.refused(409, "VOUCHER_STATE");
    }
    let sums = seen(&story, "/v1/books/1/sums?by=refusal").await.expect(200);
    let of_code = rows(&sums).iter().find(|row| row["key"] == "VOUCHER_STATE").unwrap();
    let count = of_code["count"].as_i64().unwrap();
    assert!(count >= 2);
    let (mut from, mut listed) = (String::new(), 0);
    loop {
        let path = format!("/v1/books/1/refusals?code=VOUCHER_STATE&limit=1{from}");
        let page = seen(&story, &path).await.expect(200);
        listed += rows(&page).len() as i64;
        match page.body["next"].as_str() {
            Some(next) => from = format!("&from={next}"),
            None => break,
        }
    }
    assert_eq!(listed, count);
    seen(&story, "/v1/books/1/refusals?from=x").await.refused(400, "BAD_REQUEST");
}

#[actix_web::test]
async fn tables_come_as_files_with_their_rows_sum_and_checkpoint() {
    let story = Story::whole().await;
    let json = seen(&story, "/v1/books/1/entries?limit=200").await.expect(200);
    let (count, sum) = (rows(&json).len(), json.body["sum_fen"].as_i64().unwrap());
    let csv = seen(&story, "/v1/books/1/entries?format=csv").await.expect(200);
    assert!(csv.text.starts_with("\u{feff}entry,at,kind"), "{}", csv.text);
    assert!(csv.text.contains(&format!("# rows,{count}\n# sum_fen,{sum}\n# checkpoint,{count} ")));
    let lines = seen(&story, "/v1/books/1/entries?format=jsonl").await.expect(200);
    let last: Value = serde_json::from_str(lines.text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["rows"], &last["sum_fen"]), (&json!(count), &json!(sum)));
    let xlsx = seen(&story, "/v1/books/1/sums?by=class&format=xlsx").await.expect(200);
    let disposition = xlsx.headers["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"sums.xlsx\"");
}

#[actix_web::test]
async fn readers_are_read_by_who_audits_the_nation() {
    let story = Story::begin().await;
    let nation = auditor(&story.world, "100000/*");
    let path = "/v1/books/0/entries?kind=audit.read&limit=200";
    let before = story.world.get(&nation, path).await.expect(200);
    seen(&story, "/v1/books/1/entries?kind=voucher.&min_fen=5").await.expect(200);
    let after = story.world.get(&nation, path).await.expect(200);
    // The reading of the readings is one, too.
    let told = &rows(&after)[rows(&before).len()..];
    let last = &told.last().unwrap()["leaf"];
    assert_eq!(last["data"]["book"], "310000/appliance/2025");
    assert_eq!(last["data"]["filter"], json!({"format": "json", "kind": "voucher.", "min_fen": 5}));
    assert!(last["actor"].as_str().unwrap().starts_with("auditor:"));
    assert_eq!(told.len(), 2);
    seen(&story, "/v1/books/0/entries").await.refused(404, "NOT_FOUND");
}

/// A page of the console, as a browser asks for it after its prompt.
async fn page(world: &World, token: &str, path: &str) -> Answer {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("auditor:{token}"));
    let request = world.request("GET", path).header("authorization", format!("Basic {basic}"));
    World::sent(request).await
}

#[actix_web::test]
async fn the_console_shows_an_auditor_and_nobody_else() {
    let story = Story::whole().await;
    let world = &story.world;
    let token = auditor(world, "310000/*");
    let captured = seen(&story, "/v1/books/1/entries?kind=redemption.captured").await.expect(200);
    let about = rows(&captured)[0]["leaf"]["about"].as_str().unwrap();
    let story_path = format!("/console/books/1/stories/rdm_1_{about}");
    for (path, shows) in [
        ("/console?lang=en", "310000/appliance/2025"),
        ("/console?lang=zh", "账簿"),
        ("/console/books/1?lang=en", "Budget burn-down"),
        ("/console/books/1?lang=zh", "资金消耗"),
        ("/console/books/1/entries?kind=voucher.&lang=en", "voucher.claimed"),
        ("/console/books/1/entries?lang=zh", "筛选"),
        (story_path.as_str(), "4000.00"),
    ] {
        let shown = page(world, &token, path).await.expect(200);
        assert!(shown.text.contains(shows), "{path}: no {shows} in\n{}", shown.text);
        assert!(!shown.text.contains("<script") && !shown.text.contains(" style="), "{path}");
        assert!(!shown.text.contains('？') && !shown.text.contains(">?<"), "a word is missing");
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    for path in ["/console", "/console/books/1", "/console/books/1/entries", &story_path] {
        let asked = World::sent(world.request("GET", path)).await.expect(401);
        let challenge = asked.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Basic"), "{challenge}");
        let finance = world.official_token(Role::Finance, "100000/*", "finance");
        page(world, &finance, path).await.expect(401);
    }
    page(world, &auditor(world, "440000/*"), "/console/books/1").await.refused(404, "NOT_FOUND");
    // What somebody writes into a field comes back as text.
    let path = "/console/books/1/entries?kind=%22%3E%3Cscript%3E";
    page(world, &token, path).await.refused(400, "BAD_REQUEST");
    let path = "/console/books/1/entries?kind=x&since=%20";
    page(world, &token, path).await.expect(200);
}

/// In a real browser, where one is installed: pages fit, charts are drawn, nothing is blocked.
#[actix_web::test]
async fn a_browser_draws_the_console() {
    let Some(chromium) = Chromium::found() else { return };
    let story = Story::whole().await;
    let token = auditor(&story.world, "310000/*");
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let host = story.world.url.strip_prefix("http://").unwrap().to_owned();
    for (name, path) in [
        ("console-books", "/console?lang=zh"),
        ("console-book", "/console/books/1?lang=zh"),
        ("console-entries", "/console/books/1/entries?lang=en&kind=redemption."),
    ] {
        let picture = out.join(format!("{name}.png"));
        let _ = std::fs::remove_file(&picture);
        let (shown, place) = (chromium.clone(), picture.clone());
        let url = format!("http://auditor:{token}@{host}{path}");
        let shot = move || shown.picture(&url, &place);
        tokio::task::spawn_blocking(shot).await.expect("a picture");
        let bytes = std::fs::read(&picture).expect("a picture");
        assert!(bytes.len() > 10_000, "{name} is an empty page");
    }
}
