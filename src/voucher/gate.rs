//! A claim at the gate: "sold out" before anything else, the way to the clerk, and what came out.
//! It decides nothing.

use super::claim::{BUDGET_EXHAUSTED, Claim, QuotaHint, quota_of};
use super::doors::Doors;
use super::http::ClaimBody;
use crate::book::model::Actor;
use crate::book::{Answered, BookInfo, Envelope};
use crate::http::extract::Posted;
use crate::http::problem::Problem;
use crate::identity::acting::{Person, Unverified};
use crate::kernel::region::Region;
use crate::kernel::time::day_of;
use crate::programme::{Flow, Standing, judge};
use crate::register::gate::{Asking, Gate, Outcome, Pass, QuotaRead, Tranche, TurnedAway};
use chrono::Datelike;

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
        digest: envelope.key_digest()?,
        tranches: vec![Tranche::year(book.no)],
        hold: programme.hold(&claim.class),
    })
}

/// Tells whoever comes after the money is gone, before his token is verified: that is public, and
/// in a drop the dearest part of most requests. A key that the book has answered goes on; whose it
/// is, the token is believed here, because a wrong one goes on to be verified.
///
/// # Errors
/// "Sold out" in the words of the rules, not stored; 503 where too many ask at once.
pub async fn sold_out(
    doors: &Doors,
    caller: &Unverified<Person>,
    posted: &Posted<ClaimBody>,
) -> Result<(), Problem> {
    let (class, now) = (&posted.body.class, doors.clock.now());
    let year = day_of(now).year();
    let Some(book) = doors.books.known(posted.body.region, class.family(), year) else {
        return Ok(());
    };
    let Some(shelf) = doors.library.known() else { return Ok(()) };
    let acting = shelf.programmes.resolve(posted.body.region, class, now).acting;
    let Some(programme) = acting.ok().filter(|it| it.flow() == Flow::Voucher) else {
        return Ok(());
    };
    if !doors.gate.sold_out(&[Tranche::year(book.no)], programme.hold(class)) {
        return Ok(());
    }
    if let Some(person) = caller.supposed_person() {
        let digest = Actor::Person(person.uuid()).key_digest(&posted.key);
        if doors.gate.is_answered(book.no, digest).await? {
            return Ok(());
        }
    }
    metrics::counter!("tradein_gate_turned_away_total", "why" => "sold_out").increment(1);
    Err(Problem::refused(422, vec![BUDGET_EXHAUSTED]))
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
