//! The goods catalogue on the real stack: loaded, changed, loaded again, and looked up.

use crate::support::{TestDb, save};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use tradein::book::desk::Tx;
use tradein::book::store::{find_stamps, list_entries};
use tradein::book::{REGISTER, fold};
use tradein::commands::register::submit;
use tradein::kernel::canonical;
use tradein::kernel::identifier::Gtin;
use tradein::kernel::money::Fen;
use tradein::programme::goods::file::{read_goods, read_prices};
use tradein::programme::goods::load::{ENTRY_TYPES, LoadGoods};
use tradein::programme::goods::{GOODS, Goods, store};
use uuid::Uuid;

const GTIN: &str = "6901234567892";

fn goods_csv(grade: u8) -> String {
    format!(
        "gtin,class,brand,model,energy_label,battery,valid_from,valid_to,source\n\
         {GTIN},appliance.tv,海尔,M1,{grade},,2026-01-01,2026-12-31,list\n\
         6901234567908,ebike,b,E1,,lead,2026-01-01,,list\n"
    )
}

const PRICES: &str = "gtin,region,price_fen,valid_from,valid_to,source\n\
    6901234567892,100000,300000,2026-01-01,,list\n\
    6901234567892,320000,290000,2026-01-01,,list\n\
    6901234567892,320500,280000,2026-03-01,2026-06-30,list\n";

fn load(goods: &str, prices: Option<&str>) -> LoadGoods {
    let hash = |text: &str| hex::encode(canonical::sha256(text.as_bytes()));
    LoadGoods {
        goods: read_goods(goods.as_bytes()).unwrap(),
        prices: prices.map(|p| read_prices(p.as_bytes()).unwrap()).unwrap_or_default(),
        goods_sha256: Some(hash(goods)),
        prices_sha256: prices.map(hash),
        id: Uuid::now_v7(),
    }
}

fn submitted(db: &TestDb, command: LoadGoods) -> Json {
    submit(&db.app_url(), Arc::new(command)).unwrap()["goods"].clone()
}

/// The entries of the register book, and the stamp.
fn told(db: &TestDb) -> (Vec<fold::EntryView>, i64) {
    let mut connection = db.app();
    let leaves = list_entries(&mut connection, REGISTER, 0, 100).unwrap();
    let entry = |(leaf, _): (Vec<u8>, Vec<u8>)| fold::EntryView::of_leaf(&leaf).unwrap();
    let stamp = find_stamps(&mut connection, &[GOODS.to_owned()]).unwrap();
    (leaves.into_iter().map(entry).collect(), stamp[0].version)
}

fn find(db: &TestDb, day: &str) -> Option<Goods> {
    store::find(&mut db.app(), &GTIN.parse().unwrap(), day.parse().unwrap()).unwrap()
}

#[test]
fn a_file_is_loaded_once_and_changes_are_told() {
    let db = TestDb::new();
    let (_, stamp) = told(&db);
    let counts = submitted(&db, load(&goods_csv(2), Some(PRICES)));
    let all = |added, changed, unchanged, prices, same| {
        json!({
            "goods_added": added, "goods_changed": changed, "goods_unchanged": unchanged,
            "prices_added": prices, "prices_changed": 0, "prices_unchanged": same,
        })
    };
    assert_eq!(counts, all(2, 0, 0, 3, 0));
    assert_eq!(find(&db, "2026-05-01").unwrap().energy_label, Some(2));
    let (entries, loaded) = told(&db);
    assert_eq!((entries.len(), loaded), (1, stamp + 1));
    let sha256 = hex::encode(canonical::sha256(goods_csv(2).as_bytes()));
    assert_eq!(entries[0].text("goods_sha256").unwrap(), sha256);
    // The same files change nothing: no entry, and no screening is made again.
    assert_eq!(submitted(&db, load(&goods_csv(2), Some(PRICES))), all(0, 0, 2, 0, 3));
    let (entries, again) = told(&db);
    assert_eq!((entries.len(), again), (1, loaded));
    assert_eq!(submitted(&db, load(&goods_csv(1), None)), all(0, 1, 1, 0, 0));
    assert_eq!(find(&db, "2026-05-01").map(|g| (g.energy_label, g.version)), Some((Some(1), 2)));
    let (entries, changed) = told(&db);
    assert_eq!((entries.len(), changed), (2, loaded + 1));
    let mut state = fold::State::default();
    entries.iter().for_each(|entry| state.apply(ENTRY_TYPES, entry).unwrap());
}

