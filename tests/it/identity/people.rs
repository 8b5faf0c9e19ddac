//! Registering people and looking them up (invariant 10).

use super::world::{World, ring, somebody};
use actix_web::http::Method;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use serde_json::json;
use tradein::book::open::OpenBook;
use tradein::book::{Envelope, REGISTER};
use tradein::identity::envelope::bucket_of_person;
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;
use tradein::identity::store::find_person;
use tradein::kernel::identifier::{IdNumber, Identifier};
use uuid::Uuid;

fn count(world: &World, table: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let query = format!("SELECT count(*) AS n FROM {table}");
    sql_query(query).get_result::<Count>(&mut world.db.app()).unwrap().n
}

#[actix_web::test]
async fn the_same_identity_is_always_the_same_person() {
    let world = World::new();
    let instance = world.instance();
    let (one, other) = (instance.provider(1).await, instance.provider(2).await);
    let body = somebody(1).body();
    let new = instance.call(Method::POST, "/v1/people", &one, "the-key-1", Some(&body)).await;
    assert_eq!(new.status, 201, "{}", new.text);
    let id = new.id("person");
    assert!(id.starts_with("per_0_") && new.body["receipt"]["seq"].is_u64(), "{}", new.text);
    let again = instance.call(Method::POST, "/v1/people", &one, "the-key-1", Some(&body)).await;
    assert!(again.replayed && again.text == new.text, "{}", again.text);
    // Another provider, another telephone: the person is who the number says.
    let mut changed = body.clone();
    changed["mobile"] = json!("13800005678");
    let known = instance.post("/v1/people", &other, &changed).await;
    assert_eq!((known.status, known.id("person")), (200, id.clone()));
    let reused = instance.call(Method::POST, "/v1/people", &one, "the-key-1", Some(&changed)).await;
    assert_eq!((reused.status, reused.code()), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(world.count("person.registered"), 1);
    let leaf = world.leaves().into_iter().find(|leaf| leaf["kind"] == "person.registered");
    let leaf = leaf.unwrap();
    assert_eq!(leaf["data"], json!({"purposes": ["identity", "payment"]}));
    let hidden = id.trim_start_matches("per_0_");
    assert!(!leaf.to_string().contains(hidden), "no person id in a leaf");

    let id: PersonId = id.parse().unwrap();
    let bucket = bucket_of_person(&instance.keys, id);
    let known = find_person(&mut world.db.app(), bucket, id.uuid()).unwrap().unwrap();
    assert_eq!(known.born_on, Some(somebody(1).number.date_of_birth()));
    assert!(known.is_active);
}

#[actix_web::test]
async fn two_providers_at_once_register_one_person() {
    let world = World::new();
    let (here, there) = (world.instance(), world.instance());
    let (one, other) = (here.provider(1).await, here.provider(2).await);
    for index in 0..20 {
        let body = somebody(index).body();
        // Two clerks, each with its own connection, and two commands in one batch.
        let (a, b, c) = futures_util::join!(
            here.post("/v1/people", &one, &body),
            there.post("/v1/people", &other, &body),
            there.post("/v1/people", &one, &body),
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 201], "{} {} {}", a.text, b.text, c.text);
        assert!(a.id("person") == b.id("person") && b.id("person") == c.id("person"));
    }
    assert_eq!((count(&world, "vault.person"), count(&world, "vault.identity")), (20, 20));
    assert_eq!(world.count("person.registered"), 20);
}

#[actix_web::test]
async fn an_older_key_still_finds_the_person_until_it_may_go() {
    let world = World::new();
    let old = world.instance_with(ring(&[1]));
    let provider = old.provider(1).await;
    let id = old.post("/v1/people", &provider, &somebody(3).body()).await.id("person");
    let both = world.instance_with(ring(&[1, 2]));
    for _ in 0..2 {
        let met = both.post("/v1/people", &provider, &somebody(3).body()).await;
        assert_eq!((met.status, met.id("person")), (200, id.clone()));
    }
    assert_eq!(count(&world, "vault.identity"), 2, "one row a key version");
    let new = world.instance_with(ring(&[2]));
    let met = new.post("/v1/people", &provider, &somebody(3).body()).await;
    assert_eq!((met.status, met.id("person")), (200, id), "the old key is retired");
}

#[actix_web::test]
async fn who_is_erased_stays_the_same_and_stays_erased() {
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let id = instance.post("/v1/people", &provider, &somebody(4).body()).await.id("person");
    let mut owner = world.db.owner();
    let erased = "UPDATE vault.person SET state = 'erased', cipher = NULL, secret = NULL, \
                  born_on = NULL, consent_at = NULL, registered_at = NULL";
    owner.batch_execute(erased).unwrap();
    let again = instance.post("/v1/people", &provider, &somebody(4).body()).await;
    assert_eq!((again.status, again.id("person")), (200, id.clone()), "{}", again.text);
    assert_eq!(again.body["person"]["state"], "erased");
    let auditor = world.official(Role::Auditor, "100000/*");
    let look = json!({"person": id, "clear": true, "reason": "audit", "case": "SH-2026/1"});
    let looked = instance.post("/v1/people/lookup", &auditor, &look).await;
    assert_eq!((looked.status, looked.code()), (422, "PERSON_ERASED"));
    let me = instance.get("/v1/people/me", &world.person(&id)).await;
    assert_eq!((me.status, &me.body["person"]["identity"]), (200, &json!(null)), "{}", me.text);
    assert_eq!(world.count("person.looked_up"), 0);
}

