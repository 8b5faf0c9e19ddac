//! What an erasure leaves: every proof, and nothing of the person.

use super::life::{BODY_OF_CLAIM, Place, erase};
use crate::audit::exported::{exported, good, verified};
use crate::support::scratch::Scratch;
use crate::support::{TestDb, privacy};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use tradein::audit;
use tradein::book::store::list_books;
use tradein::erasure::{NotErased, forget};
use tradein::identity::role::Role;

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn count(db: &TestDb, rows: &str) -> i64 {
    let text = format!("SELECT count(*) AS n FROM {rows}");
    sql_query(text).get_result::<Count>(&mut db.owner()).expect("a count").n
}

/// The tables in which a text stands, in whatever column and form; the vault's among them.
fn tables_with(db: &TestDb, needle: &str) -> Vec<String> {
    let tables = "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' \
         AND n.nspname IN ('public', 'vault') ORDER BY 1";
    let tables: Vec<Table> = sql_query(tables).load(&mut db.owner()).expect("tables");
    let bytes = hex::encode(needle);
    let holds = |table: &Table| {
        let rows = format!(
            "{} t WHERE strpos(t::text, '{needle}') > 0 OR strpos(t::text, '{bytes}') > 0",
            table.name
        );
        count(db, &rows) > 0
    };
    tables.into_iter().filter(holds).map(|table| table.name).collect()
}

/// Every book can be exported and verified.
fn every_book_proves_itself(db: &TestDb, folder: &Path) {
    let mut connection = db.owner();
    for book in list_books(&mut connection).expect("books") {
        let folder = folder.join(book.no.to_string());
        exported(&mut connection, &book, &folder).expect("an export");
        good(&verified(&folder));
    }
}

#[actix_web::test]
async fn nothing_of_the_person_is_left_and_every_proof_is_valid() {
    let mut place = Place::new().await;
    let one = place.life(1, "欧阳望舒").await;
    let other = place.life(2, "司马思齐").await;
    let world = place.world();
    let open = erase(world, one.id, true).await;
    assert!(matches!(open, Err(NotErased::Open(_))), "a voucher is not used yet");
    place.later().await;
    let unpaid = erase(world, one.id, false).await;
    assert!(matches!(unpaid, Err(NotErased::Unpaid(_))), "{unpaid:?}");
    let id = one.id.uuid();
    assert!(tables_with(&world.db, &id.to_string()).len() > 5, "he is in many tables");
    let before = Scratch::new();
    every_book_proves_itself(&world.db, before.path());

    // Whoever was screened before is screened again: the stamp of every screening has risen.
    let stamps = "stamp s JOIN vault.person p ON p.state = 'erased' WHERE name = 'programmes'";
    let before_it = format!("{stamps} AND version > {}", count(&world.db, "programme") + 1);
    let erased = erase(world, one.id, true).await.expect("nothing of his is open");
    assert_eq!(count(&world.db, &before_it), 1);
    assert_eq!((erased.books, erased.files), (3, 1));
    for needle in [id.to_string(), id.simple().to_string()] {
        let left = tables_with(&world.db, &needle);
        let kept = ["vault.identity", "vault.person"];
        assert!(left.iter().all(|table| kept.contains(&table.as_str())), "{needle}: {left:?}");
    }
    let needles = one.needles();
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    assert_eq!(privacy::search(&world.db, &needles), []);
    let row = format!(
        "vault.person WHERE person_id = '{id}' AND state = 'erased' AND keep_year = 2025 \
         AND num_nulls(cipher, born_on, consent_at, registered_at, secret) = 5"
    );
    assert_eq!(count(&world.db, &row), 1);
    for (rows, due) in [
        ("vault.document WHERE cipher = '' AND sha256 = decode(repeat('00', 32), 'hex')", 1),
        ("vault.payee WHERE cipher = '' AND masked = ''", 1),
        ("vault.subject WHERE secret IS NULL", 3),
        ("vault.document WHERE cipher <> ''", 1),
        ("vault.payee WHERE cipher <> ''", 1),
    ] {
        assert_eq!(count(&world.db, rows), due, "{rows}");
    }
    assert!(world.wiring.blobs.read(one.file()).await.is_err(), "his file is destroyed");
    assert!(world.wiring.blobs.read(other.file()).await.is_ok(), "nobody else's is");

    let report = audit::run(&mut world.db.app()).expect("a replay");
    assert_eq!(report.differences, Vec::<String>::new());
    every_book_proves_itself(&world.db, Scratch::new().path());
    for book in list_books(&mut world.db.owner()).expect("books") {
        good(&verified(&before.path().join(book.no.to_string())));
    }
    // Again: nothing more is done, and nothing more is said.
    let again = erase(world, one.id, false).await.expect("it was done");
    assert_eq!((again.books, again.files), (0, 0));
    assert_eq!(count(&world.db, "entry WHERE kind = 'person.erased'"), 1);
    comes_back(&place, &one.identity, &one.id.to_string(), &one.application).await;
}

