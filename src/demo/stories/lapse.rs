//! Suzhou, 2026: a voucher that nobody uses, and a customer who changes her mind.

use super::{Purchase, capture, claim, day_and_time, fresh_serial, somebody, tell_voucher};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::{Citizen, World};
use chrono::TimeDelta;
use serde_json::json;

const SUZHOU: &str = "320500";
const CLASS: &str = "appliance.washer";
const WASHER: &str = "6908800000043";
const PRICE: i64 = 429_900;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let wu = somebody(world, teller, "吴敏").await?;
    let call = claim(SUZHOU, CLASS);
    let what = "claims a voucher for a washing machine";
    let first = teller.step(&wu.who, what, call, Done(201)).await?;
    tell_voucher(teller, &first);
    let book = world.book("320500/appliance/2026");
    world.later(TimeDelta::days(8));
    teller
        .page
        .line(&format!("\n  Eight days pass, and she does not use it.  [{}]", world.today()));
    if let Err(error) = world.until_nothing_is_held(book).await {
        return Err(teller.otherwise(&format!("{error:#}")));
    }
    teller.page.good("the sweep has written its end: the money is available again");
    let path = format!("/v1/vouchers/{}", first.text_at("/voucher/id"));
    let seen = teller.step(&wu.who, "looks at her voucher", Call::get(path), Done(200)).await?;
    let until = day_and_time(&seen.text_at("/voucher/until"));
    teller.check(&format!("lapsed since {until}"), seen.text_at("/voucher/state") == "lapsed")?;
    let call = claim(SUZHOU, CLASS);
    let what = "claims again: a lapsed voucher does not count against her";
    let second = teller.step(&wu.who, what, call, Done(201)).await?;
    let hold = second.fen_at("/voucher/hold_fen");
    teller.page.good(&format!("{} yuan are held", yuan(hold)));
    change_of_mind(world, teller, &wu, (&second.text_at("/code"), hold)).await
}

/// The first shop cancels, the second one sells.
async fn change_of_mind(
    world: &World,
    teller: &mut Teller<'_>,
    wu: &Citizen,
    (code, hold): (&str, i64),
) -> Told {
    let [first, second] = &world.suzhou;
    let serial = fresh_serial();
    let bought = Purchase {
        code,
        person: &wu.id,
        region: SUZHOU,
        gtin: WASHER,
        serial: &serial,
        price_fen: PRICE,
    };
    let call = Call::post("/v1/redemptions", bought.body());
    let what = format!("reserves it for a washing machine at {} yuan", yuan(PRICE));
    let reserved = teller.step(&first.who, &what, call, Done(201)).await?;
    teller.derivation(&reserved, "/derivation");
    let call = Call::post("/v1/redemptions", bought.body());
    let what = "would like to sell to her, too: the voucher is reserved";
    teller.step(&second.who, what, call, Refused(409, "VOUCHER_STATE")).await?;
    let id = reserved.text_at("/redemption/id");
    let call = Call::post(format!("/v1/redemptions/{id}/cancel"), json!({}));
    teller.step(&first.who, "cancels: she has changed her mind", call, Done(200)).await?;
    teller.page.good("the voucher is hers again, the serial number is free");
    let call = Call::post("/v1/redemptions", bought.body());
    let reserved =
        teller.step(&second.who, "reserves it for the same one", call, Done(201)).await?;
    let id = reserved.text_at("/redemption/id");
    capture(world, teller, second, (&id, &wu.id, hold)).await
}
