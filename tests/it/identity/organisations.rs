//! The life of an organisation, and what a till learns of it.

use super::world::{Instance, World, firm};
use actix_web::http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tradein::book::desk::{Ask, Desk};
use tradein::book::model::{Actor, Command, Decision, Fault, Outcome};
use tradein::book::store::Stamp;
use tradein::book::{Envelope, REGISTER, read};
use tradein::identity::model::OrganisationId;
use tradein::identity::organisation::{Standing, Status, find_standing};
use tradein::identity::role::Role;
use uuid::Uuid;

fn approval(region: &str, family: &str, classes: &[&str]) -> Value {
    json!({"region": region, "family": family, "classes": classes,
        "from": "2026-01-01", "to": "2026-12-31"})
}

fn standing(world: &World, id: &str) -> Standing {
    let id: OrganisationId = id.parse().unwrap();
    find_standing(&mut world.db.app(), id).unwrap().unwrap()
}

#[actix_web::test]
async fn an_organisation_lives_along_its_graph() {
    let world = World::new();
    let instance = world.instance();
    let admin = world.admin("310000/*");
    let mut body = firm("retailer", 1);
    body["stores"] = json!([{"name": "南京东路店", "region": "310101"}]);
    let new = instance.post("/v1/organisations", &admin, &body).await;
    assert_eq!(new.status, 201, "{}", new.text);
    assert_eq!(new.body["stores"].as_array().unwrap().len(), 1);
    let id = new.id("organisation");
    let twice = instance.post("/v1/organisations", &admin, &firm("retailer", 1)).await;
    assert_eq!((twice.status, twice.code()), (409, "ORGANISATION_EXISTS"));
    // The same firm in another part is another organisation.
    let recycler = instance.post("/v1/organisations", &admin, &firm("recycler", 1)).await;
    assert_eq!(recycler.status, 201);

    let path = format!("/v1/organisations/{id}");
    let stores = json!({"stores": [{"name": "徐家汇店", "region": "310104"}]});
    let added = instance.post(&format!("{path}/stores"), &admin, &stores).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let approve = format!("{path}/approvals");
    let body = approval("310000", "appliance", &["appliance.tv"]);
    let approved = instance.post(&approve, &admin, &body).await;
    assert_eq!(approved.status, 201, "{}", approved.text);
    assert!(approved.id("approval").starts_with("apv_0_"));
    for (to, status) in [
        ("active", 409),
        ("suspended", 200),
        ("suspended", 409),
        ("active", 200),
        ("removed", 200),
        ("active", 409),
    ] {
        let path = format!("{path}/status");
        let answer = instance.post(&path, &admin, &json!({"status": to})).await;
        assert_eq!(answer.status, status, "{to}: {}", answer.text);
    }
    for (path, body) in [(format!("{path}/stores"), &stores), (approve, &body)] {
        let answer = instance.post(&path, &admin, body).await;
        assert_eq!((answer.status, answer.code()), (409, "ORGANISATION_STATUS"));
    }
    let seen = instance.get(&path, &admin).await;
    assert_eq!(seen.body["organisation"]["status"], "removed");
    assert_eq!(seen.body["stores"].as_array().unwrap().len(), 2);
    assert_eq!(seen.body["approvals"][0]["to"], "2026-12-31");
    for (kind, count) in [
        ("organisation.registered", 2),
        ("organisation.approved", 1),
        ("organisation.status_changed", 3),
        ("store.added", 2),
    ] {
        assert_eq!(world.count(kind), count, "{kind}");
    }
}

#[actix_web::test]
async fn the_first_of_two_who_register_a_firm_at_once_has_it() {
    let world = World::new();
    let (here, there) = (world.instance(), world.instance());
    let admin = world.admin("310000/*");
    for index in 0..10 {
        let body = firm("dismantler", index);
        let (a, b, c) = futures_util::join!(
            here.post("/v1/organisations", &admin, &body),
            there.post("/v1/organisations", &admin, &body),
            there.post("/v1/organisations", &admin, &body),
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409], "{} {} {}", a.text, b.text, c.text);
    }
}

