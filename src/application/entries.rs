//! The entry types of an application's life.

use crate::book::fold::{EntryType, EntryView, Field, State, Thing};
use crate::book::model::Bucket;
use crate::kernel::money::Fen;
use crate::kernel::time::Moment;
use uuid::Uuid;

/// What submission and correction say: everything that decided the amount. `payee` is a keyed
/// digest of the account, `drawn_fen` what earlier parts of the grant hold, and `whole_fen` what
/// the rules give for all parts together.
const FILING: &[(&str, Field)] = &[
    ("class", Field::Text),
    ("applicant", Field::Text),
    ("amount_fen", Field::Integer),
    ("up_to", Field::Bool),
    ("derivation", Field::List),
    ("decided_at", Field::Text),
    ("quota", Field::Object),
    ("marks", Field::List),
    ("payee", Field::Text),
    ("old_item?", Field::Text),
    ("part?", Field::Object),
    ("drawn_fen?", Field::Integer),
    ("whole_fen?", Field::Integer),
    ("facts", Field::Object),
    ("checks", Field::Object),
];

/// Somebody applies; the hold, which is the amount, moves from `available` to `held`.
pub static SUBMITTED: EntryType = EntryType {
    name: "application.submitted",
    version: 1,
    fields: FILING,
    fold: |state, entry| {
        let fen = positive(entry)?;
        entry.moves(&[(Bucket::Available, Fen(-fen.0)), (Bucket::Held, fen)])?;
        let quota = entry.data.get("quota").ok_or("no quota")?;
        let count = |name: &str| quota.get(name).and_then(|value| value.as_u64()).ok_or("no count");
        if count("in_use")? >= count("slots")? {
            return Err("granted above the quota".to_owned());
        }
        let subject = Some(entry.pseudonym()?.ok_or("no subject")?);
        let (kind, of) = ("application", None);
        state.begin(entry, Thing { kind, state: "submitted", fen, of, subject })
    },
};

/// An office asks for a correction until then.
pub static CORRECTION_REQUESTED: EntryType = EntryType {
    name: "application.correction_requested",
    version: 1,
    fields: &[("reasons", Field::List), ("until", Field::Text)],
    fold: |state, entry| {
        entry.moves(&[])?;
        if until_of(entry)? <= entry.at {
            return Err("a deadline that has passed".to_owned());
        }
        let fen = kept(state, entry.about);
        state.advance(entry.about, KIND, &["submitted"], "correction_requested", fen)?;
        Ok(())
    },
};

/// The applicant corrected it; it is decided anew, and the hold follows the amount.
pub static CORRECTED: EntryType = EntryType {
    name: "application.corrected",
    version: 1,
    fields: FILING,
    fold: |state, entry| {
        let fen = positive(entry)?;
        let from = &["correction_requested"];
        let was = state.advance(entry.about, KIND, from, "submitted", fen)?;
        let more = fen.0 - was.fen.0;
        entry.moves(&[(Bucket::Available, Fen(-more)), (Bucket::Held, Fen(more))])
    },
};

/// Granted: the figure of the rules, or a lower one with its reason.
pub static APPROVED: EntryType = EntryType {
    name: "application.approved",
    version: 1,
    fields: &[
        ("class", Field::Text),
        ("decided_at", Field::Text),
        ("granted_fen", Field::Integer),
        ("reason?", Field::Text),
        ("approved_base_fen?", Field::Integer),
        ("derivation?", Field::List),
        ("facts", Field::Object),
        ("checks", Field::Object),
    ],
    fold: |state, entry| {
        let granted = entry.fen("granted_fen")?;
        let was = state.advance(entry.about, KIND, &["submitted"], "approved", granted)?;
        let rest = Fen(was.fen.0 - granted.0);
        if !granted.is_positive() || rest.0 < 0 {
            return Err(format!("{} fen granted on a hold of {}", granted.0, was.fen.0));
        }
        if rest.is_positive() && entry.text("reason").is_err() {
            return Err("less was granted, and nobody says why".to_owned());
        }
        let (held, rest) = ((Bucket::Held, Fen(-was.fen.0)), (Bucket::Available, rest));
        entry.moves(&[held, (Bucket::Committed, granted), rest])
    },
};

