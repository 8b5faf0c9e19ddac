//! The routes: who may call them, what they refuse at the door, and one whole story.

use super::{Answer, World, recycler};
use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use chrono::{TimeDelta, Utc};
use serde_json::{Value as Json, json};
use tradein::http::request;
use tradein::identity::role::Role;
use tradein::identity::token::{Grant, Standing};
use uuid::Uuid;

/// Sends a request, with a token where one is given.
async fn call(world: &World, request: TestRequest, token: Option<String>) -> Answer {
    let wiring = world.wiring.clone();
    let app = App::new().wrap(from_fn(request::handle)).configure(|cfg| wiring.configure(cfg));
    let app = init_service(app).await;
    let request = request.insert_header(("accept-language", "en"));
    let request = match token {
        Some(token) => request.insert_header(("authorization", format!("Bearer {token}"))),
        None => request,
    };
    let answer = call_service(&app, request.to_request()).await;
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    let replayed = header("idempotency-replayed").as_deref() == Some("true");
    let expected = if status < 400 { "application/json" } else { "application/problem+json" };
    assert_eq!(header("content-type").as_deref(), Some(expected));
    Answer { status, body: read_body(answer).await.to_vec(), replayed }
}

fn post(path: &str, key: &str, body: &Json) -> TestRequest {
    TestRequest::post().uri(path).insert_header(("idempotency-key", key)).set_json(body)
}

impl World {
    fn token(&self, role: Role, id: Uuid) -> Option<String> {
        let standing = match role {
            Role::Person => Standing::Person(id.into()),
            _ => Standing::Organisation { id: id.into(), store: None },
        };
        let grant = Grant { role, standing, login: "login".into() };
        let life = TimeDelta::minutes(5);
        Some(self.mint.issue(&grant, Utc::now(), life, Uuid::now_v7()).unwrap())
    }

    fn recycler(&self) -> Option<String> {
        self.token(Role::Recycler, recycler())
    }
}

fn body() -> Json {
    json!({
        "region": "310000", "class": "appliance.refrigerator", "handed_over_on": "2040-05-31",
        "identifiers": {"serial": "sn 4711/a"}, "photos": ["ab".repeat(32)],
    })
}

/// The body with one more or other field; a dot leads into an object.
fn with(path: &str, value: Json) -> Json {
    let mut body = body();
    match path.split_once('.') {
        Some((object, field)) => body[object][field] = value,
        None => body[path] = value,
    }
    body
}

const PATH: &str = "/v1/old-items";

#[actix_web::test]
async fn a_story_of_one_fridge() {
    let world = World::new().await;
    let registered = call(&world, post(PATH, "register-1", &body()), world.recycler()).await;
    assert_eq!(registered.status, 201, "{:?}", registered.json());
    let replayed = call(&world, post(PATH, "register-1", &body()), world.recycler()).await;
    assert_eq!(replayed, Answer { replayed: true, ..registered });
    let id = replayed.json()["old_item"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with(&format!("old_{}_", world.shanghai)), "{id}");
    let other = with("region", json!("320500"));
    let taken = call(&world, post(PATH, "register-2", &other), world.recycler()).await;
    assert_eq!((taken.status, taken.code().as_str()), (422, "OLD_ITEM_TAKEN"));
    let path = format!("{PATH}/{id}/verify");
    let verified = call(&world, post(&path, "verify-1", &json!({})), world.recycler()).await;
    assert_eq!(verified.json()["old_item"]["state"], "verified");
    let path = format!("{PATH}/{id}/reject");
    let reason = json!({"reason": "class_mismatch"});
    let late = call(&world, post(&path, "reject-1", &reason), world.recycler()).await;
    assert_eq!((late.status, late.code().as_str()), (409, "OLD_ITEM_STATE"));
    let get = || TestRequest::get().uri(&format!("{PATH}/{id}"));
    let seen = call(&world, get(), world.recycler()).await;
    assert_eq!(seen.json()["old_item"], verified.json()["old_item"]);
    let text = String::from_utf8(seen.body).unwrap();
    assert!(!text.contains("4711"), "identifiers are not given back: {text}");
}

