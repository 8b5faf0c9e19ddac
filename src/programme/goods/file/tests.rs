use super::*;
use crate::kernel::identifier::Gtin;

const HEAD: &str = "gtin,class,brand,model,energy_label,valid_from,valid_to,source";
const PRICES: &str = "gtin,region,price_fen,valid_from,valid_to,source";

fn gtin(n: u64) -> Gtin {
    Gtin::synthetic(n)
}

fn complaints(text: impl AsRef<[u8]>) -> Vec<String> {
    let found = read_goods(text.as_ref()).expect_err("the file is wrong");
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn complains(text: impl AsRef<[u8]>, expected: &[&str]) {
    let found = complaints(&text);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} where {expected} was due");
    }
}

fn with(lines: &str) -> String {
    format!("{HEAD}\n{lines}")
}

#[test]
fn a_right_file_is_read_in_any_order_of_columns() {
    let text = format!(
        "\u{feff}source,valid_from,model,brand,class,gtin,label_scheme,energy_label\r\n\
         list 1,2026-01-01,\"M, 1\",海尔,appliance.tv,{},TRUE,2\r\n",
        gtin(1)
    );
    let goods = read_goods(text.as_bytes()).unwrap();
    assert_eq!((goods[0].model.as_str(), goods[0].brand.as_str()), ("M, 1", "海尔"));
    assert_eq!((goods[0].label_scheme, goods[0].energy_label), (Some(true), Some(2)));
    assert_eq!((goods[0].ccc, goods[0].days.to), (None, None));
}

#[test]
fn every_wrong_line_is_told_with_its_number() {
    let good = |n: u64| format!("{},appliance.tv,b,m,1,2026-01-01,,s\n", gtin(n));
    let lines = format!(
        "{}6901234567893,appliance.tv,b,m,1,2026-01-01,,s\n{}\
         12345,Appliance TV,b,m,6,2026-13-01,,s\n",
        good(1),
        good(2)
    );
    complains(
        with(&lines),
        &[
            "line 3: gtin: the check digit",
            "line 5: gtin: a product barcode",
            "line 5: class: a class is dotted",
            "line 5: energy_label: a grade is 1 to 5",
            "line 5: valid_from: a day is",
        ],
    );
}

#[test]
fn what_else_can_be_wrong_with_a_line() {
    let line = |rest: &str| with(&format!("{},{rest}", gtin(1)));
    for (text, expected) in [
        (line("appliance.tv,,m,1,2026-01-01,,s"), "line 2: brand: must not be empty"),
        (line("appliance.tv,b,m,1,2026-02-01,2026-01-31,s"), "line 2: valid_to: before"),
        (line("appliance.tv,b,m,1,2026-01-01,,"), "line 2: source: must not be empty"),
        (line("appliance.tv,b,m,1,2026-01-01,s"), "line 2: 7 fields where the header has 8"),
        (line("appliance.tv,b,m,1.5,2026-01-01,,s"), "line 2: energy_label: a grade"),
        (line("appliance.tv,b,m,1,2026-1-1,,s"), "line 2: valid_from: a day is"),
        (
            line(&format!("appliance.tv,{},m,1,2026-01-01,,s", "x".repeat(101))),
            "line 2: brand: longer than 100",
        ),
        (
            line("appliance.tv,\"b\nc\",m,1,2026-01-01,,s"),
            "line 2: brand: holds a control character",
        ),
    ] {
        complains(&text, &[expected]);
    }
    let scheme =
        format!("{HEAD},label_scheme\n{},appliance.tv,b,m,1,2026-01-01,,s,false\n", gtin(1));
    complains(scheme, &["line 2: label_scheme: false, and yet"]);
}

#[test]
fn a_product_stands_once_in_a_file() {
    let line = format!("{},appliance.tv,b,m,1,2026-01-01,,s\n", gtin(1));
    let text = with(&format!("{line}\n\n{line}"));
    let told = ["line 5: gtin 6900000000014 stands on line 2"];
    complains(&text, &told);
    complains(text.replace('\n', "\r\n"), &told);
    complains(text.replace(",b,", ",\"b\",").replace('\n', "\r\n"), &told);
}

#[test]
fn a_file_that_is_none() {
    complains("", &["line 1: the file is empty"]);
    complains(" \n\n", &["line 1: the file is empty"]);
    complains(HEAD, &["line 1: no line stands below"]);
    complains(b"gtin,class\n\xb0\xae,x", &["line 2: not UTF-8"]);
    complains(vec![b'x'; LARGEST_FILE + 1], &["line 1: the file is larger"]);
    complains(
        "gtin,class,brand,model,valid_from,source,source,colour\n",
        &["line 1: the header names source twice", "line 1: the header names an unknown"],
    );
    complains("gtin,class,brand,model,source\n", &["line 1: the header does not name valid_from"]);
    let line = |n: u64| format!("{},appliance.tv,b,m,1,2026-01-01,,s\n", gtin(n));
    let many: String = (0..=MOST_LINES as u64).map(line).collect();
    complains(with(&many), &["line 50002: more than 50000 lines"]);
}

#[test]
fn prices_of_one_product_and_place_do_not_overlap() {
    let file = |lines: &[&str]| {
        let lines: Vec<String> = lines.iter().map(|l| format!("{},{l}", gtin(1))).collect();
        read_prices(format!("{PRICES}\n{}\n", lines.join("\n")).as_bytes())
            .map(|prices| prices.len())
            .map_err(|found| found.iter().map(|it| it.line).collect::<Vec<_>>())
    };
    let first = "310000,100,2026-01-01,2026-06-30,s";
    for (lines, result) in [
        (vec![first, "310000,200,2026-07-01,,s"], Ok(2)),
        (vec![first, "320000,200,2026-03-01,,s"], Ok(2)),
        (vec![first, "310000,200,2026-06-30,,s"], Err(vec![3])),
        (vec!["310000,200,2026-06-30,,s", first], Err(vec![2])),
        (vec![first, first], Err(vec![3])),
        // The third overlaps the first, over the head of the second.
        (
            vec![first, "310000,1,2026-02-01,2026-02-02,s", "310000,1,2026-05-01,,s"],
            Err(vec![3, 4]),
        ),
        (vec!["310000,0,2026-01-01,,s"], Err(vec![2])),
        (vec!["310000,12.50,2026-01-01,,s"], Err(vec![2])),
        (vec!["31000,1,2026-01-01,,s"], Err(vec![2])),
    ] {
        assert_eq!(file(&lines), result, "{lines:?}");
    }
}
