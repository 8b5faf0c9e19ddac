//! Cars under the rules of three years: raises, bridges, one turn or two, cities and races.

use super::office::{Office, id, scrapped, stands};
use super::shop::codes;
use crate::support::world::World;
use serde_json::{Value, json};

async fn office(at: &str, programmes: &[&str], books: &[(&str, i32)]) -> (Office, Vec<i32>) {
    let world = World::at(at);
    world.publish(programmes).await;
    let mut numbers = Vec::new();
    for (region, year) in books {
        numbers.push(world.book(region, "car", *year, 100_000).await);
    }
    (Office::of(world).await, numbers)
}

const RAISED: [&str; 2] = ["nation-car-scrap-2024-v1", "nation-car-scrap-2024-v2"];

#[actix_web::test]
async fn a_raise_of_2024_pays_the_difference_to_those_already_granted() {
    let at = "2024-06-10T10:00:00+08:00";
    let (office, books) = office(at, &RAISED, &[("310000", 2024)]).await;
    let mut granted = Vec::new();
    for power in ["nev", "fuel"] {
        let person = office.world.person(35);
        let mut application = office.scrap(person, "310000", "2024-06-01", 150_000).await;
        application["papers"]["item"]["power"] = json!(power);
        application["papers"]["item"]["displacement_ml"] = json!(1_500);
        let submitted = office.submits(person, &application).await.expect(201);
        granted.push(id(&office.approves(&id(&submitted)).await.expect(200)));
    }
    assert_eq!(office.money(books[0]).await, (83_000, 0, 0, 17_000));
    let tops =
        async |n: usize| office.acts(&office.reviewer, &granted[n], "top-up", json!({})).await;
    tops(0).await.refused(422, "NOTHING_TO_TOP_UP");
    let owed = async || {
        let path = format!("/v1/books/{}/raises", books[0]);
        office.world.get(&office.reviewer, &path).await.expect(200).body["data"].clone()
    };
    assert_eq!(owed().await, json!([]));
    office.world.now_is("2024-08-20T10:00:00+08:00");
    let more: Vec<Value> = owed().await.as_array().unwrap().clone();
    let more: Vec<i64> = more.iter().map(|it| it["more_fen"].as_i64().unwrap()).collect();
    assert_eq!(more, [10_000_00, 8_000_00]);
    let raised = tops(0).await.expect(201);
    assert_eq!(stands(&raised), ("payable", 10_000_00));
    assert_eq!(raised.body["application"]["first"], json!(granted[0]));
    assert_eq!(stands(&tops(1).await.expect(201)), ("payable", 8_000_00));
    assert_eq!(office.money(books[0]).await, (65_000, 0, 0, 35_000));
    // Once; and a top-up is raised by nothing.
    assert_eq!(owed().await, json!([]));
    tops(0).await.refused(422, "NOTHING_TO_TOP_UP");
    let again = office.acts(&office.reviewer, &id(&raised), "top-up", json!({})).await;
    again.refused(409, "APPLICATION_STATE");
    // Who applies now draws the raised sum at once.
    let person = office.world.person(35);
    let application = office.scrap(person, "310000", "2024-06-01", 150_000).await;
    let submitted = office.submits(person, &application).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 20_000_00));
}