#[actix_web::test]
async fn every_route_demands_a_token_a_role_and_the_callers_own_item() {
    let world = World::new().await;
    let registered = call(&world, post(PATH, "register-1", &body()), world.recycler()).await;
    let id = registered.json()["old_item"]["id"].as_str().unwrap().to_owned();
    let elsewhere = id.replacen(&format!("_{}_", world.shanghai), "_77_", 1);
    let requests = |id: &str| {
        [
            TestRequest::get().uri(&format!("{PATH}/{id}")),
            post(&format!("{PATH}/{id}/verify"), "key-12345", &json!({})),
            post(&format!("{PATH}/{id}/reject"), "key-23456", &json!({"reason": "parts_missing"})),
        ]
    };
    let stranger = Uuid::from_u128(9);
    for n in 0..3 {
        let request = |id: &str| requests(id).into_iter().nth(n).unwrap();
        for (id, token, status) in [
            (&id, None, 401),
            (&id, world.token(Role::Retailer, recycler()), 403),
            (&id, world.token(Role::Person, recycler()), 403),
            (&id, world.token(Role::Recycler, stranger), 404),
            (&id, world.token(Role::Dismantler, stranger), 404),
            (&elsewhere, world.recycler(), 404),
            (&"old_1_x".to_owned(), world.recycler(), 404),
            (&id.replacen("old", "vch", 1), world.recycler(), 404),
        ] {
            let answer = call(&world, request(id), token).await;
            assert_eq!(answer.status, status, "{n} {id}: {:?}", answer.json());
        }
    }
    for (token, status) in [(None, 401), (world.token(Role::Retailer, recycler()), 403)] {
        let answer = call(&world, post(PATH, "register-9", &body()), token).await;
        assert_eq!(answer.status, status);
    }
}

#[actix_web::test]
async fn only_who_is_admitted_takes_things_in() {
    let world = World::new().await;
    let stranger = world.token(Role::Recycler, Uuid::from_u128(9));
    let answer = call(&world, post(PATH, "stranger-1", &body()), stranger).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "MERCHANT_NOT_ELIGIBLE"));
    world.open("310000", "ebike").await;
    let mut ebike = with("class", json!("ebike"));
    ebike["identifiers"]["frame"] = json!("123456789012345");
    let answer = call(&world, post(PATH, "ebike-01", &ebike), world.recycler()).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "NOT_APPROVED"));
    world.suspend().await;
    let refused = call(&world, post(PATH, "suspended-1", &body()), world.recycler()).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "MERCHANT_NOT_ELIGIBLE"));
    let again = call(&world, post(PATH, "suspended-1", &body()), world.recycler()).await;
    assert_eq!(again, Answer { replayed: true, ..refused });
}

#[actix_web::test]
async fn a_bad_body_names_its_field_and_repeats_nothing() {
    let world = World::new().await;
    for (n, (body, status, field)) in [
        (with("identifiers", json!({})), 400, "identifiers.serial"),
        (with("identifiers.serial", json!("abc")), 400, "identifiers.serial"),
        (with("identifiers.plate", json!("secret!")), 400, "identifiers.plate"),
        (with("identifiers.imei", json!("1")), 400, "identifiers.imei"),
        (with("class", json!("Fridge")), 400, "class"),
        (with("class", json!("ebike")), 400, "identifiers.frame"),
        (with("region", json!("31")), 400, "region"),
        (with("handed_over_on", json!("31.5.2026")), 400, "handed_over_on"),
        (with("facts.fuel", json!("coal")), 400, "facts.fuel"),
        (with("facts.owner", json!("me")), 400, "facts.owner"),
        (with("photos", json!(["AB"])), 400, "photos[0]"),
        (with("photos", json!(["ab".repeat(32), "ab".repeat(32)])), 400, "photos"),
        (with("owner", json!("org_0_01920000000000000000000000000001")), 400, "owner"),
        (with("recycler", json!("me")), 400, "recycler"),
        (with("handed_over_on", json!("2039-12-31")), 409, ""),
        (with("region", json!("110000")), 409, ""),
        (with("handed_over_on", json!("2040-06-02")), 422, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let request = post(PATH, &format!("bad-key-{n}"), &body);
        let answer = call(&world, request, world.recycler()).await;
        let problem = answer.json();
        assert_eq!(answer.status, status, "{body} {problem}");
        assert_eq!(problem["field"].as_str().unwrap_or_default(), field, "{body} {problem}");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }
}
