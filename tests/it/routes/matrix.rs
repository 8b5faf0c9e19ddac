//! Who is let in where: every route without a token, with a bad one, with every role, outside an
//! official's scope, and on somebody else's object.

use super::stage::{OWNER, STRANGER, Stage};
use crate::support::world::Answer;
use tradein::identity::role::Role;
use tradein::routes::{Row, TABLE, Verb};

fn guarded() -> impl Iterator<Item = (&'static Row, Vec<Role>)> {
    TABLE.iter().filter_map(|row| row.roles.map(|roles| (row, roles())))
}

fn row(method: &str, path: &str) -> &'static Row {
    let found = TABLE.iter().find(|row| row.path == path && row.verb.method() == method);
    found.unwrap_or_else(|| panic!("no {method} {path}"))
}

/// A problem in its one form.
#[track_caller]
fn is_problem(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{what}: {}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(answer.body["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    assert!(!answer.body["detail"].as_str().unwrap().is_empty(), "{what}");
}

#[actix_web::test]
async fn every_route_wants_a_token_that_is_good() {
    let stage = Stage::new().await;
    let before = stage.world.balances(stage.book).await;
    for (row, _) in guarded() {
        let path = stage.path(row);
        let none = stage.call(row, &path, None).await;
        is_problem(&none, 401, "TOKEN_MISSING", &path);
        assert_eq!(none.headers["www-authenticate"], "Bearer", "{path}");
        for garbage in ["garbage", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
            let bad = stage.call(row, &path, Some(garbage)).await;
            is_problem(&bad, 401, "TOKEN_INVALID", &path);
            let challenge = &bad.headers["www-authenticate"];
            assert_eq!(challenge, "Bearer error=\"invalid_token\"", "{path}");
        }
    }
    assert_eq!(stage.world.balances(stage.book).await, before);
}

#[actix_web::test]
async fn every_route_lets_in_its_roles_and_no_other() {
    let stage = Stage::new().await;
    let mut tried = 0;
    for (row, roles) in guarded() {
        let path = stage.path(row);
        for role in Role::ALL.into_iter().filter(|role| !roles.contains(role)) {
            let answer = stage.call(row, &path, Some(&stage.token(role, OWNER))).await;
            is_problem(&answer, 403, "WRONG_ROLE", &format!("{role} {path}"));
            tried += 1;
        }
    }
    // Those that are let in come last, in the order of the table: what they do is real.
    for (row, roles) in guarded() {
        let path = stage.path(row);
        for role in roles {
            let answer = stage.call(row, &path, Some(&stage.token(role, STRANGER))).await;
            let in_or_elsewhere = answer.status < 300 || [404, 409, 422].contains(&answer.status);
            assert!(in_or_elsewhere, "{role} {path}: {}", answer.text);
            tried += 1;
        }
    }
    assert_eq!(tried, guarded().count() * Role::ALL.len());
}

#[actix_web::test]
async fn what_lies_outside_an_officials_scope_is_not_there() {
    let stage = Stage::new().await;
    let mut tried = 0;
    for (row, roles) in guarded() {
        let path = stage.path(row);
        // A list shows what lies within, and so nothing.
        let is_list = row.verb == Verb::See && !row.path.contains('{');
        for role in roles.into_iter().filter(|role| role.is_official()) {
            let mut scopes = vec!["650000/*", "320500/appliance"];
            if row.path.starts_with("/v1/books") || row.path == "/v1/programmes" {
                scopes.push("310000/digital");
            }
            for scope in scopes {
                let token = stage.world.official_token(role, scope, "two");
                let answer = stage.call(row, &path, Some(&token)).await;
                let what = format!("{role} of {scope} {} {path}", row.verb.method());
                if is_list {
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
                    let shown = answer.body["data"].to_string();
                    assert!(!shown.contains("310000"), "{what}: {shown}");
                } else {
                    is_problem(&answer, 404, "NOT_FOUND", &what);
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried} were tried");
}

/// The routes on one object that has an owner, the owner's role, and what the owner hears.
const OWNED: [(&str, &str, Role, u16); 17] = [
    ("GET", "/v1/vouchers/{id}", Role::Person, 200),
    ("GET", "/v1/vouchers/{id}/qr", Role::Person, 200),
    ("POST", "/v1/vouchers/{id}/give-back", Role::Person, 409),
    ("GET", "/v1/redemptions/{id}", Role::Retailer, 200),
    ("POST", "/v1/redemptions/{id}/capture", Role::Retailer, 200),
    ("POST", "/v1/redemptions/{id}/cancel", Role::Retailer, 409),
    ("GET", "/v1/old-items/{id}", Role::Recycler, 200),
    ("POST", "/v1/old-items/{id}/verify", Role::Recycler, 200),
    ("POST", "/v1/old-items/{id}/reject", Role::Recycler, 409),
    ("GET", "/v1/organisations/{id}", Role::Retailer, 200),
    ("GET", "/v1/applications/{id}", Role::Person, 200),
    ("POST", "/v1/applications/{id}/corrections", Role::Person, 409),
    ("GET", "/v1/applications/{id}/documents", Role::Person, 200),
    ("POST", "/v1/applications/{id}/documents", Role::Person, 201),
    ("GET", "/v1/applications/{id}/documents/{document}/file", Role::Person, 409),
    ("PUT", "/v1/applications/{id}/documents/{document}/file", Role::Person, 422),
    ("POST", "/v1/applications/{id}/withdraw", Role::Person, 200),
];

#[actix_web::test]
async fn what_is_somebody_elses_is_not_there() {
    let stage = Stage::new().await;
    let known: Vec<&str> = OWNED.iter().map(|(_, path, ..)| *path).collect();
    let officials = [
        "approvals",
        "status",
        "stores",
        "approve",
        "request-correction",
        "confirm",
        "applications/{id}/reject",
        "top-up",
        "stories/{id}",
        "reviews/{id}",
        "take",
        "hand-back",
        "neighbours",
    ];
    for (row, _) in guarded().filter(|(row, _)| row.path.contains("{id}")) {
        let of_officials = officials.iter().any(|end| row.path.ends_with(end));
        assert!(known.contains(&row.path) || of_officials, "whose is {}?", row.path);
    }
    for (method, path, role, _) in OWNED {
        let row = row(method, path);
        let path = stage.path(row);
        let token = stage.token(role, STRANGER);
        is_problem(&stage.call(row, &path, Some(&token)).await, 404, "NOT_FOUND", &path);
    }
    // A dismantler is let in where a recycler is, and an item is its own recycler's all the same.
    let see = row("GET", "/v1/old-items/{id}");
    let token = stage.token(Role::Dismantler, OWNER);
    let answer = stage.call(see, &stage.path(see), Some(&token)).await;
    is_problem(&answer, 404, "NOT_FOUND", "a dismantler");
    // What the owner hears shows that it was the owner that made the difference.
    for (method, path, role, status) in OWNED {
        let row = row(method, path);
        let token = stage.token(role, OWNER);
        let answer = stage.call(row, &stage.path(row), Some(&token)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

const READINGS: [&str; 4] = ["/entries", "/sums", "/burn-down", "/refusals"];

#[actix_web::test]
async fn an_id_of_another_book_kind_or_form_names_nothing() {
    let stage = Stage::new().await;
    let ids = [
        &stage.voucher,
        &stage.redemption,
        &stage.old_item,
        &stage.appropriation,
        &stage.application,
    ];
    for (row, roles) in guarded().filter(|(row, _)| row.path.contains("{id}")) {
        let right = stage.path(row);
        let own = right.split('/').find(|part| part.contains('_')).unwrap().to_owned();
        let (kind, digits) = (&own[..3], own.rsplit('_').next().unwrap());
        let mut wrong: Vec<String> = vec![
            format!("{kind}_{}_{digits}", stage.other_book),
            format!("{kind}_0_{}", "0".repeat(32)),
            format!("{kind}_999_{digits}"),
            format!("{kind}_-1_{digits}"),
            format!("{kind}_99999999999_{digits}"),
            format!("{own}0"),
            digits.to_owned(),
            own.to_uppercase(),
            "%00".to_owned(),
            "x".repeat(500),
        ];
        // A story is told of every kind of thing.
        if !row.path.ends_with("/stories/{id}") {
            wrong.extend(ids.iter().filter(|id| !id.starts_with(kind)).map(|id| (*id).clone()));
        }
        let bound = wrong.iter().filter(|id| **id != own);
        for id in bound {
            let path = right.replace(&own, id);
            for role in &roles {
                let answer = stage.call(row, &path, Some(&stage.token(*role, OWNER))).await;
                is_problem(&answer, 404, "NOT_FOUND", &format!("{role} {path}"));
            }
        }
    }
    for (row, roles) in guarded().filter(|(row, _)| row.path.contains("{book}")) {
        // Who audits the whole nation reads the register book like any other.
        let register = (!READINGS.iter().any(|end| row.path.ends_with(end))).then_some("0");
        for book in register.into_iter().chain(["999", "-1", "99999999999", "x", "1.0", "%31%00"]) {
            let right = stage.path(row);
            let path = right.replace(&format!("/books/{}", stage.book), &format!("/books/{book}"));
            for role in &roles {
                let answer = stage.call(row, &path, Some(&stage.token(*role, OWNER))).await;
                is_problem(&answer, 404, "NOT_FOUND", &format!("{role} {path}"));
            }
        }
    }
}

#[actix_web::test]
async fn an_unknown_path_and_a_wrong_method_are_problems() {
    let stage = Stage::new().await;
    let token = stage.token(Role::Person, OWNER);
    for path in ["/", "/v1", "/v1/", "/v2/vouchers", "/v1/vouchers/", "/v1//vouchers", "/%"] {
        let answer = stage.world.get(&token, path).await;
        is_problem(&answer, 404, "NOT_FOUND", path);
    }
    for row in TABLE {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
            if TABLE.iter().any(|it| it.path == row.path && it.verb.method() == method) {
                continue;
            }
            let path = stage.path(row);
            let request = stage.world.request(method, &path).bearer_auth(&token);
            let answer = crate::support::world::World::sent(request).await;
            is_problem(&answer, 404, "NOT_FOUND", &format!("{method} {path}"));
        }
    }
}
