//! Retailers and goods as this process last read them: what hardly changes is not read again for
//! every purchase.
//!
//! Nothing here decides. Each thing is handed out with the stamp under which it was read, and the
//! desk compares that stamp with the row; where it has moved on, the purchase is prepared again
//! with everything read anew.

use crate::book::read;
use crate::book::store::{Stamp, find_stamps};
use crate::http::problem::Problem;
use crate::identity::model::OrganisationId;
use crate::identity::organisation::{Standing, find_standing};
use crate::infra::postgres::ReadPool;
use crate::kernel::identifier::Gtin;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::programme::goods::model::Goods;
use crate::programme::goods::{GOODS, store as catalogue};
use chrono::NaiveDate;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{PoisonError, RwLock};

/// Entries of one kind that are kept; a full table is emptied, which costs one reading each.
const MOST: usize = 20_000;

/// A product on a day, and the price that is filed for it where it is sold.
#[derive(Clone, Debug)]
pub struct Product {
    pub stamp: Stamp,
    pub goods: Option<Goods>,
    pub filed: Option<Fen>,
}

type ProductKey = (String, Region, NaiveDate);

/// What this process has read.
pub struct Reference {
    pool: ReadPool,
    standings: RwLock<HashMap<OrganisationId, Standing>>,
    products: RwLock<HashMap<ProductKey, Product>>,
}

impl Reference {
    pub fn new(pool: ReadPool) -> Reference {
        Reference { pool, standings: RwLock::default(), products: RwLock::default() }
    }

    /// Forgets everything: the desk has found something changed.
    pub fn forget(&self) {
        self.standings.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.products.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The standing of an organisation.
    ///
    /// # Errors
    /// 404 for one that is not registered, 503 where it cannot be read.
    pub async fn standing(&self, id: OrganisationId) -> Result<Standing, Problem> {
        if let Some(known) = known(&self.standings, &id) {
            return Ok(known);
        }
        let found = read(&self.pool, move |connection| find_standing(connection, id)).await?;
        let standing = found.ok_or_else(Problem::not_found)?;
        keep(&self.standings, id, standing.clone());
        Ok(standing)
    }

    /// A product on a day, with the price filed in a region.
    ///
    /// # Errors
    /// 503 where it cannot be read.
    pub async fn product(
        &self,
        gtin: Gtin,
        region: Region,
        day: NaiveDate,
    ) -> Result<Product, Problem> {
        let key = (gtin.as_str().to_owned(), region, day);
        if let Some(known) = known(&self.products, &key) {
            return Ok(known);
        }
        let product = read(&self.pool, move |connection| {
            // The stamp first: rows that are newer than their stamp cost one more reading, older
            // ones a wrong decision.
            let stamp = find_stamps(connection, &[GOODS.to_owned()])?.remove(0);
            let goods = catalogue::find(connection, &gtin, day)?;
            let filed = catalogue::filed_price(connection, &gtin, region, day)?;
            Ok(Product { stamp, goods, filed })
        })
        .await?;
        keep(&self.products, key, product.clone());
        Ok(product)
    }
}

fn known<K: Eq + Hash, V: Clone>(table: &RwLock<HashMap<K, V>>, key: &K) -> Option<V> {
    table.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn keep<K: Eq + Hash, V>(table: &RwLock<HashMap<K, V>>, key: K, value: V) {
    let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
    if table.len() >= MOST {
        table.clear();
    }
    table.insert(key, value);
}
