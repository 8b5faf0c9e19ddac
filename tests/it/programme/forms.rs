//! Each typed form, each kind of amount and each edge of the calendar, one table each.

use super::{FILE, evaluate, moment, set, with, with_rules};
use serde_json::{Value as Json, json};
use tradein::kernel::money::Fen;
use tradein::programme::{Facts, Phase, Programmes, Standing, TermKind, judge};

const NOON: &str = "2025-03-01T12:00:00+08:00";

/// A purchase of a television of level 1, with further facts.
fn tv(price: i64, more: Json) -> Json {
    let mut facts = json!({ "purchase": { "price_fen": price }, "item": { "energy_label": 1 } });
    for (object, keys) in more.as_object().unwrap() {
        for (key, value) in keys.as_object().unwrap() {
            facts[object][key] = value.clone();
        }
    }
    facts
}

#[track_caller]
fn comes_out(programmes: &Programmes, at: &str, facts: Json, want: &str) {
    let found = evaluate(programmes, at, facts.clone());
    assert_eq!(found.to_string(), want, "{at} {facts}");
}

/// A typed rule in the file, some history, and what a television of 5,000 yuan then draws.
#[test]
fn typed_forms_judge_what_is_held() {
    let capped = "code = \"TOTAL\"\nzh = \"总额\"\nen = \"total\"\n\
                  cumulative_cap = { scope = \"310000\", name = \"all\", cap_fen = 150000 }";
    let lapse = "code = \"LAPSE_LIMIT\"\nlapse_limit = { scope = \"310000\", times = 4 }";
    let budget = "code = \"BUDGET_EXHAUSTED\"\nday_budget = { limit_fen = 100000 }";
    let serial = "code = \"SERIAL_REUSED\"\nonce_per = [\"new_serial\", \"new_imei\"]";
    let elsewhere = "code = \"CLAIMED_ELSEWHERE\"\nheld_elsewhere = true";
    let redeemed = json!({ "history": { "redeemed": { "appliance.tv": 1 } } });
    for (rule, history, want) in [
        (
            elsewhere,
            json!({ "history": { "claimed_elsewhere": true } }),
            "refuse:CLAIMED_ELSEWHERE",
        ),
        (elsewhere, json!({ "history": { "claimed_elsewhere": false } }), "pay:100000"),
        (lapse, json!({ "history": { "lapsed": 3 } }), "pay:100000"),
        (lapse, json!({ "history": { "lapsed": 4 } }), "refuse:LAPSE_LIMIT"),
        (capped, json!({ "history": { "paid_fen": { "appliance.tv": 50_000 } } }), "pay:100000"),
        (capped, json!({ "history": { "paid_fen": { "appliance.tv": 50_001 } } }), "pay:99999"),
        (capped, json!({ "history": { "paid_fen": { "appliance.tv": 149_999 } } }), "pay:1"),
        (capped, json!({ "history": { "paid_fen": { "appliance.tv": 150_000 } } }), "refuse:TOTAL"),
        (capped, json!({ "history": { "paid_fen": { "appliance.washer": 90_000 } } }), "pay:60000"),
        (budget, json!({ "budget": { "left_today_fen": 100_000 } }), "pay:100000"),
        (budget, json!({ "budget": { "left_today_fen": 99_999 } }), "refuse:BUDGET_EXHAUSTED"),
        (budget, json!({}), "pay:100000"),
        (serial, json!({ "history": { "serial_subsidised": true } }), "refuse:SERIAL_REUSED"),
        (serial, json!({ "history": { "serial_subsidised": false } }), "pay:100000"),
        (serial, redeemed, "refuse:QUOTA_EXHAUSTED"),
    ] {
        let text = with_rules(&format!("[[rules]]\n{rule}\nsource = \"notice\"\n"));
        comes_out(&set(&text), NOON, tv(500_000, history), want);
    }
}