#[test]
fn a_look_up_knows_days_and_the_nearest_place() {
    let db = TestDb::new();
    submitted(&db, load(&goods_csv(1), Some(PRICES)));
    assert!(find(&db, "2025-12-31").is_none() && find(&db, "2027-01-01").is_none());
    assert!(find(&db, "2026-01-01").is_some() && find(&db, "2026-12-31").is_some());
    let gtin: Gtin = GTIN.parse().unwrap();
    let price = |region: &str, day: &str| {
        let (region, day) = (region.parse().unwrap(), day.parse().unwrap());
        store::filed_price(&mut db.app(), &gtin, region, day).unwrap().map(|Fen(fen)| fen)
    };
    for (region, day, fen) in [
        ("320582", "2026-04-01", Some(280_000)),
        ("320500", "2026-06-30", Some(280_000)),
        ("320500", "2026-07-01", Some(290_000)),
        ("320100", "2026-04-01", Some(290_000)),
        ("310000", "2026-04-01", Some(300_000)),
        ("310000", "2025-12-31", None),
    ] {
        assert_eq!(price(region, day), fen, "{region} {day}");
    }
    let gtins = [gtin, "6901234567908".parse().unwrap(), Gtin::synthetic(5)];
    let day = "2026-05-01".parse().unwrap();
    assert_eq!(store::find_all(&mut db.app(), &gtins, day).unwrap().len(), 2);
}

#[test]
fn a_load_that_contradicts_what_is_stored_changes_nothing() {
    let db = TestDb::new();
    submitted(&db, load(&goods_csv(1), Some(PRICES)));
    let before = told(&db).1;
    let next = "gtin,region,price_fen,valid_from,valid_to,source\n\
        6901234567892,100000,200000,2026-07-01,,list\n";
    let error = submit(&db.app_url(), Arc::new(load(&goods_csv(2), Some(next)))).unwrap_err();
    assert!(error.to_string().starts_with("GOODS_CONTRADICT"), "{error}");
    assert_eq!(find(&db, "2026-05-01").unwrap().energy_label, Some(1));
    assert_eq!(told(&db).1, before);
    let closed = next
        .replace("source\n", "source\n6901234567892,100000,300000,2026-01-01,2026-06-30,list\n");
    let counts = submitted(&db, load(&goods_csv(1), Some(&closed)));
    assert_eq!((&counts["prices_added"], &counts["prices_changed"]), (&json!(1), &json!(1)));
}

/// Negative control: a row that somebody else has changed in between is not overwritten.
#[test]
fn a_stale_version_is_never_saved() {
    let db = TestDb::new();
    submitted(&db, load(&goods_csv(2), None));
    let stale = find(&db, "2026-05-01").unwrap();
    submitted(&db, load(&goods_csv(1), None));
    let now = Goods { brand: "other".into(), version: stale.version + 1, ..stale.clone() };
    let mut connection = db.app();
    let at = "2026-05-01T00:00:00Z".parse().unwrap();
    let mut tx = Tx { connection: &mut connection, book: REGISTER, now: at };
    save(&mut tx, Some(&stale), &now).expect_err("the row has another version");
}

#[test]
fn the_sample_files_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/goods");
    let goods = read_goods(&std::fs::read(folder.join("sample.csv")).unwrap()).unwrap();
    let prices = read_prices(&std::fs::read(folder.join("sample-prices.csv")).unwrap()).unwrap();
    assert!(goods.len() >= 40 && goods.iter().all(|one| one.gtin.is_chinese()));
    assert!(prices.iter().all(|price| goods.iter().any(|one| one.gtin == price.gtin)));
    let db = TestDb::new();
    let load =
        LoadGoods { goods, prices, goods_sha256: None, prices_sha256: None, id: Uuid::now_v7() };
    assert_eq!(submitted(&db, load)["goods_changed"], 0);
}
