//! Each thing that can be wrong with a file, by the line where it stands and the reason given.

use super::{FILE, with, with_rules};
use tradein::programme::check;

/// The complaints about one text, `line: reason`.
fn complaints(text: &str) -> Vec<String> {
    let found = check([("test.toml", text)]);
    found[0].complaints.iter().map(ToString::to_string).collect()
}

fn line_of(text: &str, part: &str) -> usize {
    let place = text.find(part).unwrap_or_else(|| panic!("{part:?} is not in the text"));
    text[..place].matches('\n').count() + 1
}

#[track_caller]
fn complains(text: &str, at: &str, reason: &str) {
    let found = complaints(text);
    let line = format!("line {}:", line_of(text, at));
    let told = found.iter().any(|it| it.starts_with(&line) && it.contains(reason));
    assert!(told, "want {line} … {reason} …, got {found:#?}");
}

#[test]
fn a_good_file_draws_none() {
    assert_eq!(complaints(FILE), Vec::<String>::new());
    assert_eq!(check([("test.toml", FILE)])[0].examples, 1);
}

/// Text to replace, its replacement, where the complaint points, and what it says.
#[test]
fn of_shape_and_head() {
    for (from, to, at, reason) in [
        ("version = 1", "version = 1\ncolour = \"red\"", "colour", "unknown field `colour`"),
        ("version = 1", "version = \"x\"", "version", "invalid type"),
        ("version = 1", "version = 0", "version", "count from 1"),
        ("flow = \"voucher\"", "flow = \"barter\"", "flow", "unknown variant `barter`"),
        ("\"test-appliance-2025\"", "\"Test!\"", "id =", "lower-case"),
        ("\"310000\"", "\"31\"", "region", "six digits"),
        ("assumes = []", "assumes = []\ndrops = [\"appliance.tv\"]", "classes", "both paid and"),
        ("[till]\nreservation_minutes = 30", "", "id =", "needs [till]"),
        ("[till]", "[application]\nsource = \"notice\"\n\n[till]", "id =", "no use for [appl"),
        ("until = \"2026-01-01\"", "until = \"2024-01-01\"", "[valid]", "ends before"),
        ("until = \"2026-01-01\"", "until = \"soon\"", "[valid]", "neither a day nor"),
        ("source = \"notice\"", "source = \"rumour\"", "[valid]", "no \"rumour\""),
        ("counting = \"next_day\", ", "", "{ days", "days with counting"),
        ("confidence = \"stated\"", "confidence = \"sure\"", "confidence", "unknown variant"),
        (
            "[sources.notice]",
            "[sources.x]\ntitle = \"x\"\nconfidence = \"press\"\n\n[sources.notice]",
            "[sources.x]",
            "no figure names",
        ),
    ] {
        complains(&with(from, to), at, reason);
    }
}

/// A table of a list is pointed at by its first line.
const LEVEL_2: &str = "[[amounts.tiers]]\nname = \"level 2\"";

#[test]
fn of_amounts() {
    for (from, to, at, reason) in [
        ("label = [2]", "label = [1, 2]", LEVEL_2, "overlap"),
        ("label = [2]", "label = [6]", LEVEL_2, "grades 1 to 5"),
        ("rate = \"15%\"", "rate = \"150%\"", "rate = \"150%\"", "a rate is a percentage"),
        ("rate = \"15%\"\ncap_fen = 2_000_00", "rate = \"15%\"", LEVEL_2, "one of"),
        ("rate = \"15%\"", "fixed_fen = 1\nrate = \"15%\"", LEVEL_2, "one of them"),
        ("label = [2]", "when = \"person.age > 3\"", "when", "who somebody is"),
        ("label = [2]", "when = \"item.opened_and_checked\"", "when", "fixed at reserve"),
        ("label = [2]", "when = \"item.size > 3\"", "when", "item.size is no fact"),
        (", en = \"grade\"", "", "otherwise", "no sentence in en"),
        ("\"price\"\n", "\"price\"\nclasses = [\"appliance.tv\"]\n", "[[amounts]]", "no amount"),
        ("\"price\"\n", "\"price\"\nyears = 3\n", "[[amounts]]", "interest_by_year"),
    ] {
        complains(&with(from, to), at, reason);
    }
    let prices = "price_from_fen = 5\nprice_below_fen = 5\nlabel = [2]";
    complains(&with("label = [2]", prices), LEVEL_2, "no price fits");
    let below = "label = [1]\nprice_below_fen = 100";
    let touching = with("label = [1]", below);
    let touching = touching.replacen("label = [2]", "label = [1]\nprice_from_fen = 100", 1);
    assert!(!complaints(&touching).iter().any(|it| it.contains("overlap")));
}

