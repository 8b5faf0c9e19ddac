//! Cars: scrapped or sold, bought, registered, then applied for.

use super::office::{Office, id, scrapped, stands};
use super::shop::{codes, last_entries};
use crate::support::privacy::{search, search_text};
use crate::support::world::World;
use diesel::{RunQueryDsl, sql_query};
use serde_json::json;

async fn shanghai_2025() -> (Office, i32) {
    let world = World::at("2025-06-10T10:00:00+08:00");
    world.publish(&["nation-car-scrap-2025"]).await;
    let book = world.book("310000", "car", 2025, 100_000).await;
    (Office::of(world).await, book)
}

#[actix_web::test]
async fn a_scrapped_petrol_car_draws_20_000_yuan_for_a_new_energy_car_in_2025() {
    let (office, book) = shanghai_2025().await;
    let person = office.world.person(35);
    let old_item = office.taken_in("310000", person, scrapped("2025-06-01")).await;
    let mut papers = office.bought(person, "310000", "2025-06-05", 150_000);
    papers["old_item"] = json!(old_item);
    let application = office.application("310000", "car.scrap", &papers);
    let submitted = office.submits(person, &application).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 20_000_00));
    assert_eq!(submitted.body["application"]["decided_on"], "2025-06-05");
    assert_eq!(office.money(book).await, (80_000, 20_000, 0, 0));
    let shown = &submitted.body["application"]["payee"];
    assert!(shown.as_str().unwrap().starts_with("**** "), "{shown}");
    let id = id(&submitted);

    // The same turn, the same car, the same invoice: once.
    let again = office.submits(person, &application).await.expect(422);
    let turn = ["QUOTA_EXHAUSTED", "NEW_CAR_ALREADY_SUBSIDISED"];
    assert_eq!(codes(&again), [turn, ["OLD_ITEM_REUSED", "INVOICE_USED"]].concat());

    // Money waits for the dismantler, for the register and for a second person.
    let acts = async |act: &str, body| office.acts(&office.reviewer, &id, act, body).await;
    let early = acts("approve", json!({"still_owned": true})).await;
    early.refused(422, "OLD_ITEM_NOT_VERIFIED");
    office.verifies(&old_item).await;
    let silent = acts("approve", json!({})).await.refused(400, "BAD_REQUEST");
    assert_eq!(silent.body["field"], "still_owned");
    acts("approve", json!({"still_owned": false})).await.refused(422, "NEW_CAR_NOT_HELD");
    let fixed = json!({"still_owned": true, "amount_fen": 1_000_00, "reason": "OTHER_SUPPORT"});
    acts("approve", fixed).await.refused(400, "BAD_REQUEST");
    let approved = office.approves(&id).await.expect(200);
    assert_eq!(stands(&approved), ("approved", 20_000_00));
    assert_eq!(office.money(book).await, (80_000, 0, 20_000, 0));
    acts("confirm", json!({})).await.refused(422, "SECOND_PERSON_REQUIRED");
    let released = office.acts(&office.second, &id, "confirm", json!({})).await.expect(200);
    assert_eq!(stands(&released), ("payable", 20_000_00));
    assert_eq!(office.money(book).await, (80_000, 0, 0, 20_000));
    let due = ["application.approved", "application.made_payable"];
    assert_eq!(last_entries(&office.world, book, 2).await, due);

    acts("reject", json!({"reasons": ["DOCUMENT_FORGED"]})).await.refused(409, "APPLICATION_STATE");
    let token = office.world.person_token(person);
    office.acts(&token, &id, "withdraw", json!({})).await.refused(409, "APPLICATION_STATE");

    // The applicant reads how it came about.
    let seen = office.world.get(&token, &format!("/v1/applications/{id}")).await.expect(200);
    let zh = seen.body["derivation_zh"].as_str().unwrap();
    assert!(zh.contains("定额20000.00元"), "{zh}");
    assert_eq!(seen.body["application"]["state_zh"], "复核完成，等待拨付");
    let stranger = office.world.person_token(office.world.person(35));
    office.world.get(&stranger, &format!("/v1/applications/{id}")).await.refused(404, "NOT_FOUND");
}

