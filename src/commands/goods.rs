//! `tradein goods`: checking and loading the goods catalogue.

use super::register;
use crate::infra::postgres::clerk_connection;
use crate::kernel::canonical;
use crate::kernel::identifier::Gtin;
use crate::programme::Complaint;
use crate::programme::goods::file::{LARGEST_FILE, read_goods, read_prices};
use crate::programme::goods::load::{LoadGoods, Plan};
use crate::programme::goods::model::FieldChange;
use crate::programme::goods::store;
use anyhow::{Context, bail};
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Checks and loads the goods catalogue and the filed prices
#[derive(Debug, clap::Args)]
pub struct Goods {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Tells every wrong line of the files; ends with 1 where there is one
    Check(Files),
    /// Shows what the files change, and changes it; the same files again change nothing
    Load {
        #[command(flatten)]
        files: Files,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// The database, as the role that serves requests
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
}

#[derive(Debug, clap::Args)]
struct Files {
    /// The catalogue: CSV, UTF-8, columns as `src/programme/goods/mod.rs` says
    file: PathBuf,
    /// Filed prices, in a file of their own
    #[arg(long)]
    prices: Option<PathBuf>,
}

impl Goods {
    pub fn run(self) -> anyhow::Result<()> {
        match self.act {
            Act::Check(files) => {
                let read = files.read()?;
                println!("{} goods, {} filed prices: right", read.goods.len(), read.prices.len());
                Ok(())
            }
            Act::Load { files, dry_run, database_url } => {
                load(files.read()?, &database_url, dry_run)
            }
        }
    }
}

impl Files {
    /// Reads and checks both files, and prints every complaint.
    fn read(&self) -> anyhow::Result<LoadGoods> {
        let goods = bytes(&self.file)?;
        let prices = self.prices.as_deref().map(bytes).transpose()?;
        let goods_sha256 = Some(hex::encode(canonical::sha256(&goods)));
        let prices_sha256 = prices.as_deref().map(canonical::sha256).map(hex::encode);
        let mut wrong = 0;
        let goods = told(&self.file, read_goods(&goods), &mut wrong);
        let prices = match (&self.prices, prices) {
            (Some(path), Some(bytes)) => told(path, read_prices(&bytes), &mut wrong),
            _ => Vec::new(),
        };
        if wrong > 0 {
            bail!("{wrong} complaints; nothing was loaded");
        }
        Ok(LoadGoods { goods, prices, goods_sha256, prices_sha256, id: Uuid::now_v7() })
    }
}

/// Never more than one byte above what is accepted.
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let open = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(open)?;
    file.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes).with_context(open)?;
    Ok(bytes)
}

fn told<T>(path: &Path, read: Result<Vec<T>, Vec<Complaint>>, wrong: &mut usize) -> Vec<T> {
    read.unwrap_or_else(|complaints| {
        complaints.iter().for_each(|it| println!("{}: {it}", path.display()));
        *wrong += complaints.len();
        Vec::new()
    })
}

fn load(read: LoadGoods, database_url: &str, dry_run: bool) -> anyhow::Result<()> {
    let mut connection = clerk_connection(database_url, register::TIMEOUTS)
        .context("cannot connect to the database")?;
    let gtins: Vec<Gtin> = read.gtins().into_iter().collect();
    let known = store::known(&mut connection, &gtins)?;
    drop(connection);
    let plan = match Plan::of(&read.goods, &read.prices, &known) {
        Ok(plan) => plan,
        Err(wrong) => {
            wrong.iter().for_each(|sentence| println!("{sentence}"));
            bail!("{} contradictions; nothing was loaded", wrong.len());
        }
    };
    show(&plan);
    if dry_run || plan.is_empty() {
        println!("nothing was changed");
        return Ok(());
    }
    let body = register::submit(database_url, Arc::new(read))?;
    println!("loaded: {}", body["goods"]);
    Ok(())
}

fn show(plan: &Plan) {
    for goods in &plan.added {
        println!("+ {} {} {} {}", goods.gtin, goods.class, goods.brand, goods.model);
    }
    for (goods, fields) in &plan.changed {
        changed(&goods.gtin, fields);
    }
    for price in &plan.prices_added {
        let (gtin, region, from) = (&price.gtin, price.region, price.days.from);
        println!("+ price {gtin} {region} from {from}: {} yuan", price.price);
    }
    for (price, fields) in &plan.prices_changed {
        let named = format!("price {} {} from {}", price.gtin, price.region, price.days.from);
        changed(named, fields);
    }
    println!(
        "goods: {} added, {} changed, {} unchanged; prices: {} added, {} changed, {} unchanged",
        plan.added.len(),
        plan.changed.len(),
        plan.unchanged,
        plan.prices_added.len(),
        plan.prices_changed.len(),
        plan.prices_unchanged
    );
}

fn changed(what: impl Display, fields: &[FieldChange]) {
    println!("~ {what}");
    for (name, was, now) in fields {
        println!("    {name}: {was:?} -> {now:?}");
    }
}
