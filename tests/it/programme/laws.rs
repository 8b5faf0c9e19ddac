//! Laws that hold whatever the facts: nothing panics, and no amount passes its limits.

use super::published::programmes;
use super::{FILE, set};
use chrono::{DateTime, NaiveDate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::LazyLock;
use tradein::kernel::class::Class;
use tradein::kernel::money::Fen;
use tradein::kernel::region::Region;
use tradein::kernel::time::Moment;
use tradein::programme::{
    Fact, Facts, Kind, Line, Phase, Programmes, Standing, TermKind, Value, judge, shares,
};

/// Values of each type, edges among them.
fn value(kind: Kind) -> BoxedStrategy<Value> {
    let money = || prop_oneof![0..=3_000_000i64, Just(0), Just(Fen::MAX.0)].prop_map(Fen);
    let class = || {
        select(vec!["appliance.tv", "home.goods.sofa", "car.scrap"])
            .prop_map(|class| class.parse::<Class>().unwrap())
    };
    match kind {
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Int => prop_oneof![0..6i64, any::<i64>()].prop_map(Value::Int).boxed(),
        Kind::Fen => money().prop_map(Value::Fen).boxed(),
        Kind::Text => {
            let words =
                ["a", "b", "active", "offline", "online", "nev", "fuel", "6901234567892", ""];
            select(words.to_vec()).prop_map(Value::text).boxed()
        }
        Kind::Day => (730_000..760_000i32)
            .prop_map(|day| Value::Day(NaiveDate::from_num_days_from_ce_opt(day).unwrap()))
            .boxed(),
        Kind::Moment => moment().prop_map(Value::Moment).boxed(),
        Kind::Region => (100_000..999_999u32)
            .prop_map(|code| Value::Region(Region::try_from(code).unwrap()))
            .boxed(),
        Kind::Lines => vec((class(), 0..1_000_000i64), 0..4)
            .prop_map(|lines| {
                let line = |(class, price)| Line { class, price: Fen(price) };
                Value::Lines(lines.into_iter().map(line).collect())
            })
            .boxed(),
        Kind::Fens => vec(money(), 0..5).prop_map(|list| Value::Fens(list.into())).boxed(),
        Kind::Counts => vec((class(), any::<u32>()), 0..3)
            .prop_map(|counts| {
                let count = |(class, count)| (String::from(class), i64::from(count));
                Value::Counts(std::sync::Arc::new(counts.into_iter().map(count).collect()))
            })
            .boxed(),
        Kind::Texts => Just(Value::Texts(vec!["alipay".to_owned()].into())).boxed(),
    }
}

fn moment() -> impl Strategy<Value = Moment> {
    // From 2024 to the end of 2026.
    (1_704_038_400..1_798_732_800i64).prop_map(|at| DateTime::from_timestamp(at, 0).unwrap())
}

/// Some facts there, some absent.
fn facts() -> impl Strategy<Value = Facts> {
    let each: Vec<_> =
        Fact::ALL.iter().map(|fact| proptest::option::of(value(fact.row().kind))).collect();
    each.prop_map(|values| {
        let mut facts = Facts::new();
        for (fact, value) in Fact::ALL.iter().zip(values) {
            if let Some(value) = value {
                facts.set(*fact, value).unwrap();
            }
        }
        facts
    })
}

static PUBLISHED: LazyLock<Programmes> = LazyLock::new(programmes);

proptest! {
    /// Any facts, any published programme, any of its classes, any moment.
    #[test]
    fn judging_is_total_and_within_its_limits(
        facts in facts(), at in moment(), programme: Index, class: Index, used in 0..5u32,
        drawn in 0..3_000_000i64, left in proptest::option::of(0..300_000i64),
    ) {
        let all: Vec<_> = PUBLISHED.iter().collect();
        let programme = programme.get(&all);
        let class = class.get(programme.classes());
        PUBLISHED.evaluate(programme.region(), class, &facts, at);
        let screening = programme.screen(class, &Phase::ALL, &facts, at);
        let again = programme.screen(class, &Phase::ALL, &facts, at);
        prop_assert_eq!(&screening.refusals, &again.refusals);
        prop_assert_eq!(&screening.derivation, &again.derivation);
        let standing = Standing {
            slots_in_use: used, drawn: Fen(drawn), day_left: left.map(Fen), ..Standing::default()
        };
        let Ok(judged) = judge(&screening, &standing) else { return Ok(()) };
        let amount = judged.amount.unwrap();
        prop_assert!(Fen::ZERO <= amount && amount <= programme.hold(class));
        prop_assert_eq!(judged.derivation.result(), amount);
        for term in &screening.terms {
            match &term.kind {
                TermKind::Quota { slots, .. } => prop_assert!(used < *slots),
                TermKind::CumulativeCap { cap, .. } => prop_assert!(drawn + amount.0 <= cap.0),
                TermKind::DayBudget { .. } => prop_assert!(left.is_none_or(|it| amount.0 <= it)),
                _ => {}
            }
        }
    }

    /// Inside the interval that a screening names, the same facts give the same screening.
    #[test]
    fn a_screening_holds_as_long_as_it_says(
        facts in facts(), at in moment(), programme: Index, class: Index, part in 0.0..1.0f64,
    ) {
        let all: Vec<_> = PUBLISHED.iter().collect();
        let programme = programme.get(&all);
        let class = class.get(programme.classes());
        let mut facts = facts;
        facts.clear(Fact::VoucherClaimedAt);
        facts.clear(Fact::AppliedAt);
        let screening = programme.screen(class, &Phase::ALL, &facts, at);
        let (Some(from), Some(until)) = (screening.holds.from, screening.holds.until) else {
            return Ok(());
        };
        prop_assume!(screening.holds.contains(at));
        let seconds = (until - from).num_seconds() as f64 * part;
        let later = from + chrono::TimeDelta::seconds(seconds as i64);
        let again = programme.screen(class, &Phase::ALL, &facts, later);
        prop_assert_eq!(screening.refusals, again.refusals);
        prop_assert_eq!(screening.amount, again.amount);
    }

    /// A dearer purchase of the same goods never draws less.
    #[test]
    fn amounts_grow_with_the_price(price in 1..5_000_000i64, more in 0..1_000_000i64) {
        let programmes = set(FILE);
        let programme = programmes.iter().next().unwrap();
        let class = "appliance.tv".parse().unwrap();
        let at = DateTime::from_timestamp(1_740_000_000, 0).unwrap();
        let amount = |price| {
            let mut facts = Facts::new();
            facts.set(Fact::PriceFen, Value::Fen(Fen(price))).unwrap();
            facts.set(Fact::EnergyLabel, Value::Int(1)).unwrap();
            programme.screen(&class, &[Phase::Reserve], &facts, at).amount.unwrap()
        };
        prop_assert!(amount(price) <= amount(price + more));
    }

    /// Invariant 11: the shares of an order's lines sum to its subsidy.
    #[test]
    fn shares_add_up(
        prices in vec(0..Fen::MAX.0, 1..20), subsidy in 0..1_000_000_000i64,
    ) {
        let prices: Vec<Fen> = prices.into_iter().map(Fen).collect();
        let shares = shares(&prices, Fen(subsidy));
        prop_assert_eq!(shares.len(), prices.len());
        prop_assert!(shares.iter().all(|share| *share >= Fen::ZERO));
        prop_assert_eq!(shares.iter().map(|share| share.0).sum::<i64>(), subsidy);
    }
}

#[test]
fn the_last_line_takes_the_remainder() {
    let prices = [Fen(800_000), Fen(700_000)];
    assert_eq!(shares(&prices, Fen(100_000)), [Fen(53_333), Fen(46_667)]);
    assert_eq!(shares(&[Fen::ZERO, Fen::ZERO], Fen(5)), [Fen::ZERO, Fen(5)]);
    assert_eq!(shares(&[], Fen(5)), []);
}
