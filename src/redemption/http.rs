//! The till over HTTP: quote, reserve, capture, cancel, see.

use super::cancel::Cancel;
use super::capture::Capture;
use super::model::Redemption;
use super::prepare::{Till, prepare};
use super::purchase::{HandOverBody, PurchaseBody};
use super::reads::OLD_ITEM_NOT_VERIFIED;
use super::reference::Reference;
use super::store;
use crate::book::{Books, read};
use crate::http::extract::{Asked, Posted};
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Retailer};
use crate::identity::envelope::envelope;
use crate::infra::postgres::ReadPool;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::programme::{Facts, OldItemNeeded, Phase, Programme, Screened, TermKind};
use crate::voucher::doors::Doors;
use crate::voucher::http::Nothing;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is said at the hand-over.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptureBody {
    #[serde(default)]
    pub hand_over: HandOverBody,
}

/// A page of a retailer's own redemptions.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The book to read.
    #[param(value_type = i32)]
    pub book: BookNo,
    /// The id after which the page begins.
    pub after: Option<String>,
    /// At most 100.
    pub limit: Option<u8>,
}

/// What a purchase would draw, with the derivation: a dry run, nothing is set aside.
#[utoipa::path(operation_id = "quote",
    post, path = "/v1/quotes", tag = "redemptions", request_body = PurchaseBody,
    security(("bearer" = [])),
    responses((status = 200, description = "Amount and derivation"),
        (status = 422, description = "Every rule that refuses",
            body = crate::http::problem::ProblemBody)))]
pub async fn quote(
    doors: Doors,
    reference: web::Data<Reference>,
    acting: Acting<Retailer>,
    asked: Asked<PurchaseBody>,
) -> Result<HttpResponse, Problem> {
    let till = Till { organisation: acting.organisation, store: acting.store };
    let ids = (Uuid::now_v7(), Uuid::now_v7());
    let mut quoted = None;
    // What this process has read may have moved on: then once more, with everything read anew.
    for again in [false, true] {
        let (book, command) = prepare(&doors, &reference, till, &asked.body, ids, again).await?;
        quoted = doors.books.dry_run(book, Arc::new(command)).await?;
        if quoted.is_some() {
            break;
        }
    }
    let mut body = quoted.ok_or_else(|| Problem::busy(1))?;
    let redemption = body["redemption"].take();
    let quote = json!({
        "amount_fen": redemption["amount_fen"],
        "class": redemption["class"],
        "lines": redemption["lines"],
        "programme_sha256": redemption["programme_sha256"],
        "needs_review": redemption["needs_review"],
        "derivation": body["derivation"],
        "derivation_zh": body["derivation_zh"],
        "derivation_en": body["derivation_en"],
    });
    Ok(HttpResponse::Ok().json(json!({"quote": quote})))
}

/// Reserves a voucher for a purchase; with `capture` redeems it at once.
#[utoipa::path(operation_id = "reserve",
    post, path = "/v1/redemptions", tag = "redemptions", request_body = PurchaseBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "The redemption, the derivation, the receipt"),
        (status = 409, description = "The voucher is reserved, redeemed or over"),
        (status = 422, description = "Every rule that refuses",
            body = crate::http::problem::ProblemBody)))]
pub async fn reserve(
    doors: Doors,
    reference: web::Data<Reference>,
    acting: Acting<Retailer>,
    posted: Posted<PurchaseBody>,
) -> Result<HttpResponse, Problem> {
    let till = Till { organisation: acting.organisation, store: acting.store };
    let ids = (Uuid::now_v7(), Uuid::now_v7());
    let (book, first) = prepare(&doors, &reference, till, &posted.body, ids, false).await?;
    let mut first = Some(first);
    let answered = doors
        .books
        .answer_screened(book, |_| {
            let ready = first.take();
            let (doors, reference, posted, acting) = (&doors, &reference, &posted, &acting);
            async move {
                let command = match ready {
                    Some(command) => command,
                    None => prepare(doors, reference, till, &posted.body, ids, true).await?.1,
                };
                Ok(envelope(acting.actor(), posted, Arc::new(command)))
            }
        })
        .await?;
    crate::voucher::gate::tell(&doors.gate, &answered).await;
    Ok(answered.response())
}

/// Captures a reservation: the goods are handed over.
#[utoipa::path(operation_id = "capture",
    post, path = "/v1/redemptions/{id}/capture", tag = "redemptions",
    request_body = CaptureBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])),
    responses((status = 200, description = "Captured"),
        (status = 202, description = "Too late: disputed, for a person to decide"),
        (status = 409, description = "Captured or cancelled already")))]
