//! The desk of an office: documents come, a reviewer takes the application, asks the neighbours,
//! and decides.

use super::office::{Office, id, stands};
use super::paper::{Paper, place, sent};
use super::shop::last_entries;
use crate::support::world::World;
use serde_json::{Value, json};
use tradein::identity::role::Role;
use tradein::kernel::identifier::{IdNumber, Identifier};

/// An office in Shanghai, a book with money, and an applicant whom a provider has registered.
struct Case {
    office: Office,
    book: i32,
    person: String,
    application: String,
    body: Value,
}

impl Case {
    async fn new() -> Case {
        Case::under(include_str!("../../../config/programmes/nation-car-scrap-2025.toml")).await
    }

    async fn under(programme: &str) -> Case {
        // A Tuesday.
        let world = World::at("2025-06-10T10:00:00+08:00");
        let admin = world.official_token(Role::ProgrammeAdmin, "100000/*", "admin");
        world.publish_text(&admin, programme).await;
        let book = world.book("310000", "car", 2025, 100_000).await;
        let office = Office::of(world).await;
        let person = office.registered(4711).await;
        let body = office.scrap(person, "310000", "2025-06-05", 150_000).await;
        let submitted = office.submits(person, &body).await.expect(201);
        let token = office.world.person_token(person);
        Case { book, person: token, application: id(&submitted), body, office }
    }

    /// The invoice of this application's car.
    fn invoice(&self, number: &str) -> Paper {
        let vin = self.body["papers"]["item"]["vin"].as_str().unwrap();
        Paper::invoice_of(number, vin, "2025-06-05", 15_000_000)
    }

    async fn acts(&self, token: &str, act: &str, body: Value) -> crate::support::world::Answer {
        let path = format!("/v1/reviews/{}/{act}", self.application);
        self.office.world.post(token, &path, body).await
    }

    async fn seen(&self, token: &str) -> Value {
        let path = format!("/v1/reviews/{}", self.application);
        self.office.world.get(token, &path).await.expect(200).body
    }

    async fn queue(&self, query: &str) -> Vec<Value> {
        let path = format!("/v1/reviews?book={}{query}", self.book);
        let page = self.office.world.get(&self.office.reviewer, &path).await.expect(200);
        page.body["data"].as_array().unwrap().clone()
    }
}

#[actix_web::test]
async fn a_document_is_filed_then_sent_and_every_reading_is_on_record() {
    let case = Case::new().await;
    let (world, paper) = (&case.office.world, case.invoice("INV-2025-0001"));
    let filed = paper.files(world, &case.person, &case.application).await.expect(201);
    let path = place(&case.application, &filed);
    world.get(&case.person, &path).await.refused(409, "DOCUMENT_NOT_RECEIVED");
    world.get(&case.office.reviewer, &path).await.refused(409, "DOCUMENT_NOT_RECEIVED");

    // Another file, a longer one, a shorter one: none of them is the one that was filed.
    let mut forged = paper.file.clone();
    *forged.last_mut().unwrap() ^= 1;
    for wrong in [forged, [&paper.file[..], b"more"].concat(), paper.file[1..].to_vec()] {
        sent(world, &case.person, &path, wrong).await.refused(422, "DOCUMENT_DIFFERS");
    }
    for _ in 0..2 {
        let received = sent(world, &case.person, &path, paper.file.clone()).await.expect(200);
        assert!(received.body["document"]["received_at"].is_string());
    }
    let read = world.get(&case.person, &path).await.expect(200);
    assert_eq!(read.text.as_bytes(), paper.file);
    assert_eq!(read.headers["content-type"], "application/pdf");
    assert!(read.headers["content-security-policy"].to_str().unwrap().contains("'none'"));
    let due = ["document.filed", "document.received"];
    assert_eq!(last_entries(world, case.book, 2).await, due, "the applicant reads his own");
    world.get(&case.office.reviewer, &path).await.expect(200);
    assert_eq!(last_entries(world, case.book, 1).await, ["document.opened"]);

    let stranger = world.person_token(world.person(35));
    world.get(&stranger, &path).await.refused(404, "NOT_FOUND");
    sent(world, &stranger, &path, paper.file.clone()).await.refused(404, "NOT_FOUND");
    let elsewhere = world.official_token(Role::Reviewer, "320000/car", "elsewhere");
    world.get(&elsewhere, &path).await.refused(404, "NOT_FOUND");
    // A hash that somebody else's file has gives nobody that file.
    let other = world.person(35);
    let body = case.office.scrap(other, "310000", "2025-06-05", 150_000).await;
    let theirs = id(&case.office.submits(other, &body).await.expect(201));
    let token = world.person_token(other);
    let claimed = paper.files(world, &token, &theirs).await.expect(201);
    let claimed = world.get(&token, &place(&theirs, &claimed)).await;
    claimed.refused(409, "DOCUMENT_NOT_RECEIVED");
}