#[actix_web::test]
async fn a_bad_registration_names_the_field_and_not_the_value() {
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let number = IdNumber::synthetic(7).reveal().to_owned();
    let last = if number.ends_with('3') { "4" } else { "3" };
    let wrong_digit = format!("{}{last}", &number[..17]);
    for (field, value) in [
        ("id_number", json!(wrong_digit)),
        ("id_number", json!(110105194912310020u64)),
        ("mobile", json!("110105194912310020")),
        ("name", json!("张110105194912310020")),
        ("document", json!("110105194912310020")),
        ("document", json!("taiwan_permit")),
        ("consent.purposes", json!({"text": "v1", "purposes": ["payment"]})),
        ("consent.text", json!({"text": "张 110105194912310020", "purposes": ["identity"]})),
        ("state", json!("active")),
    ] {
        let mut body = somebody(7).body();
        body[field.split('.').next().unwrap()] = value.clone();
        let answer = instance.post("/v1/people", &provider, &body).await;
        assert_eq!((answer.status, answer.code()), (400, "BAD_REQUEST"), "{field} {value}");
        assert_eq!(answer.body["field"], field, "{}", answer.text);
        for secret in [wrong_digit.as_str(), "110105194912310020"] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
    assert_eq!(count(&world, "vault.person"), 0);
}

#[actix_web::test]
async fn only_an_active_provider_registers_people() {
    let world = World::new();
    let instance = world.instance();
    let body = somebody(8).body();
    let shop = instance.organisation("retailer", 1).await;
    for (token, status, code) in [
        (world.member(Role::Retailer, &shop), 403, "WRONG_ROLE"),
        (world.official(Role::Auditor, "100000/*"), 403, "WRONG_ROLE"),
        (world.person(&PersonId::from(Uuid::nil()).to_string()), 403, "WRONG_ROLE"),
        ("none".to_owned(), 401, "TOKEN_INVALID"),
        // A token for an organisation that is not, or not as a provider.
        (world.member(Role::RealNameProvider, &shop), 422, "PROVIDER_NOT_ACTIVE"),
    ] {
        let answer = instance.post("/v1/people", &token, &body).await;
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    let id = instance.organisation("real_name_provider", 2).await;
    let path = format!("/v1/organisations/{id}/status");
    let suspended = json!({"status": "suspended"});
    instance.post(&path, &world.admin("310000/*"), &suspended).await;
    let provider = world.member(Role::RealNameProvider, &id);
    let answer = instance.post("/v1/people", &provider, &body).await;
    assert_eq!((answer.status, answer.code()), (422, "PROVIDER_NOT_ACTIVE"));
    let keyless = instance.call(Method::POST, "/v1/people", &provider, "", Some(&body)).await;
    assert_eq!(keyless.code(), "IDEMPOTENCY_KEY_REQUIRED");
}

#[actix_web::test]
async fn a_person_sees_himself_masked() {
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let him = somebody(9);
    let id = instance.post("/v1/people", &provider, &him.body()).await.id("person");
    let me = instance.get("/v1/people/me", &world.person(&id)).await;
    assert_eq!((me.status, me.id("person")), (200, id));
    let identity = &me.body["person"]["identity"];
    assert_eq!(identity["id_number"], him.number.masked());
    assert_eq!(identity["document"], "resident_card");
    assert!(him.needles().iter().all(|needle| !me.text.contains(needle)), "{}", me.text);
    let nobody = PersonId::from(Uuid::now_v7()).to_string();
    assert_eq!(instance.get("/v1/people/me", &world.person(&nobody)).await.status, 404);
}

#[actix_web::test]
async fn a_clear_look_up_is_on_record_before_it_is_answered() {
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let him = somebody(10);
    let id = instance.post("/v1/people", &provider, &him.body()).await.id("person");
    let auditor = world.official(Role::Auditor, "100000/*");
    // Masked: no key, no entry.
    let masked = json!({"person": id});
    let path = "/v1/people/lookup";
    let seen = instance.call(Method::POST, path, &auditor, "", Some(&masked)).await;
    assert_eq!((seen.status, seen.id("person")), (200, id.clone()), "{}", seen.text);
    assert!(him.needles().iter().all(|needle| !seen.text.contains(needle)));
    assert_eq!(world.count("person.looked_up"), 0);
    // Clear text without a key, a reason or a case, or with an identity for a case.
    let clear = json!({"person": id, "clear": true, "reason": "fraud", "case": "SH-2026/0017"});
    let keyless = instance.call(Method::POST, path, &auditor, "", Some(&clear)).await;
    assert_eq!(keyless.code(), "IDEMPOTENCY_KEY_REQUIRED");
    for (field, value) in [
        ("reason", json!(null)),
        ("case", json!(null)),
        ("reason", json!("curiosity")),
        ("case", json!(him.number.reveal())),
    ] {
        let mut body = clear.clone();
        body[field] = value;
        let answer = instance.post(path, &auditor, &body).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)));
        assert!(!answer.text.contains(him.number.reveal()), "{}", answer.text);
    }
    assert_eq!(world.count("person.looked_up"), 0);

    let look = |body: serde_json::Value| {
        let (instance, auditor) = (&instance, &auditor);
        async move { instance.call(Method::POST, path, auditor, "look-up-1", Some(&body)).await }
    };
    let looked = look(clear.clone()).await;
    assert_eq!(looked.status, 200, "{}", looked.text);
    let identity = &looked.body["person"]["identity"];
    assert_eq!(identity["id_number"], him.number.reveal());
    assert_eq!(identity["name"], him.name.reveal());
    assert_eq!(identity["mobile"], him.mobile.reveal());
    let again = look(clear.clone()).await;
    assert!(again.replayed && again.text == looked.text, "a replay is one and the same look-up");
    let leaves = world.leaves();
    let found: Vec<_> = leaves.iter().filter(|leaf| leaf["kind"] == "person.looked_up").collect();
    let [leaf] = found[..] else { panic!("{found:?}") };
    assert_eq!(
        (&leaf["data"]["reason"], &leaf["data"]["case"]),
        (&clear["reason"], &clear["case"])
    );
    assert!(leaf["actor"].as_str().unwrap().starts_with("auditor:"), "{leaf}");
    assert!(!leaf.to_string().contains(id.trim_start_matches("per_0_")));
    assert_eq!(leaf["seq"], looked.body["receipt"]["seq"], "the receipt proves the record");
    // Another look at the same person carries the same commitment, at another person another.
    let other = instance.post("/v1/people", &provider, &somebody(11).body()).await.id("person");
    for person in [&id, &other] {
        let mut body = clear.clone();
        body["person"] = json!(person);
        assert_eq!(instance.post(path, &auditor, &body).await.status, 200);
    }
    let leaves = world.leaves();
    let marks = leaves.iter().filter(|leaf| leaf["kind"] == "person.looked_up");
    let marks: Vec<_> = marks.map(|leaf| leaf["data"]["commitment"].clone()).collect();
    assert!(marks[0] == marks[1] && marks[1] != marks[2], "{marks:?}");
}

