//! Shanghai, autumn 2024: an e-bike for an old one, without a voucher; the sum is flat.

use super::{capture, somebody};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Refused, Teller, Told};
use crate::demo::world::{Citizen, World};
use crate::kernel::time::day_of;
use serde_json::{Value, json};

const SHANGHAI: &str = "310000";
const EBIKE: &str = "6908800000425";
const PRICE: i64 = 289_900;
const FLAT: i64 = 50_000;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let zhao = somebody(world, teller, "赵强").await?;
    let what = "takes in 赵强's old e-bike, but without its battery";
    let stripped = hand_in(world, teller, (&zhao, what), false).await?;
    let shop = &world.hongqiao;
    let what = format!("sells him a new one at {} yuan", yuan(PRICE));
    let call = Call::post("/v1/redemptions", body(&zhao, &stripped));
    teller.step(&shop.who, &what, call, Refused(422, "OLD_BATTERY_MISSING")).await?;
    let what = "takes in his other old e-bike, with its battery";
    let whole = hand_in(world, teller, (&zhao, what), true).await?;
    let call = Call::post("/v1/redemptions", body(&zhao, &whole));
    let reserved = teller.step(&shop.who, "tries again with that one", call, Done(201)).await?;
    teller.derivation(&reserved, "/derivation");
    let amount = reserved.fen_at("/redemption/amount_fen");
    teller.check(&format!("the subsidy is {} yuan", yuan(FLAT)), amount == FLAT)?;
    let id = reserved.text_at("/redemption/id");
    capture(world, teller, shop, (&id, &zhao.id, amount)).await
}

async fn hand_in(
    world: &World,
    teller: &mut Teller<'_>,
    (owner, what): (&Citizen, &str),
    battery_returned: bool,
) -> Told<String> {
    let body = json!({
        "region": SHANGHAI, "class": "ebike", "owner": owner.id,
        "handed_over_on": day_of(world.now()), "identifiers": {"frame": fresh_frame()},
        "facts": {"plate_region": SHANGHAI, "battery": "lithium",
            "battery_returned": battery_returned},
    });
    let recycler = &world.recycler.who;
    let call = Call::post("/v1/old-items", body);
    let registered = teller.step(recycler, what, call, Done(201)).await?;
    let id = registered.text_at("/old_item/id");
    let call = Call::post(format!("/v1/old-items/{id}/verify"), json!({}));
    teller.again(recycler, &call, Done(200)).await?;
    teller.page.good("registered and verified");
    Ok(id)
}

fn body(person: &Citizen, old_item: &str) -> Value {
    json!({
        "checkout": {"region": SHANGHAI, "class": "ebike", "person": person.id},
        "order_no": format!("NO-{}", uuid::Uuid::now_v7().simple()),
        "price_fen": PRICE, "channel": "offline", "payer": person.id, "recipient": person.id,
        "item": {"gtin": EBIKE, "frame": fresh_frame()},
        "old_item": old_item,
    })
}

/// Fifteen digits, as a frame number has them.
fn fresh_frame() -> String {
    format!("{:015}", uuid::Uuid::new_v4().as_u128() % 1_000_000_000_000_000)
}
