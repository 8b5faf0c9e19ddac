//! What the rule texts say of applications: submission, correction, approval and raise.

use super::rules::{failed_check, read, refused, same_amount, same_quota, same_steps, set};
use crate::application::entries::SUBMITTED;
use crate::book::fold::EntryView;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use crate::programme::{
    Fact, Facts, Phase, Programme, SUBMISSION, Screening, Standing, Value, judge,
};
use serde_json::Value as Json;
use std::sync::Arc;

/// A submission or a correction: the amount, its derivation, the quota, and for a part of a grant
/// what all parts together leave.
pub(super) fn filed(programme: &Programme, entry: &EntryView) -> Result<(), String> {
    let (class, mut facts) = read(entry)?;
    let at = decided_at(programme, entry)?;
    // When somebody applied the entry itself says; that of a correction is the submission's, which
    // is compared where the entries are read in order.
    if entry.kind == SUBMITTED.name {
        set(&mut facts, Fact::AppliedAt, entry.at)?;
    }
    if facts.moment(Fact::AppliedAt).is_none_or(|applied| applied < programme.decides_from()) {
        return Err("its rule text did not decide yet".to_owned());
    }
    let mut screening = programme.screen(&class, &SUBMISSION, &facts, at);
    refused(entry, &screening)?;
    screening.refusals.clear();
    let up_to = programme.is_up_to(&class);
    if entry.data.get("up_to") != Some(&Json::Bool(up_to)) {
        return Err("its amount is a ceiling, or is none, against the rules".to_owned());
    }
    let drawn = Fen(entry.data.get("drawn_fen").and_then(Json::as_i64).unwrap_or_default());
    let standing = Standing { drawn, ..Standing::default() };
    let judged = judge(&screening, &standing);
    let judged = judged.map_err(|refused| format!("the rules refuse it: {}", refused[0].code()))?;
    let (mut due, mut derivation) = (judged.amount.unwrap_or_default(), judged.derivation);
    let part = entry.data.get("part");
    let is_later = part.is_some_and(|part| part.get("no").and_then(Json::as_u64) != Some(1));
    if let Some(part) = part {
        let whole = whole(programme, &class, facts, part, at)?;
        if entry.fen("whole_fen")? != whole {
            return Err(format!("all its parts together draw {} fen by the rules", whole.0));
        }
        if is_later {
            derivation.cap(&Arc::from("grant.all_parts"), Fen((whole.0 - drawn.0).max(0)));
            due = derivation.result();
        }
    }
    same_amount(entry, due)?;
    same_steps(entry, &derivation)?;
    // The first part has the slot, a later one has none.
    let none = Screening::default();
    same_quota(entry, if is_later { &none } else { &screening })
}

/// What the rules give for the bases of all parts together.
fn whole(
    programme: &Programme,
    class: &Class,
    mut facts: Facts,
    part: &Json,
    at: Moment,
) -> Result<Fen, String> {
    let bases = part.get("bases_fen").and_then(Json::as_array).ok_or("a part without bases")?;
    let bases: Option<Vec<Fen>> = bases.iter().map(|base| base.as_i64().map(Fen)).collect();
    let bases = bases.ok_or("a base is no integer")?;
    let (fact, value) = match part.get("year").is_some() {
        true => (Fact::GrantInterestFen, Value::Fens(bases.into())),
        false => {
            let sum = bases.iter().fold(0i64, |sum, base| sum.saturating_add(base.0));
            (Fact::GrantBaseFen, Value::Fen(Fen(sum)))
        }
    };
    facts.set(fact, value).map_err(|error| error.to_string())?;
    Ok(programme.screen(class, &SUBMISSION, &facts, at).amount.unwrap_or_default())
}

/// An approval: nothing that the review decides refuses, and a base that the office accepted
/// draws what the rules make of it.
pub(super) fn approved(programme: &Programme, entry: &EntryView) -> Result<(), String> {
    let (class, facts) = read(entry)?;
    let at = decided_at(programme, entry)?;
    refused(entry, &programme.screen(&class, &[Phase::Review], &facts, at))?;
    if entry.data.get("approved_base_fen").is_none() {
        // The fold wants a reason for less than the amount.
        let is_less = entry.data.get("reason").is_some();
        return match is_less && !programme.is_up_to(&class) {
            true => {
                Err("it grants less, and the rules leave nobody a figure of his own".to_owned())
            }
            false => Ok(()),
        };
    }
    let base = entry.fen("approved_base_fen")?;
    let (one, many) = (Value::Fen(base), Value::Fens(vec![base].into()));
    let is_base = facts.get(Fact::GrantBaseFen) == Some(&one)
        || facts.get(Fact::GrantInterestFen) == Some(&many);
    if !is_base {
        return Err("its facts have another base than the office approved".to_owned());
    }
    let screening = programme.screen(&class, &SUBMISSION, &facts, at);
    same_steps(entry, &screening.derivation)?;
    let (most, is) = (screening.amount.unwrap_or_default(), entry.fen("granted_fen")?);
    if is > most {
        return Err(format!(
            "it grants {} fen, of the approved base the rules give {}",
            is.0, most.0
        ));
    }
    Ok(())
}

/// A raise: what the version in force gives, less what was granted before.
pub(super) fn topped_up(programme: &Programme, entry: &EntryView) -> Result<(), String> {
    let (class, facts) = read(entry)?;
    let at = decided_at(programme, entry)?;
    if entry.at < programme.decides_from() {
        return Err("its rule text did not decide yet".to_owned());
    }
    let screening = programme.screen(&class, &SUBMISSION, &facts, at);
    refused(entry, &screening)?;
    let due = screening.amount.unwrap_or_default().0 - entry.fen("before_fen")?.0;
    same_amount(entry, Fen(due))?;
    same_steps(entry, &screening.derivation)
}

/// The day of the last document, on which the text must be valid.
fn decided_at(programme: &Programme, entry: &EntryView) -> Result<Moment, String> {
    failed_check(entry)?;
    let at: Moment = entry.text("decided_at")?.parse().map_err(|_| "decided_at is no time")?;
    match programme.valid().contains(at) && at <= entry.at {
        true => Ok(at),
        false => Err("its rule text was not in force".to_owned()),
    }
}
