//! The amounts of a file: tiers that do not overlap, for every class, with a highest figure.

use super::amount::{Extra, Pays, Table, Tier};
use super::arithmetic::Rounding;
use super::compile::Workshop;
use super::condition::Condition;
use super::fact::Phase;
use super::format::{self, AmountBase, Sentence};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

pub(crate) fn tables(
    shop: &mut Workshop,
    amounts: &Spanned<Vec<Spanned<format::Amount>>>,
) -> Vec<Table> {
    let tables: Vec<Table> =
        amounts.get_ref().iter().filter_map(|amount| table(shop, amount)).collect();
    for class in shop.classes.clone() {
        let covering = amounts.get_ref().iter().map(Spanned::get_ref);
        let covering = covering.filter(|it| it.classes.is_empty() || it.classes.contains(&class));
        match covering.count() {
            0 => shop.complaints.add(amounts.span(), format!("{class} has no amount")),
            1 => {}
            _ => shop.complaints.add(amounts.span(), format!("{class} has two amounts")),
        }
    }
    tables
}

fn table(shop: &mut Workshop, amount: &Spanned<format::Amount>) -> Option<Table> {
    let (span, amount) = (amount.span(), amount.get_ref());
    shop.own_classes(&span, &amount.classes);
    let yearly = amount.base == AmountBase::InterestByYear;
    if yearly != amount.years.is_some() {
        shop.complaints.add(span.clone(), "`years` belongs to the base interest_by_year, always");
    }
    let rounding = match &amount.rounding {
        Some(rounding) if rounding.unit_fen == 0 => {
            shop.complaints.add(span.clone(), "rounding needs a unit of at least one fen");
            return None;
        }
        Some(text) => {
            shop.source(&span, &text.source);
            Rounding { unit_fen: text.unit_fen, mode: text.mode }
        }
        None => Rounding::default(),
    };
    overlaps(shop, amount.tiers.get_ref());
    if amount.tiers.get_ref().is_empty() {
        shop.complaints.add(amount.tiers.span(), "an amount has at least one tier");
    }
    let tiers = amount.tiers.get_ref();
    let tiers: Vec<Tier> = tiers.iter().filter_map(|it| tier(shop, it)).collect();
    let extras = amount.extras.iter().filter_map(|it| extra(shop, it)).collect();
    if let Some(cap) = amount.cap_fen {
        money(shop, &span, cap);
    }
    let otherwise = sentence(shop, &amount.otherwise.span(), amount.otherwise.get_ref())?;
    Some(Table {
        classes: amount.classes.clone(),
        base: amount.base,
        years: amount.years.map_or(usize::MAX, usize::from),
        up_to: amount.up_to,
        rounding,
        tiers,
        extras,
        cap: amount.cap_fen,
        otherwise,
    })
}

fn tier(shop: &mut Workshop, tier: &Spanned<format::Tier>) -> Option<Tier> {
    let (span, text) = (tier.span(), tier.get_ref());
    shop.source(&span, &text.source);
    for fen in [text.price_from_fen, text.price_below_fen, text.cap_fen, text.fixed_fen] {
        money(shop, &span, fen.unwrap_or_default());
    }
    if text.label.iter().any(|grade| !(1..=5).contains(grade)) {
        shop.complaints.add(span.clone(), "a label has the grades 1 to 5");
    }
    let when = match &text.when {
        Some(when) => Some(amount_condition(shop, when)?),
        None => None,
    };
    let pays = match (text.rate, text.cap_fen, text.fixed_fen, &text.refuse) {
        (Some(rate), Some(cap), None, None) => Pays::Rate(rate, cap),
        (None, None, Some(sum), None) => Pays::Fixed(sum),
        (None, None, None, Some(refusal)) => Pays::Refuse(sentence(shop, &span, refusal)?),
        _ => {
            let reason = "a tier has a rate with cap_fen, or fixed_fen, or refuse: one of them";
            shop.complaints.add(span, reason);
            return None;
        }
    };
    Some(Tier {
        name: text.name.as_str().into(),
        when,
        label: text.label.clone(),
        no_label_scheme: text.no_label_scheme,
        from: text.price_from_fen,
        below: text.price_below_fen,
        pays,
    })
}

