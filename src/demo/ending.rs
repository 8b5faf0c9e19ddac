//! After the stories: what stands in the books, and what there is to try.

use super::print::{Page, yuan};
use super::server::Sandbox;
use super::story::Teller;
use super::world::{Book, World};
use crate::book::model::Bucket;
use crate::kernel::canonical;
use crate::kernel::merkle::{Frontier, leaf_hash};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many of the last entries of a book are shown.
const SHOWN: usize = 4;

/// Shows each book, recomputes it from its entries as anybody can who may read them, and lets the
/// audit compare every row with them.
pub async fn books(
    world: &World,
    sandbox: &Sandbox,
    teller: &mut Teller<'_>,
) -> anyhow::Result<()> {
    teller.page.heading("The books");
    for book in world.books() {
        show(world, teller, &book).await?;
    }
    let report = sandbox.replay().await?;
    teller.page.step("tradein audit replay", "compares every row with what the entries add up to");
    for difference in &report.differences {
        teller.page.wrong(&difference.to_string());
    }
    let (books, entries) = (report.books, report.entries);
    let what = format!("{entries} entries of {books} books replayed: no difference");
    let _ = teller.check(&what, report.differences.is_empty());
    Ok(())
}

async fn show(world: &World, teller: &mut Teller<'_>, book: &Book) -> anyhow::Result<()> {
    let page = teller.page;
    let head = world.balances(book.no).await?;
    let size = head.fen_at("/tree_size");
    page.line(&format!("\n  {}, {size} entries", book.name));
    let buckets: Vec<String> = Bucket::ALL
        .iter()
        .map(|bucket| (bucket.name(), head.body["balances_fen"][bucket.name()].as_i64()))
        .filter_map(|(name, fen)| fen.filter(|fen| *fen != 0).map(|fen| (name, fen)))
        .map(|(name, fen)| format!("{name} {}", yuan(fen)))
        .collect();
    page.note(&buckets.join(", "));
    page.note(&format!("Merkle root {}", head.text_at("/root")));
    let mut replay = Replay::default();
    let mut from = Some(0);
    while let Some(position) = from {
        let (entries, next) = world.entries(book.no, position).await?;
        entries.iter().for_each(|entry| replay.read(entry));
        from = next;
    }
    for entry in &replay.last {
        page.dim(&sentence(entry));
    }
    let same = replay.right
        && replay.moneys.values().sum::<i64>() == 0
        && hex::encode(replay.frontier.root()) == head.text_at("/root")
        && replay.frontier.size().cast_signed() == size
        && Bucket::ALL.iter().all(|bucket| {
            let stored = head.body["balances_fen"][bucket.name()].as_i64().unwrap_or_default();
            replay.moneys.get(bucket.name()).copied().unwrap_or_default() == stored
        });
    let _ = teller.check("recomputed from its entries: every hash, the root, each balance", same);
    Ok(())
}

/// A book from its entries alone.
#[derive(Default)]
struct Replay {
    frontier: Frontier,
    moneys: BTreeMap<String, i64>,
    last: Vec<Value>,
    right: bool,
}

impl Replay {
    fn read(&mut self, entry: &Value) {
        let leaf = &entry["leaf"];
        let hash = leaf_hash(&canonical::bytes(leaf));
        let first = self.frontier.size() == 0;
        self.right = (first || self.right) && entry["leaf_hash"] == hex::encode(hash).as_str();
        self.frontier.push(hash);
        for (bucket, fen) in legs(leaf) {
            *self.moneys.entry(bucket.to_owned()).or_default() += fen;
        }
        if self.last.len() == SHOWN {
            self.last.remove(0);
        }
        self.last.push(leaf.clone());
    }
}

fn legs(leaf: &Value) -> impl Iterator<Item = (&str, i64)> {
    let legs = leaf["legs"].as_array().into_iter().flatten();
    legs.filter_map(|leg| Some((leg[0].as_str()?, leg[1].as_i64()?)))
}

/// `12 redemption.captured: held -2,000.00, committed +1,799.80, available +200.20`
fn sentence(leaf: &Value) -> String {
    let (seq, kind) = (&leaf["seq"], leaf["kind"].as_str().unwrap_or_default());
    let sign = |fen: i64| if fen > 0 { "+" } else { "" };
    let legs: Vec<String> =
        legs(leaf).map(|(bucket, fen)| format!("{bucket} {}{}", sign(fen), yuan(fen))).collect();
    let moved = if legs.is_empty() { "no money moves".to_owned() } else { legs.join(", ") };
    format!("{seq} {kind}: {moved}")
}

/// Addresses, tokens, and a line to paste.
pub async fn what_to_try(world: &World, sandbox: &Sandbox, page: &Page) -> anyhow::Result<()> {
    let url = &sandbox.url;
    let somebody = world.citizen("何小雨").await?;
    page.heading(&format!("To try: it is {} in the sandbox", world.today()));
    for (address, what) in [
        (format!("{url}/docs"), "the interface, to read and to try"),
        (format!("{url}/openapi.json"), "the same for programs"),
        (format!("{url}/desk"), "the review desk: sign in with REVIEWER's token"),
        (format!("{url}/console"), "auditors: any name, AUDITOR's token as the password"),
        (format!("{url}/readyz"), "whether it can do its work"),
        (sandbox.metrics.clone(), "counters, for Prometheus"),
    ] {
        page.line(&format!("  {address:<40} {what}"));
    }
    page.line("\n  A token for each role, good for a day, as variables of a shell:\n");
    for (role, token) in world.tokens(&somebody)? {
        page.line(&format!("{}={token}", role.as_str().to_uppercase()));
    }
    page.line("\n  何小雨 claims a voucher for a refrigerator in Suzhou; paste it into a shell.");
    page.line("  The second time she is refused: one a person and year.\n");
    page.line(&format!(
        "curl -sS {url}/v1/vouchers -H 'Authorization: Bearer {}' \\\n  \
         -H \"Idempotency-Key: try-$(date +%s%N)\" -H 'Content-Type: application/json' \\\n  \
         -d '{{\"region\":\"320500\",\"class\":\"appliance.refrigerator\"}}'\n",
        somebody.who.token
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_leaf_is_noticed() {
        let leaf = json!({"seq": 0, "kind": "voucher.claimed",
            "legs": [["available", -200_000], ["held", 200_000]]});
        let hash = hex::encode(leaf_hash(&canonical::bytes(&leaf)));
        let mut replay = Replay::default();
        replay.read(&json!({"leaf": leaf, "leaf_hash": hash}));
        assert!(replay.right);
        assert_eq!(replay.moneys["held"], 200_000);
        assert_eq!(sentence(&leaf), "0 voucher.claimed: available -2,000.00, held +2,000.00");
        let mut changed = leaf.clone();
        changed["legs"][1][1] = json!(200_001);
        replay.read(&json!({"leaf": changed, "leaf_hash": hash}));
        assert!(!replay.right);
        replay.read(&json!({"leaf": leaf, "leaf_hash": hash}));
        assert!(!replay.right, "one wrong leaf is enough");
    }
}