#[actix_web::test]
async fn documents_of_two_years_count_in_the_second_and_use_up_its_turn() {
    let programmes = [RAISED[0], RAISED[1], "nation-car-scrap-2025"];
    let books = [("310000", 2024), ("310000", 2025)];
    let (office, books) = office("2025-01-05T10:00:00+08:00", &programmes, &books).await;
    // All of 2024, applied for in 2025: the book of 2024.
    let person = office.world.person(35);
    let old = office.scrap(person, "310000", "2024-12-20", 150_000).await;
    let submitted = office.submits(person, &old).await.expect(201);
    assert_eq!(submitted.body["application"]["decided_on"], "2024-12-20");
    assert_eq!(office.money(books[0]).await.1, 20_000);
    // Begun in 2024 and complete in February 2025: the book of 2025, and the turn of 2025.
    office.world.now_is("2025-02-10T10:00:00+08:00");
    let mut bridged = office.scrap(person, "310000", "2024-12-20", 150_000).await;
    bridged["papers"]["invoice"]["issued_on"] = json!("2025-01-20");
    bridged["papers"]["item"]["registered_on"] = json!("2025-02-05");
    let submitted = office.submits(person, &bridged).await.expect(201);
    assert_eq!(submitted.body["application"]["decided_on"], "2025-02-05");
    assert_eq!(office.money(books[1]).await.1, 20_000);
    let next = office.scrap(person, "310000", "2025-02-06", 150_000).await;
    assert_eq!(codes(&office.submits(person, &next).await.expect(422)), ["QUOTA_EXHAUSTED"]);
    // Complete after February, it belongs to neither.
    office.world.now_is("2025-03-10T10:00:00+08:00");
    let neighbour = office.world.person(35);
    let mut late = office.scrap(neighbour, "310000", "2024-12-20", 150_000).await;
    late["papers"]["item"]["registered_on"] = json!("2025-03-01");
    let no = office.submits(neighbour, &late).await;
    no.refused(422, "DOCUMENT_DATE_OUT_OF_WINDOW");
    // What was of 2024 alone has a last day.
    let late = office.scrap(neighbour, "310000", "2024-12-20", 150_000).await;
    office.submits(neighbour, &late).await.refused(422, "APPLICATION_DEADLINE_PASSED");
}

#[actix_web::test]
async fn in_2025_a_person_scraps_once_and_replaces_once_never_for_one_car() {
    let programmes = ["nation-car-scrap-2025", "jiangsu-car-replace-2025"];
    let at = "2025-06-10T10:00:00+08:00";
    let (office, _) = office(at, &programmes, &[("320500", 2025)]).await;
    let person = office.world.person(35);
    let scrap = office.scrap(person, "320500", "2025-06-01", 90_000).await;
    office.submits(person, &scrap).await.expect(201);
    let mut sold = office.replacement(person, "320500", "2025-06-01", 90_000);
    let own = sold["papers"]["item"]["vin"].clone();
    sold["papers"]["item"]["vin"] = scrap["papers"]["item"]["vin"].clone();
    let no = office.submits(person, &sold).await.expect(422);
    assert_eq!(codes(&no), ["NEW_CAR_ALREADY_SUBSIDISED"]);
    sold["papers"]["item"]["vin"] = own;
    let replaced = office.submits(person, &sold).await.expect(201);
    assert_eq!(stands(&replaced), ("submitted", 10_000_00));
    let third = office.replacement(person, "320500", "2025-06-01", 90_000);
    assert_eq!(codes(&office.submits(person, &third).await.expect(422)), ["QUOTA_EXHAUSTED"]);
    // Whose figure was never published is refused, and so is an invoice from elsewhere.
    let other = office.world.person(35);
    let dear = office.replacement(other, "320500", "2025-06-01", 150_000);
    office.submits(other, &dear).await.refused(422, "AMOUNT_NOT_PUBLISHED");
    let mut away = office.replacement(other, "320500", "2025-06-01", 90_000);
    away["papers"]["invoice"]["region"] = json!("310000");
    office.submits(other, &away).await.refused(422, "INVOICE_OUT_OF_AREA");
}

