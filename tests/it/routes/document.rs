//! The OpenAPI document says what the table of routes says, and says it whole.

use crate::support::world::World;
use serde_json::Value;
use std::collections::BTreeSet;
use tradein::routes::openapi::document;
use tradein::routes::{Row, TABLE, Verb};

fn parsed() -> Value {
    serde_json::from_str(&document()).unwrap()
}

fn documented() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| !matches!(row.verb, Verb::Page | Verb::Form))
}

fn operation<'a>(document: &'a Value, row: &Row) -> &'a Value {
    let method = row.verb.method().to_ascii_lowercase();
    let operation = &document["paths"][row.path][&method];
    assert!(operation.is_object(), "{method} {}", row.path);
    operation
}

#[test]
fn the_committed_copy_is_what_the_program_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/openapi.json");
    if std::env::var_os("TRADEIN_UPDATE").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let same = committed == document();
    assert!(same, "run `cargo run -- openapi > config/openapi.json` and look at the difference");
}

#[test]
fn table_and_document_have_the_same_routes() {
    let document = parsed();
    let mut told = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            told.insert((method.to_ascii_uppercase(), path.clone()));
        }
    }
    let table: BTreeSet<(String, String)> =
        documented().map(|row| (row.verb.method().to_owned(), row.path.to_owned())).collect();
    assert_eq!(told, table);
    assert_eq!(documented().count(), table.len(), "a route stands once");
}

#[test]
fn every_operation_is_told_whole() {
    let document = parsed();
    let mut ids = BTreeSet::new();
    for row in documented() {
        let operation = operation(&document, row);
        let what = format!("{} {}: {operation:#}", row.verb.method(), row.path);
        assert!(operation["summary"].as_str().is_some_and(|s| s.len() > 8), "{what}");
        assert!(ids.insert(operation["operationId"].to_string()), "twice: {what}");
        assert_eq!(operation["security"].is_array(), row.roles.is_some(), "{what}");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let has = |name: &str, place: &str| {
            parameters.iter().any(|it| it["name"] == name && it["in"] == place)
        };
        for part in row.path.split('/').filter_map(|part| part.strip_prefix('{')) {
            assert!(has(part.trim_end_matches('}'), "path"), "{what}");
        }
        let takes_key = matches!(row.verb, Verb::Change | Verb::AskOrChange);
        assert_eq!(has("Idempotency-Key", "header"), takes_key, "{what}");
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body.is_object(), row.verb.method() == "POST", "{what}");
        has_its_problems(row, operation);
    }
}

fn has_its_problems(row: &Row, operation: &Value) {
    let responses = operation["responses"].as_object().unwrap();
    let what = format!("{} {}: {responses:?}", row.verb.method(), row.path);
    assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
    let mut wanted = Vec::new();
    if row.roles.is_some() {
        wanted.extend(["401", "403", "503"]);
    }
    if row.verb.method() == "POST" {
        wanted.extend(["400", "413"]);
    }
    if row.path.contains('{') {
        wanted.push("404");
    }
    if row.verb == Verb::Change {
        wanted.push("422");
    }
    for status in wanted {
        assert!(responses.contains_key(status), "no {status}: {what}");
    }
    let problems = responses.iter().filter(|(status, _)| status.as_str() >= "400");
    for (status, response) in problems.filter(|_| row.path != "/readyz") {
        let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/ProblemBody", "{status}: {what}");
        assert!(!response["description"].as_str().unwrap().is_empty(), "{status}: {what}");
    }
}

#[test]
fn no_reference_leads_nowhere_and_nothing_is_unused() {
    let document = parsed();
    let mut referenced = BTreeSet::new();
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => {
                referenced.extend(object.get("$ref").and_then(Value::as_str));
                waiting.extend(object.values());
            }
            Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
    for reference in &referenced {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let reference = format!("#/components/schemas/{name}");
        assert!(referenced.contains(reference.as_str()), "{name} is used by nobody");
    }
    for field in ["title", "version", "description"] {
        assert!(!document["info"][field].as_str().unwrap().is_empty(), "{field}");
    }
    assert_eq!(document["openapi"], "3.1.0");
}

#[actix_web::test]
async fn document_and_page_are_served_from_the_program() {
    let world = World::at("2024-10-01T12:00:00+08:00");
    let served = World::sent(world.request("GET", "/openapi.json")).await.expect(200);
    assert_eq!(served.text, document());
    for path in ["/docs/", "/docs"] {
        let page = World::sent(world.request("GET", path)).await.expect(200);
        assert!(page.text.contains("swagger-ui"), "{}", page.text);
    }
    let script = World::sent(world.request("GET", "/docs/swagger-initializer.js")).await;
    assert!(script.expect(200).text.contains("/openapi.json"));
    let none = World::sent(world.request("GET", "/docs/../Cargo.toml")).await;
    none.refused(404, "NOT_FOUND");
}
