//! A whole purchase from claim to review, as examples, quotes and replays judge it.

use super::fact::{Fact, Flow, Phase};
use super::facts::{Facts, Value};
use super::judge::{Judged, Standing, TermKind, judge};
use super::model::{Mark, Programme};
use super::resolve::Programmes;
use super::screen::{Refused, Screening, in_order};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What an example says must come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    Pay(Fen),
    Refuse(String),
}

#[derive(Debug, thiserror::Error)]
#[error("an expectation is pay:<fen> or refuse:<CODE>, not {0:?}")]
pub struct BadExpect(String);

impl FromStr for Expect {
    type Err = BadExpect;
    fn from_str(text: &str) -> Result<Expect, BadExpect> {
        let wrong = || BadExpect(text.to_owned());
        match text.split_once(':') {
            Some(("pay", fen)) => fen.parse().map(|fen| Expect::Pay(Fen(fen))).map_err(|_| wrong()),
            Some(("refuse", code)) if !code.is_empty() => Ok(Expect::Refuse(code.to_owned())),
            _ => Err(wrong()),
        }
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The version that decided; `None` where no programme covers the class.
    pub programme: Option<Arc<Programme>>,
    /// The amount and how it came about, or every refusal in order.
    pub outcome: Result<Judged, Vec<Refused>>,
}

impl Evaluation {
    /// Whether exactly the expected came out: that amount, or that code and no other.
    pub fn meets(&self, expect: &Expect) -> bool {
        match (&self.outcome, expect) {
            (Ok(judged), Expect::Pay(fen)) => judged.amount == Some(*fen),
            (Err(refused), Expect::Refuse(code)) => refused.len() == 1 && refused[0].code() == code,
            _ => false,
        }
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(judged) => match judged.amount {
                Some(amount) => write!(f, "pay:{}", amount.0),
                None => write!(f, "granted without an amount"),
            },
            Err(refused) => {
                let codes: Vec<&str> = refused.iter().map(Refused::code).collect();
                write!(f, "refuse:{}", codes.join(","))
            }
        }
    }
}

impl Programmes {
    /// Judges a whole purchase, all phases at once; what the person holds is read from the facts
    /// of `history`, `dwelling` and `budget`.
    pub fn evaluate(&self, region: Region, class: &Class, facts: &Facts, at: Moment) -> Evaluation {
        let submitted_at = facts.moment(Fact::AppliedAt).unwrap_or(at);
        let resolution = self.resolve_submission(region, class, at, submitted_at.max(at));
        let programme = match resolution.acting {
            Ok(programme) => programme,
            Err(refusal) => {
                let outcome = Err(vec![Refused::new(refusal, Phase::Claim, 0)]);
                return Evaluation { programme: None, outcome };
            }
        };
        let outcome = match programme.flow {
            Flow::Voucher => self.evaluate_voucher(&programme, class, facts, at),
            Flow::Checkout | Flow::Application => {
                let facts = with_basket(&programme, facts.clone());
                let screening = programme.screen(class, &Phase::ALL, &facts, at);
                judge(&screening, &programme.standing(class, &screening, &facts))
            }
        };
        Evaluation { programme: Some(programme), outcome }
    }

    /// The claim by the version in force then, everything later by the version that acts now.
    fn evaluate_voucher(
        &self,
        programme: &Programme,
        class: &Class,
        facts: &Facts,
        at: Moment,
    ) -> Result<Judged, Vec<Refused>> {
        let claimed_at = facts.moment(Fact::VoucherClaimedAt).unwrap_or(at);
        let channel = facts.text(Fact::VoucherChannel);
        let issuer = self.version_at(&programme.id, claimed_at);
        // A voucher of an earlier programme ended with it, before this one began.
        let until = match issuer {
            Some(issuer) => Some(issuer.voucher_until(channel, claimed_at)),
            None => programme.valid.from,
        };
        let mut facts = with_basket(programme, facts.clone());
        if let Some(until) = until {
            // The slot of this fact holds a moment, so setting one cannot fail.
            let _ = facts.set(Fact::VoucherUntil, Value::Moment(until));
        }
        let claim = issuer.map(|issuer| {
            let screening = issuer.screen(class, &[Phase::Claim], &facts, claimed_at);
            judge(&screening, &issuer.standing(class, &screening, &facts))
        });
        let later = [Phase::Reserve, Phase::Capture, Phase::Review];
        let screening = programme.screen(class, &later, &facts, at);
        let judged = judge(&screening, &programme.standing(class, &screening, &facts));
        let Some(Err(mut refused)) = claim else { return judged };
        if refused.iter().any(|it| it.code() == super::sentence::SUSPENDED.code) {
            return Err(refused);
        }
        refused.extend(judged.err().unwrap_or_default());
        Err(in_order(refused))
    }
}

/// A line outside the programme's list makes the basket mixed, whatever the till says.
fn with_basket(programme: &Programme, mut facts: Facts) -> Facts {
    let lines = facts.lines().unwrap_or_default();
    if programme.is_per_order() && lines.iter().any(|line| !programme.takes_line(&line.class)) {
        let _ = facts.set(Fact::MixedBasket, Value::Bool(true));
    }
    facts
}

impl Programme {
    /// The standing that the facts of `history`, `dwelling` and `budget` describe.
    pub(crate) fn standing(&self, class: &Class, screening: &Screening, facts: &Facts) -> Standing {
        let mut standing = Standing {
            held_elsewhere: facts.bool(Fact::ClaimedElsewhere) == Some(true),
            lapses: count(facts.int(Fact::Lapsed).unwrap_or(0)),
            day_left: facts.fen(Fact::LeftTodayFen),
            ..Standing::default()
        };
        let (_, group) = self.group(class);
        standing.slots_in_use = count(facts.count(Fact::Redeemed, group));
        standing.slots_kept = count(facts.count(Fact::Refunded, group));
        if self.counts_per_payment_channel(class) {
            let channel = facts.text(Fact::PaymentChannel);
            let uses = |fact| facts.texts(fact).iter().any(|it| Some(it.as_str()) == channel);
            standing.slots_in_use = u32::from(uses(Fact::UsedChannels));
            standing.slots_kept = u32::from(uses(Fact::RefundedChannels));
        }
        if !self.keeps_after_refund() {
            standing.slots_kept = 0;
        }
        for term in &screening.terms {
            if let TermKind::CumulativeCap { name, .. } = &term.kind {
                standing.drawn = Fen(facts.count(Fact::PaidFen, &self.capped_together(name)));
            }
        }
        standing.marks_taken = self.marks(class);
        standing.marks_taken.retain(|mark| is_taken(*mark, facts));
        standing
    }
}

fn count(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

fn is_taken(mark: Mark, facts: &Facts) -> bool {
    match mark {
        Mark::NewSerial | Mark::NewImei | Mark::NewGtinSerial | Mark::NewFrame => {
            facts.bool(Fact::SerialSubsidised) == Some(true)
        }
        Mark::NewVin => facts.get(Fact::VinSubsidisedAs).is_some(),
        Mark::Dwelling => facts.bool(Fact::DwellingSubsidised) == Some(true),
        Mark::OldVin | Mark::OldFrame | Mark::Invoice | Mark::OrderNo | Mark::Asset => false,
    }
}
