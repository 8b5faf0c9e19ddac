//! Loading catalogue and price files: what would change, and the command that changes it.

use super::GOODS;
use super::model::{FieldChange, FiledPrice, Goods, MOST_PRICES, changes};
use super::store::FiledPrices;
use crate::book::desk::{Ask, Desk};
use crate::book::fold::{EntryType, Field, record};
use crate::book::model::{Command, Decision, Draft, Fault, Outcome};
use crate::book::store::Stamp;
use crate::kernel::identifier::Gtin;
use crate::kernel::refusal::Refusal;
use crate::programme::publish::bump;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Files were loaded; their content is named by SHA-256, what they changed is counted.
pub static GOODS_LOADED: EntryType = EntryType {
    name: "goods.loaded",
    version: 1,
    fields: &[
        ("goods_sha256?", Field::Text),
        ("prices_sha256?", Field::Text),
        ("goods_added", Field::Integer),
        ("goods_changed", Field::Integer),
        ("goods_unchanged", Field::Integer),
        ("prices_added", Field::Integer),
        ("prices_changed", Field::Integer),
        ("prices_unchanged", Field::Integer),
    ],
    fold: record,
};

pub const ENTRY_TYPES: &[&EntryType] = &[&GOODS_LOADED];

/// What is stored of the products that the files name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub goods: BTreeMap<Gtin, Goods>,
    pub prices: BTreeMap<Gtin, Vec<FiledPrice>>,
}

/// What a load changes.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub added: Vec<Goods>,
    pub changed: Vec<(Goods, Vec<FieldChange>)>,
    pub unchanged: usize,
    pub prices_added: Vec<FiledPrice>,
    pub prices_changed: Vec<(FiledPrice, Vec<FieldChange>)>,
    pub prices_unchanged: usize,
}

impl Plan {
    /// Compares checked files with what is stored.
    ///
    /// # Errors
    /// Prices of unknown products, or that contradict stored ones; a sentence for each.
    pub fn of(goods: &[Goods], prices: &[FiledPrice], known: &Known) -> Result<Plan, Vec<String>> {
        let mut plan = Plan::default();
        goods.iter().for_each(|one| plan.goods(one, known.goods.get(&one.gtin)));
        let mut by_gtin: BTreeMap<&Gtin, Vec<&FiledPrice>> = BTreeMap::new();
        prices.iter().for_each(|price| by_gtin.entry(&price.gtin).or_default().push(price));
        let listed: BTreeSet<&Gtin> = goods.iter().map(|one| &one.gtin).collect();
        let mut wrong = Vec::new();
        for (gtin, prices) in by_gtin {
            if !listed.contains(gtin) && !known.goods.contains_key(gtin) {
                wrong.push(format!("a price of {gtin}, which the catalogue does not hold"));
            }
            let stored = known.prices.get(gtin).map_or(&[][..], Vec::as_slice);
            plan.prices(&prices, stored, &mut wrong);
        }
        if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
    }

    fn goods(&mut self, goods: &Goods, was: Option<&Goods>) {
        let version = was.map_or(1, |was| was.version + 1);
        let now = Goods { version, ..goods.clone() };
        match was.map(|was| changes(was.fields(), now.fields())) {
            None => self.added.push(now),
            Some(changes) if changes.is_empty() => self.unchanged += 1,
            Some(changes) => self.changed.push((now, changes)),
        }
    }