pub async fn capture(
    doors: Doors,
    acting: Acting<Retailer>,
    id: web::Path<String>,
    posted: Posted<CaptureBody>,
) -> Result<HttpResponse, Problem> {
    let (redemption, id) = own(&doors.pool, acting.organisation.uuid(), &id).await?;
    let shelf = doors.library.shelf().await?;
    let programme = shelf.programmes.by_hash(&hex::encode(redemption.rule)).cloned();
    let programme = programme.ok_or_else(Problem::internal)?;
    let mut screened = screen_capture(&programme, &redemption, &posted.body.hand_over)?;
    screened.also_refused(unverified(&doors.pool, &programme, &redemption).await?);
    let (slots, cap) = limits_of(&programme, &redemption)?;
    let command = Capture {
        redemption: id.id,
        organisation: acting.organisation.uuid(),
        screened,
        grace: programme.late_capture_grace(),
        slots,
        cap,
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// The capture phase over the facts of the reservation and the hand-over. Its moment is that of
/// the reservation, which decides; so it never goes stale.
fn screen_capture(
    programme: &Arc<Programme>,
    redemption: &Redemption,
    hand_over: &HandOverBody,
) -> Result<Screened, Problem> {
    let mut facts = facts_of(redemption)?;
    hand_over.facts(&mut facts)?;
    let at = redemption.reserved_at;
    Ok(Screened::under(programme, &redemption.class, &[Phase::Capture], facts, at))
}

/// Where the programme wants the old item verified before the capture, and it is not yet.
async fn unverified(
    pool: &ReadPool,
    programme: &Programme,
    redemption: &Redemption,
) -> Result<Vec<Refusal>, Problem> {
    if programme.old_item().needed != OldItemNeeded::BeforeCapture {
        return Ok(Vec::new());
    }
    let id = redemption.old_item.as_deref();
    let Some(id) = id.and_then(|id| PublicId::parse(Kind::OldItem, id).ok()) else {
        return Ok(vec![OLD_ITEM_NOT_VERIFIED]);
    };
    let found = read(pool, move |c| crate::old_item::store::find(c, id.book, id.id)).await?;
    let verified = found.is_some_and(|item| item.is_verified());
    Ok(if verified { Vec::new() } else { vec![OLD_ITEM_NOT_VERIFIED] })
}

fn facts_of(redemption: &Redemption) -> Result<Facts, Problem> {
    let json: Value = serde_json::from_str(&redemption.facts).map_err(|_| Problem::internal())?;
    Facts::from_json(&json).map_err(|_| Problem::internal())
}

/// N of the acting programme for the quota, and the fen of its cumulative cap: a late capture
/// counts against both once more.
fn limits_of(
    programme: &Arc<Programme>,
    redemption: &Redemption,
) -> Result<(u32, Option<Fen>), Problem> {
    let (facts, at) = (facts_of(redemption)?, redemption.reserved_at);
    let phases = [Phase::Claim, Phase::Reserve];
    let (mut slots, mut cap) = (u32::MAX, None);
    for term in &programme.screen(&redemption.class, &phases, &facts, at).terms {
        match &term.kind {
            TermKind::Quota { slots: n, .. } => slots = *n,
            TermKind::CumulativeCap { cap: fen, .. } => cap = Some(*fen),
            _ => {}
        }
    }
    Ok((slots, cap))
}

/// Cancels a reservation; the voucher is its person's again.
#[utoipa::path(operation_id = "cancel",
    post, path = "/v1/redemptions/{id}/cancel", tag = "redemptions",
    request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Cancelled"),
        (status = 409, description = "Captured, cancelled or over already")))]
pub async fn cancel(
    books: web::Data<Books>,
    acting: Acting<Retailer>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = PublicId::parse(Kind::Redemption, &id).map_err(|_| Problem::not_found())?;
    let command = Cancel { redemption: id.id, organisation: acting.organisation.uuid() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(id.book, envelope).await?.response())
}

/// A retailer's own redemption.
#[utoipa::path(operation_id = "see_redemption",
    get, path = "/v1/redemptions/{id}", tag = "redemptions",
    params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The redemption")))]
pub async fn see(
    doors: Doors,
    acting: Acting<Retailer>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (redemption, id) = own(&doors.pool, acting.organisation.uuid(), &id).await?;
    let mut shown = redemption.view(id.book);
    if redemption.is_overdue(doors.clock.now()) {
        shown["state"] = json!("ended");
    }
    Ok(HttpResponse::Ok().json(json!({"redemption": shown})))
}

/// A retailer's own redemptions in one book, oldest first.
#[utoipa::path(operation_id = "list_redemptions",
    get, path = "/v1/redemptions", tag = "redemptions", params(Page),
    security(("bearer" = [])), responses((status = 200, description = "A page, and the next")))]
pub async fn list(
    doors: Doors,
    acting: Acting<Retailer>,
    page: web::Query<Page>,
) -> Result<HttpResponse, Problem> {
    let limit = i64::from(page.limit.unwrap_or(50).clamp(1, 100));
    let after = match &page.after {
        Some(text) => PublicId::parse(Kind::Redemption, text).map_err(|_| Problem::not_found())?.id,
        None => Uuid::nil(),
    };
    let (book, organisation) = (page.book, acting.organisation.uuid());
    let rows = read(&doors.pool, move |connection| {
        store::list_of_organisation(connection, book, organisation, after, limit)
    })
    .await?;
    let full = rows.len() as i64 == limit;
    let last = rows.last().filter(|_| full);
    let next = last.map(|row| PublicId::new(Kind::Redemption, book, row.id).to_string());
    let shown: Vec<Value> = rows.iter().map(|row| row.view(book)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": shown, "next": next})))
}

async fn own(
    pool: &ReadPool,
    organisation: Uuid,
    id: &str,
) -> Result<(Redemption, PublicId), Problem> {
    let id = PublicId::parse(Kind::Redemption, id).map_err(|_| Problem::not_found())?;
    let found = read(pool, move |connection| store::find(connection, id.book, id.id)).await?;
    let redemption = found.filter(|redemption| redemption.organisation == organisation);
    Ok((redemption.ok_or_else(Problem::not_found)?, id))
}
