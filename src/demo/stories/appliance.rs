//! Shanghai, autumn 2024: the whole way from the claim to the capture, with what is refused.

use super::{Purchase, capture, claim, fresh_serial, somebody, tell_voucher};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::{Citizen, World};
use crate::kernel::time::day_of;
use serde_json::json;

const SHANGHAI: &str = "310000";
const FRIDGE: &str = "appliance.refrigerator";
/// Label grade 1 and 3 in the catalogue, and a barcode whose last digit is wrong.
const GRADE_1: &str = "6908800000012";
const GRADE_3: &str = "6908800000036";
const WRONG_DIGIT: &str = "6908800000013";
const PRICE: i64 = 899_900;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let wang = somebody(world, teller, "王芳").await?;
    let (code, hold) = claim_once(world, teller, &wang).await?;
    let old = hand_in(world, teller, &wang).await?;
    let serial = fresh_serial();
    let bought = Purchase {
        code: &code,
        person: &wang.id,
        region: SHANGHAI,
        gtin: GRADE_1,
        serial: &serial,
        price_fen: PRICE,
    };
    quotes(world, teller, &bought).await?;
    let mut body = bought.body();
    body["old_item"] = json!(old);
    let call = Call::post("/v1/redemptions", body);
    let what = "reserves the voucher for it, with her old refrigerator";
    let reserved = teller.step(&world.hongqiao.who, what, call, Done(201)).await?;
    let id = reserved.text_at("/redemption/id");
    teller.page.good(&format!("reserved: {}", yuan(reserved.fen_at("/redemption/amount_fen"))));
    let what = "asks for that redemption, which is another shop's";
    let path = format!("/v1/redemptions/{id}");
    teller.step(&world.xuhui.who, what, Call::get(path), Refused(404, "NOT_FOUND")).await?;
    capture(world, teller, &world.hongqiao, (&id, &wang.id, hold)).await?;
    the_same_again(world, teller, (&serial, &old)).await
}

/// She claims; the same request again has the same answer, another one is refused.
async fn claim_once(
    _world: &World,
    teller: &mut Teller<'_>,
    wang: &Citizen,
) -> Told<(String, i64)> {
    let call = claim(SHANGHAI, FRIDGE);
    let what = "claims a voucher for a refrigerator";
    let claimed = teller.step(&wang.who, what, call.clone(), Done(201)).await?;
    tell_voucher(teller, &claimed);
    let again = teller.again(&wang.who, &call, Done(201)).await?;
    let same = again.replayed && !claimed.replayed && again.text == claimed.text;
    teller
        .check("her phone sends it again with the same key: the same answer, to the byte", same)?;
    let what = "claims a second one: one a person and year";
    let second = claim(SHANGHAI, FRIDGE);
    teller.step(&wang.who, what, second, Refused(422, "QUOTA_EXHAUSTED")).await?;
    Ok((claimed.text_at("/code"), claimed.fen_at("/voucher/hold_fen")))
}

/// The recycler takes the old refrigerator in and looks at it; the id that the till needs.
async fn hand_in(world: &World, teller: &mut Teller<'_>, wang: &Citizen) -> Told<String> {
    let recycler = &world.recycler.who;
    let body = json!({
        "region": SHANGHAI, "class": FRIDGE, "owner": wang.id,
        "handed_over_on": day_of(world.now()), "identifiers": {"serial": fresh_serial()},
    });
    let call = Call::post("/v1/old-items", body);
    let what = "takes in her old refrigerator and registers its serial number";
    let registered = teller.step(recycler, what, call, Done(201)).await?;
    let id = registered.text_at("/old_item/id");
    teller.page.good(&format!("old item {id}"));
    let call = Call::post(format!("/v1/old-items/{id}/verify"), json!({}));
    teller
        .step(recycler, "has looked at it: it is what it was said to be", call, Done(200))
        .await?;
    teller.page.good("verified");
    Ok(id)
}

/// What the shop asks before it reserves: two that are refused, one that is not.
async fn quotes(world: &World, teller: &mut Teller<'_>, bought: &Purchase<'_>) -> Told {
    let shop = &world.hongqiao.who;
    for (gtin, what, code) in [
        (GRADE_3, "asks for a quote on a refrigerator of grade 3", "LABEL_GRADE_TOO_LOW"),
        (WRONG_DIGIT, "scans a barcode with a wrong digit", "GTIN_CHECKSUM"),
    ] {
        let body = Purchase { gtin, ..*bought }.body();
        teller.step(shop, what, Call::post("/v1/quotes", body), Refused(422, code)).await?;
    }
    let what = format!("asks for a quote on one of grade 1 at {} yuan", yuan(PRICE));
    let call = Call::post("/v1/quotes", bought.body());
    let quoted = teller.step(shop, &what, call, Done(200)).await?;
    teller.derivation(&quoted, "/quote/derivation");
    let amount = quoted.fen_at("/quote/amount_fen");
    teller.check(&format!("the subsidy is {} yuan", yuan(179_980)), amount == 179_980)
}

/// Somebody else's voucher does not make the same refrigerator, new or old, count twice.
async fn the_same_again(
    world: &World,
    teller: &mut Teller<'_>,
    (serial, old): (&str, &str),
) -> Told {
    let li = somebody(world, teller, "李娜").await?;
    let call = claim(SHANGHAI, FRIDGE);
    let claimed = teller.step(&li.who, "claims a voucher, too", call, Done(201)).await?;
    let code = claimed.text_at("/code");
    let fresh = fresh_serial();
    let mut bought = Purchase {
        code: &code,
        person: &li.id,
        region: SHANGHAI,
        gtin: GRADE_1,
        serial,
        price_fen: PRICE,
    };
    let what = "tries 王芳's serial number on 李娜's voucher";
    let call = Call::post("/v1/redemptions", bought.body());
    let shop = &world.hongqiao.who;
    teller.step(shop, what, call, Refused(422, "SERIAL_REUSED")).await?;
    bought.serial = &fresh;
    let mut body = bought.body();
    body["old_item"] = json!(old);
    let what = "tries 王芳's old refrigerator for 李娜";
    let call = Call::post("/v1/redemptions", body);
    teller.step(shop, what, call, Refused(422, "OWNER_MISMATCH")).await?;
    let path = format!("/v1/vouchers/{}/give-back", claimed.text_at("/voucher/id"));
    let call = Call::post(path, json!({}));
    teller.step(&li.who, "gives her voucher back", call, Done(200)).await?;
    teller.page.good("nothing is held any more, and she may claim again");
    Ok(())
}
