//! Old items over HTTP: register, verify, reject, see.

use super::admission::{TakingIn, may_take_in};
use super::identifiers::Identifiers;
use super::model::{MOST_PHOTOS, OldFacts, OldItem, PhotoHash, RejectReason, State};
use super::register::{BOOK_NOT_OPEN, RegisterOldItem};
use super::reject::RejectOldItem;
use super::store;
use super::verify::VerifyOldItem;
use crate::book::{BookInfo, Books, read};
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::identity::acting::{Acting, Dismantler, Either, Recycler};
use crate::identity::envelope::envelope;
use crate::identity::model::PersonId;
use crate::infra::keys::KeyRing;
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::region::Region;
use actix_web::{HttpResponse, web};
use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who takes old things in.
type Taker = Acting<Either<Recycler, Dismantler>>;

/// What was handed over. Who took it in is in the token.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegisterOldItem)]
pub struct RegisterBody {
    /// The operating region, a GB/T 2260 code.
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    #[schema(value_type = String, example = "appliance.refrigerator")]
    pub class: Class,
    /// In Shanghai; its year names the book.
    pub handed_over_on: NaiveDate,
    /// Whose it was, where that is known: `per_0_…`.
    #[schema(value_type = Option<String>)]
    pub owner: Option<PersonId>,
    pub identifiers: Identifiers,
    #[serde(default)]
    pub facts: OldFacts,
    /// SHA-256 of each photo, at most 20.
    #[schema(value_type = Vec<String>)]
    #[serde(default)]
    pub photos: Vec<PhotoHash>,
}

/// Nothing is to be said.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyOldItem)]
pub struct VerifyBody {}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RejectOldItem)]
pub struct RejectBody {
    pub reason: RejectReason,
}

/// An old item as its recycler sees it; never its owner or identifiers.
#[derive(ToSchema)]
pub struct OldItemView {
    /// `old_17_0192…`
    pub id: String,
    pub state: State,
    pub class: String,
    pub handed_over_on: NaiveDate,
    /// RFC 3339 in UTC.
    pub registered_at: String,
    pub facts: OldFacts,
    pub photos: Vec<String>,
    /// Of a rejected item.
    pub reason: Option<RejectReason>,
}

/// The answer of every route here; those that change something add the `receipt`.
#[derive(ToSchema)]
pub struct OldItemAnswer {
    pub old_item: OldItemView,
}

/// Registers an old item that was handed over.
#[utoipa::path(post, path = "/v1/old-items", tag = "old items", operation_id = "register_old_item",
    request_body = RegisterBody, params(("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 201, description = "Registered, with its receipt", body = OldItemAnswer),
        (status = 409, description = "No open book", body = ProblemBody),
        (status = 422, description = "OLD_ITEM_TAKEN, HAND_OVER_IN_FUTURE, NOT_APPROVED, \
            MERCHANT_NOT_ELIGIBLE", body = ProblemBody)))]
pub async fn register(
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    keys: web::Data<KeyRing>,
    acting: Taker,
    posted: Posted<RegisterBody>,
) -> Result<HttpResponse, Problem> {
    let body = &posted.body;
    checked(body)?;
    let book = book_of(&books, body).await?;
    let item = Uuid::now_v7();
    let answered = books
        .answer_screened(book.no, |_| {
            let (pool, keys, acting, posted) = (&pool, &keys, &acting, &posted);
            async move {
                let command = registration(pool, keys, acting, &posted.body, item).await?;
                Ok(envelope(acting.actor(), posted, Arc::new(command)))
            }
        })
        .await?;
    Ok(answered.response())
}

async fn registration(
    pool: &ReadPool,
    keys: &KeyRing,
    acting: &Taker,
    body: &RegisterBody,
    item: Uuid,
) -> Result<RegisterOldItem, Problem> {
    let (region, class, day) = (body.region, &body.class, body.handed_over_on);
    let asked = TakingIn { organisation: acting.organisation(), region, class, day };
    Ok(RegisterOldItem {
        item,
        recycler: acting.organisation().uuid(),
        store: store_of(acting),
        class: class.clone(),
        owner: body.owner.map(PersonId::uuid),
        marks: body.identifiers.marks(keys),
        facts: body.facts.clone(),
        photos: body.photos.clone(),
        handed_over_on: day,
        admission: may_take_in(pool, asked).await?,
    })
}

