//! A claim at the gate: asked before the queue, told afterwards what came out. It decides nothing.

use super::claim::{BUDGET_EXHAUSTED, Claim, QuotaHint, quota_of};
use super::doors::Doors;
use crate::book::{Answered, BookInfo, Envelope};
use crate::http::problem::Problem;
use crate::kernel::region::Region;
use crate::programme::{Standing, judge};
use crate::register::gate::{Asking, Gate, Outcome, Pass, QuotaRead, Tranche, TurnedAway};

/// What a claim asks of the gate; nothing where screening refuses it already (such a claim
/// travels to the clerk, which stores the refusal) or where the programme counts no slots.
pub fn asking(book: &BookInfo, claim: &Claim, envelope: &Envelope) -> Option<Asking> {
    let programme = claim.screened.programme.as_ref().filter(|_| !claim.screened.refuses())?;
    let (key, cap) = quota_of(&claim.screened)?;
    Some(Asking {
        person: claim.person,
        key: key.to_owned(),
        cap,
        book: book.no,
        digest: envelope.key_digest()?.try_into().ok()?,
        tranches: vec![Tranche::year(book.no)],
        hold: programme.hold(&claim.class),
    })
}

/// The way to the clerk.
///
/// # Errors
/// A verified "quota used up" or "sold out", in the words of the rules and not stored; 503 where
/// too many ask at once.
pub async fn admit(
    doors: &Doors,
    book: &BookInfo,
    claim: &Claim,
    asking: Asking,
) -> Result<Pass, Problem> {
    doors.gate.admit(asking).await.map_err(|no| match no {
        TurnedAway::Full(read) => full(claim, &read, book.region.province()),
        TurnedAway::SoldOut => Problem::refused(422, vec![BUDGET_EXHAUSTED]),
        TurnedAway::Busy => Problem::busy(1),
    })
}

/// The rules' own words for a quota that is used up.
fn full(claim: &Claim, read: &QuotaRead, province: Region) -> Problem {
    let kept = read.quota.kept();
    let standing = Standing {
        slots_kept: kept,
        slots_in_use: read.used().saturating_sub(kept),
        held_elsewhere: read.quota.only_elsewhere(province, read.at),
        ..Standing::default()
    };
    match judge(&claim.screened.screening, &standing) {
        Err(refused) => {
            let refusals = refused.iter().map(|it| (*it.refusal).clone()).collect();
            Problem::refused(422, refusals)
        }
        // A slot came free since: the same request again finds it.
        Ok(_) => Problem::busy(1),
    }
}

/// Tells the gate what became of an admitted claim.
pub async fn settle(doors: &Doors, pass: Pass, answered: &Result<Answered, Problem>) {
    let outcome = match answered {
        Err(_) => Outcome::Unknown,
        Ok(answered) => match hint(answered) {
            Some(QuotaHint { used, version, .. }) => Outcome::Granted { used, version },
            None if !answered.is_success() && !answered.replayed => Outcome::QuotaFull,
            None => Outcome::Refused,
        },
    };
    doors.gate.settle(pass, outcome).await;
}

/// Tells the gate of another change of a quota row.
pub async fn tell(gate: &Gate, answered: &Answered) {
    if let Some(QuotaHint { person, key, used, version }) = hint(answered) {
        gate.confirm(person, &key, used, version, None).await;
    }
}

fn hint(answered: &Answered) -> Option<QuotaHint> {
    answered.hint.as_ref()?.downcast_ref::<Option<QuotaHint>>()?.clone()
}
