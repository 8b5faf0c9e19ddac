//! From what a till says to a screened command: everything that is read before the queue.

use super::marks;
use super::purchase::PurchaseBody;
use super::reads::{Found, Old, goods, merchant, old_item};
use super::reference::Reference;
use super::reserve::Reserve;
use crate::book::BookInfo;
use crate::book::store::Stamp;
use crate::http::problem::Problem;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::{OrganisationId, PersonId, StoreId};
use crate::identity::store::Fresh;
use crate::kernel::class::Class;
use crate::kernel::id::BookNo;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::Moment;
use crate::programme::{Fact, Facts, Flow, GoodsSource, Phase, Programme, Screened, Shelf, Value};
use crate::register::model::PersonRef;
use crate::voucher::claim::Claim;
use crate::voucher::doors::{Doors, book_of, facts_of_known, facts_of_person, put};
use crate::voucher::http::by_code;
use crate::voucher::model::Voucher;
use std::sync::Arc;
use uuid::Uuid;

/// Who is at the till.
#[derive(Clone, Copy, Debug)]
pub struct Till {
    pub organisation: OrganisationId,
    pub store: Option<StoreId>,
}

/// The buyer: a voucher that is shown, or a person of flow `checkout`.
pub enum Buyer {
    Voucher(Box<Voucher>),
    Person(PersonId),
}

/// What a purchase is screened with.
pub struct Purchase {
    pub book: Arc<BookInfo>,
    pub class: Class,
    pub buyer: Buyer,
    pub facts: Facts,
}

/// Reads everything and screens. `ids` are the redemption's and, of flow `checkout`, the
/// voucher's; `again` reads the reference rows anew.
pub async fn prepare(
    doors: &Doors,
    reference: &Reference,
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
        marks::check(&programme.marks(&class), body)?;
        if programme.counts_per_payment_channel(&class) && body.payment_channel.is_none() {
            return Err(Problem::bad_field(
                "payment_channel",
                "该方案按支付渠道计次，请填写支付渠道",
                "this programme counts each payment channel: say which one",
            ));
        }
    }
    body.facts(&mut purchase.facts)?;
    body.hand_over.facts(&mut purchase.facts)?;
    if again {
        reference.forget();
    }
    let merchant = merchant(reference, till, &mut purchase, now).await?;
    let old = match (&acting, &body.old_item) {
        (Some(programme), id) => old_item(doors, programme, id.as_deref(), &mut purchase).await?,
        (None, _) => Old::default(),
    };
    let mut found = match &acting {
        Some(programme) => goods(doors, reference, programme, body, &mut purchase, now).await?,
        None => Found::default(),
    };
    let mut stamps = std::mem::take(&mut found.stamps);
    stamps.push(merchant.stamp);
    let own = [merchant.refusal, old.refusal.clone(), found.refusal.take()];
    let own = own.into_iter().flatten().collect();
    let screened = screen(&shelf, &purchase, body, own, stamps, now);
    let command = reserve(doors, till, body, ids, &purchase, screened, (found, old));
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
    let (voucher, holder, id) = by_code(doors, code).await?;
    let book = doors.books.info(id.book).await?.ok_or_else(Problem::not_found)?;
    let person = PersonId::from(voucher.person.id);
    let mut facts = facts_of_known(doors, person, holder, Some(voucher.region))?;
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

fn screen(
    shelf: &Shelf,
    purchase: &Purchase,
    body: &PurchaseBody,
    own: Vec<Refusal>,
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
    (found, old): (Found, Old),
) -> Reserve {
    let programme = screened.programme.clone();
    let kinds = programme.as_ref().map(|p| p.marks(&purchase.class)).unwrap_or_default();
    let retailer = till.organisation.uuid();
    let marks =
        marks::wanted(&doors.keys, &kinds, body, found.brand.as_deref(), retailer, old.mark);
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
        old_item: old.id,
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
        fresh: Fresh::draw(),
        class: purchase.class.clone(),
        channel: String::new(),
        region: purchase.book.region,
        province: purchase.book.region.province(),
        screened: screened.clone(),
        code_key: 0,
        code_digest: None,
    }
}
