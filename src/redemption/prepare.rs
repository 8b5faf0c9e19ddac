//! From what a till says to a screened command: everything that is read before the queue.

use super::marks;
use super::purchase::{PurchaseBody, lines_fact};
use super::reserve::Reserve;
use crate::book::store::{Stamp, find_stamps};
use crate::book::{BookInfo, read};
use crate::http::problem::Problem;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::{OrganisationId, PersonId, StoreId};
use crate::kernel::class::Class;
use crate::kernel::id::BookNo;
use crate::kernel::identifier::Gtin;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{Moment, day_of};
use crate::programme::goods::model::Goods;
use crate::programme::goods::{GOODS, store as catalogue};
use crate::programme::{Fact, Facts, Flow, GoodsSource, Phase, Programme, Screened, Shelf, Value};
use crate::register::model::PersonRef;
use crate::voucher::claim::Claim;
use crate::voucher::http::{Doors, book_of, by_code, facts_of_person, put};
use crate::voucher::model::Voucher;
use rand::RngExt;
use std::sync::Arc;
use uuid::Uuid;

/// The product is of another class than the voucher, or of none that this purchase may have.
const CLASS_MISMATCH: Refusal = Refusal::new(
    "CLASS_MISMATCH",
    "商品品类与资格券不符",
    "the product is of another class than the voucher",
);

/// The catalogue does not hold the product.
const GOODS_NOT_IN_CATALOGUE: Refusal = Refusal::new(
    "GOODS_NOT_IN_CATALOGUE",
    "商品不在补贴商品库内，请核对条码",
    "the goods catalogue does not hold this product; check its barcode",
);

/// Who is at the till.
#[derive(Clone, Copy, Debug)]
pub struct Till {
    pub organisation: OrganisationId,
    pub store: Option<StoreId>,
}

/// The buyer: a voucher that is shown, or a person of flow `checkout`.
enum Buyer {
    Voucher(Box<Voucher>),
    Person(PersonId),
}

/// What a purchase is screened with.
struct Purchase {
    book: Arc<BookInfo>,
    class: Class,
    buyer: Buyer,
    facts: Facts,
}

/// What the catalogue knows of the goods of a purchase.
#[derive(Default)]
struct Found {
    brand: Option<String>,
    lines: Vec<(Class, Fen)>,
    refusal: Option<Refusal>,
}

/// Reads everything and screens. `ids` are the redemption's and, of flow `checkout`, the
/// voucher's; `again` reads the reference rows anew.
pub async fn prepare(
    doors: &Doors,
    till: Till,
    body: &PurchaseBody,
    ids: (Uuid, Uuid),
    again: bool,
) -> Result<(BookNo, Reserve), Problem> {
    body.check()?;
    let shelf = match again {
        true => doors.library.refresh().await?,
        false => doors.library.shelf().await?,
    };
    let now = doors.clock.now();
    let mut purchase = purchase(doors, body).await?;
    let (region, class) = (purchase.book.region, purchase.class.clone());
    let acting = shelf.programmes.resolve(region, &class, now).acting.ok();
    if let Some(programme) = &acting {
        fits_flow(programme, &purchase)?;
    }
    body.facts(&mut purchase.facts)?;
    body.hand_over.facts(&mut purchase.facts)?;
    let stamps = stamps(doors, &[GOODS]).await?;
    let found = match &acting {
        Some(programme) => goods(doors, programme, body, &mut purchase, now).await?,
        None => Found::default(),
    };
    let screened = screen(&shelf, &purchase, body, found.refusal.clone(), stamps, now);
    let command = reserve(doors, till, body, ids, &purchase, screened, found);
    Ok((purchase.book.no, command))
}

async fn purchase(doors: &Doors, body: &PurchaseBody) -> Result<Purchase, Problem> {
    if let Some(checkout) = &body.checkout {
        let book = book_of(doors, checkout.region, &checkout.class).await?;
        let facts = facts_of_person(doors, checkout.person, None).await?;
        let buyer = Buyer::Person(checkout.person);
        return Ok(Purchase { book, class: checkout.class.clone(), buyer, facts });
    }
    let code = body.voucher_code.as_deref().unwrap_or_default();
    let (voucher, id) = by_code(doors, code).await?;
    let book = doors.books.info(id.book).await?.ok_or_else(Problem::not_found)?;
    let person = PersonId::from(voucher.person.id);
    let mut facts = facts_of_person(doors, person, Some(voucher.region)).await?;
    let channel = Some(voucher.channel.as_str()).filter(|channel| !channel.is_empty());
    put(&mut facts, Fact::VoucherChannel, channel.map(Value::text))?;
    put(&mut facts, Fact::VoucherClaimedAt, Some(Value::Moment(voucher.claimed_at)))?;
    put(&mut facts, Fact::VoucherUntil, Some(Value::Moment(voucher.until)))?;
    Ok(Purchase {
        book,
        class: voucher.class.clone(),
        buyer: Buyer::Voucher(Box::new(voucher)),
        facts,
    })
}

