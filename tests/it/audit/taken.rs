//! A whole export taken home by HTTP alone, broken off and gone on with, proves itself.

use crate::support::scratch::Scratch;
use crate::support::world::{Secrets, World};
use crate::support::{TestDb, TestRedis, eventually};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tradein::audit::verify::{self, Question};
use tradein::identity::role::Role;
use tradein::kernel::tlog::tile::Kind;

const BOOK: &str = "310000/appliance/2024";

async fn got(world: &World, token: &str, path: &str) -> Vec<u8> {
    let answer = world.request("GET", path).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("a body").to_vec()
}

/// Fetches what a folder has not got, of at most so many files; how many it fetched.
async fn fetched(world: &World, token: &str, book: i32, folder: &Path, most: usize) -> usize {
    let base = format!("/log/{book}");
    let list: Value =
        serde_json::from_slice(&got(world, token, &format!("{base}/export")).await).expect("JSON");
    assert_eq!(list["book"], BOOK);
    let size = list["size"].as_u64().expect("a size");
    let mut paths: Vec<(String, String, Option<String>)> = Vec::new();
    for file in list["files"].as_array().expect("files") {
        let text = |name: &str| file[name].as_str().expect("a text").to_owned();
        let path = text("path");
        paths.push((format!("{base}/export/{path}"), path, Some(text("sha256"))));
    }
    for kind in [Kind::Entries, Kind::Hashes(0), Kind::Hashes(1)] {
        for tile in (0..).map_while(|index| kind.tile(index, size)) {
            paths.push((format!("{base}/{tile}"), tile.to_string(), None));
        }
    }
    let last = format!("{base}/export/commitments.csv?size={size}");
    paths.push((last, "commitments.csv".to_owned(), None));
    paths.push((format!("{base}/checkpoint"), "checkpoint".to_owned(), None));
    let mut count = 0;
    for (path, name, sha256) in paths {
        let is_there = fs::read(folder.join(&name)).is_ok_and(|bytes| {
            sha256.as_ref().is_none_or(|sha256| hex::encode(Sha256::digest(&bytes)) == *sha256)
        });
        if is_there || count == most {
            continue;
        }
        count += 1;
        let bytes = got(world, token, &path).await;
        if let Some(sha256) = sha256 {
            assert_eq!(hex::encode(Sha256::digest(&bytes)), sha256, "{name}");
        }
        let to = folder.join(name);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(to, bytes).expect("a file");
    }
    count
}

#[actix_web::test]
async fn an_export_that_broke_off_is_gone_on_with_and_proves_itself() {
    let store = Scratch::new();
    let secrets = Secrets { log_folder: store.path().to_owned(), ..Secrets::default() };
    let now = "2024-10-01T12:00:00+08:00";
    let world = World::with(TestDb::new(), TestRedis::new(), now, secrets);
    world.publish(&["shanghai-appliance-2024"]).await;
    world.load_goods().await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    for person in world.people(3, 35) {
        world.claimed(person, "310000", "appliance.refrigerator").await;
    }
    let log = world.wiring.log.clone().expect("it publishes");
    eventually("all is signed", || {
        log.signed(BOOK).expect("a log").is_some_and(|signed| signed.head.size == 5)
    });
    let auditor = world.official_token(Role::Auditor, "310000/*", "auditor");
    let home = Scratch::new();
    assert_eq!(fetched(&world, &auditor, book, home.path(), 3).await, 3);
    let broken = home.path().join("accounts.json");
    fs::write(&broken, "{").expect("a file that was cut off");
    let rest = fetched(&world, &auditor, book, home.path(), usize::MAX).await;
    assert!(rest > 4, "what was missing, and what was cut off: {rest}");
    assert_eq!(fetched(&world, &auditor, book, home.path(), usize::MAX).await, 0);

    let keys = log.keys.verifiers(BOOK);
    let question =
        Question { folder: home.path(), keys: &keys, since: None, only_structure: false };
    let report = verify::run(&question, |_, _| {}).expect("it can be checked");
    assert!(report.is_good(), "{}", report.lines().join("\n"));
    // The negative control: without a rule text the amounts cannot be recomputed.
    fs::remove_dir_all(home.path().join("programmes")).expect("they were fetched");
    assert!(!verify::run(&question, |_, _| {}).expect("it can be checked").is_good());

    commitments_go_on_anywhere(&world, book).await;
    let national = world.official_token(Role::Auditor, "100000/*", "another");
    let read = world.get(&national, "/v1/books/0/entries?kind=audit.read").await.expect(200);
    assert!(read.text.contains("\"what\":\"export\""), "that it was taken home is on record");
}

async fn commitments_go_on_anywhere(world: &World, book: i32) {
    let national = world.official_token(Role::Auditor, "100000/*", "auditor");
    for book in [book, 0] {
        let path = format!("/log/{book}/export/commitments.csv");
        let list = world.get(&national, &format!("/log/{book}/export")).await.expect(200);
        let size = list.body["size"].as_u64().expect("a size");
        let whole = got(world, &national, &format!("{path}?size={size}")).await;
        let whole = String::from_utf8(whole).expect("a text");
        let (head, rows) = whole.split_once('\n').expect("a head");
        assert_eq!(head, "entry,kind,field,digest");
        assert!(rows.lines().count() > 0, "{whole}");
        for from in 0..size {
            let rest = got(world, &national, &format!("{path}?size={size}&from={from}")).await;
            let due: String = rows
                .lines()
                .filter(|row| {
                    row.split(',').next().is_some_and(|n| n.parse::<u64>().is_ok_and(|n| n >= from))
                })
                .map(|row| format!("{row}\n"))
                .collect();
            assert_eq!(String::from_utf8(rest).expect("a text"), due, "from {from}");
        }
    }
    let path = format!("/log/{book}/export/commitments.csv?from=x");
    world.get(&national, &path).await.refused(400, "BAD_REQUEST");
    let path = format!("/log/{book}/export/nothing");
    world.get(&national, &path).await.refused(404, "NOT_FOUND");
}
