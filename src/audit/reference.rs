//! The reference tables against the entries of the register book: organisations, their approvals
//! and stores, published programmes, and how many goods were loaded.

use super::replay::Replayed;
use super::store;
use crate::book::fold::Thing;
use crate::kernel::canonical;
use diesel::{PgConnection, QueryResult};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

pub(super) fn check(
    connection: &mut PgConnection,
    register: &Replayed,
    differences: &mut Vec<String>,
) -> QueryResult<()> {
    organisations(connection, register, differences)?;
    programmes(connection, register, differences)?;
    let kept = &register.kept;
    for (what, rows, loaded) in [
        ("products", store::count_goods(connection)?, kept.goods_added),
        ("filed prices", store::count_prices(connection)?, kept.prices_added),
    ] {
        if rows != loaded {
            differences.push(format!("{rows} {what} have a row, {loaded} were loaded"));
        }
    }
    Ok(())
}

fn organisations(
    connection: &mut PgConnection,
    register: &Replayed,
    differences: &mut Vec<String>,
) -> QueryResult<()> {
    let mut known: BTreeSet<Uuid> = BTreeSet::new();
    for row in store::organisations(connection)? {
        let id = row.id;
        let kind = row.what.as_str();
        known.insert(id);
        let thing = register.state.things.get(&id).filter(|thing| thing.kind == kind);
        let (Some(thing), Some(data)) = (thing, register.kept.records.get(&id)) else {
            differences.push(format!("{kind} {id} has a row and no entry"));
            continue;
        };
        if kind != "store" && row.status != thing.state {
            let (is, due) = (&row.status, thing.state);
            differences.push(format!("{kind} {id} is {is}, by its entries it is {due}"));
        }
        let said = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
        for (name, is) in [
            ("region", Some(row.region)),
            ("uscc", row.uscc),
            ("kind", row.kind),
            ("family", row.family),
            ("organisation", row.organisation.map(|id| id.simple().to_string())),
        ] {
            if is.is_some_and(|is| is != said(name)) {
                differences.push(format!("the {name} of {kind} {id} is not that of its entry"));
            }
        }
    }
    let missing = |id: &Uuid, thing: &Thing| {
        ["organisation", "approval", "store"].contains(&thing.kind) && !known.contains(id)
    };
    for (id, thing) in register.state.things.sorted(missing) {
        differences.push(format!("{} {id} has an entry and no row", thing.kind));
    }
    Ok(())
}

/// A published text is named by the hash of its content, and never changes.
fn programmes(
    connection: &mut PgConnection,
    register: &Replayed,
    differences: &mut Vec<String>,
) -> QueryResult<()> {
    let mut published: BTreeMap<(String, i64), String> = register.kept.programmes.clone();
    for row in store::programmes(connection)? {
        let name = format!("{} v{}", row.id, row.version);
        let sha256 = hex::encode(&row.hash);
        if hex::encode(canonical::sha256(row.text.as_bytes())) != sha256 {
            differences.push(format!("the text of programme {name} does not hash to its name"));
        }
        if published.remove(&(row.id, row.version.into())).as_ref() != Some(&sha256) {
            differences.push(format!("programme {name} is not the one that its entry published"));
        }
    }
    for (id, version) in published.keys() {
        differences.push(format!("programme {id} v{version} has an entry and no row"));
    }
    Ok(())
}
