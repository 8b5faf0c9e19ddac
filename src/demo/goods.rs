//! The sample goods, which are part of the program.

use crate::book::{Books, REGISTER, read};
use crate::infra::postgres::ReadPool;
use crate::jobs::system;
use crate::kernel::canonical;
use crate::kernel::identifier::Gtin;
use crate::programme::Complaint;
use crate::programme::goods::file::{read_goods, read_prices};
use crate::programme::goods::load::{LoadGoods, Plan};
use crate::programme::goods::store;
use anyhow::{anyhow, ensure};
use std::sync::Arc;
use uuid::Uuid;

const GOODS: &str = include_str!("../../config/goods/sample.csv");
const PRICES: &str = include_str!("../../config/goods/sample-prices.csv");

/// Loads the sample goods and filed prices, as `tradein goods load` does.
pub async fn load(books: &Books, pool: &ReadPool) -> anyhow::Result<String> {
    let wrong = |complaint: Vec<Complaint>| anyhow!("{}", complaint[0]);
    let goods = read_goods(GOODS.as_bytes()).map_err(wrong)?;
    let prices = read_prices(PRICES.as_bytes()).map_err(wrong)?;
    let digest = |text: &str| Some(hex::encode(canonical::sha256(text.as_bytes())));
    let (goods_sha256, prices_sha256) = (digest(GOODS), digest(PRICES));
    let load = LoadGoods { goods, prices, goods_sha256, prices_sha256, id: Uuid::now_v7() };
    let gtins: Vec<Gtin> = load.gtins().into_iter().collect();
    let known = read(pool, move |connection| store::known(connection, &gtins)).await?;
    let plan = Plan::of(&load.goods, &load.prices, &known)
        .map_err(|sentences| anyhow!("{}", sentences[0]))?;
    let said = format!("{} sample goods, {} filed prices", load.goods.len(), load.prices.len());
    if !plan.is_empty() {
        let answered = books.answer(REGISTER, system(Arc::new(load))).await?;
        ensure!(answered.is_success(), "the sample goods were refused");
    }
    Ok(said)
}
