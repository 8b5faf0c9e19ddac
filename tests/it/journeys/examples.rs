//! Every programme whose flow goes through a till can be bought under: each of its own paying
//! examples is claimed, or checked out, and redeemed over HTTP, and draws what the engine says.

use super::shop::{Product, Shop};
use crate::support::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tradein::programme::{Expect, Facts, Programmes};

/// One example of a programme file, and the texts of all versions of that programme.
struct Example {
    file: String,
    texts: Vec<String>,
    programme: Value,
    example: Value,
}

impl Example {
    fn text(&self, pointer: &str) -> Option<&str> {
        self.example.pointer(pointer).and_then(Value::as_str)
    }

    fn at(&self) -> &str {
        self.text("/at").expect("every example has its moment")
    }

    fn claimed_at(&self) -> &str {
        self.text("/facts/voucher/claimed_at").unwrap_or(self.at())
    }

    fn class(&self) -> &str {
        self.text("/class").expect("every example has its class")
    }

    fn family(&self) -> &str {
        self.class().split('.').next().expect("a class has a family")
    }

    /// Where the book is: the place of the purchase, within the place of the programme.
    fn region(&self) -> &str {
        self.text("/facts/person/location").expect("every example has a place")
    }

    fn pays(&self) -> i64 {
        let expected = self.text("/expect").and_then(|text| text.strip_prefix("pay:"));
        expected.and_then(|fen| fen.parse().ok()).expect("it pays")
    }

    fn is_order(&self) -> bool {
        self.programme.get("order").is_some()
    }
}

fn programmes() -> Vec<(String, String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/programmes");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let parsed: Value = toml::from_str(&text).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), text, parsed)
    };
    files.iter().map(read).collect()
}

/// The paying examples of a flow that stand on an empty history.
fn examples(flow: &str) -> Vec<Example> {
    let all = programmes();
    let mut found = Vec::new();
    for (file, _, programme) in all.iter().filter(|(_, _, it)| it["flow"] == flow) {
        let same = all.iter().filter(|(_, _, other)| other["id"] == programme["id"]);
        let texts: Vec<String> = same.map(|(_, text, _)| text.clone()).collect();
        let mut of_file = 0;
        for example in programme["examples"].as_array().unwrap() {
            let pays = example["expect"].as_str().unwrap().starts_with("pay:");
            let paid = example.pointer("/facts/history/paid_fen").and_then(Value::as_object);
            let fresh = paid.is_none_or(|paid| paid.values().all(|fen| fen == 0));
            if pays && fresh {
                let (file, texts) = (file.clone(), texts.clone());
                let (programme, example) = (programme.clone(), example.clone());
                found.push(Example { file, texts, programme, example });
                of_file += 1;
            }
        }
        assert!(of_file > 0, "{file} has no paying example");
    }
    found
}

/// Buys what an example describes; the amount.
async fn bought(example: &Example) -> Result<i64, String> {
    let world = World::at(example.claimed_at());
    let admin =
        world.official_token(tradein::identity::role::Role::ProgrammeAdmin, "100000/*", "admin");
    for text in &example.texts {
        world.publish_text(&admin, text).await;
    }
    let year = example.claimed_at()[..4].parse().unwrap();
    world.book(example.region(), example.family(), year, 10_000_000).await;
    let shop = Shop::of(world, &[example.family()]).await;
    let facts = &example.example["facts"];
    let age = facts["person"]["age"].as_i64().unwrap_or(35);
    let person = shop.world.person(i32::try_from(age).unwrap());
    let mut purchase = purchase(&shop, example, &person.to_string()).await;
    if example.programme["flow"] == "voucher" {
        let mut claim = json!({"region": example.region(), "class": example.class(),
            "location": example.region()});
        if let Some(channel) = example.text("/facts/voucher/channel") {
            claim["channel"] = json!(channel);
        }
        let token = shop.world.person_token(person);
        let claimed = shop.world.post(&token, "/v1/vouchers", claim).await;
        if claimed.status != 201 {
            return Err(format!("claim: {}", claimed.text));
        }
        purchase["voucher_code"] = claimed.body["code"].clone();
    } else {
        purchase["checkout"] =
            json!({"region": example.region(), "class": example.class(), "person": person});
    }
    shop.world.now_is(example.at());
    if facts.get("old_item").is_some() {
        let day = &example.at()[..10];
        let old = shop.handed_in(example.region(), day, person, facts["old_item"].clone()).await;
        purchase["old_item"] = json!(old);
    }
    purchase["capture"] = json!(true);
    let done = shop.world.post(&shop.till, "/v1/redemptions", purchase).await;
    match done.status {
        201 => Ok(done.body["redemption"]["amount_fen"].as_i64().unwrap()),
        _ => Err(format!("redeem: {}", done.text)),
    }
}

