//! Every statement on the goods catalogue and the filed prices.

use super::load::Known;
use super::model::{Days, FiledPrice, Goods, places};
use crate::book::desk::{Change, Load, Row, Tx};
use crate::book::store::expect_count;
use crate::infra::statement::Writes;
use crate::kernel::identifier::Gtin;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::statement;
use chrono::NaiveDate;
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, SmallInt, Text};
use diesel::{OptionalExtension, PgConnection, QueryResult, RunQueryDsl};

statement! {
    pub FindGoods { gtins: Array<Text> as [String] }
    -> (Text, Text, Text, Text, Nullable<SmallInt>, Nullable<SmallInt>, Nullable<Bool>,
        Nullable<Bool>, Nullable<Bool>, Nullable<Text>, Nullable<Integer>, Nullable<Text>,
        Nullable<Text>, Nullable<Bool>, Date, Nullable<Date>, Text, BigInt)
    = "SELECT g.* FROM unnest(?::text[]) u(gtin) CROSS JOIN LATERAL (SELECT gtin, class, brand, \
       model, energy_label, water_label, label_scheme, ccc, in_catalogue, power, \
       displacement_ml, emission, battery, central_set, valid_from, valid_to, source, version \
       FROM goods WHERE gtin = u.gtin LIMIT 1) g"
}

statement! {
    /// A new row where there was none (version 1), else a change of the version before.
    pub SaveGoods {
        gtins: Array<Text> as [String], classes: Array<Text> as [String],
        brands: Array<Text> as [String], models: Array<Text> as [String],
        energy: Array<Nullable<SmallInt>> as [Option<i16>],
        water: Array<Nullable<SmallInt>> as [Option<i16>],
        schemes: Array<Nullable<Bool>> as [Option<bool>],
        cccs: Array<Nullable<Bool>> as [Option<bool>],
        catalogues: Array<Nullable<Bool>> as [Option<bool>],
        powers: Array<Nullable<Text>> as [Option<String>],
        displacements: Array<Nullable<Integer>> as [Option<i32>],
        emissions: Array<Nullable<Text>> as [Option<String>],
        batteries: Array<Nullable<Text>> as [Option<String>],
        sets: Array<Nullable<Bool>> as [Option<bool>],
        froms: Array<Date> as [NaiveDate], tos: Array<Nullable<Date>> as [Option<NaiveDate>],
        sources: Array<Text> as [String], versions: Array<BigInt> as [i64]
    } = "INSERT INTO goods (gtin, class, brand, model, energy_label, water_label, label_scheme, \
         ccc, in_catalogue, power, displacement_ml, emission, battery, central_set, valid_from, \
         valid_to, source, version) SELECT * FROM unnest(?::text[], ?::text[], ?::text[], \
         ?::text[], ?::smallint[], ?::smallint[], ?::boolean[], ?::boolean[], ?::boolean[], \
         ?::text[], ?::integer[], ?::text[], ?::text[], ?::boolean[], ?::date[], ?::date[], \
         ?::text[], ?::bigint[]) ON CONFLICT (gtin) DO UPDATE SET class = EXCLUDED.class, \
         brand = EXCLUDED.brand, model = EXCLUDED.model, energy_label = EXCLUDED.energy_label, \
         water_label = EXCLUDED.water_label, label_scheme = EXCLUDED.label_scheme, \
         ccc = EXCLUDED.ccc, in_catalogue = EXCLUDED.in_catalogue, power = EXCLUDED.power, \
         displacement_ml = EXCLUDED.displacement_ml, emission = EXCLUDED.emission, \
         battery = EXCLUDED.battery, central_set = EXCLUDED.central_set, \
         valid_from = EXCLUDED.valid_from, valid_to = EXCLUDED.valid_to, \
         source = EXCLUDED.source, version = EXCLUDED.version \
         WHERE goods.version = EXCLUDED.version - 1"
}

statement! {
    /// One more than a product may have, so that a full one is seen.
    pub FindFiledPrices { gtins: Array<Text> as [String] }
    -> (Text, Text, BigInt, Date, Nullable<Date>, Text)
    = "SELECT p.* FROM unnest(?::text[]) u(gtin) CROSS JOIN LATERAL (SELECT gtin, region, \
       price_fen, valid_from, valid_to, source FROM filed_price WHERE gtin = u.gtin \
       ORDER BY gtin, region, valid_from LIMIT 1001) p"
}

