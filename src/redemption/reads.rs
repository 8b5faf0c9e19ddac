//! What is read for a purchase beside its voucher: the retailer, the old item, the goods. Each
//! goes into the facts, and says what refuses before any rule is asked.

use super::prepare::{Buyer, Purchase, Till};
use super::purchase::{PurchaseBody, lines_fact};
use super::reference::Reference;
use crate::book::read;
use crate::book::store::{Stamp, find_stamps};
use crate::http::problem::Problem;
use crate::kernel::class::Class;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::identifier::Gtin;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{Moment, day_of};
use crate::old_item::model::binding_mark;
use crate::old_item::store as old_items;
use crate::programme::goods::model::Goods;
use crate::programme::goods::{GOODS, store as catalogue};
use crate::programme::{Fact, GoodsSource, OldItemNeeded, OldItemOwner, Programme, Value};
use crate::register::model::MarkKey;
use crate::voucher::doors::{Doors, put};

/// The product is of another class than the voucher, or of none that this purchase may have.
pub const CLASS_MISMATCH: Refusal = Refusal::new(
    "CLASS_MISMATCH",
    "商品品类与资格券不符",
    "the product is of another class than the voucher",
);

/// The catalogue does not hold the product.
pub const GOODS_NOT_IN_CATALOGUE: Refusal = Refusal::new(
    "GOODS_NOT_IN_CATALOGUE",
    "商品不在补贴商品库内，请核对条码",
    "the goods catalogue does not hold this product; check its barcode",
);

/// The programme wants an old item.
pub const OLD_ITEM_NEEDED: Refusal = Refusal::new(
    "OLD_ITEM_NEEDED",
    "本方案须交回旧品，请先由回收单位登记核验",
    "this programme wants an old item: have a recycler register and verify it first",
);

/// The recycler has not verified it, or has rejected it.
pub const OLD_ITEM_NOT_VERIFIED: Refusal = Refusal::new(
    "OLD_ITEM_NOT_VERIFIED",
    "旧品尚未核验或未通过核验",
    "the old item is not verified, or was rejected",
);

/// It is of a class that this programme does not take back.
pub const OLD_ITEM_CLASS: Refusal = Refusal::new(
    "OLD_ITEM_CLASS",
    "旧品品类不符合本方案要求",
    "the old item is of a class that this programme does not take",
);

/// It is somebody else's.
pub const OLD_ITEM_NOT_OWN: Refusal = Refusal::new(
    "OWNER_MISMATCH",
    "旧品所有人与申请人不一致",
    "the old item belongs to somebody else",
);

/// What is known of the retailer.
pub struct Merchant {
    pub stamp: Stamp,
    pub refusal: Option<Refusal>,
}

/// The retailer's status goes into the facts, for the programme to judge; whether it is approved
/// for this class here is judged at once.
pub async fn merchant(
    reference: &Reference,
    till: Till,
    purchase: &mut Purchase,
    now: Moment,
) -> Result<Merchant, Problem> {
    let standing = reference.standing(till.organisation).await?;
    let status = Value::text(standing.status.as_str());
    put(&mut purchase.facts, Fact::MerchantStatus, Some(status))?;
    let may = standing.may_act(&purchase.class, purchase.book.region, day_of(now));
    Ok(Merchant { stamp: standing.stamp, refusal: may.err() })
}

/// The old item of a purchase, as far as there is one.
#[derive(Default)]
pub struct Old {
    pub id: Option<String>,
    pub mark: Option<MarkKey>,
    pub refusal: Option<Refusal>,
}

/// Reads the old item's own record into the facts and says what the programme's policy misses.
/// Verified or rejected is final, so any book may read it here; "not yet" is read afresh.
pub async fn old_item(
    doors: &Doors,
    programme: &Programme,
    id: Option<&str>,
    purchase: &mut Purchase,
) -> Result<Old, Problem> {
    let policy = programme.old_item();
    let needed = policy.needed == OldItemNeeded::BeforeReserve;
    let Some(id) = id else {
        let refusal = needed.then_some(OLD_ITEM_NEEDED);
        return Ok(Old { refusal, ..Old::default() });
    };
    let id = PublicId::parse(Kind::OldItem, id)
        .map_err(|_| Problem::bad_field("old_item", "旧品编号不正确", "no id of an old item"))?;
    let found = read(&doors.pool, move |c| old_items::find(c, id.book, id.id)).await?;
    let item = found.ok_or_else(|| {
        Problem::bad_field("old_item", "没有找到该旧品", "there is no such old item")
    })?;
    let claimant = match &purchase.buyer {
        Buyer::Voucher(voucher) => voucher.person.id,
        Buyer::Person(person) => person.uuid(),
    };
    item.facts(&mut purchase.facts, claimant).map_err(|_| Problem::internal())?;
    // Where the programme wants it verified later only, a registered one may be named already; a
    // rejected one never.
    let may_wait =
        matches!(policy.needed, OldItemNeeded::BeforeCapture | OldItemNeeded::BeforeSettlement);
    let own_class = policy.classes.is_empty() && item.class == purchase.class;
    let refusal = if !own_class && !policy.classes.contains(&item.class) {
        Some(OLD_ITEM_CLASS)
    } else if policy.whose == OldItemOwner::Claimant && item.owner != Some(claimant) {
        Some(OLD_ITEM_NOT_OWN)
    } else if !(item.is_verified() || may_wait && item.is_open()) {
        Some(OLD_ITEM_NOT_VERIFIED)
    } else {
        None
    };
    let mark = Some(binding_mark(&doors.keys, id.id));
    Ok(Old { id: Some(id.to_string()), mark, refusal })
}