#[actix_web::test]
async fn an_admin_governs_his_own_region_and_family() {
    let world = World::new();
    let instance = world.instance();
    let id = instance.organisation("retailer", 1).await;
    let path = format!("/v1/organisations/{id}");
    let (approve, status) = (format!("{path}/approvals"), format!("{path}/status"));
    let stores = format!("{path}/stores");
    let suzhou = approval("320500", "appliance", &[]);
    let store = json!({"stores": [{"name": "观前街店", "region": "320508"}]});
    let suspend = json!({"status": "suspended"});
    let new = firm("retailer", 2);
    for (scope, path, body, expected) in [
        ("310000/appliance", "/v1/organisations", &new, 404),
        ("320000/*", "/v1/organisations", &new, 404),
        ("320000/*", status.as_str(), &suspend, 404),
        ("310000/appliance", &status, &suspend, 404),
        // A firm of Shanghai takes part in Suzhou by leave of Suzhou.
        ("310000/*", &approve, &suzhou, 404),
        ("320500/car", &approve, &suzhou, 404),
        ("320500/appliance", &approve, &suzhou, 201),
        ("310000/*", &stores, &store, 404),
        ("320500/*", &stores, &store, 201),
    ] {
        let answer = instance.post(path, &world.admin(scope), body).await;
        assert_eq!(answer.status, expected, "{scope} {path}: {}", answer.text);
    }
    let nobody = OrganisationId::from(Uuid::now_v7()).to_string();
    for path in ["approvals", "status", "stores"] {
        let body = [("approvals", &suzhou), ("status", &suspend), ("stores", &store)];
        let body = body.iter().find(|(name, _)| *name == path).unwrap().1;
        for id in [nobody.as_str(), "per_0_1", "x"] {
            let path = format!("/v1/organisations/{id}/{path}");
            let answer = instance.post(&path, &world.admin("100000/*"), body).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            let finance = world.official(Role::Finance, "100000/*");
            assert_eq!(instance.post(&path, &finance, body).await.status, 403);
            assert_eq!(instance.post(&path, "none", body).await.status, 401);
        }
    }
}

#[actix_web::test]
async fn officials_of_the_place_and_the_organisation_itself_may_read_it() {
    let world = World::new();
    let instance = world.instance();
    let id = instance.organisation("retailer", 1).await;
    let other = instance.organisation("recycler", 2).await;
    let admin = world.admin("320500/*");
    let path = format!("/v1/organisations/{id}");
    let body = approval("320500", "ebike", &[]);
    instance.post(&format!("{path}/approvals"), &admin, &body).await;
    let person = tradein::identity::model::PersonId::from(Uuid::nil()).to_string();
    for (token, status) in [
        (world.official(Role::Auditor, "310000/car"), 200),
        (world.official(Role::Finance, "310104/*"), 200),
        (admin.clone(), 200),
        (world.official(Role::Auditor, "110000/*"), 404),
        (world.member(Role::Retailer, &id), 200),
        (world.member(Role::Recycler, &other), 404),
        (world.person(&person), 403),
    ] {
        assert_eq!(instance.get(&path, &token).await.status, status);
    }
    let listed = |scope: &str| {
        let token = world.official(Role::Auditor, scope);
        let instance = &instance;
        async move { instance.get("/v1/organisations", &token).await }
    };
    for (scope, count) in [("310000/*", 2), ("320500/*", 1), ("110000/*", 0)] {
        let page = listed(scope).await;
        assert_eq!(page.body["data"].as_array().unwrap().len(), count, "{}", page.text);
    }
    assert_eq!(instance.get("/v1/organisations", &world.person(&person)).await.status, 403);
}

#[actix_web::test]
async fn a_list_comes_in_pages_that_lose_nobody() {
    let world = World::new();
    let instance = world.instance();
    let mut all = Vec::new();
    for index in 0..7 {
        all.push(instance.organisation("retailer", index).await);
    }
    let auditor = world.official(Role::Auditor, "310000/*");
    for limit in [1, 3, 7, 200] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/organisations?limit={limit}{cursor}");
            let page = instance.get(&path, &auditor).await;
            let data = page.body["data"].as_array().unwrap().clone();
            assert!(data.len() <= limit, "{}", page.text);
            seen.extend(data.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, all, "pages of {limit}");
    }
    for bad in ["cursor=x", "limit=x", "page=2"] {
        let answer = instance.get(&format!("/v1/organisations?{bad}"), &auditor).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[actix_web::test]
async fn a_bad_body_is_refused_by_its_field() {
    let world = World::new();
    let instance = world.instance();
    let admin = world.admin("100000/*");
    let id = instance.organisation("retailer", 1).await;
    let register = "/v1/organisations".to_owned();
    let approve = format!("/v1/organisations/{id}/approvals");
    let stores = format!("/v1/organisations/{id}/stores");
    let many = vec![json!({"name": "店", "region": "310000"}); 201];
    for (path, body, field, value) in [
        (&register, firm("retailer", 2), "uscc", json!("91330100716105852G")),
        (&register, firm("retailer", 2), "kind", json!("bank")),
        (&register, firm("retailer", 2), "name", json!("")),
        (&register, firm("retailer", 2), "status", json!("active")),
        (&register, firm("retailer", 2), "stores", json!(many)),
        (&approve, approval("310000", "appliance", &[]), "family", json!("appliance.tv")),
        (&approve, approval("310000", "appliance", &[]), "classes", json!(["car.scrap"])),
        (&approve, approval("310000", "appliance", &[]), "to", json!("2025-12-31")),
        (&approve, approval("310000", "appliance", &[]), "from", json!("2026-02-30")),
        (&stores, json!({}), "stores", json!([])),
        (&stores, json!({}), "stores", json!(many)),
    ] {
        let mut body = body;
        body[field] = value;
        let answer = instance.post(path, &admin, &body).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{}", answer.text);
    }
    assert_eq!(standing(&world, &id).covers, []);
}

#[actix_web::test]
async fn an_approval_covers_what_it_says() {
    let world = World::new();
    let instance = world.instance();
    let id = instance.organisation("retailer", 1).await;
    let day = |text: &str| text.parse().unwrap();
    let may = |region: &str, class: &str, on: &str| {
        let (region, class) = (region.parse().unwrap(), class.parse().unwrap());
        standing(&world, &id).may_act(&class, region, day(on)).map_err(|no| no.code.to_string())
    };
    let no = Err("NOT_APPROVED".to_owned());
    assert_eq!(may("310000", "appliance.tv", "2026-05-01"), no);
    let path = format!("/v1/organisations/{id}/approvals");
    let admin = world.admin("100000/*");
    for body in [
        approval("310000", "appliance", &["appliance.tv", "appliance.washer"]),
        json!({"region": "320500", "family": "digital", "from": "2026-06-01"}),
    ] {
        assert_eq!(instance.post(&path, &admin, &body).await.status, 201);
    }
    for (region, class, on, approved) in [
        ("310000", "appliance.tv", "2026-01-01", true),
        ("310104", "appliance.washer", "2026-12-31", true),
        ("310000", "appliance.tv", "2027-01-01", false),
        ("310000", "appliance.heater", "2026-05-01", false),
        ("320500", "appliance.tv", "2026-05-01", false),
        ("320500", "digital.phone", "2026-05-31", false),
        ("320500", "digital.phone", "2036-05-31", true),
    ] {
        let expected = if approved { Ok(()) } else { no.clone() };
        assert_eq!(may(region, class, on), expected, "{region} {class} {on}");
    }
    let unknown = OrganisationId::from(Uuid::now_v7());
    assert!(find_standing(&mut world.db.app(), unknown).unwrap().is_none());
}

/// What a till's command does with a screening that read the organisation.
struct Sale {
    stamp: Stamp,
}

impl Command for Sale {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Stamp>(self.stamp.name.clone());
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        match desk.get::<Stamp>(&self.stamp.name)? == Some(&self.stamp) {
            true => {
                let body = json!({});
                Ok(Decision::Done(Outcome { status: 200, body, ..Outcome::default() }))
            }
            false => Ok(Decision::Stale),
        }
    }
}

