//! What stands beside the log: the chart of accounts, goods and prices, digests of papers.

use crate::audit::store::LeafRow;
use crate::book::entries::APPROPRIATION_PROPOSED;
use crate::book::model::Bucket;
use crate::identity::people::entries::PERSON_LOOKED_UP;
use crate::kernel::tlog::tile;
use crate::old_item::entries::OLD_ITEM_REGISTERED;
use crate::programme::goods::load::GOODS_LOADED;
use crate::programme::publish::PROGRAMME_PUBLISHED;
use crate::register::holdings::import::HOLDING_IMPORTED;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Result, Write};
use std::path::Path;

const NEW: &str = "commitments.csv.new";

/// Which fields of which entries are digests of something outside the log.
const DIGESTS: &[(&str, &[&str])] = &[
    (APPROPRIATION_PROPOSED.name, &["document_sha256"]),
    (OLD_ITEM_REGISTERED.name, &["photos"]),
    (PERSON_LOOKED_UP.name, &["commitment"]),
    (PROGRAMME_PUBLISHED.name, &["sha256"]),
    (GOODS_LOADED.name, &["goods_sha256", "prices_sha256"]),
    (HOLDING_IMPORTED.name, &["file_sha256"]),
];

/// The digests of a log, with the entries that hold them, written as they come.
pub struct Commitments<W: Write>(csv::Writer<W>);

/// The names of the columns of a list of digests.
pub const HEAD: &[u8] = b"entry,kind,field,digest\n";

/// The digests of some entries, without the names of the columns.
///
/// # Errors
/// A leaf that is none.
pub fn commitments_of(page: &[LeafRow]) -> Result<Vec<u8>> {
    let mut commitments = Commitments(csv::Writer::from_writer(Vec::new()));
    for row in page {
        commitments.take(row.seq.unsigned_abs(), &row.kind, &row.leaf)?;
    }
    commitments.0.into_inner().map_err(|error| error.into_error())
}

impl Commitments<File> {
    /// A new list, to be given its name by [`Commitments::finish`].
    ///
    /// # Errors
    /// What the file system says.
    pub fn begin(folder: &Path) -> Result<Self> {
        let mut csv = csv::Writer::from_path(folder.join(NEW))?;
        csv.write_record(["entry", "kind", "field", "digest"])?;
        Ok(Commitments(csv))
    }

    /// # Errors
    /// What the file system says.
    pub fn finish(mut self, folder: &Path) -> Result<()> {
        self.0.flush()?;
        std::fs::rename(folder.join(NEW), folder.join("commitments.csv"))
    }
}

impl<W: Write> Commitments<W> {
    /// Takes in the digests of an entry.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take(&mut self, seq: u64, kind: &str, leaf: &[u8]) -> Result<()> {
        let Some((_, fields)) = DIGESTS.iter().find(|(of, _)| *of == kind) else { return Ok(()) };
        let leaf: Value = serde_json::from_slice(leaf)?;
        for field in *fields {
            let value = &leaf["data"][*field];
            let many = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for digest in many.iter().filter_map(Value::as_str) {
                self.0.write_record([&seq.to_string(), kind, field, digest])?;
            }
        }
        Ok(())
    }

    /// The same of a bundle that is there already.
    ///
    /// # Errors
    /// What the file system says.
    pub fn take_bundle(&mut self, first: u64, bundle: &[u8]) -> Result<()> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            kind: &'a str,
        }
        for (seq, leaf) in (first..).zip(tile::entries(bundle).unwrap_or_default()) {
            let read: Kind<'_> = serde_json::from_slice(leaf)?;
            self.take(seq, read.kind, leaf)?;
        }
        Ok(())
    }
}

/// Rows as CSV.
///
/// # Errors
/// None but those of memory.
pub fn csv(head: &[&str], rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(head)?;
    rows.iter().try_for_each(|row| csv.write_record(row))?;
    csv.into_inner().map_err(|error| error.into_error())
}

/// The chart of accounts, as leaves name them.
pub fn accounts() -> Vec<u8> {
    let account = |bucket: &Bucket| {
        let (zh, en) = meaning(*bucket);
        let negative = *bucket == Bucket::Authority;
        json!({"account": bucket.name(), "zh": zh, "en": en, "may_be_negative": negative})
    };
    let accounts: Vec<Value> = Bucket::ALL.iter().map(account).collect();
    let text = json!({
        "unit": "fen",
        "legs": "[account, amount]: a positive amount is a debit, into the account; \
                 the legs of an entry sum to zero",
        "accounts": accounts,
    });
    format!("{text:#}\n").into_bytes()
}

/// What a bucket holds, in Chinese and in English.
pub fn meaning(bucket: Bucket) -> (&'static str, &'static str) {
    match bucket {
        Bucket::Authority => ("预算授权（贷方）", "the budget that was granted, as its source"),
        Bucket::Available => ("可用", "free to be promised"),
        Bucket::Held => ("预占", "promised to vouchers and applications"),
        Bucket::Committed => ("已承诺", "owed for what was bought, to be reviewed"),
        Bucket::Payable => ("应付", "approved for payment"),
        Bucket::InPayment => ("支付中", "told to the bank"),
        Bucket::Paid => ("已付", "paid, as the bank confirms"),
        Bucket::Recoverable => ("应追回", "demanded back"),
        Bucket::Recovered => ("已追回", "come back"),
        Bucket::Lapsed => ("已收回", "given back at the end of the year"),
        Bucket::WrittenOff => ("已核销坏账", "given up"),
    }
}