    fn prices(&mut self, prices: &[&FiledPrice], stored: &[FiledPrice], wrong: &mut Vec<String>) {
        let kept = |old: &&FiledPrice| !prices.iter().any(|new| new.is_same(old));
        let kept: Vec<&FiledPrice> = stored.iter().filter(kept).collect();
        if kept.len() + prices.len() > MOST_PRICES {
            let gtin = &prices[0].gtin;
            wrong.push(format!("{gtin} would have more than {MOST_PRICES} filed prices"));
            return;
        }
        for price in prices {
            if let Some(old) = kept.iter().find(|old| old.contradicts(price)) {
                let (gtin, region, from) = (&price.gtin, price.region, price.days.from);
                wrong.push(format!(
                    "the price of {gtin} in {region} from {from} overlaps the stored one from {}: \
                     list that one too, with its last day",
                    old.days.from
                ));
            }
            let was = stored.iter().find(|old| old.is_same(price));
            match was.map(|was| changes(was.fields(), price.fields())) {
                None => self.prices_added.push((*price).clone()),
                Some(changes) if changes.is_empty() => self.prices_unchanged += 1,
                Some(changes) => self.prices_changed.push(((*price).clone(), changes)),
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        let goods = self.added.is_empty() && self.changed.is_empty();
        goods && self.prices_added.is_empty() && self.prices_changed.is_empty()
    }

    fn counts(&self) -> Value {
        json!({
            "goods_added": self.added.len(),
            "goods_changed": self.changed.len(),
            "goods_unchanged": self.unchanged,
            "prices_added": self.prices_added.len(),
            "prices_changed": self.prices_changed.len(),
            "prices_unchanged": self.prices_unchanged,
        })
    }
}

/// Loads checked files; a command of the register book.
pub struct LoadGoods {
    pub goods: Vec<Goods>,
    pub prices: Vec<FiledPrice>,
    /// SHA-256 of each file's bytes, where there is one.
    pub goods_sha256: Option<String>,
    pub prices_sha256: Option<String>,
    /// The id that the entry is about.
    pub id: Uuid,
}

impl LoadGoods {
    /// The products that the files name.
    pub fn gtins(&self) -> BTreeSet<Gtin> {
        let goods = self.goods.iter().map(|one| &one.gtin);
        goods.chain(self.prices.iter().map(|price| &price.gtin)).cloned().collect()
    }

    fn known(&self, desk: &Desk) -> Result<Known, Fault> {
        let mut known = Known::default();
        for gtin in self.gtins() {
            if let Some(goods) = desk.get::<Goods>(&gtin)? {
                known.goods.insert(gtin, goods.clone());
            }
        }
        for price in &self.prices {
            if let Some(stored) = desk.get::<FiledPrices>(&price.gtin)? {
                known.prices.insert(price.gtin.clone(), stored.prices.clone());
            }
        }
        Ok(known)
    }
}

impl Command for LoadGoods {
    fn needs(&self, ask: &mut Ask<'_>) {
        ask.want::<Stamp>(GOODS.to_owned());
        self.gtins().into_iter().for_each(|gtin| ask.want::<Goods>(gtin));
        self.prices.iter().for_each(|price| ask.want::<FiledPrices>(price.gtin.clone()));
    }

    fn decide(&self, desk: &mut Desk) -> Result<Decision, Fault> {
        let known = self.known(desk)?;
        let plan = match Plan::of(&self.goods, &self.prices, &known) {
            Ok(plan) => plan,
            Err(wrong) => return Ok(Decision::refused(contradicted(&wrong), None)),
        };
        let counts = plan.counts();
        let body = json!({"goods": counts});
        if plan.is_empty() {
            return Ok(Decision::Done(Outcome { status: 200, body, ..Outcome::default() }));
        }
        let mut data = counts;
        for (name, hash) in
            [("goods_sha256", &self.goods_sha256), ("prices_sha256", &self.prices_sha256)]
        {
            if let Some(hash) = hash {
                data[name] = json!(hash);
            }
        }
        put(desk, plan, known);
        bump(desk, GOODS)?;
        let entries = vec![Draft::new(&GOODS_LOADED, self.id, data)];
        Ok(Decision::Done(Outcome { entries, status: 201, body, ..Outcome::default() }))
    }
}

fn put(desk: &mut Desk, plan: Plan, mut known: Known) {
    let changed = plan.changed.into_iter().map(|(goods, _)| goods);
    plan.added.into_iter().chain(changed).for_each(|goods| desk.put(goods));
    let changed = plan.prices_changed.into_iter().map(|(price, _)| price);
    let mut touched = BTreeSet::new();
    for price in plan.prices_added.into_iter().chain(changed) {
        touched.insert(price.gtin.clone());
        let prices = known.prices.entry(price.gtin.clone()).or_default();
        prices.retain(|old| !old.is_same(&price));
        prices.push(price);
    }
    for gtin in touched {
        let prices = known.prices.remove(&gtin).unwrap_or_default();
        desk.put(FiledPrices { gtin, prices });
    }
}

fn contradicted(wrong: &[String]) -> Refusal {
    let first = wrong.first().map(String::as_str).unwrap_or_default();
    Refusal {
        code: "GOODS_CONTRADICT".into(),
        zh: format!("文件与已载入的商品目录矛盾：{first}").into(),
        en: format!("the file contradicts the stored catalogue: {first}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programme::goods::file::{read_goods, read_prices};

    fn goods(lines: &str) -> Vec<Goods> {
        let head = "gtin,class,brand,model,energy_label,valid_from,source\n";
        read_goods(format!("{head}{lines}").as_bytes()).unwrap()
    }

    fn prices(lines: &str) -> Vec<FiledPrice> {
        let head = "gtin,region,price_fen,valid_from,valid_to,source\n";
        read_prices(format!("{head}{lines}").as_bytes()).unwrap()
    }

    fn known(goods: Vec<Goods>, prices: Vec<FiledPrice>) -> Known {
        let mut known = Known::default();
        for one in goods {
            known.goods.insert(one.gtin.clone(), Goods { version: 4, ..one });
        }
        for price in prices {
            known.prices.entry(price.gtin.clone()).or_default().push(price);
        }
        known
    }

    const TV: &str = "6901234567892,appliance.tv,b,m,1,2026-01-01,s";

    #[test]
    fn a_plan_tells_added_changed_and_unchanged() {
        let known = known(goods(TV), Vec::new());
        let plan = Plan::of(&goods(TV), &[], &known).unwrap();
        assert!(plan.is_empty() && plan.unchanged == 1);
        let other = goods(&TV.replace(",1,", ",2,"));
        let plan = Plan::of(&other, &[], &known).unwrap();
        let (now, fields) = &plan.changed[0];
        assert_eq!(*fields, [("energy_label", "1".to_owned(), "2".to_owned())]);
        assert_eq!(now.version, 5);
        let plan = Plan::of(&other, &[], &Known::default()).unwrap();
        assert_eq!((plan.added.len(), plan.added[0].version), (1, 1));
    }

    #[test]
    fn a_new_price_must_not_overlap_a_stored_one_that_the_file_leaves_open() {
        let open = "6901234567892,310000,100,2026-01-01,,s\n";
        let next = "6901234567892,310000,200,2026-07-01,,s\n";
        let known = known(goods(TV), prices(open));
        let wrong = Plan::of(&[], &prices(next), &known).unwrap_err();
        assert!(wrong[0].contains("overlaps the stored one from 2026-01-01"), "{wrong:?}");
        let closed = open.replace(",,s", ",2026-06-30,s");
        let plan = Plan::of(&[], &prices(&format!("{closed}{next}")), &known).unwrap();
        assert_eq!((plan.prices_added.len(), plan.prices_changed.len()), (1, 1));
        let field = &plan.prices_changed[0].1[0];
        assert_eq!(*field, ("valid_to", String::new(), "2026-06-30".to_owned()));
    }

    #[test]
    fn a_price_needs_a_product() {
        let price = prices("6901234567892,310000,100,2026-01-01,,s\n");
        assert!(Plan::of(&[], &price, &Known::default()).is_err());
        assert!(Plan::of(&goods(TV), &price, &Known::default()).is_ok());
    }
}
