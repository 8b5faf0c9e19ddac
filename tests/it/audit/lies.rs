//! The lies of a forger, each with the check and the entry in which it ends.

use super::exported::{
    Home, ORIGIN, bundles, first_of, found, good, key, leaves, relaid, verified, verified_since,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tradein::audit::verify::Check;
use tradein::kernel::canonical;
use tradein::kernel::tlog::note::SignerKey;
use tradein::kernel::tlog::tile;

/// Changes of the exported bytes themselves.
pub fn files(home: &mut Home) {
    let bundle = bundles(&home.honest).remove(0);
    let name = bundle.strip_prefix(&home.honest).unwrap().to_owned();
    let bytes = fs::read(&bundle).unwrap();
    let whole: Vec<Vec<u8>> = leaves(&home.honest);
    let place = |n: usize| whole[..n].iter().map(|leaf| leaf.len() + 2).sum::<usize>();
    let put = |leaves: &[&Vec<u8>]| {
        let mut bundle = Vec::new();
        leaves.iter().for_each(|leaf| tile::put_entry(&mut bundle, leaf));
        bundle
    };
    let refs: Vec<&Vec<u8>> = whole.iter().collect();
    let last = whole.len() - 1;
    let mut flipped = bytes.clone();
    // A digit of the time: still a leaf, and another one.
    let at = whole[5].windows(6).position(|part| part == b"\"at\":\"").unwrap();
    flipped[place(5) + 2 + at + 24] ^= 1;
    let (mut deleted, mut inserted, mut swapped) = (refs.clone(), refs.clone(), refs.clone());
    deleted.remove(7);
    inserted.insert(8, refs[8]);
    swapped.swap(4, 9);
    for (bytes, entry) in [
        (flipped, 5),
        (put(&deleted), 7),
        (put(&inserted), 9),
        (put(&swapped), 4),
        (put(&refs[..last]), last),
    ] {
        let report = home.with_files(|folder| fs::write(folder.join(&name), bytes).unwrap());
        found(&report, Check::Tree, Some(entry as u64), "");
    }
    let cut = bytes[..bytes.len() - 1].to_vec();
    let report = home.with_files(|folder| fs::write(folder.join(&name), cut).unwrap());
    found(&report, Check::Tree, Some(0), "ends in the middle");
    let report = home.with_files(|folder| fs::remove_file(folder.join(&name)).unwrap());
    found(&report, Check::Tree, Some(0), "are not there");
    // A rule text that is another under its hash, and one that is gone.
    let text = |folder: &Path| {
        let mut texts = fs::read_dir(folder.join("programmes")).unwrap();
        texts.find_map(|text| {
            let path = text.unwrap().path();
            let is = fs::read_to_string(&path).unwrap().contains("test-appliance");
            is.then_some(path)
        })
    };
    let report = home.with_files(|folder| {
        let path = text(folder).unwrap();
        let other = fs::read_to_string(&path).unwrap().replace("20%", "25%");
        fs::write(path, other).unwrap();
    });
    found(&report, Check::Rules, Some(first_of(&whole, "voucher.claimed").0), "there is no text");
    let report = home.with_files(|folder| fs::remove_file(text(folder).unwrap()).unwrap());
    found(&report, Check::Rules, Some(first_of(&whole, "voucher.claimed").0), "there is no text");
}

/// Logs that are laid out and signed anew.
pub fn whole_logs(home: &mut Home) {
    let honest = leaves(&home.honest);
    let folder = home.fresh();
    let other = SignerKey::new(ORIGIN, &[2; 32]).unwrap();
    relaid(&home.honest, &folder, &honest, &other);
    found(&verified(&folder), Check::Signatures, None, "none of the given keys");
    let report = home.with_leaves(|leaves| {
        leaves.remove(6);
    });
    found(&report, Check::Order, Some(6), "it says that it is entry 7");
    let report = home.with_leaves(|leaves| leaves.swap(4, 5));
    found(&report, Check::Order, Some(4), "it says that it is entry 5");
    let report = home.with_leaves(|leaves| leaves.insert(3, leaves[3].clone()));
    found(&report, Check::Order, Some(4), "it says that it is entry 3");
    let report = home.with_leaves(|leaves| {
        let text = String::from_utf8(leaves[3].clone()).unwrap();
        leaves[3] = text.replace("{\"about\"", "{ \"about\"").into_bytes();
    });
    found(&report, Check::Schema, Some(3), "not canonical");
    let report = home.with_leaves(|leaves| leaves[3] = b"no leaf".to_vec());
    found(&report, Check::Schema, Some(3), "no leaf");
}

/// Single entries that say something else, in a log that is signed anew.
pub fn entries(home: &mut Home) {
    let early = |leaf: &mut Value| leaf["at"] = json!("2001-01-01T00:00:00.000000Z");
    home.lies("voucher.given_back", Check::Order, "time runs back", early);
    let form = |leaf: &mut Value| leaf["at"] = json!("2025-06-10T12:00:00+08:00");
    home.lies("voucher.given_back", Check::Order, "no time as leaves write it", form);
    let other = |leaf: &mut Value| leaf["book"] = json!("310000/digital/2025");
    home.lies("voucher.given_back", Check::Order, "of another book", other);
    let more = |leaf: &mut Value| leaf["data"]["note"] = json!("x");
    home.lies("voucher.claimed", Check::Schema, "undeclared note", more);
    let outside = |leaf: &mut Value| leaf["note"] = json!("x");
    home.lies("voucher.claimed", Check::Schema, "unknown field", outside);
    let actor = |leaf: &mut Value| leaf["actor"] = json!("somebody");
    home.lies("voucher.claimed", Check::Schema, "actor is nobody", actor);
    let unbalanced = |leaf: &mut Value| leaf["legs"][0][1] = json!(-1);
    home.lies("voucher.claimed", Check::Postings, "its legs sum to", unbalanced);
    let account = |leaf: &mut Value| leaf["legs"][0][0] = json!("pocket");
    home.lies("voucher.claimed", Check::Postings, "no account pocket", account);
    // All the money of the book goes with one voucher: the next has none.
    let much = |leaf: &mut Value| {
        leaf["legs"] = json!([["available", -1e14 as i64], ["held", 1e14 as i64]])
    };
    home.lies("voucher.claimed", Check::Buckets, "available falls to", much);
    home.lies("redemption.reserved", Check::States, "another's voucher", |leaf| {
        leaf["subj"] = json!("0".repeat(32));
    });
    home.lies("redemption.captured", Check::States, "no redemption", |leaf| {
        leaf["about"] = json!("0".repeat(32));
    });
    let (_, captured) = first_of(&leaves(&home.honest), "redemption.captured");
    home.lies("redemption.cancelled", Check::States, "goes from captured", |leaf| {
        leaf["about"] = captured["about"].clone();
    });
}

/// What the rules say otherwise.
pub fn amounts(home: &mut Home) {
    // A hold that is higher, its legs re-balanced.
    home.lies("voucher.claimed", Check::Amounts, "its hold is", |leaf| {
        let fen = leaf["data"]["hold_fen"].as_i64().unwrap() + 100;
        leaf["data"]["hold_fen"] = json!(fen);
        leaf["legs"] = json!([["available", -fen], ["held", fen]]);
    });
    home.lies("voucher.claimed", Check::Amounts, "it ends", |leaf| {
        leaf["data"]["until"] = json!("2025-12-31T00:00:00.000000Z");
    });
    home.lies("voucher.claimed", Check::Amounts, "its quota is not", |leaf| {
        leaf["data"]["quota"]["slots"] = json!(3);
    });
    home.lies("redemption.reserved", Check::Amounts, "its amount is", |leaf| {
        leaf["data"]["amount_fen"] = json!(leaf["data"]["amount_fen"].as_i64().unwrap() - 1);
    });
    home.lies("redemption.reserved", Check::Amounts, "its amount is", |leaf| {
        leaf["data"]["facts"]["purchase.price_fen"] = json!(123_456);
    });
    home.lies("redemption.reserved", Check::Amounts, "derivation", |leaf| {
        leaf["data"]["derivation"][0]["rule"] = json!("another");
    });
    home.lies("redemption.reserved", Check::Amounts, "INVENTED was not met", |leaf| {
        leaf["data"]["checks"]["INVENTED"] = json!(false);
    });
    // One amount through all its entries, postings and derivation: only the rule text knows.
    let (report, seq) = {
        let mut seq = 0;
        let report = home.with_leaves(|leaves| {
            let (captured, mut capture) = first_of(leaves, "redemption.captured");
            let about = capture["about"].clone();
            let of = |leaf: &Value| leaf["kind"] == "redemption.reserved" && leaf["about"] == about;
            let read = |leaf: &Vec<u8>| serde_json::from_slice::<Value>(leaf).unwrap();
            let place = leaves.iter().position(|leaf| of(&read(leaf))).unwrap();
            let mut reserve = read(&leaves[place]);
            let fen = reserve["data"]["amount_fen"].as_i64().unwrap() - 10_000;
            reserve["data"]["amount_fen"] = json!(fen);
            let steps = reserve["data"]["derivation"].as_array_mut().unwrap();
            steps.last_mut().unwrap()["result_fen"] = json!(fen);
            capture["data"]["amount_fen"] = json!(fen);
            let hold = capture["legs"][0][1].as_i64().unwrap();
            capture["legs"] =
                json!([["held", hold], ["committed", fen], ["available", -hold - fen]]);
            leaves[place] = canonical::bytes(&reserve);
            leaves[captured as usize] = canonical::bytes(&capture);
            seq = place as u64;
        });
        (report, seq)
    };
    found(&report, Check::Amounts, Some(seq), "by the rules it is");
}

/// Slots and marks that were given already.
pub fn slots_and_marks(home: &mut Home) {
    // A second voucher of a person that says that it is his first.
    let claims = |leaves: &[Vec<u8>]| -> Vec<(usize, Value)> {
        let read = leaves.iter().map(|leaf| serde_json::from_slice::<Value>(leaf).unwrap());
        read.enumerate().filter(|(_, leaf)| leaf["data"]["quota"]["in_use"] == 1).collect()
    };
    let mut seq = 0;
    let report = home.with_leaves(|leaves| {
        let (place, mut leaf) = claims(leaves).remove(0);
        leaf["data"]["quota"]["in_use"] = json!(0);
        leaves[place] = canonical::bytes(&leaf);
        seq = place as u64;
    });
    found(&report, Check::Slots, Some(seq), "this book had given 1");
    // A thing that has drawn already.
    let report = home.with_leaves(|leaves| {
        let (captured, capture) = first_of(leaves, "redemption.captured");
        let read = |leaf: &Vec<u8>| serde_json::from_slice::<Value>(leaf).unwrap();
        let taken = leaves.iter().map(read).find(|leaf| {
            leaf["kind"] == "redemption.reserved" && leaf["about"] == capture["about"]
        });
        let mut later = leaves.iter().map(read).enumerate().filter(|(place, leaf)| {
            *place as u64 > captured && leaf["kind"] == "redemption.reserved"
        });
        let (place, mut leaf) = later.next().unwrap();
        leaf["data"]["marks"] = taken.unwrap()["data"]["marks"].clone();
        leaves[place] = canonical::bytes(&leaf);
        seq = place as u64;
    });
    found(&report, Check::Marks, Some(seq), "has drawn for good");
}

/// The same in a book of applications.
pub fn applications(home: &mut Home) {
    let moved = |leaf: &mut Value, from: &str, to: &str| {
        let fen = leaf["data"]["amount_fen"].as_i64().unwrap() + 100;
        leaf["data"]["amount_fen"] = json!(fen);
        leaf["legs"] = json!([[from, -fen], [to, fen]]);
    };
    home.lies("application.submitted", Check::Amounts, "its amount is", |leaf| {
        moved(leaf, "available", "held");
    });
    home.lies("application.submitted", Check::Amounts, "NEW_CAR_NOT_ELIGIBLE", |leaf| {
        leaf["data"]["facts"]["item.power"] = json!("fuel");
    });
    home.lies("application.submitted", Check::Amounts, "OWNER_MISMATCH was not met", |leaf| {
        leaf["data"]["checks"]["OWNER_MISMATCH"] = json!(false);
    });
    home.lies("application.submitted", Check::Amounts, "its quota is not", |leaf| {
        leaf["data"]["quota"]["slots"] = json!(2);
    });
    home.lies("application.submitted", Check::Amounts, "not in force", |leaf| {
        leaf["data"]["decided_at"] = json!("2024-06-01T00:00:00.000000Z");
    });
    home.lies("application.corrected", Check::Amounts, "derivation", |leaf| {
        leaf["data"]["derivation"][0]["rule"] = json!("another");
    });
    home.lies("application.corrected", Check::Amounts, "submitted at another time", |leaf| {
        leaf["data"]["facts"]["application.applied_at"] = json!("2025-06-09T09:00:00+08:00");
    });
    home.lies("application.approved", Check::Amounts, "a figure of his own", |leaf| {
        let held = leaf["legs"][0][1].as_i64().unwrap();
        leaf["data"]["granted_fen"] = json!(100);
        leaf["data"]["reason"] = json!("EVIDENCE_WEAK");
        leaf["legs"] = json!([["held", held], ["committed", 100], ["available", -held - 100]]);
    });
    home.lies("application.approved", Check::Amounts, "another base", |leaf| {
        leaf["data"]["approved_base_fen"] = json!(1);
    });
    home.lies("application.approved", Check::Amounts, "granted as something else", |leaf| {
        leaf["data"]["decided_at"] = json!("2025-05-01T00:00:00.000000Z");
    });
    home.lies("application.topped_up", Check::Amounts, "its amount is", |leaf| {
        moved(leaf, "available", "committed");
    });
    for (name, check, says) in [
        ("/subj", Check::Slots, "this book had given 1"),
        ("/data/marks", Check::Marks, "takes a mark that"),
    ] {
        let mut seq = 0;
        let report = home.with_leaves(|leaves| {
            let (first, told) = first_of(leaves, "application.submitted");
            seq = first + 1;
            let mut leaf: Value = serde_json::from_slice(&leaves[seq as usize]).unwrap();
            assert_eq!(leaf["kind"], "application.submitted");
            *leaf.pointer_mut(name).unwrap() = told.pointer(name).unwrap().clone();
            leaves[seq as usize] = canonical::bytes(&leaf);
        });
        found(&report, check, Some(seq), says);
    }
}

/// What an auditor kept from an earlier day.
pub fn older_heads(home: &mut Home) {
    let all = leaves(&home.honest);
    let (older, forked, kept) = (home.fresh(), home.fresh(), home.fresh());
    relaid(&home.honest, &older, &all[..12], &key());
    let old = older.join("checkpoint");
    good(&verified_since(&home.honest, Some(&old)));
    good(&verified_since(&home.honest, Some(&older)));
    good(&verified_since(&home.honest, Some(&home.honest.join("checkpoint"))));
    // The tail cut, and a backup of an earlier day restored.
    let report = verified_since(&older, Some(&home.honest.join("checkpoint")));
    found(&report, Check::Since, Some(12), "its tail is cut");
    // The past of one entry written anew: the checkpoint tells that, the older export where.
    let mut other = all.clone();
    let mut leaf: Value = serde_json::from_slice(&other[9]).unwrap();
    leaf["about"] = json!("f".repeat(32));
    other[9] = canonical::bytes(&leaf);
    relaid(&home.honest, &forked, &other, &key());
    let report = verified_since(&forked, Some(&old));
    found(&report, Check::Since, None, "are not those of the older checkpoint");
    let first = verified_since(&forked, Some(&older));
    assert_eq!(first.first_of(Check::Since).and_then(|first| first.entry), Some(9));
    // Two heads of one size.
    let report = verified_since(&forked, Some(&home.honest.join("checkpoint")));
    found(&report, Check::Since, None, "two checkpoints of size");
    // A head that somebody else signed says nothing.
    let stranger = SignerKey::new(ORIGIN, &[3; 32]).unwrap();
    relaid(&home.honest, &kept, &all[..12], &stranger);
    let report = verified_since(&home.honest, Some(&kept));
    found(&report, Check::Since, None, "none of the given keys");
}