#[actix_web::test]
async fn a_document_is_what_its_bytes_say_and_of_bounded_size() {
    let case = Case::new().await;
    let world = &case.office.world;
    let html = Paper {
        document: json!({"kind": "photo"}),
        media_type: "png",
        file: b"<html><script>alert(1)</script>".to_vec(),
    };
    let filed = html.files(world, &case.person, &case.application).await.expect(201);
    let path = place(&case.application, &filed);
    sent(world, &case.person, &path, html.file).await.refused(422, "DOCUMENT_DIFFERS");
    let file = async |edit: fn(&mut Value)| {
        let mut body = case.invoice("INV-2025-0002").body();
        edit(&mut body);
        let path = format!("/v1/applications/{}/documents", case.application);
        world.post(&case.person, &path, body).await.refused(400, "BAD_REQUEST")
    };
    for (edit, field) in [
        ((|body| body["bytes"] = json!(9 * 1024 * 1024)) as fn(&mut Value), "bytes"),
        (|body| body["bytes"] = json!(0), "bytes"),
        (|body| body["sha256"] = json!("ab"), "sha256"),
        (|body| body["media_type"] = json!("exe"), "media_type"),
        (|body| body["document"]["total_fen"] = json!(0), "document.total_fen"),
        (|body| body["document"]["issued_on"] = json!("2025-06-11"), "document.issued_on"),
        (|body| body["document"]["kind"] = json!("passport"), "document"),
    ] {
        let refused = file(edit).await;
        let told = refused.body["field"].as_str().unwrap_or_default();
        assert!(told.starts_with(field), "{field}: {}", refused.text);
    }
    case.office.acts(&case.person, &case.application, "withdraw", json!({})).await.expect(200);
    let late = case.invoice("INV-2025-0003").files(world, &case.person, &case.application).await;
    late.refused(409, "APPLICATION_STATE");
}

#[actix_web::test]
async fn a_reviewer_takes_an_application_and_sees_documents_beside_facts() {
    let case = Case::new().await;
    let (world, office) = (&case.office.world, &case.office);
    // Its price is not the one that was entered.
    let mut paper = case.invoice("INV-2025-0001");
    paper.document["total_fen"] = json!(14_000_000);
    paper.filed(world, &case.person, &case.application).await;
    assert_eq!(case.queue("").await.len(), 1);
    assert_eq!(case.queue("&whose=nobodys&class=car.scrap&state=submitted").await.len(), 1);
    for empty in ["&whose=mine", "&class=car.replace", "&state=correction_requested"] {
        assert_eq!(case.queue(empty).await.len(), 0, "{empty}");
    }
    let hidden = case.seen(&office.reviewer).await;
    assert!(hidden["documents"][0]["fields"].is_null(), "{hidden:#}");
    assert!(!hidden.to_string().contains("INV-2025-0001"));
    assert_eq!(hidden["review"]["is_taken"], false);

    case.acts(&office.reviewer, "take", json!({})).await.expect(200);
    assert_eq!(last_entries(world, case.book, 1).await, ["review.taken"]);
    let again = case.acts(&office.reviewer, "take", json!({})).await.expect(200);
    assert_eq!(again.body["review"]["is_mine"], true);
    assert_eq!(last_entries(world, case.book, 2).await[0], "document.received");
    case.acts(&office.second, "take", json!({})).await.refused(409, "REVIEW_TAKEN");
    assert_eq!(case.queue("&whose=mine").await.len(), 1);
    let seen = case.seen(&office.reviewer).await;
    assert_eq!(seen["documents"][0]["fields"]["number"], "INV-2025-0001");
    let fact = |name: &str| {
        let facts = seen["facts"].as_array().unwrap();
        facts.iter().find(|fact| fact["fact"] == name).cloned().unwrap()
    };
    let price = fact("purchase.price_fen");
    assert_eq!((&price["entered"], &price["differs"]), (&json!(15_000_000), &json!(true)));
    assert_eq!(fact("invoice.issued_on")["differs"], false);
    assert!(seen["derivation_zh"].as_str().unwrap().contains("定额"));

    // A colleague takes it over, openly, and hands it back.
    case.acts(&office.second, "take", json!({"over": true})).await.expect(200);
    assert!(case.seen(&office.reviewer).await["documents"][0]["fields"].is_null());
    case.acts(&office.reviewer, "hand-back", json!({})).await.refused(409, "REVIEW_NOT_TAKEN");
    case.acts(&office.second, "hand-back", json!({})).await.expect(200);
    assert_eq!(case.queue("&whose=nobodys").await.len(), 1);
    let own = world.official_token(Role::Reviewer, "100000/*", "person");
    case.acts(&own, "take", json!({})).await.refused(422, "OWN_APPLICATION");
}