/// Kept slots fill a quota like used ones; the code of the refund goes before that of the quota.
#[test]
fn a_refund_keeps_its_slot_where_the_rules_say_so() {
    let quota = "[[rules]]\ncode = \"QUOTA_EXHAUSTED\"\nquota = { scope = \"100000\", pieces = 1 }";
    let both = "[[rules]]\ncode = \"QUOTA_NOT_RESTORED_AFTER_REFUND\"\n\
                not_again_after_refund = true\nsource = \"notice\"\n\n[[rules]]\n\
                code = \"QUOTA_EXHAUSTED\"\nquota = { scope = \"100000\", pieces = 2 }";
    let kept = with("qualification = \"restored\"", "qualification = \"kept\"");
    let refunds = kept.replacen(quota, both, 1);
    let history = |redeemed: i64, refunded: i64| {
        json!({ "history": {
            "redeemed": { "appliance.tv": redeemed }, "refunded": { "appliance.tv": refunded } } })
    };
    for (text, redeemed, refunded, want) in [
        (FILE, 0, 1, "pay:100000"),
        (kept.as_str(), 0, 1, "refuse:QUOTA_EXHAUSTED"),
        (refunds.as_str(), 0, 1, "pay:100000"),
        (refunds.as_str(), 1, 1, "refuse:QUOTA_NOT_RESTORED_AFTER_REFUND"),
        (refunds.as_str(), 0, 2, "refuse:QUOTA_NOT_RESTORED_AFTER_REFUND"),
        (refunds.as_str(), 2, 1, "refuse:QUOTA_EXHAUSTED"),
    ] {
        comes_out(&set(text), NOON, tv(500_000, history(redeemed, refunded)), want);
    }
}

#[test]
fn amounts_follow_their_tiers() {
    let tiers = "[[amounts.tiers]]\nname = \"level 1\"\nlabel = [1]\nrate = \"20%\"\n\
                 cap_fen = 2_000_00\nsource = \"notice\"\n";
    let fixed = "[[amounts.tiers]]\nname = \"low\"\nprice_from_fen = 100\nprice_below_fen = 200\n\
                 fixed_fen = 10\nsource = \"notice\"\n[[amounts.tiers]]\nname = \"high\"\n\
                 price_from_fen = 200\nprice_below_fen = 300\nfixed_fen = 30\nsource = \"notice\"\n\
                 [[amounts.tiers]]\nname = \"unknown\"\nprice_from_fen = 300\n\
                 refuse = { code = \"ASK\", zh = \"问\", en = \"ask\" }\nsource = \"notice\"\n\
                 [[amounts.extras]]\nname = \"central\"\nwhen = \"item.central_set\"\n\
                 fixed_fen = 7\nsource = \"notice\"\n";
    let (head, rest) = FILE.split_once(tiers).unwrap();
    let (_, tail) = rest.split_once("[[rules]]").unwrap();
    let (tail, _) = tail.split_once("[[examples]]").unwrap();
    let example = "[[examples]]\nid = \"x\"\nat = \"2025-03-01T12:00:00+08:00\"\n\
                   class = \"appliance.tv\"\nexpect = \"pay:10\"\nsource = \"notice\"\n\
                   facts.purchase = { price_fen = 100 }\n";
    let programmes = set(&format!("{head}{fixed}[[rules]]{tail}{example}"));
    for (price, central, want) in [
        (99, false, "refuse:LABEL_GRADE_TOO_LOW"),
        (100, false, "pay:10"),
        (199, true, "pay:17"),
        (200, false, "pay:30"),
        (299, true, "pay:37"),
        (300, true, "refuse:ASK"),
    ] {
        let more = json!({ "item": { "central_set": central } });
        comes_out(&programmes, NOON, tv(price, more), want);
    }
    let class = "appliance.tv".parse().unwrap();
    assert_eq!(programmes.iter().next().unwrap().hold(&class), Fen(37));
}

#[test]
fn the_better_label_counts() {
    for (energy, water, want) in [
        (Some(1), None, "pay:100000"),
        (Some(2), None, "pay:75000"),
        (None, Some(2), "pay:75000"),
        (Some(2), Some(1), "pay:100000"),
        (Some(3), None, "refuse:LABEL_GRADE_TOO_LOW"),
        (None, None, "refuse:LABEL_GRADE_TOO_LOW"),
    ] {
        let mut facts = tv(500_000, json!({}));
        facts["item"] = json!({});
        energy.into_iter().for_each(|grade: i64| facts["item"]["energy_label"] = grade.into());
        water.into_iter().for_each(|grade: i64| facts["item"]["water_label"] = grade.into());
        comes_out(&set(FILE), NOON, facts, want);
    }
}