/// Released for payment: by a second person, or at once where the amount is within the limit.
pub static MADE_PAYABLE: EntryType = EntryType {
    name: "application.made_payable",
    version: 1,
    fields: &[("by", Field::Text)],
    fold: |state, entry| {
        if !["second_person", "limit"].contains(&entry.text("by")?) {
            return Err("nobody released it".to_owned());
        }
        let fen = kept(state, entry.about);
        state.advance(entry.about, KIND, &["approved"], "payable", fen)?;
        entry.moves(&[(Bucket::Committed, Fen(-fen.0)), (Bucket::Payable, fen)])
    },
};

/// Rejected, for reasons of a closed list or of the programme.
pub static REJECTED: EntryType = EntryType {
    name: "application.rejected",
    version: 1,
    fields: &[("reasons", Field::List)],
    fold: |state, entry| freed(state, entry, &["submitted"], "rejected"),
};

/// The applicant takes it back.
pub static WITHDRAWN: EntryType = EntryType {
    name: "application.withdrawn",
    version: 1,
    fields: &[],
    fold: |state, entry| freed(state, entry, &["submitted", "correction_requested"], "withdrawn"),
};

/// Time ended it: no correction came.
pub static LAPSED: EntryType = EntryType {
    name: "application.lapsed",
    version: 1,
    fields: &[("until", Field::Text)],
    fold: |state, entry| {
        if entry.at < until_of(entry)? {
            return Err("lapsed before its end".to_owned());
        }
        freed(state, entry, &["correction_requested"], "lapsed")
    },
};

/// The rules were raised for purchases that had been granted already: the difference, as an
/// application of its own. What was booked is not changed.
pub static TOPPED_UP: EntryType = EntryType {
    name: "application.topped_up",
    version: 1,
    fields: &[
        ("of", Field::Text),
        ("class", Field::Text),
        ("amount_fen", Field::Integer),
        ("before_fen", Field::Integer),
        ("derivation", Field::List),
        ("decided_at", Field::Text),
        ("facts", Field::Object),
        ("checks", Field::Object),
    ],
    fold: |state, entry| {
        let fen = positive(entry)?;
        entry.moves(&[(Bucket::Available, Fen(-fen.0)), (Bucket::Committed, fen)])?;
        let of: Uuid = entry.text("of")?.parse().map_err(|_| "of is no id")?;
        let first = state.things.get(&of).filter(|thing| thing.kind == KIND);
        let first = first.ok_or_else(|| format!("no application {of}"))?;
        if !["approved", "payable"].contains(&first.state) {
            return Err(format!("a top-up of an application that is {}", first.state));
        }
        let subject = first.subject;
        let earlier = state.things.values().filter(|thing| thing.of == Some(of));
        let before = first.fen.0 + earlier.map(|thing| thing.fen.0).sum::<i64>();
        if before != entry.fen("before_fen")?.0 {
            return Err(format!("{before} fen were granted before"));
        }
        let (kind, of) = (KIND, Some(of));
        state.begin(entry, Thing { kind, state: "approved", fen, of, subject })
    },
};

const KIND: &str = "application";

fn positive(entry: &EntryView) -> Result<Fen, String> {
    let fen = entry.fen("amount_fen")?;
    if fen.is_positive() { Ok(fen) } else { Err(format!("an amount of {} fen", fen.0)) }
}

fn kept(state: &State, id: Uuid) -> Fen {
    state.things.get(&id).map_or(Fen::ZERO, |thing| thing.fen)
}

fn until_of(entry: &EntryView) -> Result<Moment, String> {
    entry.text("until")?.parse().map_err(|_| "until is no time".to_owned())
}

/// The hold goes back to `available`.
fn freed(
    state: &mut State,
    entry: &EntryView,
    from: &[&str],
    to: &'static str,
) -> Result<(), String> {
    let was = state.advance(entry.about, KIND, from, to, Fen::ZERO)?;
    entry.moves(&[(Bucket::Held, Fen(-was.fen.0)), (Bucket::Available, was.fen)])
}

pub const ENTRY_TYPES: &[&EntryType] = &[
    &SUBMITTED,
    &CORRECTION_REQUESTED,
    &CORRECTED,
    &APPROVED,
    &MADE_PAYABLE,
    &REJECTED,
    &WITHDRAWN,
    &LAPSED,
    &TOPPED_UP,
];
