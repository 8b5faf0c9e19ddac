//! Broken requests: each gets a clear 4xx with the field, never a 500, never its value back.

use super::stage::{OWNER, Stage};
use crate::support::world::{Answer, World};
use serde_json::{Value, json};
use tradein::routes::{Row, TABLE, Verb};

/// Something that must come back in no answer.
const SECRET: &str = "310101199003077715";

fn posts() -> impl Iterator<Item = &'static Row> {
    let forms = |row: &&Row| row.verb == Verb::Form;
    TABLE.iter().filter(move |row| row.verb.method() == "POST" && !forms(row))
}

impl Stage {
    async fn raw(&self, row: &Row, key: Option<&str>, body: impl Into<reqwest::Body>) -> Answer {
        let role = row.roles.expect("guarded")()[0];
        let request = self.world.request("POST", &self.path(row));
        let mut request = request.bearer_auth(self.token(role, OWNER)).body(body);
        request = request.header("content-type", "application/json");
        request = request.header("accept-language", "en");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        World::sent(request).await
    }

    async fn told(&self, row: &Row, body: impl Into<reqwest::Body>) -> Answer {
        self.raw(row, Some(&self.world.fresh_key()), body).await
    }
}

#[track_caller]
fn clear(answer: Answer, status: u16, code: &str, row: &Row) -> Answer {
    let what = format!("{}: {}", row.path, answer.text);
    assert_eq!((answer.status, answer.code()), (status, code), "{what}");
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    assert!(!answer.text.contains(SECRET), "{what}");
    answer
}

#[actix_web::test]
async fn a_body_that_is_no_json_object_of_right_size_is_refused() {
    let stage = Stage::new().await;
    for row in posts() {
        let cut = format!("{{\"{SECRET}\":");
        let twice = format!("{{\"{SECRET}\":1,\"{SECRET}\":2}}");
        for bad in ["{", "nonsense", "{\"a\":1}}", &cut, &twice, &"[".repeat(1000), "\u{0}"] {
            clear(stage.told(row, bad.to_owned()).await, 400, "BAD_JSON", row);
        }
        clear(stage.told(row, vec![0xff, 0xfe]).await, 400, "BAD_JSON", row);
        for bad in ["null", "[]", "1", "\"x\""] {
            clear(stage.told(row, bad).await, 400, "BAD_REQUEST", row);
        }
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024));
        clear(stage.told(row, huge).await, 413, "TOO_LARGE", row);
        let takes_nothing = stage.body(row) == json!({});
        if !takes_nothing {
            let empty = stage.told(row, "").await;
            let empty = clear(empty, 400, "BAD_REQUEST", row);
            assert!(empty.body["field"].is_string(), "{}", empty.text);
        }
    }
}

#[actix_web::test]
async fn a_field_that_is_unknown_or_of_a_wrong_type_is_named_and_not_repeated() {
    let stage = Stage::new().await;
    for row in posts() {
        let mut more = stage.body(row);
        more["stranger"] = json!(SECRET);
        let answer = clear(stage.told(row, more.to_string()).await, 400, "BAD_REQUEST", row);
        assert_eq!(answer.body["field"], "stranger", "{}", answer.text);
        let mut more = stage.body(row);
        more[SECRET] = json!(1);
        clear(stage.told(row, more.to_string()).await, 400, "BAD_REQUEST", row);
        let names: Vec<String> = stage.body(row).as_object().unwrap().keys().cloned().collect();
        for name in names {
            for wrong in [json!({SECRET: SECRET}), json!([[SECRET]]), json!(-1.5), json!(true)] {
                let mut body = stage.body(row);
                body[&name] = wrong.clone();
                if body[&name].is_boolean() && stage.body(row)[&name].is_boolean() {
                    continue;
                }
                let answer = stage.told(row, body.to_string()).await;
                let answer = clear(answer, 400, "BAD_REQUEST", row);
                let field = answer.body["field"].as_str().unwrap_or_default();
                let named = field.starts_with(&name) || field == "?";
                assert!(named, "{name} = {wrong}: {}", answer.text);
            }
        }
    }
}