/// Says that an item is what it was said to be. Final.
#[utoipa::path(post, path = "/v1/old-items/{id}/verify", tag = "old items",
    operation_id = "verify_old_item", request_body = VerifyBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 200, description = "Verified, with its receipt", body = OldItemAnswer),
        (status = 404, description = "No such item of this organisation", body = ProblemBody),
        (status = 409, description = "OLD_ITEM_STATE", body = ProblemBody)))]
pub async fn verify(
    books: web::Data<Books>,
    acting: Taker,
    id: web::Path<String>,
    posted: Posted<VerifyBody>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let command = VerifyOldItem { item: id.id, recycler: acting.organisation().uuid() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(id.book, envelope).await?.response())
}

/// Says that an item is not what it was said to be. Final; it may be registered anew.
#[utoipa::path(post, path = "/v1/old-items/{id}/reject", tag = "old items",
    operation_id = "reject_old_item", request_body = RejectBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 200, description = "Rejected, with its receipt", body = OldItemAnswer),
        (status = 404, description = "No such item of this organisation", body = ProblemBody),
        (status = 409, description = "OLD_ITEM_STATE", body = ProblemBody)))]
pub async fn reject(
    books: web::Data<Books>,
    acting: Taker,
    id: web::Path<String>,
    posted: Posted<RejectBody>,
) -> Result<HttpResponse, Problem> {
    let (id, reason) = (id_of(&id)?, posted.body.reason);
    let command = RejectOldItem { item: id.id, recycler: acting.organisation().uuid(), reason };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(id.book, envelope).await?.response())
}

/// An organisation's own item.
#[utoipa::path(get, path = "/v1/old-items/{id}", tag = "old items", operation_id = "see_old_item",
    params(("id" = String, Path)), security(("bearer" = [])), responses(
        (status = 200, description = "The item", body = OldItemAnswer),
        (status = 404, description = "No such item of this organisation", body = ProblemBody)))]
pub async fn see(
    pool: web::Data<ReadPool>,
    acting: Taker,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let found = read(&pool, move |connection| store::find(connection, id.book, id.id)).await?;
    let own = |item: &OldItem| item.recycler == acting.organisation().uuid();
    let item = found.filter(own).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().json(json!({"old_item": item.view(id.book)})))
}

fn checked(body: &RegisterBody) -> Result<(), Problem> {
    if let Some(missing) = body.identifiers.missing_for(&body.class) {
        let field = format!("identifiers.{missing}");
        return Err(Problem::bad_field(&field, "该品类必须提供", "this class needs it"));
    }
    let assemblies = &body.facts.assemblies;
    let each: BTreeSet<&str> = assemblies.iter().map(|it| it.as_str()).collect();
    if each.len() < assemblies.len() {
        return Err(Problem::bad_field("facts.assemblies", "不可重复", "each once"));
    }
    let distinct: BTreeSet<&PhotoHash> = body.photos.iter().collect();
    if body.photos.len() > MOST_PHOTOS || distinct.len() < body.photos.len() {
        let (zh, en) = ("最多20张，且不可重复", "at most 20, each once");
        return Err(Problem::bad_field("photos", zh, en));
    }
    Ok(())
}

/// The book of the operating region, the class's family and the year of the hand-over.
async fn book_of(books: &Books, body: &RegisterBody) -> Result<Arc<BookInfo>, Problem> {
    let year = body.handed_over_on.year();
    let found = books.find(body.region, body.class.family(), year).await?;
    found.ok_or_else(|| Problem::refused(409, vec![BOOK_NOT_OPEN]))
}

fn store_of(acting: &Taker) -> Option<Uuid> {
    let store = match **acting {
        Either::One(recycler) => recycler.store,
        Either::Other(dismantler) => dismantler.store,
    };
    store.map(|store| store.uuid())
}

fn id_of(text: &str) -> Result<PublicId, Problem> {
    PublicId::parse(Kind::OldItem, text).map_err(|_| Problem::not_found())
}