/// A demand, and what is wrong with it.
#[test]
fn of_conditions() {
    for (demand, reason) in [
        ("item.weight > 3", "item.weight is no fact"),
        ("history.lapsed < 3", "history.lapsed is history"),
        ("purchase.items == 3", "is a list"),
        ("merchant.status == 3", "Text was expected"),
        ("old_item.registered_on < '2013-6-30'", "is not a Day"),
        ("within(purchase.delivery_region, '32')", "is not a Region"),
        ("merchant.status < 'z'", "has no order"),
        ("purchase.price_fen", "a condition is true or false"),
        ("purchase.price_fen + 1 == ", "not CEL"),
        ("size(merchant.status) == 3", "is not a function of conditions"),
        ("merchant.status.startsWith('a')", "is not a function of conditions"),
        ("[1, 2].exists(x, x == 1)", "nothing else"),
        ("has(item.ccc)", "nothing else"),
        ("purchase.price_fen > 1.5", "nothing else"),
        ("purchase.channel in person.id", "needs a list"),
        ("application.applied_at > '2025-01-01T00:00:00+08:00'", "never known in this flow"),
    ] {
        let rule = "\n[[rules]]\ncode = \"X\"\nzh = \"x\"\nen = \"x\"\nsource = \"notice\"\n";
        let text = with_rules(&format!("{rule}demand = \"{demand}\"\n"));
        complains(&text, "[[rules]]\ncode = \"X\"", reason);
    }
    let long = format!("demand = \"{}true\"", "true && ".repeat(200));
    complains(
        &with("demand = \"merchant.status == 'active'\"", &long),
        "[[rules]]\ncode = \"M",
        "1000",
    );
}

/// What stands in a rule beside its source, and what is wrong with it.
#[test]
fn of_rules() {
    let x = |more: &str| format!("code = \"X\"\nzh = \"x\"\nen = \"x\"\n{more}");
    let lapses = "code = \"LAPSE_LIMIT\"\nlapse_limit = { scope = \"310000\", times = 0 }";
    let phase = "code = \"SERIAL_REUSED\"\nonce_per = [\"new_serial\"]\nphase = \"claim\"";
    for (rule, reason) in [
        ("code = \"X\"\nzh = \"x\"\ndemand = \"item.ccc\"".to_owned(), "sentence in en"),
        ("code = \"X\"\nen = \"x\"\ndemand = \"item.ccc\"".to_owned(), "sentence in zh"),
        ("code = \"X\"\nheld_elsewhere = true".to_owned(), "no sentence in zh"),
        (x("demand = \"true\"").replacen('X', "low", 1), "upper-case"),
        ("code = \"QUOTA_EXHAUSTED\"\nheld_elsewhere = true".to_owned(), "is used twice"),
        ("code = \"LAPSE_LIMIT\"".to_owned(), "exactly one of"),
        (lapses.to_owned(), "refuse everybody"),
        (x("day_budget = { limit_fen = 0 }"), "is no limit"),
        (x("once_per = []"), "at least one mark"),
        (phase.to_owned(), "belong to a demand"),
        (
            x("demand = \"item.ccc\"\nphase = \"claim\""),
            "in phase claim, but item.ccc is known only in phase reserve",
        ),
        (x("demand = \"item.ccc\"\nclasses = [\"ebike\"]"), "ebike is not among"),
        (x("quota = { scope = \"100000\", pieces = 2 }"), "stands twice"),
        (
            x("quota = { scope = \"100000\", pieces = 2, per_payment_channel = true }"),
            "does not know the payment channel",
        ),
    ] {
        let text = with_rules(&format!("\n[[rules]]\n{rule}\nsource = \"notice\"\n"));
        let start = format!("[[rules]]\n{}", rule.lines().next().unwrap());
        let line = text.rfind(&start).map(|at| text[..at].matches('\n').count() + 1).unwrap();
        let found = complaints(&text);
        let wanted = format!("line {line}:");
        let told = found.iter().any(|it| it.starts_with(&wanted) && it.contains(reason));
        assert!(told, "want {wanted} {reason}, got {found:#?}");
    }
    let quota = "[[rules]]\ncode = \"QUOTA_EXHAUSTED\"\nquota = { scope = \"100000\", pieces = 1 }";
    let refund = "[[rules]]\ncode = \"QUOTA_NOT_RESTORED_AFTER_REFUND\"\n\
                  not_again_after_refund = true";
    complains(&with(quota, refund), "[[rules]]", "needs a quota");
}

#[test]
fn of_examples() {
    complains(&with("pay:100000", "pay:1"), "[[examples]]", "got pay:100000");
    complains(&with("pay:100000", "money"), "expect", "pay:<fen> or refuse:<CODE>");
    complains(&with("{ price_fen = 500000 }", "{ prize = 1 }"), "[[examples]]", "prize is no fact");
    complains(&with("{ price_fen = 500000 }", "{ price_fen = -1 }"), "[[examples]]", "is money");
    let wrong = with("{ energy_label = 1 }", "{ energy_label = \"A\" }");
    complains(&wrong, "[[examples]]", "a whole number");
    let (head, _) = FILE.split_once("[[examples]]").unwrap();
    let none = head.replacen("[valid]", "examples = []\n\n[valid]", 1);
    let none = none.replacen("examples = []\n\n[valid]", "[valid]", 1);
    complains(&none, "\nid", "missing field `examples`");
}

#[test]
fn of_files_against_each_other() {
    let other = with("test-appliance-2025", "other-appliance-2025");
    let found = check([("a.toml", FILE), ("b.toml", other.as_str())]);
    assert!(found[0].complaints.is_empty());
    assert!(found[1].complaints[0].reason.contains("both act for appliance.tv"));
    let found = check([("a.toml", FILE), ("b.toml", FILE)]);
    assert!(found[1].complaints[0].reason.contains("version 1 stands twice"));
}