#[actix_web::test]
async fn an_official_sees_only_people_with_dealings_in_his_scope() {
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let id = instance.post("/v1/people", &provider, &somebody(12).body()).await.id("person");
    let open = OpenBook {
        region: "310000".parse().unwrap(),
        family: "appliance".into(),
        year: 2026,
        prepared: false,
        id: Uuid::now_v7(),
    };
    let envelope = Envelope {
        actor: tradein::book::model::Actor::System,
        key: None,
        fingerprint: [0; 16],
        language: Default::default(),
        request_id: String::new(),
        command: std::sync::Arc::new(open),
    };
    assert_eq!(instance.books.answer(REGISTER, envelope).await.unwrap().status, 201);
    let path = "/v1/people/lookup";
    let body = json!({"person": id, "clear": true, "reason": "audit", "case": "SH-2026/0018"});
    let here = world.official(Role::Reviewer, "310000/appliance");
    let stranger = instance.post(path, &here, &body).await;
    assert_eq!((stranger.status, stranger.code()), (404, "NOT_FOUND"), "no dealings yet");
    let person: PersonId = id.parse().unwrap();
    let subject = "INSERT INTO vault.subject (book_id, person_id, subject) VALUES (1, ";
    let subject = format!("{subject}'{}', '\\x00')", person.uuid());
    world.db.app().batch_execute(&subject).unwrap();
    for (token, status) in [
        (here, 200),
        (world.official(Role::Auditor, "310000/*"), 200),
        (world.official(Role::Reviewer, "310000/car"), 404),
        (world.official(Role::Auditor, "320000/*"), 404),
        (world.official(Role::Finance, "100000/*"), 403),
        (world.admin("100000/*"), 403),
        (provider, 403),
        (world.person(&id), 403),
    ] {
        assert_eq!(instance.post(path, &token, &body).await.status, status);
    }
    assert_eq!(world.count("person.looked_up"), 2);
    let nobody = PersonId::from(Uuid::now_v7());
    let nation = world.official(Role::Auditor, "100000/*");
    let body = json!({"person": nobody, "clear": true, "reason": "audit", "case": "SH-1"});
    assert_eq!(instance.post(path, &nation, &body).await.status, 404);
}