fn extra(shop: &mut Workshop, extra: &Spanned<format::Extra>) -> Option<Extra> {
    let (span, text) = (extra.span(), extra.get_ref());
    shop.source(&span, &text.source);
    money(shop, &span, text.fixed_fen);
    let when = amount_condition(shop, &text.when)?;
    Some(Extra { name: text.name.as_str().into(), when, sum: text.fixed_fen })
}

/// The amount is fixed at the reservation, so its conditions may not look further.
fn amount_condition(shop: &mut Workshop, text: &Spanned<String>) -> Option<Condition> {
    let condition = Condition::compile(text.get_ref(), false);
    let condition = shop.complaints.take(text.span(), condition)?;
    let phase = condition.phase(shop.flow);
    let phase = shop.complaints.take(text.span(), phase)?;
    if phase > Phase::Reserve {
        let reason =
            format!("the amount is fixed at reserve, but this is known at {}", phase.name());
        shop.complaints.add(text.span(), reason);
    }
    if condition.identifying {
        let reason = "an amount may not depend on who somebody is: it must be recomputable";
        shop.complaints.add(text.span(), reason);
    }
    Some(condition)
}

/// Two tiers that ask the same overlap where one price fits both.
fn overlaps(shop: &mut Workshop, tiers: &[Spanned<format::Tier>]) {
    for (place, later) in tiers.iter().enumerate() {
        for earlier in &tiers[..place] {
            if overlap(earlier.get_ref(), later.get_ref()) {
                let names = (&earlier.get_ref().name, &later.get_ref().name);
                let reason = format!("the tiers {:?} and {:?} overlap", names.0, names.1);
                shop.complaints.add(later.span(), reason);
            }
        }
    }
    for tier in tiers.iter().map(|tier| (tier.span(), tier.get_ref())) {
        let (span, tier) = tier;
        if tier.price_from_fen.zip(tier.price_below_fen).is_some_and(|(from, below)| below <= from)
        {
            shop.complaints.add(span, format!("no price fits the tier {:?}", tier.name));
        }
    }
}

fn overlap(a: &format::Tier, b: &format::Tier) -> bool {
    let text = |tier: &format::Tier| tier.when.as_ref().map(|when| when.get_ref().clone());
    let from = |tier: &format::Tier| tier.price_from_fen.unwrap_or(Fen::ZERO);
    let below = |tier: &format::Tier| tier.price_below_fen.unwrap_or(Fen(i64::MAX));
    let unlabelled = |tier: &format::Tier| tier.label.is_empty() && !tier.no_label_scheme;
    let labels = unlabelled(a) && unlabelled(b)
        || a.label.iter().any(|grade| b.label.contains(grade))
        || a.no_label_scheme && b.no_label_scheme;
    text(a) == text(b) && labels && from(a) < below(b) && from(b) < below(a)
}

fn money(shop: &mut Workshop, span: &Range<usize>, fen: Fen) {
    if !(Fen::ZERO..=Fen::MAX).contains(&fen) {
        shop.complaints.add(span.clone(), format!("{} fen is no amount", fen.0));
    }
}

/// A refusal whose code and both languages the file gives.
pub(crate) fn sentence(
    shop: &mut Workshop,
    span: &Range<usize>,
    text: &Sentence,
) -> Option<Arc<Refusal>> {
    let code = text.code.clone();
    code_is_well_formed(shop, span, &code);
    let (Some(zh), Some(en)) = (text.zh.clone(), text.en.clone()) else {
        let lacking = if text.zh.is_none() { "zh" } else { "en" };
        shop.complaints.add(span.clone(), format!("{code} has no sentence in {lacking}"));
        return None;
    };
    Some(Arc::new(Refusal { code: code.into(), zh: zh.into(), en: en.into() }))
}

pub(crate) fn code_is_well_formed(shop: &mut Workshop, span: &Range<usize>, code: &str) {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if code.is_empty() || code.len() > 64 || !code.bytes().all(fits) {
        let reason = format!("a code is upper-case letters, digits and '_', not {code:?}");
        shop.complaints.add(span.clone(), reason);
    }
}