#[test]
fn vouchers_are_claimed_and_used_in_time() {
    for (claimed, at, want) in [
        ("2025-03-01T09:00:00+08:00", "2025-03-08T23:59:59+08:00", "pay:100000"),
        ("2025-03-01T09:00:00+08:00", "2025-03-09T00:00:00+08:00", "refuse:VOUCHER_EXPIRED"),
        ("2025-09-10T23:59:59+08:00", "2025-09-12T00:00:00+08:00", "pay:100000"),
        ("2025-09-11T00:00:00+08:00", "2025-09-12T00:00:00+08:00", "refuse:PROGRAMME_SUSPENDED"),
        ("2025-09-20T00:00:00+08:00", "2025-09-20T00:00:00+08:00", "pay:100000"),
        ("2024-12-30T00:00:00+08:00", "2025-01-01T00:00:00+08:00", "refuse:VOUCHER_EXPIRED"),
        ("2025-12-31T12:00:00+08:00", "2026-01-01T00:00:00+08:00", "refuse:CATEGORY_NOT_COVERED"),
    ] {
        let voucher = json!({ "voucher": { "claimed_at": claimed } });
        comes_out(&set(FILE), at, tv(500_000, voucher), want);
    }
}

/// An absent fact leaves a condition out, unless it is required or the answer does not need it.
#[test]
fn absent_facts_leave_conditions_out() {
    let demand = "demand = \"merchant.status == 'active'\"";
    let required = format!("{demand}\nrequired = true");
    let either = "demand = \"merchant.status == 'active' || item.power == 'nev'\"\nrequired = true";
    for (rule, facts, want) in [
        (demand, json!({}), "pay:100000"),
        (required.as_str(), json!({}), "refuse:MERCHANT_NOT_ELIGIBLE"),
        (required.as_str(), json!({ "merchant": { "status": "active" } }), "pay:100000"),
        (demand, json!({ "merchant": { "status": "removed" } }), "refuse:MERCHANT_NOT_ELIGIBLE"),
        (either, json!({ "merchant": { "status": "active" } }), "pay:100000"),
        (either, json!({ "item": { "power": "nev" } }), "pay:100000"),
        (either, json!({ "item": { "power": "fuel" } }), "refuse:MERCHANT_NOT_ELIGIBLE"),
    ] {
        comes_out(&set(&with(demand, rule)), NOON, tv(500_000, facts), want);
    }
}

/// What a leaf keeps: open facts by value, of identifying ones only what the rule saw.
#[test]
fn a_screening_tells_what_it_read() {
    let party = "[[rules]]\ncode = \"PARTY_MISMATCH\"\nzh = \"人\"\nen = \"party\"\n\
                 demand = \"purchase.payer == person.id\"\nsource = \"notice\"\n";
    let programmes = set(&with_rules(party));
    let programme = programmes.iter().next().unwrap();
    let facts = json!({
        "person": { "id": "a" }, "merchant": { "status": "active" },
        "purchase": { "price_fen": 500_000, "payer": "b", "channel": "offline" },
        "item": { "energy_label": 1 },
    });
    let facts = Facts::from_json(&facts).unwrap();
    let class = "appliance.tv".parse().unwrap();
    let screening = programme.screen(&class, &Phase::ALL, &facts, moment(NOON));
    assert_eq!(screening.refusals[0].code(), "PARTY_MISMATCH");
    let read = json!({
        "purchase.price_fen": 500_000, "item.energy_label": 1, "merchant.status": "active",
    });
    assert_eq!(Json::Object(screening.facts(&facts)), read);
    assert_eq!(Json::Object(screening.checks()), json!({ "PARTY_MISMATCH": false }));
    let leaf = Facts::from_leaf(&screening.facts(&facts)).unwrap();
    let again = programme.screen(&class, &[Phase::Reserve], &leaf, moment(NOON));
    assert_eq!(again.amount, screening.amount, "the amount follows from the leaf");
    let day = Some(moment("2025-09-11T00:00:00+08:00"));
    assert_eq!(screening.holds.until, day, "claiming is suspended from then on");
}

