//! The second half of a decision: what the person already holds, against the limits that screening
//! resolved. Integers only, on rows that the caller has locked; no CEL, no JSON, no clock.

use super::derivation::Derivation;
use super::fact::Phase;
use super::model::Mark;
use super::screen::{Refused, Screening, in_order};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use std::sync::Arc;

/// A limit of the programme, with everything resolved but the standing.
#[derive(Clone, Debug)]
pub struct Term {
    pub kind: TermKind,
    /// The phase in which it is judged.
    pub phase: Phase,
    /// Its place in the file, for the order of refusals.
    pub(crate) position: u16,
    pub(crate) refusal: Arc<Refusal>,
    pub(crate) supersedes: Vec<String>,
}

/// What a limit limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermKind {
    /// Fewer than so many slots of this quota key may be live, redeemed or kept.
    Quota { key: String, slots: u32 },
    /// Says a code of its own where the quota is full only because a refund kept slots.
    NotAgainAfterRefund { slots: u32 },
    /// The quota key is held in another province.
    HeldElsewhere,
    /// Fewer than so many vouchers of this tally may have lapsed.
    LapseLimit { tally: String, times: u32 },
    /// Held and used on this tally together stay within the cap; what is left lowers the amount.
    CumulativeCap { tally: String, name: Arc<str>, cap: Fen },
    /// The day's money must cover the whole amount.
    DayBudget { limit: Fen },
    /// All these marks must be free.
    OncePer(Arc<[Mark]>),
}

/// What registers and book say at the moment of the decision. The default is a person who holds
/// nothing, and money without end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Slots of the quota key that are live or redeemed.
    pub slots_in_use: u32,
    /// Slots of the quota key that a refund keeps.
    pub slots_kept: u32,
    /// The national holdings, or another province's book, have this class.
    pub held_elsewhere: bool,
    /// Vouchers of the lapse tally that ended unused.
    pub lapses: u32,
    /// Held plus used on the tally of the cumulative cap.
    pub drawn: Fen,
    /// What is left of the day's money; `None` where nobody counts it.
    pub day_left: Option<Fen>,
    /// Marks of this purchase that something else already holds.
    pub marks_taken: Vec<Mark>,
}

/// A decision to grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// `None` where only claim or review was asked, which know no amount.
    pub amount: Option<Fen>,
    pub derivation: Derivation,
}

/// Judges the terms of a screening against the standing.
///
/// # Errors
/// Everything that refuses, in order, what the screening already refused among it.
pub fn judge(screening: &Screening, standing: &Standing) -> Result<Judged, Vec<Refused>> {
    let mut refused = screening.refusals.clone();
    let mut derivation = screening.derivation.clone();
    // Caps first, wherever they stand: the day's money must cover what is really paid.
    for term in &screening.terms {
        if let TermKind::CumulativeCap { name, cap, .. } = &term.kind {
            let left = Fen(cap.0.saturating_sub(standing.drawn.0).max(0));
            derivation.cap(name, left);
        }
    }
    let amount = screening.amount.map(|_| derivation.result());
    let against = |term: &&Term| term.refuses(standing, amount);
    refused.extend(screening.terms.iter().filter(against).map(Term::refused));
    let refused = in_order(refused);
    if refused.is_empty() { Ok(Judged { amount, derivation }) } else { Err(refused) }
}

impl Term {
    fn refuses(&self, standing: &Standing, amount: Option<Fen>) -> bool {
        match &self.kind {
            TermKind::Quota { slots, .. } => {
                let kept = standing.slots_kept;
                standing.slots_in_use.saturating_add(kept) >= *slots
            }
            TermKind::NotAgainAfterRefund { slots } => {
                let full = standing.slots_in_use.saturating_add(standing.slots_kept) >= *slots;
                full && standing.slots_in_use < *slots
            }
            TermKind::HeldElsewhere => standing.held_elsewhere,
            TermKind::LapseLimit { times, .. } => standing.lapses >= *times,
            TermKind::CumulativeCap { cap, .. } => standing.drawn >= *cap,
            TermKind::DayBudget { .. } => {
                standing.day_left.zip(amount).is_some_and(|(left, amount)| left < amount)
            }
            TermKind::OncePer(marks) => {
                marks.iter().any(|mark| standing.marks_taken.contains(mark))
            }
        }
    }

    fn refused(&self) -> Refused {
        Refused {
            refusal: Arc::clone(&self.refusal),
            phase: self.phase,
            position: self.position,
            supersedes: self.supersedes.clone(),
        }
    }
}
