//! A person claims, sees and gives back a voucher, over HTTP.

use crate::support::world::{Answer, World};
use futures_util::StreamExt;
use serde_json::json;

const SHANGHAI: &str = "shanghai-appliance-2024";

fn fridge() -> serde_json::Value {
    json!({"region": "310000", "class": "appliance.refrigerator", "channel": "offline",
        "location": "310000"})
}

#[actix_web::test]
async fn a_claim_holds_money_and_a_slot_until_it_is_given_back() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    let token = world.person_token(world.person(35));

    let claimed = world.post(&token, "/v1/vouchers", fridge()).await.expect(201);
    assert_eq!(claimed.body["voucher"]["hold_fen"], 200_000);
    assert_eq!(claimed.body["voucher"]["state"], "claimed");
    let balances = world.balances(book).await;
    assert_eq!(
        (balances["available"].as_i64(), balances["held"].as_i64()),
        (Some(9_800_000), Some(200_000))
    );

    let again = world.post(&token, "/v1/vouchers", fridge()).await;
    again.refused(422, "QUOTA_EXHAUSTED");

    let id = claimed.body["voucher"]["id"].as_str().unwrap().to_owned();
    let seen = world.get(&token, &format!("/v1/vouchers/{id}")).await.expect(200);
    assert_eq!(seen.body["code"], claimed.body["code"]);
    let qr = world.get(&token, &format!("/v1/vouchers/{id}/qr")).await.expect(200);
    assert!(qr.text.contains("<svg"), "{}", qr.text);

    let stranger = world.person_token(world.person(35));
    world.get(&stranger, &format!("/v1/vouchers/{id}")).await.refused(404, "NOT_FOUND");
    let path = format!("/v1/vouchers/{id}/give-back");
    world.post(&stranger, &path, json!({})).await.refused(404, "NOT_FOUND");

    world.post(&token, &path, json!({})).await.expect(200);
    world.post(&token, &path, json!({})).await.refused(409, "VOUCHER_STATE");
    assert_eq!(world.balances(book).await["held"], 0);
    world.post(&token, "/v1/vouchers", fridge()).await.expect(201);
}

#[actix_web::test]
async fn the_same_key_gives_the_byte_equal_answer_and_never_a_second_effect() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    let token = world.person_token(world.person(35));
    let key = world.fresh_key();
    let first = world.post_with_key(&token, "/v1/vouchers", &key, fridge()).await.expect(201);
    let again = world.post_with_key(&token, "/v1/vouchers", &key, fridge()).await.expect(201);
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.text, again.text);
    let mut other = fridge();
    other["class"] = json!("appliance.tv");
    let reused = world.post_with_key(&token, "/v1/vouchers", &key, other).await;
    reused.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(world.balances(book).await["held"], 200_000);
}

#[actix_web::test]
async fn claims_go_on_while_redis_forgets_everything() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    for _ in 0..10 {
        let token = world.person_token(world.person(35));
        world.post(&token, "/v1/vouchers", fridge()).await.expect(201);
        let flushed = redis::cmd("FLUSHDB").exec(&mut world.redis.connect());
        flushed.expect("Redis forgets");
        let again = world.post(&token, "/v1/vouchers", fridge()).await;
        again.refused(422, "QUOTA_EXHAUSTED");
    }
    assert_eq!(world.balances(book).await["held"], 2_000_000);
}

#[actix_web::test]
async fn fifty_requests_with_one_key_are_one_claim() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    let book = world.book("310000", "appliance", 2024, 100_000).await;
    let token = world.person_token(world.person(35));
    let key = world.fresh_key();
    let posts = (0..50).map(|_| world.post_with_key(&token, "/v1/vouchers", &key, fridge()));
    let answers = futures_util::future::join_all(posts).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(world.balances(book).await["held"], 200_000);
}

#[actix_web::test]
async fn a_hundred_vouchers_worth_of_money_is_a_hundred_vouchers() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    let book = world.book("310000", "appliance", 2024, 100 * 2_000).await;
    let tokens: Vec<String> = (0..300).map(|_| world.person_token(world.person(35))).collect();
    let claims = tokens.iter().map(async |token| {
        let key = world.fresh_key();
        loop {
            let answer = world.post_with_key(token, "/v1/vouchers", &key, fridge()).await;
            // While the last money is in flight the gate says "come again", and one comes again.
            if answer.status != 503 {
                return answer;
            }
        }
    });
    // As many at once as a load balancer lets through; the others wait for their turn.
    let answers: Vec<Answer> =
        futures_util::stream::iter(claims).buffer_unordered(64).collect().await;
    let granted = answers.iter().filter(|answer| answer.status == 201).count();
    let sold_out = answers.iter().filter(|answer| answer.code() == "BUDGET_EXHAUSTED").count();
    assert_eq!((granted, sold_out), (100, 200));
    assert_eq!(world.balances(book).await["available"], 0);
}

#[actix_web::test]
async fn sold_out_is_told_to_everybody_but_those_who_have_their_answer() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.publish(&[SHANGHAI]).await;
    world.book("310000", "appliance", 2024, 2_000).await;
    let (first, second) = (world.person(35), world.person(35));
    let (winner, late) = (world.person_token(first), world.person_token(second));
    let nobody = "not-a-token";
    world.post(nobody, "/v1/vouchers", fridge()).await.refused(401, "TOKEN_INVALID");

    let key = world.fresh_key();
    let won = world.post_with_key(&winner, "/v1/vouchers", &key, fridge()).await.expect(201);
    world.post(&late, "/v1/vouchers", fridge()).await.refused(422, "BUDGET_EXHAUSTED");
    // From now on nobody's token is looked at, and nobody's key but that of an answer is known.
    world.post(nobody, "/v1/vouchers", fridge()).await.refused(422, "BUDGET_EXHAUSTED");
    let same_key = world.post_with_key(&late, "/v1/vouchers", &key, fridge()).await;
    same_key.refused(422, "BUDGET_EXHAUSTED");
    let again = world.post_with_key(&winner, "/v1/vouchers", &key, fridge()).await.expect(201);
    assert!(again.replayed && again.text == won.text, "{}", again.text);
    // The winner's name alone opens nothing: the token is verified as ever.
    let (head, signature) = winner.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let stolen = world.post_with_key(&forged, "/v1/vouchers", &key, fridge()).await;
    stolen.refused(401, "TOKEN_INVALID");

    let id = won.body["voucher"]["id"].as_str().unwrap();
    world.post(&winner, &format!("/v1/vouchers/{id}/give-back"), json!({})).await.expect(200);
    world.wiring.gate.reconcile().await;
    world.post(nobody, "/v1/vouchers", fridge()).await.refused(401, "TOKEN_INVALID");
    world.post(&late, "/v1/vouchers", fridge()).await.expect(201);
}

#[actix_web::test]
async fn a_body_that_nobody_may_send_is_still_an_unknown_caller_first() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    world.post("not-a-token", "/v1/vouchers", json!([])).await.refused(401, "TOKEN_INVALID");
    let token = world.person_token(world.person(35));
    world.post(&token, "/v1/vouchers", json!([])).await.refused(400, "BAD_REQUEST");
}