#[actix_web::test]
async fn neighbours_are_asked_and_what_they_say_decides() {
    let case = Case::new().await;
    let (world, office) = (&case.office.world, &case.office);
    case.acts(&office.reviewer, "neighbours", json!({})).await.refused(409, "REVIEW_NOT_TAKEN");
    case.acts(&office.reviewer, "take", json!({})).await.expect(200);
    let register = |vin: &str| {
        let document = json!({"kind": "registration_certificate", "registered_on": "2025-06-05",
            "region": "310000", "vin": vin});
        Paper::of(document, "Registration")
    };
    // Nobody is given away for an application whose documents ask nothing.
    let asked = case.acts(&office.reviewer, "neighbours", json!({})).await.expect(200);
    assert_eq!(asked.body["neighbours"], json!(["holdings"]));
    let approve =
        async |body: Value| office.acts(&office.reviewer, &case.application, "approve", body).await;
    for (vin, status, code) in [
        ("LSVAA49J1320WA1T0", 503, "PORT_NO_ANSWER"),
        ("LSVAA49J132S0LD00", 422, "NEW_CAR_NOT_HELD"),
    ] {
        register(vin).filed(world, &case.person, &case.application).await;
        let key = world.fresh_key();
        let path = format!("/v1/reviews/{}/neighbours", case.application);
        let asked = world.post_with_key(&office.reviewer, &path, &key, json!({})).await;
        let again = world.post_with_key(&office.reviewer, &path, &key, json!({})).await;
        assert_eq!(asked.expect(200).text, again.expect(200).text);
        // The register's word stands against the reviewer's.
        approve(json!({"still_owned": true})).await.refused(status, code);
    }
    let mut void = case.invoice("2025-0001-V0ID");
    void.document["number"] = json!("2025-0001-VOID");
    void.filed(world, &case.person, &case.application).await;
    register("LSVAB2188E2100001").filed(world, &case.person, &case.application).await;
    case.acts(&office.reviewer, "neighbours", json!({})).await.expect(200);
    approve(json!({})).await.refused(422, "INVOICE_NOT_GENUINE");
    case.invoice("2025-0001").filed(world, &case.person, &case.application).await;
    case.acts(&office.reviewer, "neighbours", json!({})).await.expect(200);
    let approved = approve(json!({})).await.expect(200);
    assert_eq!(stands(&approved).0, "approved", "the reviewer need not say it again");

    let seen = case.seen(&office.reviewer).await;
    let answers = seen["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 1 + 2 + 2 + 3 + 3, "{answers:#?}");
    assert!(answers.iter().any(|answer| answer["no_answer"] == "timed_out"));
    assert!(answers.iter().all(|answer| answer["source"] == "sandbox"));
    // Neither entries nor answers hold whom or what they were asked about.
    let auditor = world.official_token(Role::Auditor, "100000/*", "auditor");
    let path = format!("/v1/books/{}/entries?limit=200", case.book);
    let entries = world.get(&auditor, &path).await.expect(200).text;
    for secret in ["LSVAB2188E2100001", IdNumber::synthetic(4711).reveal(), "2025-0001-VOID"] {
        assert!(!entries.contains(secret), "{secret}");
        assert!(!json!(answers).to_string().contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn a_programme_may_leave_a_silent_neighbour_to_the_reviewer() {
    let text = include_str!("../../../config/programmes/nation-car-scrap-2025.toml");
    let left = text.replace("[application]\n", "[application]\nwithout_answer = true\n");
    assert_ne!(text, left);
    let case = Case::under(&left).await;
    let (world, office) = (&case.office.world, &case.office);
    case.acts(&office.reviewer, "take", json!({})).await.expect(200);
    let document = json!({"kind": "registration_certificate", "registered_on": "2025-06-05",
        "region": "310000", "vin": "LSVAA49J1320WA1T0"});
    let certificate = Paper::of(document, "Registration");
    certificate.filed(world, &case.person, &case.application).await;
    case.acts(&office.reviewer, "neighbours", json!({})).await.expect(200);
    let approve =
        async |body: Value| office.acts(&office.reviewer, &case.application, "approve", body).await;
    // Silence is no word of the register's: the reviewer must say it himself.
    approve(json!({})).await.refused(400, "BAD_REQUEST");
    let approved = approve(json!({"still_owned": true})).await.expect(200);
    assert_eq!(stands(&approved).0, "approved");
}

#[actix_web::test]
async fn clocks_are_shown_to_office_and_applicant() {
    let case = Case::new().await;
    let world = &case.office.world;
    let clocks = async |token: &str| {
        let path = format!("/v1/applications/{}", case.application);
        let seen = world.get(token, &path).await.expect(200);
        let told = seen.body["application"]["clocks"].as_array().unwrap().clone();
        let state = |clock: &Value| clock["state"].as_str().unwrap().to_owned();
        (state(&told[0]), state(&told[1]), told[0]["due_on"].clone())
    };
    let running = || "running".to_owned();
    // Submitted on Tuesday; three working days end on Friday.
    let first = (running(), running(), json!("2025-06-13"));
    assert_eq!(clocks(&case.person).await, first);
    assert_eq!(clocks(&case.office.reviewer).await, first);
    assert_eq!(case.queue("&overdue=true").await.len(), 0);
    world.now_is("2025-06-16T09:00:00+08:00");
    assert_eq!(clocks(&case.person).await.0, "overdue");
    assert_eq!(case.queue("&overdue=true").await.len(), 1);
    let late = case.acts(&case.office.reviewer, "take", json!({})).await;
    late.expect(200);
    let because = json!({"reasons": ["DOCUMENT_MISSING"]});
    let acts = async |act: &str, body| {
        case.office.acts(&case.office.reviewer, &case.application, act, body).await
    };
    acts("request-correction", because).await.expect(200);
    assert_eq!(clocks(&case.person).await.1, "stopped");
}

#[actix_web::test]
async fn the_queue_is_read_in_pages_and_within_the_scope() {
    let case = Case::new().await;
    let office = &case.office;
    for _ in 0..3 {
        let person = office.world.person(35);
        let body = office.scrap(person, "310000", "2025-06-05", 150_000).await;
        office.submits(person, &body).await.expect(201);
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/reviews?book={}&limit=3{next}", case.book);
        let page = office.world.get(&office.reviewer, &path).await.expect(200);
        let data = page.body["data"].as_array().unwrap();
        seen.extend(data.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page.body["next"].as_str() {
            Some(id) => next = format!("&after={id}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), &seen[0]), (4, &case.application), "oldest first, each once");
    let elsewhere = office.world.official_token(Role::Reviewer, "320000/*", "elsewhere");
    let path = format!("/v1/reviews?book={}", case.book);
    let page = office.world.get(&elsewhere, &path).await.expect(200);
    assert_eq!(page.body["data"], json!([]));
}
