//! Suzhou, 2026: one voucher, shown at two tills at once.

use super::{Purchase, capture, claim, fresh_serial, somebody};
use crate::demo::client::Call;
use crate::demo::print::yuan;
use crate::demo::story::{Done, Teller, Told};
use crate::demo::world::World;

const SUZHOU: &str = "320500";
const TV: &str = "6908800000067";
const PRICE: i64 = 999_900;

pub async fn play(world: &World, teller: &mut Teller<'_>) -> Told {
    let sun = somebody(world, teller, "孙磊").await?;
    let call = claim(SUZHOU, "appliance.tv");
    let claimed =
        teller.step(&sun.who, "claims a voucher for a television", call, Done(201)).await?;
    let hold = claimed.fen_at("/voucher/hold_fen");
    teller.page.good(&format!("{} yuan are held", yuan(hold)));
    let code = claimed.text_at("/code");
    let serials = [fresh_serial(), fresh_serial()];
    let purchase = |serial: &str| {
        let bought = Purchase {
            code: &code,
            person: &sun.id,
            region: SUZHOU,
            gtin: TV,
            serial,
            price_fen: PRICE,
        };
        Call::post("/v1/redemptions", bought.body())
    };
    let [one, other] = &world.suzhou;
    let calls = [(&one.who, purchase(&serials[0])), (&other.who, purchase(&serials[1]))];
    let answers = teller.race("both reserve it at the same moment", calls).await?;
    let (winner, loser) = match answers[0].status {
        201 => (0, 1),
        _ => (1, 0),
    };
    let (won, lost) = (&answers[winner], &answers[loser]);
    let exactly_one = won.status == 201 && lost.status == 409 && lost.code() == "VOUCHER_STATE";
    let shop = &world.suzhou[winner];
    teller.check(&format!("exactly one wins, this time {}", shop.who.name), exactly_one)?;
    teller.page.refused(&format!("{} {}", lost.status, lost.code()), lost.detail());
    teller.derivation(won, "/derivation");
    let id = won.text_at("/redemption/id");
    capture(world, teller, shop, (&id, &sun.id, hold)).await
}