/// The request that an example's facts make, goods loaded.
async fn purchase(shop: &Shop, example: &Example, person: &str) -> Value {
    let facts = &example.example["facts"];
    let (said, item) = (&facts["purchase"], &facts["item"]);
    let mut purchase = json!({"order_no": "order-1", "price_fen": said["price_fen"],
        "channel": said["channel"], "item": {}});
    for name in ["payment_channel", "delivery_region", "list_price_fen"] {
        if let Some(value) = said.get(name) {
            purchase[name] = value.clone();
        }
    }
    for name in ["payer", "recipient"] {
        if said.get(name).is_some() {
            purchase[name] = json!(person);
        }
    }
    if let Some(invoice) = facts.get("invoice") {
        purchase["hand_over"]["invoice"] = invoice.clone();
        purchase["hand_over"]["invoice"]["buyer"] = json!(person);
    }
    if let Some(checked) = item.get("opened_and_checked") {
        purchase["hand_over"]["opened_and_checked"] = checked.clone();
    }
    if let Some(accepted) = facts.pointer("/dwelling/accepted_on") {
        let unit = "330302001001GB00001F00010001";
        purchase["dwelling"] = json!({"unit": unit, "accepted_on": accepted});
    }
    if example.is_order() {
        purchase["lines"] = lines(shop, example).await;
    } else {
        let product = Product::of(example.class(), item);
        purchase["item"] = json!({"gtin": shop.load(product).await,
            "serial": "SN-0001", "frame": "123456789012345"});
        if let Some(imei) = item.get("imei") {
            purchase["item"]["imei"] = imei.clone();
        }
    }
    purchase
}

async fn lines(shop: &Shop, example: &Example) -> Value {
    let facts = &example.example["facts"];
    let classes = &example.programme["order"]["line_classes"];
    let listed = classes.as_array().unwrap();
    let own = json!(example.class());
    let class = if listed.contains(&own) { &own } else { &listed[0] };
    let whole = json!([{"class": class, "price_fen": facts["purchase"]["price_fen"]}]);
    let items = facts["purchase"].get("items").unwrap_or(&whole);
    let mut lines = Vec::new();
    for item in items.as_array().unwrap() {
        let product = Product::of(item["class"].as_str().unwrap(), &facts["item"]);
        lines.push(json!({"gtin": shop.load(product).await, "price_fen": item["price_fen"]}));
    }
    json!(lines)
}

async fn every_example_pays(flow: &str) {
    let mut wrong = Vec::new();
    let mut tried: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples(flow) {
        let what = format!("{}: {}", example.file, example.text("/id").unwrap());
        let texts = example.texts.iter().map(|text| ("text", text.as_str()));
        let programmes = Programmes::from_texts(texts).unwrap();
        let facts = Facts::from_json(&example.example["facts"]).unwrap();
        let (region, class) = (example.region().parse().unwrap(), example.class().parse().unwrap());
        let said = programmes.evaluate(region, &class, &facts, example.at().parse().unwrap());
        let fen = example.pays();
        assert!(said.meets(&Expect::Pay(tradein::kernel::money::Fen(fen))), "{what}: {said}");
        match bought(&example).await {
            Ok(amount) if amount == fen => {}
            Ok(amount) => wrong.push(format!("{what}: {amount} for {fen}")),
            Err(answer) => wrong.push(format!("{what}: {answer}")),
        }
        *tried.entry(example.file).or_default() += 1;
    }
    assert!(wrong.is_empty(), "of {}:\n{}", tried.len(), wrong.join("\n"));
}

#[actix_web::test]
async fn every_example_of_the_voucher_flow_is_bought_over_http() {
    every_example_pays("voucher").await;
}

#[actix_web::test]
async fn every_example_of_the_checkout_flow_is_bought_over_http() {
    every_example_pays("checkout").await;
}
