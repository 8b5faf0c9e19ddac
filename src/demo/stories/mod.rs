//! The stories, one a file, in the order of the years in which they play.

mod appliance;
mod car;
mod checkout;
mod digital;
mod ebike;
mod lapse;
mod race;

use super::client::{Answer, Call};
use super::firms::Firm;
use super::print::yuan;
use super::story::{Done, Teller, Told};
use super::world::{Citizen, ERAS, World};
use serde_json::{Value, json};

/// Tells every story. One that goes otherwise ends there; the next is told all the same.
///
/// # Errors
/// Where the world itself fails: then no story can be told.
pub async fn play_all(world: &World, teller: &mut Teller<'_>) -> anyhow::Result<()> {
    let page = teller.page;
    page.heading(&format!("{}: two programmes of Shanghai", ERAS[0].year));
    world.enter(&ERAS[0], page).await?;
    heading(world, teller, "1. A refrigerator in Shanghai, the old one handed in");
    let _ = appliance::play(world, teller).await;
    heading(world, teller, "2. An e-bike in Shanghai, a flat sum for the old one with its battery");
    let _ = ebike::play(world, teller).await;
    page.heading(&format!("{}: Zhejiang and Shanghai", ERAS[1].year));
    world.leave(&ERAS[0]).await?;
    world.enter(&ERAS[1], page).await?;
    heading(world, teller, "3. A smart toilet in Wenzhou: no voucher, the till does it all");
    let _ = checkout::play(world, teller).await;
    heading(world, teller, "4. A telephone in Shanghai, to the fen at the limit");
    let _ = digital::play(world, teller).await;
    heading(world, teller, "5. A car in Shanghai, the old one scrapped: reviewed, then paid");
    let _ = car::play(world, teller).await;
    page.heading(&format!("{}: Suzhou, under the programme of Jiangsu", ERAS[2].year));
    world.leave(&ERAS[1]).await?;
    world.enter(&ERAS[2], page).await?;
    heading(world, teller, "6. A voucher that lapses, and a reservation that is cancelled");
    let _ = lapse::play(world, teller).await;
    heading(world, teller, "7. Two tills want one voucher");
    let _ = race::play(world, teller).await;
    Ok(())
}

fn heading(world: &World, teller: &Teller<'_>, title: &str) {
    teller.page.heading(&format!("{title}  [{}]", world.today()));
}

/// Registers the person of a story.
async fn somebody(world: &World, teller: &mut Teller<'_>, name: &str) -> Told<Citizen> {
    world.citizen(name).await.map_err(|error| teller.otherwise(&format!("{error:#}")))
}

/// What a person claims in a region.
fn claim(region: &str, class: &str) -> Call {
    let body = json!({"region": region, "class": class, "channel": "offline", "location": region});
    Call::post("/v1/vouchers", body)
}

/// Tells what a claim has given.
fn tell_voucher(teller: &Teller<'_>, answer: &Answer) {
    let hold = yuan(answer.fen_at("/voucher/hold_fen"));
    let until = day_and_time(&answer.text_at("/voucher/until"));
    teller.page.good(&format!("voucher {}", answer.text_at("/code")));
    teller.page.note(&format!("{hold} yuan are held for it until {until}"));
    teller.page.dim(&answer.text_at("/voucher/programme/title_zh"));
}

/// A purchase at the till, paid and received by the person.
struct Purchase<'a> {
    code: &'a str,
    person: &'a str,
    region: &'a str,
    gtin: &'a str,
    serial: &'a str,
    price_fen: i64,
}

impl Purchase<'_> {
    fn body(&self) -> Value {
        json!({
            "voucher_code": self.code,
            "order_no": format!("NO-{}", uuid::Uuid::now_v7().simple()),
            "price_fen": self.price_fen,
            "channel": "offline",
            "payer": self.person,
            "recipient": self.person,
            "delivery_region": self.region,
            "item": {"gtin": self.gtin, "serial": self.serial},
        })
    }
}

/// The hand-over of what was bought: unpacked and checked, with an invoice in the buyer's name.
fn hand_over(world: &World, person: &str) -> Value {
    let today = crate::kernel::time::day_of(world.now());
    json!({"hand_over": {"opened_and_checked": true,
        "invoice": {"buyer": person, "lines": 1, "subsidised_lines": 1, "issued_on": today}}})
}

/// Captures a reservation and tells what became of the money.
async fn capture(
    world: &World,
    teller: &mut Teller<'_>,
    shop: &Firm,
    (redemption, person, hold): (&str, &str, i64),
) -> Told {
    let call =
        Call::post(format!("/v1/redemptions/{redemption}/capture"), hand_over(world, person));
    let what = "hands it over with the invoice, and captures";
    let captured = teller.step(&shop.who, what, call, Done(200)).await?;
    let amount = captured.fen_at("/redemption/amount_fen");
    let (seq, size) = (captured.fen_at("/receipt/seq"), captured.fen_at("/receipt/tree_size"));
    teller.page.good(&format!("{} yuan are owed to the shop", yuan(amount)));
    if hold > amount {
        teller.page.note(&format!(
            "{} yuan were held, {} go back",
            yuan(hold),
            yuan(hold - amount)
        ));
    }
    teller.page.dim(&format!("receipt: entry {seq} in a log of {size}"));
    Ok(())
}

/// A serial number that nobody has used.
fn fresh_serial() -> String {
    format!("SN{}", &uuid::Uuid::new_v4().simple().to_string()[..12].to_uppercase())
}

/// A moment of an answer as a person in China reads it.
fn day_and_time(text: &str) -> String {
    let moment = text.parse::<crate::kernel::time::Moment>();
    let local = moment.map(crate::kernel::time::local_text).unwrap_or_default();
    local.chars().take(16).collect::<String>().replace('T', " ")
}