#[actix_web::test]
async fn a_fuel_car_draws_15_000_yuan_and_one_person_is_enough() {
    let (office, book) = shanghai_2025().await;
    let person = office.world.person(35);
    let mut application = office.scrap(person, "310000", "2025-06-01", 150_000).await;
    application["papers"]["item"]["power"] = json!("fuel");
    // What the rules want to know of a fuel car is asked for by its name.
    let missing = office.submits(person, &application).await.refused(400, "BAD_REQUEST");
    assert_eq!(missing.body["field"], "item.displacement_ml");
    application["papers"]["item"]["displacement_ml"] = json!(1_600);
    let submitted = office.submits(person, &application).await.expect(201);
    assert_eq!(stands(&submitted), ("submitted", 15_000_00));
    let approved = office.approves(&id(&submitted)).await.expect(200);
    assert_eq!(stands(&approved), ("payable", 15_000_00));
    assert_eq!(office.money(book).await, (85_000, 0, 0, 15_000));
}

#[actix_web::test]
async fn a_withdrawn_or_rejected_application_frees_turn_car_and_money() {
    let (office, book) = shanghai_2025().await;
    let person = office.world.person(35);
    let application = office.scrap(person, "310000", "2025-06-01", 150_000).await;
    let first = office.submits(person, &application).await.expect(201);
    let token = office.world.person_token(person);
    let gone = office.acts(&token, &id(&first), "withdraw", json!({})).await.expect(200);
    assert_eq!(stands(&gone).0, "withdrawn");
    assert_eq!(office.money(book).await, (100_000, 0, 0, 0));

    let second = office.submits(person, &application).await.expect(201);
    let id = id(&second);
    let unknown = json!({"reasons": ["BECAUSE"]});
    office.acts(&office.reviewer, &id, "reject", unknown).await.refused(400, "BAD_REQUEST");
    let because = json!({"reasons": ["REGISTER_MISMATCH", "NEW_CAR_NOT_HELD"],
        "sentence": "车辆登记信息与申请不符。"});
    office.acts(&office.reviewer, &id, "reject", because).await.expect(200);
    let seen = office.world.get(&token, &format!("/v1/applications/{id}")).await.expect(200);
    let view = &seen.body["application"];
    assert_eq!(view["sentence"], "车辆登记信息与申请不符。");
    assert_eq!(view["reasons"][1]["zh"], "审核期间新车已不在申请人名下");
    assert_eq!(office.money(book).await, (100_000, 0, 0, 0));
    office.submits(person, &application).await.expect(201);
}

#[actix_web::test]
async fn nobody_decides_on_his_own_application() {
    let (office, _) = shanghai_2025().await;
    let person = office.world.person(35);
    let application = office.scrap(person, "310000", "2025-06-01", 150_000).await;
    let submitted = office.submits(person, &application).await.expect(201);
    // Persons of this world sign in under the login "person".
    let own = office.world.official_token(
        tradein::identity::role::Role::Reviewer,
        "310000/car",
        "person",
    );
    let body = json!({"still_owned": true});
    let no = office.acts(&own, &id(&submitted), "approve", body).await;
    no.refused(422, "OWN_APPLICATION");
    office.approves(&id(&submitted)).await.expect(200);
    let no = office.acts(&own, &id(&submitted), "confirm", json!({})).await;
    no.refused(422, "OWN_APPLICATION");
}