/// He is found, and draws nothing.
async fn comes_back(place: &Place, identity: &serde_json::Value, id: &str, application: &str) {
    let world = place.world();
    let known = world.post(&place.provider, "/v1/people", identity.clone()).await.expect(200);
    assert_eq!(known.body["person"], json!({"id": id, "state": "erased"}));
    let token = world.person_token(id.parse().expect("an id"));
    let claim = serde_json::from_str(BODY_OF_CLAIM).expect("a body");
    let refused = world.post(&token, "/v1/vouchers", claim).await.refused(422, "PERSON_ERASED");
    assert!(refused.body["detail"].as_str().expect("a sentence").contains("已按本人要求删除"));
    let body = place.story.application_of(id.parse().expect("an id"), 77);
    world.post(&token, "/v1/applications", body).await.refused(422, "PERSON_ERASED");
    let me = world.get(&token, "/v1/people/me").await.expect(200);
    assert_eq!(me.body["person"]["state"], "erased");
    assert_eq!(me.body["person"]["registered_at"], json!(null));
    let listed = world.get(&token, "/v1/applications?book=3").await.expect(200);
    assert_eq!(listed.body["data"], json!([]));
    world.get(&token, &format!("/v1/applications/{application}")).await.expect(404);
    let auditor = world.official_token(Role::Auditor, "100000/*", "auditor");
    let look = json!({"person": id, "clear": true, "reason": "audit", "case": "SH-2026/1"});
    world.post(&auditor, "/v1/people/lookup", look).await.refused(422, "PERSON_ERASED");
    // The office still sees what it decided.
    let reviewer = world.official_token(Role::Reviewer, "310000/car", "one");
    let seen = world.get(&reviewer, &format!("/v1/reviews/{application}")).await.expect(200);
    assert_eq!(seen.body["applicant"], json!(null));
}

#[actix_web::test]
async fn the_command_erases_and_the_owner_forgets_once_the_year_is_closed() {
    let place = Place::new().await;
    let world = place.world();
    let person = world.person(35);
    let (voucher, _) = world.claimed(person, "310000", "appliance.tv").await;
    let erase = |case: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradein"));
        command.args(["vault", "erase", &person.to_string(), "--case", case]);
        command.env("DATABASE_URL", world.db.app_url()).env("REDIS_URL", world.redis.url());
        command.env("TRADEIN_SANDBOX__ENABLED", "true").env_remove("TRADEIN_CONFIG");
        command.env("TRADEIN_SANDBOX__STARTS_AT", "2025-06-10T05:00:00Z");
        let output = command.output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    };
    let (done, said) = erase("SH-2025/0031");
    assert!(!done && said.contains(&format!("{voucher} is claimed; it must end")), "{said}");
    // One that lapses keeps its slot's row and frees the slot.
    let token = world.person_token(person);
    let path = format!("/v1/vouchers/{voucher}/give-back");
    world.post(&token, &path, json!({})).await.expect(200);
    let (done, said) = erase("13800005678");
    assert!(!done && said.contains("no nine digits"), "{said}");
    let (done, said) = erase("SH-2025/0031");
    assert!(done && said.contains("1 books know a stand-in, 0 files"), "{said}");

    let mut owner = world.db.owner();
    sql_query("UPDATE vault.person SET keep_year = 2025").execute(&mut owner).expect("a year");
    assert_eq!(forget(&mut owner).expect("the owner deletes"), 0, "the year is open");
    assert!(forget(&mut world.db.app()).is_err(), "the serving role deletes nothing");
    for book in list_books(&mut owner).expect("books").iter().filter(|book| book.no != 0) {
        let body = json!({"state": "closed"});
        let path = format!("/v1/books/{}/state", book.no);
        world.post(&place.story.admin, &path, body).await.expect(200);
    }
    assert_eq!(forget(&mut owner).expect("the owner deletes"), 1);
    assert_eq!(count(&world.db, "vault.person"), 0);
}
