//! Shanghai, spring 2025: a telephone at the very limit of the price, and a fen above it.

use super::{Purchase, capture, claim, fresh_serial, somebody, tell_voucher};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::World;
use crate::kernel::identifier::{Identifier, Imei};
use serde_json::{Value, json};

const SHANGHAI: &str = "310000";
const PHONE: &str = "6908800000241";
const LIMIT: i64 = 600_000;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let zhou = somebody(world, teller, "周敏").await?;
    let call = claim(SHANGHAI, "digital.phone");
    let claimed =
        teller.step(&zhou.who, "claims a voucher for a telephone", call, Done(201)).await?;
    tell_voucher(teller, &claimed);
    let (code, serial) = (claimed.text_at("/code"), fresh_serial());
    let imei = Imei::synthetic(uuid::Uuid::new_v4().as_u128() as u64 % 100_000_000);
    let body = |price_fen: i64| -> Value {
        let bought = Purchase {
            code: &code,
            person: &zhou.id,
            region: SHANGHAI,
            gtin: PHONE,
            serial: &serial,
            price_fen,
        };
        let mut body = bought.body();
        body["item"]["imei"] = json!(imei.reveal());
        body
    };
    let shop = &world.xuhui;
    let what = format!("asks for a quote at {} yuan", yuan(LIMIT + 1));
    let call = Call::post("/v1/quotes", body(LIMIT + 1));
    teller.step(&shop.who, &what, call, Refused(422, "PRICE_OVER_LIMIT")).await?;
    let what = format!("takes a fen off: {} yuan", yuan(LIMIT));
    let call = Call::post("/v1/redemptions", body(LIMIT));
    let reserved = teller.step(&shop.who, &what, call, Done(201)).await?;
    teller.derivation(&reserved, "/derivation");
    let amount = reserved.fen_at("/redemption/amount_fen");
    teller.check(&format!("the subsidy is {} yuan", yuan(50_000)), amount == 50_000)?;
    let id = reserved.text_at("/redemption/id");
    let unopened = json!({"hand_over": {"opened_and_checked": false}});
    let call = Call::post(format!("/v1/redemptions/{id}/capture"), unopened);
    let what = "wants to hand it over in its sealed box";
    teller.step(&shop.who, what, call, Refused(422, "UNSEAL_CHECK_MISSING")).await?;
    let hold = claimed.fen_at("/voucher/hold_fen");
    capture(world, teller, shop, (&id, &zhou.id, hold)).await
}