/// What the catalogue knows of the goods of a purchase.
#[derive(Default)]
pub struct Found {
    pub brand: Option<String>,
    pub lines: Vec<(Class, Fen)>,
    /// The stamps of the catalogue rows that were read.
    pub stamps: Vec<Stamp>,
    pub refusal: Option<Refusal>,
}

/// Puts what the catalogue knows into the facts: class, grade, flags and filed price come from
/// there, never from the till, unless the programme takes declared goods.
pub async fn goods(
    doors: &Doors,
    reference: &Reference,
    programme: &Programme,
    body: &PurchaseBody,
    purchase: &mut Purchase,
    now: Moment,
) -> Result<Found, Problem> {
    if programme.is_per_order() {
        return order(doors, programme, body, purchase, now).await;
    }
    let gtin: Option<Gtin> = body.item.gtin.as_deref().and_then(|gtin| gtin.parse().ok());
    let (region, day) = (purchase.book.region, day_of(now));
    let known = match gtin {
        None => None,
        Some(gtin) => Some(reference.product(gtin, region, day).await?),
    };
    let mut found = Found::default();
    found.stamps.extend(known.as_ref().map(|product| product.stamp.clone()));
    let known = known.map(|product| product.goods.map(|goods| (goods, product.filed)));
    match (programme.goods(), known) {
        (_, Some(Some((goods, filed)))) => {
            let wrong = |_| Problem::internal();
            goods.facts(filed, &mut purchase.facts).map_err(wrong)?;
            if goods.class != purchase.class {
                found.refusal = Some(CLASS_MISMATCH);
            }
            found.brand = Some(goods.brand);
        }
        (GoodsSource::Catalogue, Some(None)) => found.refusal = Some(GOODS_NOT_IN_CATALOGUE),
        // Without a barcode, or with a wrong one, the programme's own rules speak.
        (GoodsSource::Catalogue, None) => {}
        (GoodsSource::Declared, _) => {
            if let Some(declared) = &body.item.declared {
                declared.facts(&mut purchase.facts)?;
            }
        }
    }
    Ok(found)
}

/// The lines of an order: each line's class from the catalogue, or declared.
async fn order(
    doors: &Doors,
    programme: &Programme,
    body: &PurchaseBody,
    purchase: &mut Purchase,
    now: Moment,
) -> Result<Found, Problem> {
    if body.lines.is_empty() {
        return Err(Problem::bad_field(
            "lines",
            "该方案按单补贴，请逐行列明商品",
            "this programme pays per order: list its lines",
        ));
    }
    let gtins: Vec<Gtin> =
        body.lines.iter().filter_map(|line| line.gtin.as_deref()?.parse().ok()).collect();
    let day = day_of(now);
    let (stamps, known): (Vec<Stamp>, Vec<Goods>) = read(&doors.pool, move |connection| {
        let stamps = find_stamps(connection, &[GOODS.to_owned()])?;
        Ok((stamps, catalogue::find_all(connection, &gtins, day)?))
    })
    .await?;
    let mut found = Found { stamps, ..Found::default() };
    let mut mixed = false;
    let mut grade: Option<i16> = None;
    for line in &body.lines {
        let gtin = line.gtin.as_deref();
        let goods = known.iter().find(|goods| Some(goods.gtin.as_str()) == gtin);
        let declared = line.class.clone().filter(|_| programme.goods() == GoodsSource::Declared);
        let Some(class) = goods.map(|goods| goods.class.clone()).or(declared) else {
            found.refusal = Some(GOODS_NOT_IN_CATALOGUE);
            continue;
        };
        mixed |= !programme.takes_line(&class);
        // The worst grade of the lines speaks for the order.
        grade = grade.max(goods.and_then(|goods| goods.energy_label));
        found.lines.push((class, line.price_fen));
    }
    let facts = &mut purchase.facts;
    put(facts, Fact::Items, Some(lines_fact(&found.lines)))?;
    put(facts, Fact::MixedBasket, mixed.then_some(Value::Bool(true)))?;
    put(facts, Fact::EnergyLabel, grade.map(|grade| Value::Int(grade.into())))?;
    Ok(found)
}
