//! What a decision read of a person: the rows keep the facts that name nobody and nothing.

use super::store::{self, FactsRow, Naming};
use crate::identity::model::PersonId;
use crate::kernel::canonical;
use crate::kernel::id::BookNo;
use crate::programme::Fact;
use crate::register::model::PersonRef;
use diesel::result::Error;
use diesel::{PgConnection, QueryResult};
use serde_json::Value as Json;

/// Takes the identifying facts out of his own rows; in rows of others only his name, for which
/// they get that of the stand-in.
pub fn forget(
    connection: &mut PgConnection,
    book: BookNo,
    person: PersonRef,
    other: PersonRef,
    named: &Naming,
) -> QueryResult<()> {
    let names = [person, other].map(|it| PersonId::from(it.id).to_string());
    for row in store::redemption_facts(connection, book, other, &named.redemptions)? {
        let row = changed(row, &names, |facts| facts)?;
        store::save_redemption_facts(connection, book, &row)?;
    }
    for row in store::filings(connection, book, other, &named.applications)? {
        let row = changed(row, &names, |filed| {
            // The reviewer's own words to the applicant.
            filed["sentence"] = Json::Null;
            &mut filed["facts"]
        })?;
        store::save_filing(connection, book, &row)?;
    }
    Ok(())
}

fn changed(
    mut row: FactsRow,
    [name, other]: &[String; 2],
    facts_of: impl Fn(&mut Json) -> &mut Json,
) -> QueryResult<FactsRow> {
    row.text = row.text.replace(name.as_str(), other);
    if row.is_his {
        let broken = |error| Error::DeserializationError(Box::new(error));
        let mut json: Json = serde_json::from_str(&row.text).map_err(broken)?;
        without_names(facts_of(&mut json));
        row.text = String::from_utf8(canonical::bytes(&json)).unwrap_or_default();
    }
    Ok(row)
}

fn without_names(facts: &mut Json) {
    for fact in Fact::ALL.iter().filter(|fact| fact.row().identifying) {
        if let Some((object, key)) = fact.row().name.split_once('.')
            && let Some(object) = facts.get_mut(object).and_then(Json::as_object_mut)
        {
            object.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_names_a_thing_or_a_person_goes_and_the_rest_stays() {
        let mut facts = json!({"person": {"id": "per_0_1", "age": 35},
            "item": {"vin": "LSVAU033172008888", "power": "nev"}});
        without_names(&mut facts);
        assert_eq!(facts, json!({"person": {}, "item": {"power": "nev"}}));
    }
}
