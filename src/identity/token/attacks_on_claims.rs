//! Attacks on what a well-signed token says: an issuer's mistakes, and times at their edges.

use super::TokenRefused::{self, *};
use super::attacks::{Kit, PERSON, claims, header, now};
use super::{BadGrant, Grant, Mint, Standing, TokenSettings, Verifier};
use crate::identity::model::PersonId;
use crate::identity::role::{Role, Scope};
use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

const ORG: &str = "org_0_0196b7a0000070008000000000000002";

#[test]
fn no_wrong_claim_is_accepted() {
    let kit = Kit::new();
    let cases: Vec<(Value, TokenRefused)> = vec![
        (json!({"iss": null}), Claims),
        (json!({"iss": ""}), Issuer),
        (json!({"iss": "https://id.shanghai.example/"}), Issuer),
        (json!({"iss": "https://ID.shanghai.example"}), Issuer),
        (json!({"iss": ["https://id.shanghai.example"]}), Claims),
        (json!({"iss": 7}), Claims),
        (json!({"aud": null}), Claims),
        (json!({"aud": ""}), Audience),
        (json!({"aud": []}), Audience),
        (json!({"aud": "tradein2"}), Audience),
        (json!({"aud": "TRADEIN"}), Audience),
        (json!({"aud": ["other"]}), Audience),
        (json!({"aud": {"tradein": true}}), Claims),
        (json!({"aud": "tradein other"}), Audience),
        (json!({"sub": null}), Claims),
        (json!({"sub": ""}), Role),
        (json!({"sub": 7}), Claims),
        (json!({"sub": "s".repeat(256)}), Role),
        (json!({"jti": null}), Claims),
        (json!({"jti": ""}), Role),
    ];
    refuses(&kit, cases);
}

#[test]
fn no_wrong_time_or_role_is_accepted() {
    let kit = Kit::new();
    let at = now().timestamp();
    let cases: Vec<(Value, TokenRefused)> = vec![
        (json!({"exp": null}), Claims),
        (json!({"exp": (at + 300).to_string()}), Claims),
        (json!({"exp": at as f64 + 300.5}), Claims),
        (json!({"exp": -1}), Claims),
        (json!({"exp": 0}), Life),
        (json!({"exp": i64::MAX}), Life),
        (json!({"exp": u64::MAX}), Claims),
        (json!({"exp": 1e300}), Claims),
        (json!({"exp": [at + 300]}), Claims),
        (json!({"exp": true}), Claims),
        (json!({"exp": at + 601}), Life),
        (json!({"exp": at}), Life),
        (json!({"nbf": null}), Claims),
        (json!({"nbf": at.to_string()}), Claims),
        (json!({"nbf": at as f64 + 0.5}), Claims),
        (json!({"nbf": -1}), Claims),
        (json!({"nbf": i64::MIN}), Claims),
        (json!({"nbf": i64::MAX}), Life),
        (json!({"nbf": at + 300}), Life),
        (json!({"iat": null}), Claims),
        (json!({"iat": "now"}), Claims),
        (json!({"iat": at + 11}), Life),
        (json!({"iat": at - 301}), Life),
        (json!({"iat": i64::MIN}), Life),
        (json!({"iat": -1, "exp": 300, "nbf": 0}), Life),
        (json!({"role": null}), Claims),
        (json!({"role": "Person"}), Claims),
        (json!({"role": "admin"}), Claims),
        (json!({"role": ["person", "finance"]}), Claims),
        (json!({"person": null}), Role),
        (json!({"person": ORG}), Claims),
        (json!({"person": "per_17_0196b7a0000070008000000000000001"}), Claims),
        (json!({"person": PERSON.to_uppercase()}), Claims),
        (json!({"person": "310101199003077712"}), Claims),
        (json!({"org": ORG}), Role),
        (json!({"bureau": ["310000/*"]}), Role),
        (json!({"bureau": "310000/*"}), Claims),
        (json!({"role": "retailer"}), Role),
        (json!({"role": "retailer", "person": null}), Role),
        (json!({"role": "finance", "person": null}), Role),
        (json!({"role": "finance", "person": null, "bureau": []}), Role),
        (json!({"role": "finance", "person": null, "bureau": ["everywhere"]}), Claims),
        (json!({"role": "finance", "person": null, "bureau": ["310000/car.scrap"]}), Claims),
    ];
    refuses(&kit, cases);
}

fn refuses(kit: &Kit, cases: Vec<(Value, TokenRefused)>) {
    for (changes, word) in cases {
        assert_eq!(kit.verify(&kit.with_claims(changes.clone())).unwrap_err(), word, "{changes}");
    }
}

