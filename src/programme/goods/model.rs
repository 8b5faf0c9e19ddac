//! A product and its filed prices, the facts that they give, and how two versions differ. Pure.

use crate::kernel::class::Class;
use crate::kernel::identifier::Gtin;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::programme::{Fact, FactError, Facts, Value};
use chrono::NaiveDate;

/// The most prices that one product may have over all places and years.
pub const MOST_PRICES: usize = 1_000;

/// A first and a last day, both inside; no last day means until further notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
}

impl Days {
    pub fn contain(self, day: NaiveDate) -> bool {
        self.from <= day && self.to.is_none_or(|last| day <= last)
    }

    pub fn overlap(self, other: Days) -> bool {
        self.contain(other.from) || other.contain(self.from)
    }
}

/// What the catalogue says of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goods {
    pub gtin: Gtin,
    pub class: Class,
    pub brand: String,
    pub model: String,
    /// Grade 1 (best) to 5.
    pub energy_label: Option<i16>,
    pub water_label: Option<i16>,
    /// `false` where no label scheme exists for such goods.
    pub label_scheme: Option<bool>,
    pub ccc: Option<bool>,
    pub in_catalogue: Option<bool>,
    /// `nev` or `fuel`.
    pub power: Option<String>,
    pub displacement_ml: Option<i32>,
    /// `6a` or `6b`.
    pub emission: Option<String>,
    /// `lead` or `lithium`.
    pub battery: Option<String>,
    /// One central air-conditioning set.
    pub central_set: Option<bool>,
    pub days: Days,
    pub source: String,
    /// How often it was loaded with another content; 0 before it is stored.
    pub version: i64,
}

impl Goods {
    /// Puts what the catalogue and the authority know into the slots of source `goods`, and
    /// empties those that they do not know: a caller supplies none of them.
    ///
    /// # Errors
    /// A filed price that is no money; the store holds none such.
    pub fn facts(&self, filed: Option<Fen>, facts: &mut Facts) -> Result<(), FactError> {
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let known = [
            (Fact::EnergyLabel, self.energy_label.map(|grade| Value::Int(grade.into()))),
            (Fact::WaterLabel, self.water_label.map(|grade| Value::Int(grade.into()))),
            (Fact::LabelScheme, self.label_scheme.map(Value::Bool)),
            (Fact::CentralSet, self.central_set.map(Value::Bool)),
            (Fact::InCatalogue, self.in_catalogue.map(Value::Bool)),
            (Fact::Ccc, self.ccc.map(Value::Bool)),
            (Fact::Battery, text(&self.battery)),
            (Fact::Power, text(&self.power)),
            (Fact::DisplacementMl, self.displacement_ml.map(|ml| Value::Int(ml.into()))),
            (Fact::Emission, text(&self.emission)),
            (Fact::FiledPriceFen, filed.map(Value::Fen)),
        ];
        for (fact, value) in known {
            match value {
                Some(value) => facts.set(fact, value).map(|_| ())?,
                None => facts.clear(fact),
            }
        }
        Ok(())
    }

    /// Its columns as a file writes them, in the order of the specification, without the barcode.
    pub fn fields(&self) -> [(&'static str, String); 16] {
        fn shown<T: ToString>(value: &Option<T>) -> String {
            value.as_ref().map(ToString::to_string).unwrap_or_default()
        }
        [
            ("class", self.class.to_string()),
            ("brand", self.brand.clone()),
            ("model", self.model.clone()),
            ("energy_label", shown(&self.energy_label)),
            ("water_label", shown(&self.water_label)),
            ("label_scheme", shown(&self.label_scheme)),
            ("ccc", shown(&self.ccc)),
            ("in_catalogue", shown(&self.in_catalogue)),
            ("central_set", shown(&self.central_set)),
            ("power", shown(&self.power)),
            ("displacement_ml", shown(&self.displacement_ml)),
            ("emission", shown(&self.emission)),
            ("battery", shown(&self.battery)),
            ("valid_from", self.days.from.to_string()),
            ("valid_to", shown(&self.days.to)),
            ("source", self.source.clone()),
        ]
    }
}

/// A price filed with an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledPrice {
    pub gtin: Gtin,
    pub region: Region,
    pub price: Fen,
    pub days: Days,
    pub source: String,
}

impl FiledPrice {
    /// Whether it is the same price in another wording: same product, place and first day.
    pub fn is_same(&self, other: &FiledPrice) -> bool {
        (&self.gtin, self.region, self.days.from) == (&other.gtin, other.region, other.days.from)
    }