#[actix_web::test]
async fn a_replacement_in_wenzhou_draws_by_the_tiers_of_zhejiang() {
    let programmes = ["zhejiang-car-replace-2025"];
    let at = "2025-06-10T10:00:00+08:00";
    let (office, books) = office(at, &programmes, &[("330300", 2025)]).await;
    for (yuan, fen) in [(60_000, 10_000_00), (150_000, 12_000_00), (250_000, 15_000_00)] {
        let person = office.world.person(35);
        let application = office.replacement(person, "330300", "2025-06-01", yuan);
        let submitted = office.submits(person, &application).await.expect(201);
        assert_eq!(stands(&submitted), ("submitted", fen));
        let approved = office.approves(&id(&submitted)).await.expect(200);
        assert_eq!(stands(&approved), ("payable", fen));
    }
    assert_eq!(office.money(books[0]).await, (63_000, 0, 0, 37_000));
    let person = office.world.person(35);
    let cheap = office.replacement(person, "330300", "2025-06-01", 49_999);
    office.submits(person, &cheap).await.refused(422, "PRICE_BELOW_MINIMUM");
    let mut unsaid = office.replacement(person, "330300", "2025-06-01", 60_000);
    unsaid["papers"]["old"]["facts"].as_object_mut().unwrap().remove("transferred_on");
    let no = office.submits(person, &unsaid).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "old_item.transferred_on");
}

#[actix_web::test]
async fn in_2026_a_person_draws_once_in_all_by_a_share_of_the_price() {
    let at = "2026-03-10T10:00:00+08:00";
    let books = [("310000", 2026), ("320500", 2026)];
    let (office, _) = office(at, &["nation-car-2026"], &books).await;
    let person = office.world.person(35);
    let scrap = office.scrap(person, "310000", "2026-03-01", 160_000).await;
    let submitted = office.submits(person, &scrap).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 19_200_00));
    let sold = office.replacement(person, "320500", "2026-03-01", 100_000);
    assert_eq!(codes(&office.submits(person, &sold).await.expect(422)), ["QUOTA_EXHAUSTED"]);
    let other = office.world.person(35);
    let mut apart = office.replacement(other, "320500", "2026-03-01", 100_000);
    apart["papers"]["item"]["registration_region"] = json!("310000");
    let no = office.submits(other, &apart).await;
    no.refused(422, "INVOICE_REGISTRATION_PROVINCE_DIFFER");
    let sold = office.replacement(other, "320500", "2026-03-01", 100_000);
    assert_eq!(stands(&office.submits(other, &sold).await.expect(201)), ("submitted", 8_000_00));
}

#[actix_web::test]
async fn beijing_takes_applications_and_corrections_until_their_last_days() {
    let at = "2025-01-09T23:59:00+08:00";
    let books = [("110000", 2025)];
    let (office, _) = office(at, &["beijing-car-scrap-2025"], &books).await;
    let person = office.world.person(35);
    let token = office.world.person_token(person);
    let early = office.scrap(person, "110000", "2025-01-05", 150_000).await;
    office.submits(person, &early).await.refused(422, "NOT_OPEN_YET");
    office.world.now_is("2026-01-09T10:00:00+08:00");
    let mut ids = Vec::new();
    for whose in [person, office.world.person(35)] {
        let application = office.scrap(whose, "110000", "2025-12-20", 150_000).await;
        let submitted = office.submits(whose, &application).await.expect(201);
        let ask = json!({"reasons": ["DOCUMENT_UNREADABLE"]});
        let asked = office.acts(&office.reviewer, &id(&submitted), "request-correction", ask).await;
        let until = &asked.expect(200).body["application"]["until"];
        assert_eq!(until, "2026-01-20T16:00:00.000000Z");
        ids.push((id(&submitted), office.world.person_token(whose), application));
    }
    office.world.now_is("2026-01-11T00:00:00+08:00");
    let late = office.scrap(office.world.person(35), "110000", "2025-12-20", 150_000).await;
    let no = office.world.post(&token, "/v1/applications", late).await;
    assert!(codes(&no).contains(&"APPLICATION_DEADLINE_PASSED"), "{}", no.text);
    let correct = async |n: usize| {
        let (id, token, application) = &ids[n];
        let body = json!({"papers": application["papers"]});
        office.acts(token, id, "corrections", body).await
    };
    office.world.now_is("2026-01-20T23:59:59+08:00");
    correct(0).await.expect(200);
    office.world.now_is("2026-01-21T00:00:00+08:00");
    correct(1).await.refused(422, "CORRECTION_DEADLINE_PASSED");
    let ask = json!({"reasons": ["DOCUMENT_UNREADABLE"]});
    let no = office.acts(&office.reviewer, &ids[0].0, "request-correction", ask).await;
    no.refused(422, "CORRECTION_DEADLINE_PASSED");
}

