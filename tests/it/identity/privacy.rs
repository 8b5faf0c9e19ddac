//! Invariant 10 over a whole run: no clear identity outside the vault, in no form.

use super::world::{World, somebody};
use crate::support::{logs, privacy};
use actix_web::http::Method;
use diesel::sql_types::Binary;
use diesel::{RunQueryDsl, sql_query};
use serde_json::json;
use tradein::identity::role::Role;
use tradein::kernel::canonical;

#[actix_web::test]
async fn no_identity_stands_outside_the_vault_or_in_the_log() {
    logs::keep();
    let world = World::new();
    let instance = world.instance();
    let provider = instance.provider(1).await;
    let auditor = world.official(Role::Auditor, "100000/*");
    let people: Vec<_> = (500_000..500_004).map(somebody).collect();
    for somebody in &people {
        let registered = instance.post("/v1/people", &provider, &somebody.body()).await;
        assert_eq!(registered.status, 201, "{}", registered.text);
        instance.post("/v1/people", &provider, &somebody.body()).await;
        let id = registered.id("person");
        let clear = json!({"person": id, "clear": true, "reason": "audit", "case": "SH-2026/1"});
        let looked = instance.post("/v1/people/lookup", &auditor, &clear).await;
        assert!(looked.text.contains(somebody.needles()[0]), "{}", looked.text);
        instance.get("/v1/people/me", &world.person(&id)).await;
        // The same identity where it does not belong: in other fields, roles and places.
        let [number, name, mobile] = somebody.needles();
        let mut wrong = somebody.body();
        wrong["document"] = json!(number);
        wrong[name] = json!(mobile);
        for (path, body) in [
            ("/v1/people", &wrong),
            ("/v1/people/lookup", &json!({"person": number, "case": mobile})),
            ("/v1/organisations", &json!({"name": name, "region": number})),
        ] {
            for token in [&provider, &auditor, &world.admin("310000/*")] {
                instance.post(path, token, body).await;
                let key = number.to_owned();
                instance.call(Method::POST, path, token, &key, Some(body)).await;
            }
        }
    }
    let needles: Vec<&str> = people.iter().flat_map(|somebody| somebody.needles()).collect();
    assert_eq!(privacy::search(&world.db, &needles), []);
    let log = logs::text();
    assert!(log.contains("http.request") && log.contains("/v1/people/lookup"), "{log}");
    assert_eq!(privacy::search_text(&log, &needles), []);
    assert_eq!(world.leaves().len(), 9, "a provider, four registrations, four look-ups");
    // What is stored of a request is not its plain digest, which could be tried out.
    for somebody in &people {
        let body = [b"POST /v1/people\n".to_vec(), canonical::bytes(&somebody.body())].concat();
        let plain = canonical::sha256(&body)[..16].to_vec();
        let query = "SELECT fingerprint FROM answer WHERE fingerprint = $1";
        let found = sql_query(query).bind::<Binary, _>(plain).execute(&mut world.db.app());
        assert_eq!(found, Ok(0));
    }
}