#[actix_web::test]
async fn a_correction_comes_before_its_deadline_or_the_application_ends() {
    let (office, book) = shanghai_2025().await;
    let person = office.world.person(35);
    let token = office.world.person_token(person);
    let mut application = office.scrap(person, "310000", "2025-06-01", 150_000).await;
    let submitted = office.submits(person, &application).await.expect(201);
    let id = id(&submitted);
    let ask =
        json!({"reasons": ["DOCUMENT_MISMATCH", "PAYEE_WRONG"], "sentence": "发动机类型有误"});
    let correction = json!({"papers": application["papers"]});
    office.acts(&token, &id, "corrections", correction).await.refused(409, "APPLICATION_STATE");
    let asked = office.acts(&office.reviewer, &id, "request-correction", ask.clone()).await;
    let asked = asked.expect(200);
    assert_eq!(asked.body["application"]["until"], "2025-07-10T16:00:00.000000Z");
    office.approves(&id).await.refused(409, "APPLICATION_STATE");

    // It was a fuel car, with another VIN: decided anew, under the same programme.
    let old_vin = application["papers"]["item"]["vin"].clone();
    let other = office.bought(person, "310000", "2025-06-02", 150_000);
    application["papers"]["item"]["vin"] = other["item"]["vin"].clone();
    application["papers"]["item"]["power"] = json!("fuel");
    application["papers"]["item"]["displacement_ml"] = json!(1_999);
    let payee = office.application("310000", "car.scrap", &other)["payee"].clone();
    let correction = json!({"papers": application["papers"], "payee": payee});
    let corrected = office.acts(&token, &id, "corrections", correction.clone()).await.expect(200);
    assert_eq!(stands(&corrected), ("submitted", 15_000_00));
    assert_eq!(office.money(book).await, (85_000, 15_000, 0, 0));
    assert_ne!(
        corrected.body["application"]["payee"], submitted.body["application"]["payee"],
        "the account changes with a correction"
    );
    // The first VIN is free again.
    let neighbour = office.world.person(40);
    let mut theirs = office.scrap(neighbour, "310000", "2025-06-01", 150_000).await;
    theirs["papers"]["item"]["vin"] = old_vin;
    office.submits(neighbour, &theirs).await.expect(201);

    // Asked once more, nothing comes: at the deadline it is over for everybody.
    office.acts(&office.reviewer, &id, "request-correction", ask).await.expect(200);
    office.world.now_is("2025-07-10T23:59:59+08:00");
    assert_eq!(office.world.sweep().await, 0);
    office.world.now_is("2025-07-11T00:00:00+08:00");
    let seen = office.world.get(&token, &format!("/v1/applications/{id}")).await.expect(200);
    assert_eq!(seen.body["application"]["state"], "lapsed");
    let late = office.acts(&token, &id, "corrections", correction.clone()).await;
    late.refused(422, "CORRECTION_DEADLINE_PASSED");
    // Its turn and its car are free before the sweep has written that it ended.
    let mut anew = application.clone();
    anew["papers"] = correction["papers"].clone();
    let next = office.submits(person, &anew).await.expect(201);
    assert_eq!(stands(&next), ("submitted", 15_000_00));
    assert_eq!(office.world.sweep().await, 1);
    assert_eq!(office.money(book).await, (65_000, 35_000, 0, 0));
    let late = office.acts(&token, &id, "corrections", correction).await;
    late.refused(422, "CORRECTION_DEADLINE_PASSED");
}

#[actix_web::test]
async fn an_account_is_nowhere_but_sealed_in_the_vault() {
    let (office, _) = shanghai_2025().await;
    let person = office.world.person(35);
    let application = office.scrap(person, "310000", "2025-06-01", 150_000).await;
    let submitted = office.submits(person, &application).await.expect(201);
    let account = application["payee"]["account"].as_str().unwrap();
    let bank = application["payee"]["bank"].as_str().unwrap();
    assert!(!submitted.text.contains(account));
    assert_eq!(search(&office.world.db, &[account, bank]), []);
    let sealed: Vec<Sealed> = sql_query("SELECT p::text AS text FROM vault.payee p")
        .load(&mut office.world.db.owner())
        .unwrap();
    assert_eq!(sealed.len(), 1);
    assert_eq!(search_text(&sealed[0].text, &[account, bank]), []);
    assert!(sealed[0].text.contains(&account[account.len() - 4..]), "its mask is there");
}

#[derive(diesel::QueryableByName)]
struct Sealed {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}
