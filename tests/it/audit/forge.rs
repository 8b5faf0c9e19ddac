//! A forger who recomputes every hash: what an entry says must still fit all other entries and
//! rows. Each entry type has a case here; one without schema, legs rule, fold or case fails.

use super::replay::tampered;
use super::story::Story;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Binary, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tradein::audit;
use tradein::book::fold::EntryView;
use tradein::kernel::canonical;
use tradein::kernel::merkle::{Frontier, leaf_hash};

/// How an entry is changed: its leaf as JSON.
type Edit = fn(&mut Value);

/// A lie for each entry type, and the sentence in which it ends.
const LIES: &[(&str, Edit, &str)] = &[
    ("book.listed", |leaf| leaf["data"]["year"] = json!(2031), "lists it as"),
    (
        "book.heads_listed",
        |leaf| leaf["data"]["heads"][0]["root"] = json!("ab".repeat(32)),
        "is not the root of them",
    ),
    ("book.state_changed", |leaf| leaf["data"]["to"] = json!("closed"), "its head is open"),
    ("appropriation.proposed", |leaf| leaf["data"]["amount_fen"] = json!(1), "its legs move"),
    ("appropriation.approved", |leaf| leaf["about"] = json!("0".repeat(32)), "no appropriation"),
    ("organisation.registered", |leaf| leaf["data"]["uscc"] = json!("x"), "the uscc of"),
    ("organisation.status_changed", |leaf| leaf["data"]["to"] = json!("removed"), "is suspended"),
    ("organisation.approved", |leaf| leaf["data"]["family"] = json!("car"), "the family of"),
    ("store.added", |leaf| leaf["data"]["region"] = json!("110000"), "the region of store"),
    ("person.registered", |leaf| leaf["data"]["purposes"] = json!("all"), "purposes is no List"),
    (
        "person.looked_up",
        |leaf| leaf["data"] = json!({"reason": "audit", "case": "SH-2026/1"}),
        "without commitment",
    ),
    ("person.erased", |leaf| leaf["data"] = json!({}), "without case"),
    ("programme.published", |leaf| leaf["data"]["version"] = json!(2), "is not the one that"),
    ("goods.loaded", |leaf| leaf["data"]["goods_added"] = json!(1), "products have a row"),
    (
        "holding.imported",
        |leaf| leaf["data"]["quota"] = json!("100000/2025/digital.tablet"),
        "is not that of its holding",
    ),
    ("old_item.registered", |leaf| leaf["data"]["marks"] = json!([]), "no old item of it"),
    (
        "old_item.verified",
        |leaf| {
            leaf["kind"] = json!("old_item.rejected");
            leaf["data"] = json!({"reason": "not_handed_over"});
        },
        "is verified, by its entries it is rejected",
    ),
    (
        "old_item.rejected",
        |leaf| {
            leaf["kind"] = json!("old_item.verified");
            leaf["data"] = json!({});
        },
        "is rejected, by its entries it is verified",
    ),
    ("voucher.claimed", |leaf| leaf["data"]["quota"]["slots"] = json!(0), "above the quota"),
    ("voucher.given_back", |leaf| leaf["kind"] = json!("voucher.ended"), "by its entries it is"),
    (
        "voucher.lapsed",
        |leaf| leaf["data"]["counted"] = json!("310000/2025/other"),
        "lapsed on another tally",
    ),
    ("voucher.ended", |leaf| leaf["kind"] = json!("voucher.given_back"), "by its entries it is"),
    ("redemption.reserved", |leaf| leaf["data"]["marks"] = json!([]), "the marks of redemption"),
    ("redemption.captured", |leaf| leaf["data"]["amount_fen"] = json!(1), "fen were reserved"),
    ("redemption.captured_late", |leaf| leaf["data"]["amount_fen"] = json!(1), "were reserved"),
    (
        "redemption.cancelled",
        |leaf| {
            leaf["kind"] = json!("redemption.ended");
            leaf["data"] = json!({"until": "2025-01-01T00:00:00.000000Z"});
        },
        "is cancelled, by its entries it is ended",
    ),
    (
        "redemption.ended",
        |leaf| leaf["data"]["until"] = json!("2031-01-01T00:00:00.000000Z"),
        "ended before its end",
    ),
    (
        "application.submitted",
        |leaf| leaf["data"]["quota"]["slots"] = json!(0),
        "granted above the quota",
    ),
    (
        "application.correction_requested",
        |leaf| leaf["data"]["until"] = json!("2025-01-01T00:00:00.000000Z"),
        "a deadline that has passed",
    ),
    ("application.corrected", |leaf| leaf["data"]["marks"] = json!([]), "the marks of application"),
    ("application.approved", |leaf| leaf["data"]["granted_fen"] = json!(1), "nobody says why"),
    ("application.made_payable", |leaf| leaf["data"]["by"] = json!("x"), "nobody released it"),
    (
        "application.rejected",
        |leaf| {
            leaf["kind"] = json!("application.withdrawn");
            leaf["data"] = json!({});
        },
        "is rejected, by its entries it is withdrawn",
    ),
    (
        "application.withdrawn",
        |leaf| {
            leaf["kind"] = json!("application.rejected");
            leaf["data"] = json!({"reasons": []});
        },
        "is withdrawn, by its entries it is rejected",
    ),
    (
        "application.lapsed",
        |leaf| leaf["data"]["until"] = json!("2031-01-01T00:00:00.000000Z"),
        "lapsed before its end",
    ),
    ("application.topped_up", |leaf| leaf["data"]["before_fen"] = json!(1), "granted before"),
    ("audit.read", |leaf| leaf["data"]["rows"] = json!("all"), "rows is no Integer"),
    (
        "document.filed",
        |leaf| leaf["data"]["application"] = json!("0".repeat(32)),
        "no application",
    ),
    ("document.received", |leaf| leaf["about"] = json!("0".repeat(32)), "no document"),
    ("document.opened", |leaf| leaf["about"] = json!("0".repeat(32)), "that was not received"),
    ("neighbour.asked", |leaf| leaf["about"] = json!("0".repeat(32)), "what no office has"),
    (
        "neighbour.answered",
        |leaf| leaf["data"]["no_answer"] = json!("timed_out"),
        "an answer and none",
    ),
    ("review.taken", |leaf| leaf["about"] = json!("0".repeat(32)), "no open application"),
    ("review.handed_back", |leaf| leaf["about"] = json!("0".repeat(32)), "no open application"),
    ("redemption.disputed", |leaf| leaf["about"] = json!("0".repeat(32)), "no redemption"),
];

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = Integer)]
    book_id: i32,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Binary)]
    leaf: Vec<u8>,
}

