//! Shanghai, spring 2025: an old car is scrapped, a new one bought, and an office reviews it all.

use super::somebody;
use crate::demo::client::{Answer, Call};
use crate::demo::firms::Firm;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::{Citizen, World};
use crate::kernel::identifier::{BankCard, Identifier, Vin};
use crate::kernel::time::day_of;
use serde_json::{Value, json};

const SHANGHAI: &str = "310000";
const PRICE: i64 = 18_990_000;
const STATED: i64 = 2_000_000;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let sun = somebody(world, teller, "孙丽").await?;
    let yard = &world.dismantler;
    let old_item = take_in(world, teller, yard, &sun).await?;
    let mut application = application(world, &sun, &old_item);
    let what = format!("applies with her papers for a new-energy car at {} yuan", yuan(PRICE));
    let call = Call::post("/v1/applications", application.clone());
    let submitted = teller.step(&sun.who, &what, call, Done(201)).await?;
    teller.derivation(&submitted, "/derivation");
    let held = submitted.fen_at("/application/amount_fen");
    teller.check(&format!("{} yuan are held for her", yuan(STATED)), held == STATED)?;
    teller.page.note(&format!("to account {}", submitted.text_at("/application/payee")));
    let id = submitted.text_at("/application/id");

    let [one, other] = &world.reviewers;
    let body = json!({"reasons": ["DOCUMENT_MISMATCH"], "sentence": "请核对发动机排量。"});
    let what = "finds that a paper says something else, and asks for a correction";
    let asked = act(teller, (one, &id, "request-correction"), what, body).await?;
    let until = super::day_and_time(&asked.text_at("/application/until"));
    teller.page.note(&format!("until {until}, or it ends by itself"));
    application["papers"]["item"].as_object_mut().map(|item| item.remove("displacement_ml"));
    let correction = json!({"papers": application["papers"]});
    let what = "corrects it; it is decided anew, under the same rules";
    act(teller, (&sun.who, &id, "corrections"), what, correction).await?;

    let seen = json!({"still_owned": true});
    let path = format!("/v1/applications/{id}/approve");
    let what = "would grant it, but the dismantler has not verified the old car";
    let call = Call::post(&path, seen.clone());
    teller.step(one, what, call, Refused(422, "OLD_ITEM_NOT_VERIFIED")).await?;
    let verify = Call::post(format!("/v1/old-items/{old_item}/verify"), json!({}));
    teller.step(&yard.who, "verifies it: the five assemblies are there", verify, Done(200)).await?;
    act(teller, (one, &id, "approve"), "grants it", seen).await?;
    let call = Call::post(format!("/v1/applications/{id}/confirm"), json!({}));
    let what = "would release it for payment too: above the limit, that takes two";
    teller.step(one, what, call, Refused(422, "SECOND_PERSON_REQUIRED")).await?;
    let what = "looks at it as well, and releases it";
    let released = act(teller, (other, &id, "confirm"), what, json!({})).await?;
    let granted = released.fen_at("/application/granted_fen");
    teller.check(&format!("{} yuan are payable to her", yuan(STATED)), granted == STATED)?;
    let call = Call::post("/v1/applications", application);
    let what = "tries the same papers once more";
    teller.step(&sun.who, what, call, Refused(422, "QUOTA_EXHAUSTED")).await?;
    Ok(())
}

async fn act(
    teller: &mut Teller<'_>,
    (who, id, act): (&crate::demo::client::Who, &str, &str),
    what: &str,
    body: Value,
) -> Told<Answer> {
    let call = Call::post(format!("/v1/applications/{id}/{act}"), body);
    teller.step(who, what, call, Done(200)).await
}

async fn take_in(
    world: &World,
    teller: &mut Teller<'_>,
    yard: &Firm,
    owner: &Citizen,
) -> Told<String> {
    let day = day_of(world.now());
    let body = json!({
        "region": SHANGHAI, "class": "car.scrap", "owner": owner.id, "handed_over_on": day,
        "identifiers": {"vin": Vin::synthetic(drawn()).reveal(),
            "certificate": format!("HS{:012}", drawn() % 1_000_000_000_000)},
        "facts": {"fuel": "petrol", "use": "private", "registered_on": "2010-05-20",
            "in_name_since": "2010-05-20", "plate_region": SHANGHAI,
            "scrap_certificate_on": day, "deregistered_on": day,
            "assemblies": ["engine", "steering", "gearbox", "axles", "frame"]},
    });
    let what = "takes in 孙丽's petrol car of 2010, with its certificate of scrapping";
    let call = Call::post("/v1/old-items", body);
    let taken = teller.step(&yard.who, what, call, Done(201)).await?;
    Ok(taken.text_at("/old_item/id"))
}

fn application(world: &World, person: &Citizen, old_item: &str) -> Value {
    let day = day_of(world.now());
    json!({
        "region": SHANGHAI, "class": "car.scrap", "location": SHANGHAI,
        "papers": {
            "price_fen": PRICE, "old_item": old_item,
            "invoice": {"number": format!("{:020}", drawn()), "buyer": person.id,
                "issued_on": day, "region": SHANGHAI},
            "item": {"vin": Vin::synthetic(drawn()).reveal(), "power": "nev",
                "in_catalogue": true, "displacement_ml": 1, "registered_on": day,
                "registration_region": SHANGHAI},
        },
        "payee": {"account": BankCard::synthetic(drawn()).reveal(), "bank": "中国银行上海市分行"},
    })
}

/// A number that nobody has drawn.
fn drawn() -> u64 {
    u64::from_be_bytes(uuid::Uuid::new_v4().as_bytes()[8..].try_into().unwrap_or_default())
}
