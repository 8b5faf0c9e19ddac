//! Wenzhou, spring 2025: home goods take no voucher; one request reserves and captures.

use super::{fresh_serial, hand_over, somebody};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::World;
use serde_json::json;

const WENZHOU: &str = "330300";
const CLASS: &str = "home.goods.smart_toilet";
const TOILET: &str = "6908800000401";
const PRICE: i64 = 459_900;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let chen = somebody(world, teller, "陈静").await?;
    let call = super::claim(WENZHOU, CLASS);
    let what = "asks for a voucher, and learns that none is needed";
    teller.step(&chen.who, what, call, Refused(409, "NO_VOUCHER_NEEDED")).await?;
    let mut body = json!({
        "checkout": {"region": WENZHOU, "class": CLASS, "person": chen.id},
        "order_no": format!("NO-{}", uuid::Uuid::now_v7().simple()),
        "price_fen": PRICE, "channel": "offline", "payer": chen.id, "recipient": chen.id,
        "delivery_region": WENZHOU,
        "item": {"gtin": TOILET, "serial": fresh_serial()},
        "capture": true,
    });
    body["hand_over"] = hand_over(world, &chen.id)["hand_over"].take();
    let what = format!("sells her one at {} yuan and hands it over on the spot", yuan(PRICE));
    let call = Call::post("/v1/redemptions", body);
    let sold = teller.step(&world.wenzhou.who, &what, call, Done(201)).await?;
    teller.derivation(&sold, "/derivation");
    let amount = sold.fen_at("/redemption/amount_fen");
    let so = amount == 91_980 && sold.text_at("/redemption/state") == "captured";
    teller.check(&format!("{} yuan are owed to the shop: one request did it all", yuan(91_980)), so)
}
