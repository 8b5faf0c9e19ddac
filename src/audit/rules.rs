//! What the rule texts say of an entry: every amount is computed anew from the facts in the leaf
//! and the text that it names by its hash (invariant 8), and nothing is granted that the text
//! refuses.
//!
//! Facts that identify somebody never enter a leaf; of the conditions that read them the leaf has
//! only the outcome, under `checks`, and that is taken as it stands.

use super::applied;
use super::verify::{Check, Fault};
use crate::application::entries::{APPROVED, CORRECTED, SUBMITTED, TOPPED_UP};
use crate::book::fold::EntryView;
use crate::kernel::canonical;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::time::{self, Moment};
use crate::programme::publish::PROGRAMME_PUBLISHED;
use crate::programme::{
    Derivation, Fact, Facts, Flow, Phase, Programme, Programmes, Screening, Standing, TermKind,
    Value, judge, shares,
};
use crate::redemption::entries::RESERVED;
use crate::voucher::entries::VOUCHER_CLAIMED;
use chrono::TimeDelta;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

/// The rule texts by which a log is read.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// By hash in hexadecimal; nothing where a text cannot be compiled.
    texts: HashMap<String, Option<Arc<Programme>>>,
}

impl Rules {
    /// Adds a text under the name that it has; whether it hashes to it.
    pub fn add(&mut self, sha256: &str, text: &str) -> bool {
        if hex::encode(canonical::sha256(text.as_bytes())) != sha256 {
            return false;
        }
        let read = Programmes::from_texts([(sha256, text)]).ok();
        let programme = read.and_then(|read| read.by_hash(sha256).cloned());
        self.texts.insert(sha256.to_owned(), programme);
        true
    }

    /// How many texts there are.
    pub fn count(&self) -> usize {
        self.texts.len()
    }

    /// Checks what an entry says against the text that it names, and counts in `amounts` those
    /// that were computed anew.
    pub fn check(&self, entry: &EntryView, amounts: &mut u64) -> Option<Fault> {
        let fault = |check: Check, what: String| Fault { check, entry: Some(entry.seq), what };
        if entry.kind == PROGRAMME_PUBLISHED.name {
            let sha256 = entry.text("sha256").unwrap_or_default();
            let known = self.texts.contains_key(sha256);
            return (!known).then(|| fault(Check::Rules, format!("there is no text {sha256}")));
        }
        let rule = entry.rule.as_ref()?;
        let programme = match self.texts.get(rule.strip_prefix("sha256:").unwrap_or(rule)) {
            None => return Some(fault(Check::Rules, format!("there is no text {rule}"))),
            Some(None) => return Some(fault(Check::Rules, format!("{rule} cannot be compiled"))),
            Some(Some(programme)) => programme,
        };
        let checked = if entry.kind == VOUCHER_CLAIMED.name {
            *amounts += 1;
            claimed(programme, entry)
        } else if entry.kind == RESERVED.name {
            *amounts += 1;
            reserved(programme, entry)
        } else if entry.kind == SUBMITTED.name || entry.kind == CORRECTED.name {
            *amounts += 1;
            applied::filed(programme, entry)
        } else if entry.kind == APPROVED.name {
            *amounts += 1;
            applied::approved(programme, entry)
        } else if entry.kind == TOPPED_UP.name {
            *amounts += 1;
            applied::topped_up(programme, entry)
        } else {
            failed_check(entry)
        };
        checked.err().map(|what| fault(Check::Amounts, what))
    }
}

/// A check that the rules failed, and yet something was granted.
pub(super) fn failed_check(entry: &EntryView) -> Result<(), String> {
    let checks = entry.data.get("checks").and_then(Json::as_object);
    let mut failed = checks.into_iter().flatten().filter(|(_, met)| **met != Json::Bool(true));
    match failed.next() {
        Some((code, _)) => Err(format!("{code} was not met")),
        None => Ok(()),
    }
}

/// The facts of a leaf, and its class.
pub(super) fn read(entry: &EntryView) -> Result<(Class, Facts), String> {
    let class = entry.text("class")?.parse().map_err(|_| "class is no class")?;
    let facts = entry.data.get("facts").and_then(Json::as_object).ok_or("no facts")?;
    let facts = Facts::from_leaf(facts).map_err(|error| error.to_string())?;
    Ok((class, facts))
}

/// Nothing that the open facts decide refuses. A condition on what identifies somebody has its
/// outcome among the checks.
pub(super) fn refused(entry: &EntryView, screening: &Screening) -> Result<(), String> {
    failed_check(entry)?;
    let checks = entry.data.get("checks").and_then(Json::as_object);
    let met = |code: &str| checks.is_some_and(|checks| checks.contains_key(code));
    match screening.refusals.iter().find(|refused| !met(refused.code())) {
        Some(refused) => Err(format!("the rules refuse it: {}", refused.code())),
        None => Ok(()),
    }
}

