//! What a purchase draws: the first tier that fits, its extras, its caps; and shares of an order.

use super::arithmetic::{Rate, Rounding};
use super::condition::{Condition, Truth};
use super::derivation::Derivation;
use super::fact::{Fact, FactSet};
use super::facts::Facts;
use super::format::AmountBase;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use std::sync::Arc;

/// The amounts of some classes.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Empty: all classes of the programme.
    pub classes: Vec<Class>,
    pub base: AmountBase,
    pub years: usize,
    /// A reviewer may grant less.
    pub up_to: bool,
    pub rounding: Rounding,
    pub tiers: Vec<Tier>,
    pub extras: Vec<Extra>,
    pub cap: Option<Fen>,
    /// Where no tier fits.
    pub otherwise: Arc<Refusal>,
}

#[derive(Clone, Debug)]
pub(crate) struct Tier {
    pub name: Arc<str>,
    pub when: Option<Condition>,
    pub label: Vec<u8>,
    pub no_label_scheme: bool,
    pub from: Option<Fen>,
    pub below: Option<Fen>,
    pub pays: Pays,
}

#[derive(Clone, Debug)]
pub(crate) enum Pays {
    Rate(Rate, Fen),
    Fixed(Fen),
    Refuse(Arc<Refusal>),
}

#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub name: Arc<str>,
    pub when: Condition,
    pub sum: Fen,
}

impl Table {
    pub fn covers(&self, class: &Class) -> bool {
        self.classes.is_empty() || self.classes.contains(class)
    }

    /// The most that this table can pay.
    pub fn most(&self) -> Fen {
        let of = |tier: &Tier| match tier.pays {
            Pays::Rate(_, cap) => cap.0,
            Pays::Fixed(sum) => sum.0,
            Pays::Refuse(_) => 0,
        };
        let tier = self.tiers.iter().map(of).max().unwrap_or(0);
        let most = self.extras.iter().fold(tier, |sum, extra| sum.saturating_add(extra.sum.0));
        self.cap.map_or(Fen(most), |cap| cap.min(Fen(most)))
    }

    /// Calculates, noting in `read` which facts it looked at.
    ///
    /// # Errors
    /// The table's own refusal where no tier fits, or that of a tier whose figure is not known.
    pub fn calculate(&self, facts: &Facts, read: &mut FactSet) -> Result<Derivation, Arc<Refusal>> {
        let bases = self.bases(facts, read);
        let price = bases.iter().fold(Fen::ZERO, |sum, base| Fen(sum.0.saturating_add(base.0)));
        let fits = |tier: &&Tier| tier.fits(price, facts, read);
        let Some(tier) = self.tiers.iter().find(fits).filter(|_| !bases.is_empty()) else {
            return Err(Arc::clone(&self.otherwise));
        };
        let mut derivation = Derivation::default();
        match &tier.pays {
            Pays::Rate(rate, cap) => {
                for base in bases {
                    derivation.rate(&tier.name, base, *rate, self.rounding);
                }
                derivation.cap(&tier.name, *cap);
            }
            Pays::Fixed(sum) => derivation.fixed(&tier.name, *sum),
            Pays::Refuse(refusal) => return Err(Arc::clone(refusal)),
        }
        for extra in &self.extras {
            read.extend(&extra.when.reads);
            if extra.when.holds(facts) == Truth::Met {
                derivation.fixed(&extra.name, extra.sum);
            }
        }
        if let Some(cap) = self.cap {
            derivation.cap(&tier.name, cap);
        }
        Ok(derivation)
    }

    /// What the rate is taken of: one figure, or one a year; empty where it is not known.
    fn bases(&self, facts: &Facts, read: &mut FactSet) -> Vec<Fen> {
        let (fact, bases) = match self.base {
            AmountBase::Price => match facts.lines() {
                Some(lines) if !lines.is_empty() => {
                    let sum = lines.iter().map(|line| line.price.0).fold(0, i64::saturating_add);
                    (Fact::Items, vec![Fen(sum)])
                }
                _ => (Fact::PriceFen, facts.fen(Fact::PriceFen).into_iter().collect()),
            },
            AmountBase::GrantBase => {
                (Fact::GrantBaseFen, facts.fen(Fact::GrantBaseFen).into_iter().collect())
            }
            AmountBase::InterestByYear => {
                let years = facts.fens(Fact::GrantInterestFen).unwrap_or_default();
                (Fact::GrantInterestFen, years.iter().take(self.years).copied().collect())
            }
        };
        read.insert(fact);
        bases
    }
}

impl Tier {
    fn fits(&self, price: Fen, facts: &Facts, read: &mut FactSet) -> bool {
        if self.from.is_some_and(|from| price < from) {
            return false;
        }
        if self.below.is_some_and(|below| below <= price) {
            return false;
        }
        self.label_fits(facts, read) && self.when_fits(facts, read)
    }

    fn when_fits(&self, facts: &Facts, read: &mut FactSet) -> bool {
        let Some(when) = &self.when else { return true };
        read.extend(&when.reads);
        when.holds(facts) == Truth::Met
    }

    fn label_fits(&self, facts: &Facts, read: &mut FactSet) -> bool {
        if self.label.is_empty() && !self.no_label_scheme {
            return true;
        }
        read.extend(&[Fact::EnergyLabel, Fact::WaterLabel, Fact::LabelScheme]);
        let grades = [Fact::EnergyLabel, Fact::WaterLabel].into_iter();
        match grades.filter_map(|fact| facts.int(fact)).min() {
            Some(grade) => self.label.iter().any(|wanted| i64::from(*wanted) == grade),
            None => self.no_label_scheme && facts.bool(Fact::LabelScheme) == Some(false),
        }
    }
}

/// Splits the subsidy of an order over its lines in proportion to their prices: whole fen, rounded
/// down, and the last line takes the remainder, so that the shares always add up.
///
/// Empty where there are no lines. Prices below zero count as zero; where all are zero, the last
/// line takes everything.
pub fn shares(prices: &[Fen], subsidy: Fen) -> Vec<Fen> {
    let price = |fen: &Fen| i128::from(fen.0.max(0));
    let total: i128 = prices.iter().map(price).sum();
    let mut left = subsidy.0;
    let mut shares = Vec::with_capacity(prices.len());
    for (place, fen) in prices.iter().enumerate() {
        let exact = (i128::from(subsidy.0) * price(fen)).checked_div(total).unwrap_or(0);
        let last = place + 1 == prices.len();
        let share = if last { left } else { i64::try_from(exact).unwrap_or(left).min(left) };
        left -= share;
        shares.push(Fen(share));
    }
    shares
}