/// A class that takes a voucher is not sold without one, and the other way round.
fn fits_flow(programme: &Programme, purchase: &Purchase) -> Result<(), Problem> {
    match (programme.flow(), &purchase.buyer) {
        (Flow::Voucher, Buyer::Voucher(_)) | (Flow::Checkout, Buyer::Person(_)) => Ok(()),
        (Flow::Voucher, Buyer::Person(_)) => Err(Problem::bad_field(
            "voucher_code",
            "该品类须先领取资格券",
            "this class needs a voucher",
        )),
        (Flow::Application, _) => Err(Problem::new(
            409,
            "APPLY_INSTEAD",
            "该品类须购买后申请，不在收银环节核销",
            "this class is applied for after the purchase, not redeemed at the till",
        )),
        // A voucher of an earlier version of the rules: the transition rule says what becomes
        // of it.
        (Flow::Checkout, Buyer::Voucher(_)) => Ok(()),
    }
}

async fn stamps(doors: &Doors, names: &[&str]) -> Result<Vec<Stamp>, Problem> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    read(&doors.pool, move |connection| find_stamps(connection, &names)).await
}

/// Puts what the catalogue knows into the facts: class, grade, flags and filed price come from
/// there, never from the till, unless the programme takes declared goods.
async fn goods(
    doors: &Doors,
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
        Some(gtin) => {
            let found = read(&doors.pool, move |connection| {
                let goods = catalogue::find(connection, &gtin, day)?;
                let filed = catalogue::filed_price(connection, &gtin, region, day)?;
                Ok(goods.map(|goods| (goods, filed)))
            });
            Some(found.await?)
        }
    };
    let mut found = Found::default();
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
    let known: Vec<Goods> =
        read(&doors.pool, move |connection| catalogue::find_all(connection, &gtins, day)).await?;
    let mut found = Found::default();
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

fn screen(
    shelf: &Shelf,
    purchase: &Purchase,
    body: &PurchaseBody,
    own: Option<Refusal>,
    stamps: Vec<Stamp>,
    now: Moment,
) -> Screened {
    let mut phases = vec![Phase::Reserve];
    if matches!(purchase.buyer, Buyer::Person(_)) {
        phases.insert(0, Phase::Claim);
    }
    if body.capture {
        phases.push(Phase::Capture);
    }
    let (region, class) = (purchase.book.region, &purchase.class);
    let facts = purchase.facts.clone();
    let mut screened = Screened::run(shelf, region, class, &phases, facts, now);
    screened.stamps.extend(stamps);
    screened.also_refused(own);
    screened
}

fn reserve(
    doors: &Doors,
    till: Till,
    body: &PurchaseBody,
    (redemption, new_voucher): (Uuid, Uuid),
    purchase: &Purchase,
    screened: Screened,
    found: Found,
) -> Reserve {
    let programme = screened.programme.clone();
    let kinds = programme.as_ref().map(|p| p.marks(&purchase.class)).unwrap_or_default();
    let retailer = till.organisation.uuid();
    let marks = marks::wanted(&doors.keys, &kinds, body, found.brand.as_deref(), retailer, None);
    let declared = programme.as_ref().is_some_and(|p| p.goods() == GoodsSource::Declared);
    let (voucher, earlier, claim) = match &purchase.buyer {
        Buyer::Voucher(voucher) => (voucher.id, voucher.redemption, None),
        Buyer::Person(person) => {
            let claim = claim(doors, *person, new_voucher, purchase, &screened);
            (new_voucher, None, Some(claim))
        }
    };
    Reserve {
        redemption,
        voucher,
        claim,
        organisation: retailer,
        store: till.store.map(StoreId::uuid),
        class: purchase.class.clone(),
        screened,
        marks,
        lines: found.lines,
        needs_review: declared,
        old_item: None,
        capture: body.capture,
        earlier,
    }
}

fn claim(
    doors: &Doors,
    person: PersonId,
    voucher: Uuid,
    purchase: &Purchase,
    screened: &Screened,
) -> Claim {
    Claim {
        voucher,
        person: PersonRef { bucket: bucket_of_person(&doors.keys, person), id: person.uuid() },
        fresh_subject: rand::rng().random(),
        class: purchase.class.clone(),
        channel: String::new(),
        region: purchase.book.region,
        province: purchase.book.region.province(),
        screened: screened.clone(),
        code_key: 0,
        code_digest: None,
    }
}
