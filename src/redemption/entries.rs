//! The entry types of a purchase at the till.

use crate::book::fold::{EntryType, EntryView, Field, State, Thing};
use crate::book::model::Bucket;
use crate::kernel::money::Fen;
use uuid::Uuid;

/// A voucher is reserved for a purchase. No money moves; facts and checks are what the rules saw.
pub static RESERVED: EntryType = EntryType {
    name: "redemption.reserved",
    version: 1,
    fields: &[
        ("voucher", Field::Text),
        ("retailer", Field::Text),
        ("class", Field::Text),
        ("amount_fen", Field::Integer),
        ("derivation", Field::List),
        ("lines", Field::List),
        ("until", Field::Text),
        ("claimed_at", Field::Text),
        ("marks", Field::List),
        ("needs_review", Field::Bool),
        ("drawn_fen?", Field::Integer),
        ("facts", Field::Object),
        ("checks", Field::Object),
    ],
    fold: reserved,
};

fn reserved(state: &mut State, entry: &EntryView) -> Result<(), String> {
    entry.moves(&[])?;
    let fen = entry.fen("amount_fen")?;
    let voucher = voucher_in(entry)?;
    let known = state.things.get(&voucher);
    let hold = known.map_or(Fen::ZERO, |thing| thing.fen);
    let subject = entry.pseudonym()?;
    if known.is_some_and(|thing| thing.subject != subject) {
        return Err("somebody redeems another's voucher".to_owned());
    }
    if fen > hold || fen <= Fen::ZERO {
        return Err(format!("{} fen on a hold of {}", fen.0, hold.0));
    }
    check_shares(entry, fen)?;
    state.advance(voucher, "voucher", &["claimed"], "reserved", hold)?;
    // Whose it is the voucher knows: a book has millions.
    let (kind, of, subject) = ("redemption", Some(voucher), None);
    state.begin(entry, Thing { kind, state: "reserved", fen, of, subject })
}

/// Invariant 11: the shares of the lines sum to the subsidy.
fn check_shares(entry: &EntryView, fen: Fen) -> Result<(), String> {
    let lines = entry.data.get("lines").and_then(|lines| lines.as_array()).ok_or("no lines")?;
    let share = |line: &serde_json::Value| line.get("share_fen").and_then(|s| s.as_i64());
    let sum: Option<i64> = lines.iter().map(share).sum();
    if lines.is_empty() || sum == Some(fen.0) {
        return Ok(());
    }
    Err("the shares do not sum to the amount".to_owned())
}

fn voucher_in(entry: &EntryView) -> Result<Uuid, String> {
    entry.text("voucher")?.parse().map_err(|_| "voucher is no id".to_owned())
}

/// The goods are handed over: the amount is owed.
pub static CAPTURED: EntryType =
    EntryType { name: "redemption.captured", version: 1, fields: CAPTURE, fold: captured };

/// The same for a reservation that time had ended, within the programme's grace.
pub static CAPTURED_LATE: EntryType = EntryType {
    name: "redemption.captured_late",
    version: 1,
    fields: CAPTURE,
    fold: captured_late,
};

const CAPTURE: &[(&str, Field)] =
    &[("amount_fen", Field::Integer), ("facts", Field::Object), ("checks", Field::Object)];

fn captured(state: &mut State, entry: &EntryView) -> Result<(), String> {
    capture_from(state, entry, &["reserved"], &["reserved"])
}

fn captured_late(state: &mut State, entry: &EntryView) -> Result<(), String> {
    capture_from(state, entry, &["reserved", "ended"], &["reserved", "claimed", "lapsed", "ended"])
}

fn capture_from(
    state: &mut State,
    entry: &EntryView,
    redemption: &[&str],
    voucher: &[&str],
) -> Result<(), String> {
    let fen = entry.fen("amount_fen")?;
    let was = state.advance(entry.about, "redemption", redemption, "captured", fen)?;
    if was.fen != fen {
        return Err(format!("{} fen were reserved", was.fen.0));
    }
    let id = was.of.ok_or("a redemption of no voucher")?;
    let voucher = state.advance(id, "voucher", voucher, "redeemed", Fen::ZERO)?;
    // A voucher that has ended keeps nothing in `held`: then the amount comes from `available`.
    let rest = Fen(voucher.fen.0 - fen.0);
    let held = (Bucket::Held, Fen(-voucher.fen.0));
    entry.moves(&[held, (Bucket::Committed, fen), (Bucket::Available, rest)])
}

/// The retailer cancels; the voucher is its person's again.
pub static CANCELLED: EntryType =
    EntryType { name: "redemption.cancelled", version: 1, fields: &[], fold: cancelled };

/// Time ended the reservation.
pub static ENDED: EntryType = EntryType {
    name: "redemption.ended",
    version: 1,
    fields: &[("until", Field::Text)],
    fold: ended,
};

fn cancelled(state: &mut State, entry: &EntryView) -> Result<(), String> {
    released(state, entry, "cancelled")
}

fn ended(state: &mut State, entry: &EntryView) -> Result<(), String> {
    let until: crate::kernel::time::Moment =
        entry.text("until")?.parse().map_err(|_| "until is no time")?;
    if entry.at < until {
        return Err("ended before its end".to_owned());
    }
    released(state, entry, "ended")
}

/// The voucher of flow `checkout` stays reserved here: a second entry, `voucher.ended`, ends it.
fn released(state: &mut State, entry: &EntryView, to: &'static str) -> Result<(), String> {
    let amount = state.things.get(&entry.about).map_or(Fen::ZERO, |thing| thing.fen);
    let was = state.advance(entry.about, "redemption", &["reserved"], to, amount)?;
    entry.moves(&[])?;
    let id = was.of.ok_or("a redemption of no voucher")?;
    let hold = state.things.get(&id).map_or(Fen::ZERO, |thing| thing.fen);
    state.advance(id, "voucher", &["reserved"], "claimed", hold)?;
    Ok(())
}

/// A late capture that could not be taken: codes of what is no longer its own.
pub static DISPUTED: EntryType = EntryType {
    name: "redemption.disputed",
    version: 1,
    fields: &[("reasons", Field::List)],
    fold: |state, entry| {
        entry.moves(&[])?;
        let amount = state.things.get(&entry.about).map_or(Fen::ZERO, |thing| thing.fen);
        state.advance(entry.about, "redemption", &["ended"], "disputed", amount)?;
        Ok(())
    },
};

pub const ENTRY_TYPES: &[&EntryType] =
    &[&RESERVED, &CAPTURED, &CAPTURED_LATE, &CANCELLED, &ENDED, &DISPUTED];