statement! {
    /// The price of the first of these places that has one on the day.
    pub FindFiledPrice {
        regions: Array<Text> as [String], gtin: Text as str, from: Date as NaiveDate,
        to: Date as NaiveDate
    } -> (BigInt)
    = "SELECT p.price_fen FROM unnest(?::text[]) WITH ORDINALITY u(region, n) \
       CROSS JOIN LATERAL (SELECT price_fen FROM filed_price WHERE gtin = ? \
       AND region = u.region AND valid_from <= ? AND (valid_to IS NULL OR valid_to >= ?) \
       ORDER BY valid_from DESC LIMIT 1) p ORDER BY u.n LIMIT 1"
}

statement! {
    pub SaveFiledPrices {
        gtins: Array<Text> as [String], regions: Array<Text> as [String],
        fens: Array<BigInt> as [i64], froms: Array<Date> as [NaiveDate],
        tos: Array<Nullable<Date>> as [Option<NaiveDate>], sources: Array<Text> as [String]
    } = "INSERT INTO filed_price (gtin, region, price_fen, valid_from, valid_to, source) \
         SELECT * FROM unnest(?::text[], ?::text[], ?::bigint[], ?::date[], ?::date[], \
         ?::text[]) ON CONFLICT (gtin, region, valid_from) DO UPDATE \
         SET price_fen = EXCLUDED.price_fen, valid_to = EXCLUDED.valid_to, \
         source = EXCLUDED.source"
}

/// The statements that a clerk runs on the tables of this file, for the plan test.
pub const CLERK_STATEMENTS: &[(&str, &str)] =
    &[("FindGoods", FindGoods::SQL), ("FindFiledPrices", FindFiledPrices::SQL)];

type GoodsColumns = (
    String,
    String,
    String,
    String,
    Option<i16>,
    Option<i16>,
    Option<bool>,
    Option<bool>,
    Option<bool>,
    Option<String>,
    Option<i32>,
    Option<String>,
    Option<String>,
    Option<bool>,
    NaiveDate,
    Option<NaiveDate>,
    String,
    i64,
);

/// Reading re-checks what writing checked.
fn broken() -> Error {
    Error::DeserializationError("a stored product or price is malformed".into())
}

fn goods_of(row: GoodsColumns) -> QueryResult<Goods> {
    Ok(Goods {
        gtin: row.0.parse().map_err(|_| broken())?,
        class: row.1.parse().map_err(|_| broken())?,
        brand: row.2,
        model: row.3,
        energy_label: row.4,
        water_label: row.5,
        label_scheme: row.6,
        ccc: row.7,
        in_catalogue: row.8,
        power: row.9,
        displacement_ml: row.10,
        emission: row.11,
        battery: row.12,
        central_set: row.13,
        days: Days { from: row.14, to: row.15 },
        source: row.16,
        version: row.17,
    })
}

fn texts(gtins: &[Gtin]) -> Vec<String> {
    gtins.iter().map(|gtin| gtin.as_str().to_owned()).collect()
}

/// The products of these barcodes, on whatever day.
fn load_goods(connection: &mut PgConnection, gtins: &[Gtin]) -> QueryResult<Vec<Goods>> {
    let rows: Vec<GoodsColumns> = FindGoods { gtins: &texts(gtins) }.load(connection)?;
    rows.into_iter().map(goods_of).collect()
}

/// What the catalogue says of a product on a day; `None` where it does not hold it then.
pub fn find(
    connection: &mut PgConnection,
    gtin: &Gtin,
    day: NaiveDate,
) -> QueryResult<Option<Goods>> {
    Ok(find_all(connection, std::slice::from_ref(gtin), day)?.pop())
}

/// The same for the lines of an order: those that the catalogue holds on the day, in no order.
pub fn find_all(
    connection: &mut PgConnection,
    gtins: &[Gtin],
    day: NaiveDate,
) -> QueryResult<Vec<Goods>> {
    let mut found = load_goods(connection, gtins)?;
    found.retain(|goods| goods.days.contain(day));
    Ok(found)
}

/// The price filed for a product on a day; the nearest place wins: city, province, nation.
pub fn filed_price(
    connection: &mut PgConnection,
    gtin: &Gtin,
    region: Region,
    day: NaiveDate,
) -> QueryResult<Option<Fen>> {
    let regions: Vec<String> = places(region).iter().map(ToString::to_string).collect();
    let find = FindFiledPrice { regions: &regions, gtin: gtin.as_str(), from: &day, to: &day };
    let row: Option<(i64,)> = find.get_result(connection).optional()?;
    Ok(row.map(|(fen,)| Fen(fen)))
}

