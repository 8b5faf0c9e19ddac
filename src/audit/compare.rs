//! The rows of books against what their entries add up to.

use super::keep::MarkName;
use super::meaning::KEEPERS;
use super::office::Office;
use super::replay::{Books, Replayed};
use super::store::{self, AnswerRow, ApplicationRow, RedemptionRow, ThingRow, VoucherRow};
use crate::book::REGISTER;
use crate::book::model::Bucket;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::time;
use diesel::{PgConnection, QueryResult};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The rows of all books, for the registers to be held against.
#[derive(Default)]
pub(super) struct Rows {
    pub vouchers: BTreeMap<(BookNo, Uuid), VoucherRow>,
    pub redemptions: BTreeMap<(BookNo, Uuid), RedemptionRow>,
    pub applications: BTreeMap<(BookNo, Uuid), ApplicationRow>,
}

impl RedemptionRow {
    pub(super) fn marks(&self) -> Vec<MarkName> {
        let marks = self.mark_kinds.iter().zip(&self.mark_digests);
        marks.map(|(kind, digest)| (kind.clone(), hex::encode(digest))).collect()
    }
}

/// Compares the rows of every book, and gives back those that the registers need.
pub(super) fn rows(
    connection: &mut PgConnection,
    books: &Books,
    differences: &mut Vec<String>,
) -> QueryResult<Rows> {
    let mut rows = Rows::default();
    for book in books.values() {
        let mut check = Check { book, differences: &mut *differences };
        check.balances(connection)?;
        let vouchers = store::vouchers(connection, book.no)?;
        let redemptions = store::redemptions(connection, book.no)?;
        check.vouchers(&vouchers, &redemptions);
        check.redemptions(&redemptions);
        let applications = store::applications(connection, book.no)?;
        super::applications::compare(
            book,
            &applications,
            &store::payees(connection, book.no)?,
            check.differences,
        );
        check.keepers(&vouchers, &redemptions, &applications);
        let office = Office {
            documents: store::documents(connection, book.no)?,
            reviews: store::reviews(connection, book.no)?,
            answers: store::neighbour_answers(connection, book.no)?,
        };
        office.compare(book, check.differences);
        check.things("old_item", &store::old_items(connection, book.no)?);
        check.things("appropriation", &store::appropriations(connection, book.no)?);
        check.receipts(&store::answers(connection, book.no)?);
        rows.vouchers.extend(vouchers.into_iter().map(|row| ((book.no, row.voucher_id), row)));
        let keyed = |row: RedemptionRow| ((book.no, row.redemption_id), row);
        let keyed_applications = |row: ApplicationRow| ((book.no, row.application_id), row);
        rows.applications.extend(applications.into_iter().map(keyed_applications));
        rows.redemptions.extend(redemptions.into_iter().map(keyed));
    }
    Ok(rows)
}