#[test]
fn no_second_claim_of_one_name_is_accepted() {
    let kit = Kit::new();
    let text = claims().to_string();
    let open = text.trim_end_matches('}');
    for second in [
        r#""exp":1760000300"#,
        r#""exp":1760000400"#,
        r#""nbf":1760000000"#,
        r#""iat":1760000000"#,
        r#""iss":"https://id.shanghai.example""#,
        r#""aud":"tradein""#,
        r#""sub":"login-8""#,
        r#""jti":"t-2""#,
        r#""role":"finance""#,
        r#""person":"per_0_0196b7a0000070008000000000000009""#,
        r#""ro\u006ce":"finance""#,
    ] {
        let token = kit.signed(&header().to_string(), &format!("{open},{second}}}"));
        assert_eq!(kit.verify(&token).unwrap_err(), Claims, "{second}");
    }
}

#[test]
fn no_claims_of_another_shape_are_accepted() {
    let kit = Kit::new();
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(400), "]".repeat(400));
    let list = format!("[{}]", claims());
    let text = format!("{:?}", claims().to_string());
    let behind = format!("{} {{}}", claims());
    for body in ["", "null", "{}", "\u{feff}{}", &deep, &list, &text, &behind] {
        let token = kit.signed(&header().to_string(), body);
        assert_eq!(kit.verify(&token).unwrap_err(), Claims, "{body}");
    }
}

#[test]
fn times_hold_to_the_second_with_their_leeway() {
    let start = now().timestamp();
    let token_of = |kit: &Kit| kit.with_claims(json!({"nbf": start + 100, "exp": start + 300}));
    // Ten seconds of leeway: from 90 on, and before 310.
    for (second, found) in [
        (0, Err(NotYet)),
        (89, Err(NotYet)),
        (90, Ok(())),
        (299, Ok(())),
        (309, Ok(())),
        (310, Err(Expired)),
        (311, Err(Expired)),
        (1_000_000, Err(Expired)),
    ] {
        let kit = Kit::new();
        let token = token_of(&kit);
        let moment = now() + TimeDelta::seconds(second);
        assert_eq!(kit.verifier.verify(&token, moment).map(drop), found, "first look at {second}");
        let within = now() + TimeDelta::seconds(200);
        assert!(kit.verifier.verify(&token, within).is_ok());
        assert_eq!(kit.verifier.verify(&token, moment).map(drop), found, "cached at {second}");
    }
    let kit = Kit::new();
    let almost = now() + TimeDelta::seconds(310) - TimeDelta::microseconds(1);
    assert!(kit.verifier.verify(&token_of(&kit), almost).is_ok());
    assert!(kit.verify(&kit.with_claims(json!({"iat": start + 10}))).is_ok(), "iat within leeway");
    assert!(kit.verify(&kit.with_claims(json!({"exp": start + 600}))).is_ok(), "the longest life");
}

#[test]
fn what_the_mint_issues_is_accepted_and_says_what_was_granted() {
    let mint = Mint::from_pem(&Mint::generate_pem(), "tradein").unwrap();
    let verifier = Verifier::new(TokenSettings::sandbox("tradein", mint.trusted()), true).unwrap();
    let org = Standing::Organisation { id: ORG.parse().unwrap(), store: None };
    let scope: Scope = serde_json::from_value(json!(["310000/appliance", "320500/*"])).unwrap();
    let person = Standing::Person(PersonId::from(Uuid::from_u128(1)));
    let hour = TimeDelta::hours(1);
    for role in Role::ALL {
        let standing = match role {
            Role::Person => person.clone(),
            _ if role.is_organisation() => org.clone(),
            _ => Standing::Official(scope.clone()),
        };
        let grant = Grant { role, standing: standing.clone(), login: "me".into() };
        let token = mint.issue(&grant, now(), hour, Uuid::from_u128(9)).unwrap();
        let actor = verifier.verify(&token, now()).unwrap();
        assert_eq!((actor.role, &actor.standing), (role, &standing));
        assert_eq!(verifier.verify(&token, now() + hour * 2).unwrap_err(), Expired);
    }
    for (role, standing, login, error) in [
        (Role::Finance, person.clone(), "me", BadGrant::Standing),
        (Role::Person, org, "me", BadGrant::Standing),
        (Role::Auditor, Standing::Official(Default::default()), "me", BadGrant::Standing),
        (Role::Person, person, "", BadGrant::Login),
    ] {
        let grant = Grant { role, standing, login: login.into() };
        assert_eq!(mint.issue(&grant, now(), hour, Uuid::nil()).unwrap_err(), error);
    }
}
