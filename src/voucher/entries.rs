//! The entry types of a voucher's life outside the till.

use crate::book::fold::{EntryType, EntryView, Field, State, Thing};
use crate::book::model::Bucket;
use crate::kernel::money::Fen;

/// A person has a voucher; its hold moves from `available` to `held`.
///
/// `quota` names the key, the count before and the N that was compared with it (invariant 1).
pub static VOUCHER_CLAIMED: EntryType = EntryType {
    name: "voucher.claimed",
    version: 1,
    fields: &[
        ("class", Field::Text),
        ("channel", Field::Text),
        ("hold_fen", Field::Integer),
        ("until", Field::Text),
        ("quota", Field::Object),
        ("facts", Field::Object),
        ("checks", Field::Object),
    ],
    fold: claimed,
};

fn claimed(state: &mut State, entry: &EntryView) -> Result<(), String> {
    let fen = entry.fen("hold_fen")?;
    entry.moves(&[(Bucket::Available, Fen(-fen.0)), (Bucket::Held, fen)])?;
    let quota = entry.data.get("quota").ok_or("no quota")?;
    let count = |name: &str| quota.get(name).and_then(|value| value.as_u64()).ok_or("no count");
    if count("in_use")? >= count("slots")? {
        return Err("granted above the quota".to_owned());
    }
    let subject = Some(entry.pseudonym()?.ok_or("no subject")?);
    state.begin(entry, Thing { kind: "voucher", state: "claimed", fen, of: None, subject })
}

/// The person gave it back.
pub static VOUCHER_GIVEN_BACK: EntryType = EntryType {
    name: "voucher.given_back",
    version: 1,
    fields: &[],
    fold: |state, entry| freed(state, entry, "claimed", "given_back"),
};

/// Time ended it. `counted` names the lapse tally that it counts on, where there is one.
pub static VOUCHER_LAPSED: EntryType = EntryType {
    name: "voucher.lapsed",
    version: 1,
    fields: &[("until", Field::Text), ("counted?", Field::Text)],
    fold: |state, entry| {
        let until: crate::kernel::time::Moment =
            entry.text("until")?.parse().map_err(|_| "until is no time")?;
        if entry.at < until {
            return Err("lapsed before its end".to_owned());
        }
        freed(state, entry, "claimed", "lapsed")
    },
};

/// A voucher of flow `checkout`, whose reservation was cancelled or ended.
pub static VOUCHER_ENDED: EntryType = EntryType {
    name: "voucher.ended",
    version: 1,
    fields: &[],
    fold: |state, entry| freed(state, entry, "claimed", "ended"),
};

/// The hold goes back to `available`.
fn freed(
    state: &mut State,
    entry: &EntryView,
    from: &'static str,
    to: &'static str,
) -> Result<(), String> {
    let was = state.advance(entry.about, "voucher", &[from], to, Fen::ZERO)?;
    entry.moves(&[(Bucket::Held, Fen(-was.fen.0)), (Bucket::Available, was.fen)])
}

pub const ENTRY_TYPES: &[&EntryType] =
    &[&VOUCHER_CLAIMED, &VOUCHER_GIVEN_BACK, &VOUCHER_LAPSED, &VOUCHER_ENDED];
