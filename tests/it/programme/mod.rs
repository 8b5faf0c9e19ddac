//! Tests of the whole: published programmes, every complaint that a file can draw, every typed
//! form and kind of amount, and the laws that hold for all of them.

mod complaints;
mod forms;
mod goods;
mod laws;
mod published;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use tradein::kernel::time::Moment;
use tradein::programme::{Evaluation, Facts, Programmes};

/// A small programme with one of everything that most tests need.
const FILE: &str = r#"
id = "test-appliance-2025"
version = 1
title = { zh = "测试", en = "Test" }
region = "310000"
flow = "voucher"
goods = "catalogue"
classes = ["appliance.tv", "appliance.washer"]
assumes = []

[valid]
from = "2025-01-01"
until = "2026-01-01"
source = "notice"

[[suspensions]]
from = "2025-09-11"
until = "2025-09-20"
source = "notice"

[voucher]
ends = [{ days = 7, counting = "next_day", source = "notice" }]

[till]
reservation_minutes = 30

[old_item]
needed = "no"
source = "notice"

[refund]
qualification = "restored"
source = "notice"

[[amounts]]
base = "price"
otherwise = { code = "LABEL_GRADE_TOO_LOW", zh = "等级", en = "grade" }

[[amounts.tiers]]
name = "level 1"
label = [1]
rate = "20%"
cap_fen = 2_000_00
source = "notice"

[[amounts.tiers]]
name = "level 2"
label = [2]
rate = "15%"
cap_fen = 2_000_00
source = "notice"

[[rules]]
code = "QUOTA_EXHAUSTED"
quota = { scope = "100000", pieces = 1 }
source = "notice"

[[rules]]
code = "MERCHANT_NOT_ELIGIBLE"
zh = "商户"
en = "merchant"
demand = "merchant.status == 'active'"
source = "notice"

[sources.notice]
title = "公告"
confidence = "stated"

[[examples]]
id = "level 1"
at = "2025-03-01T12:00:00+08:00"
class = "appliance.tv"
expect = "pay:100000"
source = "notice"
facts.purchase = { price_fen = 500000 }
facts.item = { energy_label = 1 }
"#;

/// The small programme with a text replaced; the text must be there.
fn with(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "{from:?} is not in the small programme");
    FILE.replacen(from, to, 1)
}

/// The small programme with further rules before its sources.
fn with_rules(rules: &str) -> String {
    with("[sources.notice]", &format!("{rules}\n[sources.notice]"))
}

fn set(text: &str) -> Programmes {
    Programmes::from_texts([("test.toml", text)]).unwrap()
}

/// A moment in RFC 3339.
fn moment(text: &str) -> Moment {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

/// A purchase of a television in Shanghai.
fn evaluate(programmes: &Programmes, at: &str, facts: Json) -> Evaluation {
    let facts = Facts::from_json(&facts).unwrap();
    let (region, class) = ("310000".parse().unwrap(), "appliance.tv".parse().unwrap());
    programmes.evaluate(region, &class, &facts, moment(at))
}