#[actix_web::test]
async fn in_2024_beijing_wants_its_own_plates_and_jiangsu_no_taxis() {
    let programmes = ["beijing-car-replace-2024", "jiangsu-car-replace-2024"];
    let books = [("110000", 2024), ("320500", 2024)];
    let (office, _) = office("2024-10-10T10:00:00+08:00", &programmes, &books).await;
    let person = office.world.person(35);
    for (region, field, value, code, fen) in [
        ("110000", "plate_region", json!("130000"), "OLD_ITEM_NOT_LOCAL", 15_000_00),
        ("320500", "use", json!("commercial"), "OLD_CAR_COMMERCIAL", 13_000_00),
    ] {
        let mut application = office.replacement(person, region, "2024-10-01", 160_000);
        let right = application["papers"]["old"]["facts"][field].clone();
        application["papers"]["old"]["facts"][field] = value;
        office.submits(person, &application).await.refused(422, code);
        application["papers"]["old"]["facts"][field] = right;
        let whose = office.world.person(35);
        application["papers"]["old"]["owner"] = json!(whose);
        application["papers"]["invoice"]["buyer"] = json!(whose);
        let submitted = office.submits(whose, &application).await.expect(201);
        assert_eq!(stands(&submitted), ("submitted", fen));
    }
}

/// Each code of what is applied for stands in a case of these journeys.
#[test]
fn every_code_of_what_is_applied_for_has_a_case() {
    let cases = [
        include_str!("car.rs"),
        include_str!("car_years.rs"),
        include_str!("ebike_applied.rs"),
        include_str!("grant.rs"),
    ]
    .concat();
    let folder = format!("{}/config/programmes", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|path| {
        (path.display().to_string(), std::fs::read_to_string(&path).expect("a programme"))
    });
    let programmes = tradein::programme::Programmes::from_texts(texts).expect("right programmes");
    let applied = programmes.iter().filter(|it| it.flow() == tradein::programme::Flow::Application);
    let mut codes: Vec<&str> =
        applied.flat_map(|it| it.refusals()).map(|it| it.code.as_ref()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() > 20, "{codes:?}");
    codes.retain(|code| !cases.contains(&format!("\"{code}\"")));
    assert_eq!(codes, [""; 0], "no journey reaches them");
}

