//! Each kind with its fields, and what cannot be said.

use super::*;
use serde_json::json;

fn today() -> NaiveDate {
    "2025-06-01".parse().unwrap()
}

fn read(value: serde_json::Value) -> Result<Fields, String> {
    let fields: Fields = serde_json::from_value(value).map_err(|error| error.to_string())?;
    match fields.check(today()) {
        Ok(()) => Ok(fields),
        Err(problem) => Err(problem.field.unwrap_or_default()),
    }
}

fn invoice() -> serde_json::Value {
    json!({"kind": "motor_vehicle_sales_invoice", "number": "031002500105-88812345",
        "issued_on": "2025-05-01", "total_fen": 15_000_000, "vin": "LSVAB2188E2100001"})
}

#[test]
fn each_kind_has_its_fields_and_its_row() {
    let contract = |kind: &str| {
        json!({"kind": kind, "number": "HT-2025-001", "signed_on": "2025-01-02",
            "total_fen": 100})
    };
    let vin = "LSVAB2188E2100001";
    let number = "2025-0001";
    let invoice_of = |kind: &str| {
        let mut value = invoice();
        value["kind"] = json!(kind);
        value
    };
    let all = [
        invoice(),
        json!({"kind": "scrap_certificate", "number": number, "handed_over_on": "2025-04-01",
            "vin": vin}),
        json!({"kind": "deregistration", "deregistered_on": "2025-04-02", "vin": vin}),
        json!({"kind": "registration_certificate", "registered_on": "2025-05-02",
            "region": "310000", "vin": vin}),
        invoice_of("used_car_invoice"),
        json!({"kind": "transfer", "transferred_on": "2025-04-02",
            "in_name_since": "2015-04-02", "vin": vin}),
        contract("loan_contract"),
        contract("lease_contract"),
        json!({"kind": "interest_statement", "contract": "HT-2025-001",
            "issued_on": "2025-02-01",
            "years": [{"year": 2023, "interest_fen": 5}, {"year": 2024, "interest_fen": 7}]}),
        json!({"kind": "invoice", "number": number, "issued_on": "2025-01-01",
            "total_fen": 1}),
        json!({"kind": "acceptance", "accepted_on": "2025-01-01"}),
        json!({"kind": "photo"}),
        json!({"kind": "other"}),
    ];
    assert_eq!(all.len(), KINDS.len());
    for (at, value) in all.into_iter().enumerate() {
        let word = value["kind"].as_str().unwrap().to_owned();
        let fields = read(value.clone()).unwrap_or_else(|why| panic!("{word}: {why}"));
        assert_eq!((fields.kind().0, fields.kind().as_str()), (at, word.as_str()));
        assert_eq!(DocumentKind::parse(&word), Some(fields.kind()));
        // What is sealed opens as what was sealed.
        let again: Fields = serde_json::from_value(serde_json::to_value(&fields).unwrap()).unwrap();
        assert_eq!(again.shown(), fields.shown());
    }
}

#[test]
fn what_a_document_cannot_say_is_refused_with_its_field() {
    let with = |field: &str, value: serde_json::Value| {
        let mut body = invoice();
        body[field] = value;
        body
    };
    for (body, field) in [
        (with("issued_on", json!("2025-06-02")), "document.issued_on"),
        (with("issued_on", json!("1984-12-31")), "document.issued_on"),
        (with("total_fen", json!(0)), "document.total_fen"),
        (with("total_fen", json!(-5)), "document.total_fen"),
        (
            json!({"kind": "transfer", "transferred_on": "2025-04-02",
                "in_name_since": "2025-04-03", "vin": "LSVAB2188E2100001"}),
            "document.in_name_since",
        ),
        (
            json!({"kind": "interest_statement", "contract": "HT-2025-001",
                "issued_on": "2025-02-01", "years": []}),
            "document.years",
        ),
        (
            json!({"kind": "interest_statement", "contract": "HT-2025-001",
                "issued_on": "2025-02-01", "years": [{"year": 2024, "interest_fen": 5},
                {"year": 2023, "interest_fen": 5}]}),
            "document.years",
        ),
    ] {
        assert_eq!(read(body.clone()).err().as_deref(), Some(field), "{body}");
    }
    for body in [
        with("vin", json!("LSVAB2188I2100001")),
        with("number", json!("x")),
        with("stranger", json!(1)),
        json!({"kind": "passport"}),
        json!({"kind": "photo", "number": "2025-0001"}),
    ] {
        assert!(read(body.clone()).is_err(), "{body}");
    }
    // The check digit of an old import may be wrong: a person looks at it.
    assert!(read(with("vin", json!("LSVAB2189E2100001"))).is_ok());
}