/// What is stored of the products that files name, to show what a load would change.
pub fn known(connection: &mut PgConnection, gtins: &[Gtin]) -> QueryResult<Known> {
    let goods = load_goods(connection, gtins)?;
    let prices = load_prices(connection, gtins)?;
    Ok(Known {
        goods: goods.into_iter().map(|goods| (goods.gtin.clone(), goods)).collect(),
        prices: prices.into_iter().map(|row| (row.gtin, row.prices)).collect(),
    })
}

impl Row for Goods {
    type Key = Gtin;
    const RANK: u16 = 32;

    fn key(&self) -> Gtin {
        self.gtin.clone()
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        fn all<T>(changes: &[Change<'_, Goods>], of: impl Fn(&Goods) -> T) -> Vec<T> {
            changes.iter().map(|change| of(change.now)).collect()
        }
        let saved = SaveGoods {
            gtins: &all(changes, |g| g.gtin.as_str().to_owned()),
            classes: &all(changes, |g| g.class.to_string()),
            brands: &all(changes, |g| g.brand.clone()),
            models: &all(changes, |g| g.model.clone()),
            energy: &all(changes, |g| g.energy_label),
            water: &all(changes, |g| g.water_label),
            schemes: &all(changes, |g| g.label_scheme),
            cccs: &all(changes, |g| g.ccc),
            catalogues: &all(changes, |g| g.in_catalogue),
            powers: &all(changes, |g| g.power.clone()),
            displacements: &all(changes, |g| g.displacement_ml),
            emissions: &all(changes, |g| g.emission.clone()),
            batteries: &all(changes, |g| g.battery.clone()),
            sets: &all(changes, |g| g.central_set),
            froms: &all(changes, |g| g.days.from),
            tos: &all(changes, |g| g.days.to),
            sources: &all(changes, |g| g.source.clone()),
            versions: &all(changes, |g| g.version),
        }
        .execute(tx.connection)?;
        expect_count(saved, changes.len())
    }
}

impl Load for Goods {
    fn load(tx: &mut Tx<'_>, keys: &[Gtin]) -> QueryResult<Vec<Self>> {
        load_goods(tx.connection, keys)
    }
}

/// All filed prices of one product, as one row of the desk: they must not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiledPrices {
    pub gtin: Gtin,
    pub prices: Vec<FiledPrice>,
}

fn load_prices(connection: &mut PgConnection, gtins: &[Gtin]) -> QueryResult<Vec<FiledPrices>> {
    type Columns = (String, String, i64, NaiveDate, Option<NaiveDate>, String);
    let rows: Vec<Columns> = FindFiledPrices { gtins: &texts(gtins) }.load(connection)?;
    let mut found: Vec<FiledPrices> = Vec::new();
    for (gtin, region, fen, from, to, source) in rows {
        let gtin: Gtin = gtin.parse().map_err(|_| broken())?;
        let region = region.parse().map_err(|_| broken())?;
        let days = Days { from, to };
        let price = FiledPrice { gtin: gtin.clone(), region, price: Fen(fen), days, source };
        match found.last_mut() {
            Some(last) if last.gtin == gtin => last.prices.push(price),
            _ => found.push(FiledPrices { gtin, prices: vec![price] }),
        }
    }
    Ok(found)
}

impl Row for FiledPrices {
    type Key = Gtin;
    const RANK: u16 = 34;

    fn key(&self) -> Gtin {
        self.gtin.clone()
    }

    fn save<'r>(
        tx: &mut Tx<'_>,
        changes: &[Change<'r, Self>],
        _: &mut Writes<'r>,
    ) -> QueryResult<()> {
        let mut new: Vec<&FiledPrice> = Vec::new();
        for Change { was, now } in changes {
            let was = was.map_or(&[][..], |was| was.prices.as_slice());
            new.extend(now.prices.iter().filter(|price| !was.contains(price)));
        }
        let saved = SaveFiledPrices {
            gtins: &new.iter().map(|p| p.gtin.as_str().to_owned()).collect::<Vec<_>>(),
            regions: &new.iter().map(|p| p.region.to_string()).collect::<Vec<_>>(),
            fens: &new.iter().map(|p| p.price.0).collect::<Vec<_>>(),
            froms: &new.iter().map(|p| p.days.from).collect::<Vec<_>>(),
            tos: &new.iter().map(|p| p.days.to).collect::<Vec<_>>(),
            sources: &new.iter().map(|p| p.source.clone()).collect::<Vec<_>>(),
        }
        .execute(tx.connection)?;
        expect_count(saved, new.len())
    }
}

impl Load for FiledPrices {
    fn load(tx: &mut Tx<'_>, keys: &[Gtin]) -> QueryResult<Vec<Self>> {
        load_prices(tx.connection, keys)
    }
}
