//! Invariant 10 over a whole run of the real program: people are registered, claim, hand in, buy
//! and are refused, and their identities are sent where they do not belong. Then everything that
//! the run left outside the vault is searched.

use super::process::{Process, deployment};
use super::sales::NOW;
use crate::support::privacy::{redis_text, search, search_text};
use crate::support::world::{Answer, World};
use crate::support::{TestDb, TestRedis};
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use std::fmt::Write;
use tradein::identity::model::PersonId;
use tradein::identity::role::Role;
use tradein::kernel::identifier::{IdNumber, Identifier, Mobile};

/// Told apart from every other text of a run, unlike common names.
const NAMES: [&str; 4] = ["欧阳望舒", "司马思齐", "诸葛秀英", "慕容建国"];

struct Somebody {
    id: PersonId,
    number: String,
    name: String,
    mobile: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_whole_run_tells_who_anybody_is() {
    let (world, process) = deployment(TestDb::new(), TestRedis::new(), NOW);
    let mut told = String::new();
    let people = live(&world, &mut told).await;
    let needles: Vec<&str> =
        people.iter().flat_map(|who| [&who.number, &who.name, &who.mobile]).map(|s| &**s).collect();

    assert_eq!(search(&world.db, &needles), []);
    for answer in told.lines() {
        assert_eq!(search_text(answer, &needles), [], "{answer}");
    }
    let log = process.log_text();
    assert!(log.contains("\"route\":\"/v1/people\"") && log.contains("/v1/old-items"), "{log}");
    assert_eq!(search_text(&log, &needles), [], "the log");
    assert_eq!(search_text(&process.metrics(), &needles), [], "metrics");
    let kept = redis_text(&world.redis);
    assert!(kept.contains(":q:") && kept.contains("{t"), "the gate's keys are searched: {kept}");
    assert_eq!(search_text(&kept, &needles), [], "Redis");

    found_where_it_was_put(&world, &process, &needles);
}

/// The negative control: the same searches find what is put there on purpose.
fn found_where_it_was_put(world: &World, process: &Process, needles: &[&str]) {
    for (n, command) in [
        ("SET", vec!["leak", needles[0]]),
        ("HSET", vec!["a hash", needles[1], "1"]),
        ("ZADD", vec!["a set by score", "1", needles[2]]),
        ("SADD", vec!["a set", needles[3]]),
        ("RPUSH", vec!["a list", needles[4]]),
        ("SET", vec![needles[5], "a key"]),
    ]
    .iter()
    .enumerate()
    {
        let (name, arguments) = command;
        redis::cmd(name).arg(arguments).exec(&mut world.redis.connect()).expect(name);
        let found = search_text(&redis_text(&world.redis), needles);
        assert!(found.contains(&(n, "text")), "{name}: {found:?}");
    }
    let leak = format!("CREATE TABLE leak AS SELECT convert_to('{}', 'UTF8') AS x", needles[1]);
    world.db.owner().batch_execute(&leak).expect("a table");
    assert_eq!(search(&world.db, needles).len(), 1);
    world.db.owner().batch_execute("DROP TABLE leak").expect("it was made");
    let mut log = std::fs::read(process.log()).expect("a log");
    log.extend_from_slice(needles[2].as_bytes());
    std::fs::write(process.log(), log).expect("our own file");
    assert_eq!(search_text(&process.log_text(), needles), [(2, "text")]);
}

/// Everything that people do, and everything wrong that is done with them. The answers that must
/// not tell are written down.
async fn live(world: &World, told: &mut String) -> Vec<Somebody> {
    world.publish(&["shanghai-appliance-2024"]).await;
    world.load_goods().await;
    world.book("310000", "appliance", 2024, 100_000).await;
    let till = world.retailer().await;
    let provider = world.organisation("real_name_provider", &[]).await;
    let provider = world.organisation_token(Role::RealNameProvider, provider);
    let recycler = world.organisation("recycler", &["appliance"]).await;
    let recycler = world.organisation_token(Role::Recycler, recycler);
    let mut people = Vec::new();
    for (n, name) in NAMES.iter().enumerate() {
        let who = registered(world, &provider, 700_000 + n as u64, name, told).await;
        let (_, code) = world.claimed(who.id, "310000", "appliance.refrigerator").await;
        let mut note = |answer: Answer| writeln!(told, "{}", answer.text).expect("a string");
        let token = world.person_token(who.id);
        let again = json!({"region": "310000", "class": "appliance.refrigerator",
            "channel": "offline", "location": "310000"});
        note(world.post(&token, "/v1/vouchers", again).await.refused(422, "QUOTA_EXHAUSTED"));
        let item = json!({"region": "310000", "class": "appliance.refrigerator",
            "handed_over_on": "2024-10-01", "owner": who.id.to_string(),
            "identifiers": {"serial": format!("OLD-{n}")}, "photos": []});
        let item = world.post(&recycler, "/v1/old-items", item).await.expect(201);
        let id = item.body["old_item"]["id"].as_str().expect("an id").to_owned();
        note(item);
        let verify = format!("/v1/old-items/{id}/verify");
        note(world.post(&recycler, &verify, json!({})).await.expect(200));
        for gtin in ["6908800000036", "6908800000012"] {
            let purchase = json!({"voucher_code": code, "order_no": format!("order-{n}"),
                "price_fen": 899_900, "channel": "offline", "delivery_region": "310000",
                "capture": true, "item": {"gtin": gtin, "serial": format!("NEW-{n}")}});
            note(world.post(&till, "/v1/redemptions", purchase).await);
        }
        let tokens = [&till, &provider, &recycler, &token];
        misplace(world, &who, tokens, note).await;
        people.push(who);
    }
    assert_eq!(told.matches("\"captured\"").count(), NAMES.len(), "{told}");
    people
}

async fn registered(
    world: &World,
    provider: &str,
    index: u64,
    name: &str,
    told: &mut String,
) -> Somebody {
    let number = IdNumber::synthetic(index).reveal().to_owned();
    let mobile = Mobile::synthetic(index).reveal().to_owned();
    let body = json!({"document": "resident_card", "id_number": number, "name": name,
        "mobile": mobile, "consent": {"text": "310000/2026-01", "purposes": ["identity"]}});
    let made = world.post(provider, "/v1/people", body.clone()).await.expect(201);
    let again = world.post(provider, "/v1/people", body).await.expect(200);
    let id = made.body["person"]["id"].as_str().expect("an id").parse().expect("an id");
    writeln!(told, "{}\n{}", made.text, again.text).expect("a string takes every text");
    let seen = world.get(&world.person_token(id), "/v1/people/me").await.expect(200);
    writeln!(told, "{}", seen.text).expect("a string takes every text");
    Somebody { id, number, name: name.to_owned(), mobile }
}

/// Sends an identity to every route in every wrong place: fields, names of fields, paths, keys.
async fn misplace(
    world: &World,
    who: &Somebody,
    tokens: [&String; 4],
    mut note: impl FnMut(Answer),
) {
    let Somebody { number, name, mobile, .. } = who;
    let mut bodies: Vec<Value> = vec![
        json!({"region": number, "class": name, "channel": mobile, "location": name}),
        json!({"voucher_code": number, "order_no": name, "price_fen": mobile}),
        json!({"voucher_code": mobile, "order_no": "x", "price_fen": 1, "channel": name,
            "delivery_region": number, "item": {"gtin": mobile, "serial": number}}),
        json!({"document": name, "id_number": name, "name": number, "mobile": number}),
        json!({"region": "310000", "class": "appliance.refrigerator", "owner": number,
            "handed_over_on": mobile, "identifiers": {"serial": 5}, "photos": [name]}),
        json!({"code": number, "person": mobile, "case": name, "reason": number, "text": name}),
        json!(number),
        json!([name, mobile]),
    ];
    let mut unknown = serde_json::Map::new();
    for word in [number, name, mobile] {
        unknown.insert(word.clone(), json!(word));
    }
    bodies.push(Value::Object(unknown));
    let id = mobile.as_str();
    let paths = [
        "/v1/people".to_owned(),
        "/v1/people/lookup".to_owned(),
        "/v1/vouchers".to_owned(),
        "/v1/vouchers/lookup".to_owned(),
        "/v1/quotes".to_owned(),
        "/v1/redemptions".to_owned(),
        "/v1/old-items".to_owned(),
        "/v1/organisations".to_owned(),
        "/v1/programmes".to_owned(),
        format!("/v1/redemptions/{id}/capture"),
        format!("/v1/vouchers/{number}/give-back"),
        format!("/v1/{number}"),
    ];
    for (n, path) in paths.iter().enumerate() {
        for (m, body) in bodies.iter().enumerate() {
            let token = tokens[(n + m) % tokens.len()];
            let key = if m % 2 == 0 { number.clone() } else { world.fresh_key() };
            note(world.post_with_key(token, path, &key, body.clone()).await);
        }
    }
    for token in [number, mobile] {
        note(world.get(token, "/v1/people/me").await.expect(401));
        note(world.get(tokens[3], &format!("/v1/vouchers/{token}")).await.expect(404));
    }
}