/// What each code says no to: one thing changed in an application that would pass.
#[actix_web::test]
async fn every_refusal_of_a_car_is_reached() {
    let at = "2026-03-10T10:00:00+08:00";
    let (office, _) = office(at, &["nation-car-2026"], &[("310000", 2026)]).await;
    let stranger = json!(office.world.person(35));
    let changes: [(&str, Value, &str); 8] = [
        ("/papers/old/owner", stranger.clone(), "OWNER_MISMATCH"),
        ("/papers/invoice/buyer", json!("organisation"), "INVOICE_NOT_PERSONAL"),
        ("/papers/invoice/buyer", stranger, "INVOICE_NAME_MISMATCH"),
        ("/papers/item/in_catalogue", json!(false), "NEW_CAR_NOT_ELIGIBLE"),
        ("/papers/old/facts/in_name_since", json!("2025-01-08"), "OLD_CAR_NOT_IN_NAME_IN_TIME"),
        ("/papers/old/facts/transferred_on", json!("2025-12-31"), "DOCUMENT_DATE_OUT_OF_WINDOW"),
        (
            "/papers/item/registration_region",
            json!("110000"),
            "INVOICE_REGISTRATION_PROVINCE_DIFFER",
        ),
        ("/class", json!("car.hovercraft"), "CATEGORY_NOT_COVERED"),
    ];
    let person = office.world.person(35);
    for (pointer, value, code) in changes {
        let mut application = office.replacement(person, "310000", "2026-03-01", 100_000);
        *application.pointer_mut(pointer).expect("it is there") = value;
        let no = office.submits(person, &application).await.expect(422);
        assert_eq!(codes(&no), [code], "{pointer}");
    }
    for (field, value, code) in [
        ("registered_on", json!("2013-07-01"), "OLD_CAR_TOO_NEW"),
        ("fuel", json!("nev"), "OLD_NEV_NEW_FUEL"),
    ] {
        let mut facts = scrapped("2026-03-01");
        facts[field] = value;
        let old_item = office.taken_in("310000", person, facts).await;
        let mut papers = office.bought(person, "310000", "2026-03-01", 100_000);
        papers["item"]["power"] = json!("fuel");
        papers["item"]["displacement_ml"] = json!(1_500);
        papers["old_item"] = json!(old_item);
        let application = office.application("310000", "car.scrap", &papers);
        office.submits(person, &application).await.refused(422, code);
    }
    // A scrapped car without its dismantler's record, and somebody else's.
    let mut bare = office.replacement(person, "310000", "2026-03-01", 100_000);
    bare["class"] = json!("car.scrap");
    let no = office.submits(person, &bare).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "old_item.scrap_certificate_on");
    bare["papers"]["old"]["facts"]["scrap_certificate_on"] = json!("2026-03-01");
    bare["papers"]["old"]["facts"]["deregistered_on"] = json!("2026-03-01");
    office.submits(person, &bare).await.refused(422, "OLD_ITEM_NEEDED");
    let mut other = office.scrap(office.world.person(35), "310000", "2026-03-01", 100_000).await;
    other["papers"]["invoice"]["buyer"] = json!(person);
    let no = office.submits(person, &other).await.expect(422);
    assert!(codes(&no).contains(&"OWNER_MISMATCH"), "{}", no.text);
    // After today, there is no such document.
    let future = office.replacement(person, "310000", "2026-03-11", 100_000);
    office.submits(person, &future).await.refused(400, "BAD_REQUEST");
    let mut card = office.replacement(person, "310000", "2026-03-01", 100_000);
    card["payee"]["account"] = json!("6222020000000000001");
    let no = office.submits(person, &card).await.refused(400, "BAD_REQUEST");
    assert_eq!(no.body["field"], "payee.account");
}

#[actix_web::test]
async fn one_new_car_in_two_cities_at_once_draws_once() {
    let at = "2026-03-10T10:00:00+08:00";
    let books = [("310000", 2026), ("320500", 2026)];
    let (office, _) = office(at, &["nation-car-2026"], &books).await;
    for _ in 0..8 {
        let (one, two) = (office.world.person(35), office.world.person(35));
        let here = office.replacement(one, "310000", "2026-03-01", 100_000);
        let mut there = office.replacement(two, "320500", "2026-03-01", 100_000);
        there["papers"]["item"]["vin"] = here["papers"]["item"]["vin"].clone();
        let (a, b) = futures_util::join!(office.submits(one, &here), office.submits(two, &there));
        let lost = if a.status == 201 { &b } else { &a };
        assert_eq!([a.status, b.status].iter().filter(|status| **status == 201).count(), 1);
        assert_eq!(codes(lost), ["NEW_CAR_ALREADY_SUBSIDISED"]);
    }
}

#[actix_web::test]
async fn scrap_and_replacement_of_one_person_at_once_in_2026_draw_once() {
    let at = "2026-03-10T10:00:00+08:00";
    let books = [("310000", 2026), ("320500", 2026)];
    let (office, _) = office(at, &["nation-car-2026"], &books).await;
    for _ in 0..8 {
        let person = office.world.person(35);
        let scrap = office.scrap(person, "310000", "2026-03-01", 100_000).await;
        let sold = office.replacement(person, "320500", "2026-03-01", 100_000);
        let (a, b) =
            futures_util::join!(office.submits(person, &scrap), office.submits(person, &sold));
        let lost = if a.status == 201 { &b } else { &a };
        assert_eq!([a.status, b.status].iter().filter(|status| **status == 201).count(), 1);
        assert_eq!(codes(lost), ["QUOTA_EXHAUSTED"]);
    }
}