struct Check<'a> {
    book: &'a Replayed,
    differences: &'a mut Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, what: impl std::fmt::Display) {
        self.differences.push(format!("{}: {what}", self.book.name));
    }

    /// Invariants 3 and 5: balances, replay and postings are the same.
    fn balances(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let no = self.book.no;
        let balances: BTreeMap<String, i64> = store::balances(connection, no)?
            .into_iter()
            .map(|row| (row.account, row.fen))
            .collect();
        let postings: BTreeMap<String, i64> = store::postings(connection, no)?
            .into_iter()
            .map(|row| (row.account, row.fen))
            .collect();
        for bucket in Bucket::ALL {
            let name = bucket.name();
            let replayed = self.book.state.moneys.get(bucket).0;
            let posted = postings.get(name).copied().unwrap_or_default();
            match balances.get(name) {
                Some(fen) if *fen != replayed => self.say(format_args!(
                    "{name} holds {fen} fen, by its entries it holds {replayed}"
                )),
                None if no != REGISTER => self.say(format_args!("{name} has no balance")),
                _ => {}
            }
            if posted != replayed {
                self.say(format_args!("{posted} fen are posted to {name}, {replayed} replayed"));
            }
        }
        let unknown: BTreeSet<&String> = balances.keys().chain(postings.keys()).collect();
        for account in unknown.into_iter().filter(|name| Bucket::parse(name).is_none()) {
            self.say(format_args!("{account} is no account"));
        }
        Ok(())
    }

    fn vouchers(&mut self, rows: &[VoucherRow], redemptions: &[RedemptionRow]) {
        let live: BTreeMap<Uuid, &RedemptionRow> =
            redemptions.iter().map(|row| (row.redemption_id, row)).collect();
        for row in rows {
            let id = row.voucher_id;
            let found = self.book.state.things.get(&id).filter(|thing| thing.kind == "voucher");
            let claim = self.book.kept.claims.get(&id);
            let (Some(thing), Some(claim)) = (found, claim) else {
                self.say(format_args!("voucher {id} has a row and no entry"));
                continue;
            };
            if row.state != thing.state {
                let (is, due) = (&row.state, thing.state);
                self.say(format_args!("voucher {id} is {is}, by its entries it is {due}"));
            }
            let reservation = row.redemption_id.and_then(|id| live.get(&id));
            let locked = reservation.filter(|r| r.state == "reserved" && r.voucher_id == id);
            let reserved = row.state == "reserved";
            let differs = [
                ("hold", row.hold_fen != claim.hold_fen),
                ("class", row.class != claim.class),
                ("end", time::text(row.until) != claim.until),
                ("claim's time", row.claimed_at != claim.at),
                ("quota key", row.quota_key != claim.quota_key),
                ("pseudonym", hex::encode(&row.subject) != claim.subject),
                ("rule", rule(&row.rule) != claim.rule),
                ("reservation", reserved != locked.is_some()),
                ("lock", row.locked_until != locked.map(|r| r.until)),
            ];
            for (what, _) in differs.iter().filter(|(_, differs)| *differs) {
                self.say(format_args!("the {what} of voucher {id} is not that of its entries"));
            }
        }
        let rows: BTreeSet<Uuid> = rows.iter().map(|row| row.voucher_id).collect();
        self.missing("voucher", &rows);
    }

    fn redemptions(&mut self, rows: &[RedemptionRow]) {
        for row in rows {
            let id = row.redemption_id;
            let found = self.book.state.things.get(&id).filter(|thing| thing.kind == "redemption");
            let kept = &self.book.kept;
            let (Some(thing), Some(leaf)) = (found, kept.reservations.get(&id)) else {
                self.say(format_args!("redemption {id} has a row and no entry"));
                continue;
            };
            if row.state != thing.state {
                let (is, due) = (&row.state, thing.state);
                self.say(format_args!("redemption {id} is {is}, by its entries it is {due}"));
            }
            let lines: Value = serde_json::from_str(&row.lines).unwrap_or_default();
            let retailer = PublicId::new(Kind::Organisation, 0, row.organisation_id).to_string();
            let differs = [
                ("amount", row.amount_fen != thing.fen.0),
                ("voucher", Some(row.voucher_id) != thing.of),
                ("class", row.class != leaf.class),
                ("retailer", retailer != leaf.retailer),
                ("lines", lines != leaf.lines),
                ("marks", kept.marks.get(&id) != Some(&row.marks())),
                ("rule", rule(&row.rule) != leaf.rule),
                ("time", row.reserved_at != leaf.at),
                ("end", time::text(row.until) != leaf.until),
                ("capture", row.captured_at != kept.captured.get(&id).copied()),
                ("cumulative cap", row.cap_key.is_some() != leaf.is_capped),
            ];
            for (what, _) in differs.iter().filter(|(_, differs)| *differs) {
                self.say(format_args!("the {what} of redemption {id} is not that of its entries"));
            }
        }
        let rows: BTreeSet<Uuid> = rows.iter().map(|row| row.redemption_id).collect();
        self.missing("redemption", &rows);
    }

    /// Invariant 5: a bucket holds what the things in its states keep, by the log and by the rows.
    fn keepers(
        &mut self,
        vouchers: &[VoucherRow],
        redemptions: &[RedemptionRow],
        applications: &[ApplicationRow],
    ) {
        for bucket in [Bucket::Held, Bucket::Committed, Bucket::Payable] {
            let keepers: Vec<_> = KEEPERS.iter().filter(|(of, ..)| *of == bucket).collect();
            let holds = self.book.state.moneys.get(bucket).0;
            let by_log: i64 =
                keepers.iter().map(|(_, kind, states)| self.book.state.sum(kind, states)).sum();
            let mut by_rows = 0;
            for (_, kind, states) in keepers {
                let counts = |state: &String| states.contains(&state.as_str());
                by_rows += match *kind {
                    "voucher" => sum(vouchers, |v| counts(&v.state), |v| v.hold_fen),
                    "redemption" => sum(redemptions, |r| counts(&r.state), |r| r.amount_fen),
                    _ => sum(applications, |a| counts(&a.state), ApplicationRow::keeps_fen),
                };
            }
            let name = bucket.name();
            for (sum, by) in [(by_log, "entries"), (by_rows, "rows")] {
                if sum != holds {
                    self.say(format_args!(
                        "{name} holds {holds} fen, by their {by} its keepers keep {sum} in all"
                    ));
                }
            }
        }
    }

    /// Things of which the log knows little more than the state.
    fn things(&mut self, kind: &str, rows: &[ThingRow]) {
        for row in rows {
            let id = row.id;
            let found = self.book.state.things.get(&id).filter(|thing| thing.kind == kind);
            let Some(thing) = found else {
                self.say(format_args!("{kind} {id} has a row and no entry"));
                continue;
            };
            if row.state != thing.state {
                let (is, due) = (&row.state, thing.state);
                self.say(format_args!("{kind} {id} is {is}, by its entries it is {due}"));
            }
            // What is approved keeps nothing more; its amount was compared at the approval.
            if row.state == "proposed" && row.fen.is_some_and(|fen| fen != thing.fen.0) {
                self.say(format_args!("the amount of {kind} {id} is not that of its entries"));
            }
        }
        let rows: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
        self.missing(kind, &rows);
    }

    fn missing(&mut self, kind: &str, rows: &BTreeSet<Uuid>) {
        let things = &self.book.state.things;
        for (id, _) in things.sorted(|id, thing| thing.kind == kind && !rows.contains(id)) {
            self.say(format_args!("{kind} {id} has entries and no row"));
        }
    }

    /// Invariants 4 and 7: what a caller was told is in the log.
    fn receipts(&mut self, answers: &[AnswerRow]) {
        for answer in answers {
            let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let Some(receipt) = body.get("receipt") else { continue };
            let seq = receipt.get("seq").and_then(Value::as_u64).unwrap_or(u64::MAX);
            let hash = usize::try_from(seq).ok().and_then(|seq| self.book.hashes.get(seq));
            let told = receipt.get("leaf_hash").and_then(Value::as_str);
            if hash.map(hex::encode).as_deref() != told {
                self.say(format_args!("an answer has a receipt for entry {seq}, which is another"));
            }
        }
    }
}

fn sum<T>(rows: &[T], counts: impl Fn(&&T) -> bool, fen: impl Fn(&T) -> i64) -> i64 {
    rows.iter().filter(counts).map(fen).sum()
}

pub(super) fn rule(hash: &[u8]) -> String {
    format!("sha256:{}", hex::encode(hash))
}
