//! Every part against every role, and the ways in which a token may be missing.

use super::*;
use crate::identity::token::{Grant, Mint, TokenSettings};
use crate::kernel::time::Moment;
use actix_web::http::StatusCode;
use actix_web::http::header::WWW_AUTHENTICATE;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse, ResponseError};
use chrono::TimeDelta;
use uuid::Uuid;

struct World {
    mint: Mint,
    verifier: web::Data<Verifier>,
}

impl World {
    fn new() -> World {
        let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
        let settings = TokenSettings::sandbox("tradein", mint.trusted());
        World { verifier: web::Data::new(Verifier::new(settings, true).unwrap()), mint }
    }

    fn token_at(&self, role: Role, now: Moment) -> String {
        let standing = match role {
            Role::Person => Standing::Person(Uuid::from_u128(1).into()),
            _ if role.is_official() => {
                Standing::Official(Scope::new(vec!["310000/appliance".parse().unwrap()]))
            }
            _ => Standing::Organisation { id: Uuid::from_u128(2).into(), store: None },
        };
        let grant = Grant { role, standing, login: "login".into() };
        self.mint.issue(&grant, now, TimeDelta::minutes(5), Uuid::from_u128(3)).unwrap()
    }

    fn token(&self, role: Role) -> String {
        self.token_at(role, Utc::now())
    }

    fn actor(&self, role: Role) -> Arc<Actor> {
        self.verifier.verify(&self.token(role), Utc::now()).unwrap()
    }
}

#[test]
fn each_part_admits_its_roles_and_no_other() {
    fn admits<P: Part>(world: &World) -> Vec<Role> {
        let admitted = |role: &Role| match Acting::<P>::admit(world.actor(*role)) {
            Ok(_) => true,
            Err(problem) => {
                assert_eq!(problem.status_code(), StatusCode::FORBIDDEN);
                false
            }
        };
        let admitted: Vec<Role> = Role::ALL.into_iter().filter(admitted).collect();
        let mut told = P::roles();
        told.sort();
        assert_eq!(admitted, told, "what a part says of itself");
        admitted
    }
    let world = World::new();
    assert_eq!(admits::<Person>(&world), [Role::Person]);
    assert_eq!(admits::<Retailer>(&world), [Role::Retailer]);
    assert_eq!(admits::<Recycler>(&world), [Role::Recycler]);
    assert_eq!(admits::<Dismantler>(&world), [Role::Dismantler]);
    assert_eq!(admits::<RealNameProvider>(&world), [Role::RealNameProvider]);
    assert_eq!(admits::<Reviewer>(&world), [Role::Reviewer]);
    assert_eq!(admits::<Finance>(&world), [Role::Finance]);
    assert_eq!(admits::<ProgrammeAdmin>(&world), [Role::ProgrammeAdmin]);
    assert_eq!(admits::<Auditor>(&world), [Role::Auditor]);
    assert_eq!(admits::<Official>(&world).len(), 4);
    assert_eq!(admits::<Either<Recycler, Dismantler>>(&world), [Role::Recycler, Role::Dismantler]);
    assert_eq!(
        admits::<Either<Person, Either<Retailer, Reviewer>>>(&world),
        [Role::Person, Role::Retailer, Role::Reviewer]
    );
    assert_eq!(admits::<Anyone>(&world), Role::ALL);
}

#[test]
fn an_official_acts_within_its_scope() {
    let world = World::new();
    let acting = Acting::<Finance>::admit(world.actor(Role::Finance)).unwrap();
    assert!(acting.within("310000".parse().unwrap(), "appliance").is_ok());
    for (region, family) in [("310000", "car"), ("320000", "appliance")] {
        let problem = acting.within(region.parse().unwrap(), family).unwrap_err();
        assert_eq!(problem.status_code(), StatusCode::NOT_FOUND, "{region}/{family}");
    }
}

async fn sell(acting: Acting<Retailer>, again: Acting<Anyone>) -> HttpResponse {
    assert!(Arc::ptr_eq(acting.actor(), again.actor()), "a request's token is read once");
    HttpResponse::Ok().body(acting.organisation.to_string())
}

#[actix_web::test]
async fn only_one_bearer_token_of_the_right_role_gets_in() {
    let world = World::new();
    let app = App::new().app_data(world.verifier.clone()).route("/sell", web::post().to(sell));
    let app = init_service(app).await;
    let good = world.token(Role::Retailer);
    let old = world.token_at(Role::Retailer, Utc::now() - TimeDelta::hours(1));
    let of_person = world.token(Role::Person);
    let bearer = |token: &str| vec![format!("Bearer {token}")];
    let twice = vec![format!("Bearer {good}"), format!("Bearer {good}")];
    for (name, headers, status, code) in [
        ("good", bearer(&good), 200, ""),
        ("scheme in other letters", vec![format!("bEARER  {good}")], 200, ""),
        ("none", vec![], 401, "TOKEN_MISSING"),
        ("empty", vec![String::new()], 401, "TOKEN_MISSING"),
        ("no scheme", vec![good.clone()], 401, "TOKEN_MISSING"),
        ("another scheme", vec![format!("Basic {good}")], 401, "TOKEN_MISSING"),
        ("two headers", twice, 401, "TOKEN_MISSING"),
        ("no token", bearer(""), 401, "TOKEN_INVALID"),
        ("two tokens", bearer(&format!("{good}, Bearer {good}")), 401, "TOKEN_INVALID"),
        ("changed", bearer(&format!("{good}A")), 401, "TOKEN_INVALID"),
        ("expired", bearer(&old), 401, "TOKEN_EXPIRED"),
        ("a person", bearer(&of_person), 403, "WRONG_ROLE"),
    ] {
        let mut request = TestRequest::post().uri("/sell");
        for header in headers {
            request = request.append_header((AUTHORIZATION, header));
        }
        let answer = call_service(&app, request.to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
        let challenge = match code {
            "TOKEN_MISSING" => Some("Bearer"),
            "TOKEN_INVALID" | "TOKEN_EXPIRED" => Some("Bearer error=\"invalid_token\""),
            _ => None,
        };
        let header = answer.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
        assert_eq!(header, challenge, "{name}");
        let body = actix_web::test::read_body(answer).await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(code), "{name}: {body}");
        assert!(!body.contains(&good[..40]), "{name}: an answer never repeats a token");
    }
}

#[actix_web::test]
async fn a_token_in_the_query_is_no_token() {
    let world = World::new();
    let app = App::new().app_data(world.verifier.clone()).route("/sell", web::post().to(sell));
    let app = init_service(app).await;
    let uri = format!("/sell?access_token={}", world.token(Role::Retailer));
    let answer = call_service(&app, TestRequest::post().uri(&uri).to_request()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}