fn claimed(programme: &Programme, entry: &EntryView) -> Result<(), String> {
    let (class, facts) = read(entry)?;
    let is_checkout = programme.flow() == Flow::Checkout;
    let phases: &[Phase] =
        if is_checkout { &[Phase::Claim, Phase::Reserve] } else { &[Phase::Claim] };
    let screening = programme.screen(&class, phases, &facts, entry.at);
    in_force(programme, entry.at)?;
    refused(entry, &screening)?;
    let hold = entry.fen("hold_fen")?;
    let until = moment(entry, "until")?;
    let channel = Some(entry.text("channel")?).filter(|channel| !channel.is_empty());
    if is_checkout {
        // The reservation's own entry has the cap of what the person may draw in all.
        let most = screening.amount.unwrap_or_default();
        if hold > most {
            return Err(format!("its hold is {} fen, the rules give {}", hold.0, most.0));
        }
    } else {
        let due = programme.hold(&class);
        if hold != due {
            return Err(format!("its hold is {} fen, by the rules it is {}", hold.0, due.0));
        }
        let due = programme.voucher_until(channel, entry.at);
        if until != due {
            return Err(format!("it ends {}, by the rules {}", time::text(until), time::text(due)));
        }
    }
    same_quota(entry, &screening)
}

fn reserved(programme: &Programme, entry: &EntryView) -> Result<(), String> {
    let (class, mut facts) = read(entry)?;
    let claimed_at = moment(entry, "claimed_at")?;
    if facts.get(Fact::VoucherClaimedAt).is_some() {
        set(&mut facts, Fact::VoucherClaimedAt, claimed_at)?;
    }
    // Facts write moments to the second; the end to the microsecond is that of the claim's leaf,
    // which is compared where the entries are read in order.
    if let Some(Value::Moment(until)) = facts.get(Fact::VoucherUntil) {
        let until = *until + TimeDelta::microseconds(999_999);
        set(&mut facts, Fact::VoucherUntil, until)?;
    }
    let is_checkout = programme.flow() == Flow::Checkout && claimed_at == entry.at;
    let phases: &[Phase] =
        if is_checkout { &[Phase::Claim, Phase::Reserve] } else { &[Phase::Reserve] };
    let mut screening = programme.screen(&class, phases, &facts, entry.at);
    in_force(programme, entry.at)?;
    refused(entry, &screening)?;
    screening.refusals.clear();
    let drawn = entry.data.get("drawn_fen").and_then(Json::as_i64).unwrap_or_default();
    let standing = Standing { drawn: Fen(drawn), ..Standing::default() };
    let judged = judge(&screening, &standing);
    let judged = judged.map_err(|refused| format!("the rules refuse it: {}", refused[0].code()))?;
    let due = judged.amount.unwrap_or_default();
    same_amount(entry, due)?;
    same_steps(entry, &judged.derivation)?;
    shared(entry, due)
}

pub(super) fn same_amount(entry: &EntryView, due: Fen) -> Result<(), String> {
    let is = entry.fen("amount_fen")?;
    match is == due {
        true => Ok(()),
        false => Err(format!("its amount is {} fen, by the rules it is {}", is.0, due.0)),
    }
}

pub(super) fn same_steps(entry: &EntryView, derivation: &Derivation) -> Result<(), String> {
    let steps = serde_json::to_value(&derivation.steps).unwrap_or_default();
    match entry.data.get("derivation") == Some(&steps) {
        true => Ok(()),
        false => Err("its derivation is not that of the rules".to_owned()),
    }
}

/// Key and number of slots are those of the rules.
pub(super) fn same_quota(entry: &EntryView, screening: &Screening) -> Result<(), String> {
    let quota = screening.terms.iter().find_map(|term| match &term.kind {
        TermKind::Quota { key, slots } => Some((key.as_str(), u64::from(*slots))),
        _ => None,
    });
    let (key, slots) = quota.unwrap_or(("", u64::from(u32::MAX)));
    let told = entry.data.get("quota").ok_or("no quota")?;
    let told_key = told.get("key").and_then(Json::as_str);
    let told_slots = told.get("slots").and_then(Json::as_u64);
    match (told_key, told_slots) == (Some(key), Some(slots)) {
        true => Ok(()),
        false => Err(format!("its quota is not {slots} of {key:?}, as the rules say")),
    }
}

/// The shares of an order's lines (invariant 11).
fn shared(entry: &EntryView, amount: Fen) -> Result<(), String> {
    let lines = entry.data.get("lines").and_then(Json::as_array).ok_or("no lines")?;
    let column = |name: &str| -> Option<Vec<Fen>> {
        lines.iter().map(|line| Some(Fen(line.get(name)?.as_i64()?))).collect()
    };
    let (prices, told) =
        column("price_fen").zip(column("share_fen")).ok_or("lines are no lines")?;
    match lines.is_empty() || shares(&prices, amount) == told {
        true => Ok(()),
        false => Err("the shares of its lines are not those of the rules".to_owned()),
    }
}

fn in_force(programme: &Programme, at: Moment) -> Result<(), String> {
    match programme.valid().contains(at) {
        true => Ok(()),
        false => Err("its rule text was not in force".to_owned()),
    }
}

fn moment(entry: &EntryView, name: &str) -> Result<Moment, String> {
    entry.text(name)?.parse().map_err(|_| format!("{name} is no time"))
}

pub(super) fn set(facts: &mut Facts, fact: Fact, moment: Moment) -> Result<(), String> {
    facts.set(fact, Value::Moment(moment)).map(|_| ()).map_err(|error| error.to_string())
}