/// Texts that once broke something: nothing here may end in a 5xx or be said back.
#[actix_web::test]
async fn hostile_texts_are_refused_or_taken_but_never_break_anything() {
    let stage = Stage::new().await;
    let long = "9".repeat(60_000);
    let hostile = ["\u{0}", "", " ", "\u{202e}x", "'; DROP TABLE entry; --", &long, SECRET];
    let only = |row: &&Row| row.path != "/v1/books/{book}/state";
    for row in posts().filter(only) {
        for path in texts("", &stage.body(row)) {
            for text in hostile {
                let mut body = stage.body(row);
                *body.pointer_mut(&path).unwrap() = json!(text);
                let answer = stage.told(row, body.to_string()).await;
                let what = format!("{} {path}={text:.20}: {}", row.path, answer.text);
                assert!(answer.status < 500, "{what}");
                let own_name = row.path == "/v1/organisations" || row.path.ends_with("stores");
                assert!(own_name || !answer.text.contains(SECRET), "{what}");
            }
        }
    }
}

/// Where in a body texts stand.
fn texts(at: &str, body: &Value) -> Vec<String> {
    match body {
        Value::String(_) => vec![at.to_owned()],
        Value::Object(object) => {
            object.iter().flat_map(|(name, value)| texts(&format!("{at}/{name}"), value)).collect()
        }
        Value::Array(list) => {
            let indexed = list.iter().enumerate();
            indexed.flat_map(|(n, value)| texts(&format!("{at}/{n}"), value)).collect()
        }
        _ => Vec::new(),
    }
}

#[actix_web::test]
async fn numbers_beyond_their_bounds_are_refused() {
    let stage = Stage::new().await;
    let fields = [
        ("/v1/quotes", "price_fen"),
        ("/v1/redemptions", "price_fen"),
        ("/v1/books/{book}/appropriations", "amount_fen"),
        ("/v1/books", "year"),
    ];
    for (path, field) in fields {
        let row = posts().find(|row| row.path == path).unwrap();
        for number in ["0", "-1", "1.5", "1e3", "9007199254740993", "18446744073709551616", "1e400"]
        {
            let mut body = stage.body(row);
            body[field] = json!("@");
            let text = body.to_string().replace("\"@\"", number);
            let answer = stage.told(row, text).await;
            assert_eq!(answer.status, 400, "{path} {field} = {number}: {}", answer.text);
        }
    }
}

#[actix_web::test]
async fn what_changes_something_takes_one_good_idempotency_key() {
    let stage = Stage::new().await;
    for row in posts() {
        let body = || stage.body(row).to_string();
        if row.verb == Verb::Change {
            let long = "k".repeat(256);
            for key in [None, Some("seven77"), Some(&*long), Some("with space"), Some("")] {
                let answer = stage.raw(row, key, body()).await;
                let answer = clear(answer, 400, "IDEMPOTENCY_KEY_REQUIRED", row);
                assert_eq!(answer.body["field"], "Idempotency-Key");
            }
            let role = row.roles.expect("guarded")()[0];
            let request = stage.world.request("POST", &stage.path(row)).body(body());
            let request = request.bearer_auth(stage.token(role, OWNER));
            let twice = request
                .header("idempotency-key", "the-first-key")
                .header("idempotency-key", "the-other-key");
            clear(World::sent(twice).await, 400, "IDEMPOTENCY_KEY_REQUIRED", row);
        } else {
            let answer = stage.raw(row, None, body()).await;
            assert_ne!(answer.code(), "IDEMPOTENCY_KEY_REQUIRED", "{}", row.path);
        }
    }
}

#[actix_web::test]
async fn a_query_that_does_not_fit_is_refused() {
    let stage = Stage::new().await;
    let lists = TABLE.iter().filter(|row| row.verb == Verb::See && row.roles.is_some());
    for row in lists {
        let path = stage.path(row);
        let with = |query: &str| {
            let sign = if path.contains('?') { '&' } else { '?' };
            format!("{path}{sign}{query}")
        };
        let pages = [
            "/v1/organisations",
            "/v1/redemptions",
            "/v1/applications",
            "/v1/reviews",
            "/v1/books/{book}/entries",
            "/v1/books/{book}/refusals",
        ];
        if !pages.contains(&row.path) {
            continue;
        }
        let token = stage.token(row.roles.unwrap()()[0], OWNER);
        for query in [&*format!("limit={SECRET}"), "limit=-1", "stranger=1", "limit=x"] {
            let answer = stage.world.get(&token, &with(query)).await;
            let answer = clear(answer, 400, "BAD_REQUEST", row);
            assert_eq!(answer.body["field"], "query");
        }
    }
}