#[test]
fn terms_carry_their_keys() {
    let programmes = set(FILE);
    let programme = programmes.iter().next().unwrap();
    let (class, facts) = ("appliance.tv".parse().unwrap(), Facts::new());
    let screening = programme.screen(&class, &[Phase::Claim], &facts, moment(NOON));
    let quota = TermKind::Quota { key: "100000/2025/appliance.tv".to_owned(), slots: 1 };
    assert_eq!(screening.terms[0].kind, quota);
    assert_eq!(judge(&screening, &Standing::default()).unwrap().amount, None);
    let full = Standing { slots_in_use: 1, ..Standing::default() };
    assert_eq!(judge(&screening, &full).unwrap_err()[0].code(), "QUOTA_EXHAUSTED");
}

#[test]
fn a_derivation_is_read_in_both_languages() {
    let found = evaluate(&set(FILE), NOON, tv(1_500_000, json!({})));
    let derivation = found.outcome.unwrap().derivation;
    let en = "level 1: 20% of 15000.00 yuan, makes 3000.00 yuan\n\
              level 1: at most 2000.00 yuan, makes 2000.00 yuan";
    assert_eq!(derivation.en(), en);
    assert!(derivation.zh().starts_with("level 1：15000.00元 × 20%，合计3000.00元\n"));
    let json = serde_json::to_value(&derivation).unwrap();
    assert_eq!(json[1], json!({ "rule": "level 1", "cap_fen": 200_000, "result_fen": 200_000 }));
}

/// The nearer place decides, a dropped class is nobody's, and a higher version acts alone.
#[test]
fn resolution_goes_from_the_city_to_the_nation() {
    let nation = with("\"310000\"", "\"100000\"").replacen("test-", "nation-", 1);
    let city = with("id = ", "drops = [\"appliance.stove\"]\nid = ");
    let stoves =
        nation.replacen("[\"appliance.tv\",", "[\"appliance.tv\", \"appliance.stove\",", 1);
    let second = with("version = 1", "version = 2")
        .replacen("[\"appliance.tv\", \"appliance.washer\"]", "[\"appliance.tv\"]", 1)
        .replacen("from = \"2025-01-01\"", "from = \"2025-06-01\"", 1)
        .replacen("from = \"2025-09-11\"", "from = \"2025-09-12\"", 1);
    let texts = [("n", stoves.as_str()), ("c1", city.as_str()), ("c2", second.as_str())];
    let programmes = Programmes::from_texts(texts).unwrap();
    for (region, class, at, want) in [
        ("310000", "appliance.tv", "2025-03-01", Some(("test-appliance-2025", 1))),
        ("310104", "appliance.tv", "2025-06-01", Some(("test-appliance-2025", 2))),
        ("320500", "appliance.tv", "2025-03-01", Some(("nation-appliance-2025", 1))),
        ("310000", "appliance.stove", "2025-03-01", None),
        ("310000", "appliance.washer", "2025-05-31", Some(("test-appliance-2025", 1))),
        ("310000", "appliance.washer", "2025-06-01", Some(("nation-appliance-2025", 1))),
        ("310000", "ebike", "2025-03-01", None),
        ("310000", "appliance.tv", "2026-01-01", None),
    ] {
        let at = moment(&format!("{at}T00:00:00+08:00"));
        let found = programmes.resolve(region.parse().unwrap(), &class.parse().unwrap(), at);
        let acting = found.acting.as_ref().ok().map(|it| (it.id(), it.version()));
        assert_eq!(acting, want, "{region} {class} {at}");
        assert!(found.holds.contains(at));
    }
    let march = moment("2025-03-01T00:00:00+08:00");
    let holds = programmes
        .resolve("310000".parse().unwrap(), &"appliance.tv".parse().unwrap(), march)
        .holds;
    assert_eq!(holds.until, Some(moment("2025-06-01T00:00:00+08:00")), "the second version begins");
}

/// An application is decided by its last document and the moment of its submission.
#[test]
fn a_raised_standard_reaches_back() {
    let programmes = super::published::programmes();
    let class = "car.scrap".parse().unwrap();
    let region = "370100".parse().unwrap();
    let june = moment("2024-06-10T12:00:00+08:00");
    for (submitted, version) in [("2024-08-15T23:59:59", 1), ("2024-08-16T00:00:00", 2)] {
        let submitted = moment(&format!("{submitted}+08:00"));
        let found = programmes.resolve_submission(region, &class, june, submitted);
        assert_eq!(found.acting.unwrap().version(), version);
        assert!(found.holds.contains(submitted));
    }
}