    /// Whether two prices of one product and place hold on the same day.
    pub fn contradicts(&self, other: &FiledPrice) -> bool {
        let one_place = (&self.gtin, self.region) == (&other.gtin, other.region);
        one_place && self.days.overlap(other.days)
    }

    /// Its columns as a file writes them, without what it is known by.
    pub fn fields(&self) -> [(&'static str, String); 3] {
        let to = self.days.to.map(|day| day.to_string()).unwrap_or_default();
        [("price_fen", self.price.0.to_string()), ("valid_to", to), ("source", self.source.clone())]
    }
}

/// The places whose filed price may hold in a place, the nearest first.
pub fn places(region: Region) -> Vec<Region> {
    let city = Region::try_from(region.code() / 100 * 100).unwrap_or(region);
    let mut places = vec![region, city, region.province(), Region::NATION];
    places.dedup();
    places
}

/// One line of a diff: the field, what it was, what it is to be.
pub type FieldChange = (&'static str, String, String);

/// The fields that differ.
pub fn changes<const N: usize>(
    was: [(&'static str, String); N],
    now: [(&'static str, String); N],
) -> Vec<FieldChange> {
    let pairs = was.into_iter().zip(now);
    pairs.filter(|(w, n)| w.1 != n.1).map(|((name, was), (_, now))| (name, was, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn goods() -> Goods {
        Goods {
            gtin: Gtin::synthetic(1),
            class: "appliance.tv".parse().unwrap(),
            brand: "b".into(),
            model: "m".into(),
            energy_label: Some(1),
            water_label: None,
            label_scheme: Some(true),
            ccc: None,
            in_catalogue: Some(true),
            power: None,
            displacement_ml: None,
            emission: None,
            battery: None,
            central_set: None,
            days: Days { from: day("2026-01-01"), to: None },
            source: "s".into(),
            version: 1,
        }
    }

    #[test]
    fn days_meet_at_their_edges() {
        let days = |from, to: Option<&str>| Days { from: day(from), to: to.map(day) };
        let january = days("2026-01-01", Some("2026-01-31"));
        for (other, overlap) in [
            (days("2026-01-31", None), true),
            (days("2026-02-01", None), false),
            (days("2025-01-01", None), true),
            (days("2025-01-01", Some("2025-12-31")), false),
            (days("2026-01-10", Some("2026-01-11")), true),
        ] {
            assert_eq!(january.overlap(other), overlap, "{other:?}");
            assert_eq!(other.overlap(january), overlap, "{other:?}");
        }
        assert!(january.contain(day("2026-01-31")) && !january.contain(day("2026-02-01")));
    }

    #[test]
    fn the_nearest_place_comes_first() {
        let named = |text: &str| -> Vec<String> {
            places(text.parse().unwrap()).iter().map(ToString::to_string).collect()
        };
        assert_eq!(named("320582"), ["320582", "320500", "320000", "100000"]);
        assert_eq!(named("320500"), ["320500", "320000", "100000"]);
        assert_eq!(named("310000"), ["310000", "100000"]);
        assert_eq!(named("100000"), ["100000"]);
    }

    #[test]
    fn a_caller_supplies_no_fact_of_the_catalogue() {
        let mut facts = Facts::new();
        facts.set(Fact::WaterLabel, Value::Int(1)).unwrap();
        facts.set(Fact::FiledPriceFen, Value::Fen(Fen(1))).unwrap();
        facts.set(Fact::PriceFen, Value::Fen(Fen(7))).unwrap();
        goods().facts(None, &mut facts).unwrap();
        assert_eq!(facts.get(Fact::WaterLabel), None);
        assert_eq!(facts.get(Fact::FiledPriceFen), None);
        assert_eq!(facts.get(Fact::EnergyLabel), Some(&Value::Int(1)));
        assert_eq!(facts.get(Fact::PriceFen), Some(&Value::Fen(Fen(7))), "the till's own");
        goods().facts(Some(Fen(300)), &mut facts).unwrap();
        assert_eq!(facts.get(Fact::FiledPriceFen), Some(&Value::Fen(Fen(300))));
    }

    #[test]
    fn a_diff_names_the_fields() {
        let mut other = goods();
        other.energy_label = None;
        assert_eq!(
            changes(goods().fields(), other.fields()),
            [("energy_label", "1".to_owned(), String::new())]
        );
    }
}