#[derive(QueryableByName)]
struct Hash {
    #[diesel(sql_type = Binary)]
    leaf_hash: Vec<u8>,
}

fn first_of(connection: &mut PgConnection, kind: &str) -> Option<Place> {
    let text = "SELECT book_id, seq, leaf FROM entry WHERE kind = $1 ORDER BY book_id, seq LIMIT 1";
    sql_query(text).bind::<Text, _>(kind).get_results(connection).unwrap().pop()
}

/// Writes another leaf in an entry's place, and makes columns, hashes, head, balances and receipts
/// agree with it.
fn forge(connection: &mut PgConnection, place: &Place, edit: impl FnOnce(&mut Value)) {
    let mut leaf: Value = serde_json::from_slice(&place.leaf).unwrap();
    edit(&mut leaf);
    let bytes = canonical::bytes(&leaf);
    let view = EntryView::of_leaf(&bytes).unwrap();
    let names: Vec<String> = view.legs.iter().map(|leg| leg.bucket.name().to_owned()).collect();
    let fens: Vec<i64> = view.legs.iter().map(|leg| leg.amount.0).collect();
    let update = "UPDATE entry SET leaf = $3, leaf_hash = $4, kind = $5, about = $6, at = $7, \
                  accounts = $8, amounts = $9 WHERE book_id = $1 AND seq = $2";
    sql_query(update)
        .bind::<Integer, _>(place.book_id)
        .bind::<BigInt, _>(place.seq)
        .bind::<Binary, _>(&bytes)
        .bind::<Binary, _>(leaf_hash(&bytes).to_vec())
        .bind::<Text, _>(&view.kind)
        .bind::<SqlUuid, _>(view.about)
        .bind::<Timestamptz, _>(view.at)
        .bind::<diesel::sql_types::Array<Text>, _>(&names)
        .bind::<diesel::sql_types::Array<BigInt>, _>(&fens)
        .execute(connection)
        .unwrap();
    let text = "SELECT leaf_hash FROM entry WHERE book_id = $1 ORDER BY seq";
    let hashes: Vec<Hash> =
        sql_query(text).bind::<Integer, _>(place.book_id).load(connection).unwrap();
    let mut frontier = Frontier::default();
    for hash in hashes {
        frontier.push(hash.leaf_hash.try_into().unwrap());
    }
    sql_query("UPDATE book_head SET frontier = $2, root = $3 WHERE book_id = $1")
        .bind::<Integer, _>(place.book_id)
        .bind::<Binary, _>(frontier.to_bytes())
        .bind::<Binary, _>(frontier.root().to_vec())
        .execute(connection)
        .unwrap();
    let rest = "UPDATE balance b SET fen = coalesce((SELECT sum(amount_fen) FROM posting p \
                WHERE p.book_id = b.book_id AND p.account = b.account), 0); DELETE FROM answer";
    connection.batch_execute(rest).unwrap();
}

#[track_caller]
fn found(connection: &mut PgConnection, kind: &str, edit: impl FnOnce(&mut Value), sentence: &str) {
    let place = first_of(connection, kind).unwrap_or_else(|| panic!("the story has no {kind}"));
    let differences = tampered(connection, |connection| forge(connection, &place, edit));
    assert!(differences.contains(sentence), "{kind}: no {sentence:?}, but:\n{differences}");
}

#[actix_web::test]
async fn every_entry_type_has_a_schema_a_legs_rule_a_fold_and_a_tampering_case() {
    let story = Story::whole().await;
    let mut superuser = PgConnection::establish(&story.world.db.superuser_url()).unwrap();
    let place = first_of(&mut superuser, "voucher.claimed").unwrap();
    let honest = tampered(&mut superuser, |connection| forge(connection, &place, |_| {}));
    assert_eq!(honest, "", "a forger who changes nothing is not noticed");
    let mut names = BTreeSet::new();
    for entry_type in audit::entry_types() {
        let kind = entry_type.name;
        assert!(names.insert((kind, entry_type.version)), "{kind} is declared twice");
        let undeclared = |leaf: &mut Value| leaf["data"]["undeclared"] = json!(1);
        found(&mut superuser, kind, undeclared, "with an undeclared undeclared");
        found(&mut superuser, kind, |leaf| leaf["v"] = json!(99), "no entry type");
        let more_legs = |leaf: &mut Value| {
            let legs = leaf["legs"].as_array_mut().unwrap();
            legs.extend([json!(["authority", -1]), json!(["lapsed", 1])]);
        };
        found(&mut superuser, kind, more_legs, "its legs move");
        let case = LIES.iter().find(|(name, ..)| *name == kind);
        let (_, edit, sentence) = case.unwrap_or_else(|| panic!("no tampering case for {kind}"));
        found(&mut superuser, kind, edit, sentence);
    }
    assert_eq!(names.len(), LIES.len(), "every case is one of an entry type");
}