fn sale(stamp: Stamp) -> Envelope {
    Envelope {
        actor: Actor::System,
        key: None,
        fingerprint: [0; 16],
        language: Default::default(),
        request_id: String::new(),
        command: Arc::new(Sale { stamp }),
    }
}

/// Screens, lets `change` happen once behind its back, and submits: the statuses that were seen.
async fn seen_by_a_till(
    instance: &Instance<'_>,
    id: &str,
    change: impl AsyncFn(),
) -> Vec<(Status, usize)> {
    let id: OrganisationId = id.parse().unwrap();
    let (rounds, seen) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let done = instance
        .books
        .answer_screened(REGISTER, |_| async {
            let standing = read(&instance.pool, move |c| find_standing(c, id)).await?;
            let standing = standing.unwrap();
            seen.lock().unwrap().push((standing.status, standing.covers.len()));
            if rounds.fetch_add(1, Ordering::Relaxed) == 0 {
                change().await;
            }
            Ok(sale(standing.stamp))
        })
        .await;
    assert_eq!(done.unwrap().status, 200);
    seen.into_inner().unwrap()
}

#[actix_web::test]
async fn every_change_makes_a_screening_stale() {
    let world = World::new();
    let instance = world.instance();
    let id = instance.organisation("retailer", 1).await;
    let other = instance.organisation("retailer", 2).await;
    let admin = world.admin("100000/*");
    let active = (Status::Active, 0);
    assert_eq!(seen_by_a_till(&instance, &id, async || {}).await, [active]);
    let change = async |id: &str, what: &str, body: Value| {
        let path = format!("/v1/organisations/{id}/{what}");
        let answer = instance.post(&path, &admin, &body).await;
        assert!(answer.status < 300, "{}", answer.text);
    };
    let suspended = json!({"status": "suspended"});
    let seen = seen_by_a_till(&instance, &id, async || {
        change(&id, "status", suspended.clone()).await;
    });
    assert_eq!(seen.await, [active, (Status::Suspended, 0)]);
    let seen = seen_by_a_till(&instance, &id, async || {
        change(&id, "approvals", approval("310000", "appliance", &[])).await;
    });
    assert_eq!(seen.await, [(Status::Suspended, 0), (Status::Suspended, 1)]);
    let now = (Status::Suspended, 1);
    let seen = seen_by_a_till(&instance, &id, async || {
        let stores = json!({"stores": [{"name": "店", "region": "310101"}]});
        change(&id, "stores", stores).await;
    });
    assert_eq!(seen.await, [now, now]);
    // A change of another organisation, and one that is refused, leave it as it was.
    let seen = seen_by_a_till(&instance, &id, async || {
        change(&other, "status", suspended.clone()).await;
        let path = format!("/v1/organisations/{id}/status");
        let again = instance.call(Method::POST, &path, &admin, "again-and-again", Some(&suspended));
        assert_eq!(again.await.status, 409);
    });
    assert_eq!(seen.await, [now]);
}
