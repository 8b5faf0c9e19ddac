//! Organisations over HTTP: admitted and watched by programme admins, read by officials and by
//! the organisation itself.

use super::change::{AddStores, Approve, ChangeStatus, show_approval};
use super::model::{Granted, Name, Organisation, Status, Store};
use super::register::{RegisterOrganisation, show, show_store};
use super::store::{find_whole, list};
use crate::book::{Books, REGISTER, read};
use crate::http::extract::Posted;
use crate::http::problem::Problem;
use crate::identity::acting::{
    Acting, Dismantler, Either, Enterprise, Official, ProgrammeAdmin, RealNameProvider, Recycler,
    Retailer,
};
use crate::identity::envelope::envelope;
use crate::identity::model::{Approval, ApprovalStatus, OrganisationId, OrganisationKind};
use crate::identity::token::Standing;
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::identifier::CreditCode;
use crate::kernel::region::Region;
use actix_web::{HttpResponse, web};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// The most stores of one request.
const MOST_STORES: usize = 200;

/// An organisation to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganisationBody {
    pub kind: OrganisationKind,
    #[schema(value_type = String, example = "上海某某电器有限公司")]
    pub name: Name,
    /// Unified social credit code, GB 32100-2015.
    #[schema(value_type = String, example = "91310000MA1FL0AB0T")]
    pub uscc: CreditCode,
    /// Where it is registered, a GB/T 2260 code.
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    /// At most 200; more come later.
    #[serde(default)]
    pub stores: Vec<StoreBody>,
}

/// A store to add.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreBody {
    #[schema(value_type = String, example = "南京东路店")]
    pub name: Name,
    #[schema(value_type = String, example = "310101")]
    pub region: Region,
}

/// Stores to add: 1 to 200.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoresBody {
    pub stores: Vec<StoreBody>,
}

/// An approval to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalBody {
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    /// The first segment of its classes: `appliance`.
    #[schema(value_type = String, example = "appliance")]
    pub family: Class,
    /// Classes of the family; left out or empty for all of them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub classes: Vec<Class>,
    /// First day, in Shanghai.
    pub from: NaiveDate,
    /// Last day, still within; left out for until further notice.
    pub to: Option<NaiveDate>,
}

/// The status that an organisation is to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusBody {
    pub status: Status,
}

/// Where a page of organisations begins and how long it is.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// At most 200, by default 50.
    pub limit: Option<u16>,
}

/// Whoever may read an organisation: an official, or any organisation for itself.
pub type Reader = Either<Official, Either<Either<Retailer, Recycler>, Either<Dismantler, Firm>>>;

/// The two that neither sell nor take things in.
type Firm = Either<RealNameProvider, Enterprise>;

/// Registers an organisation.
#[utoipa::path(operation_id = "register_organisation", post,
    path = "/v1/organisations", tag = "organisations",
    request_body = OrganisationBody, params(("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 201, description = "The organisation"),
        (status = 409, description = "ORGANISATION_EXISTS",
            body = crate::http::problem::ProblemBody)))]
pub async fn register(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    posted: Posted<OrganisationBody>,
) -> Result<HttpResponse, Problem> {
    let body = &posted.body;
    governs(&acting, body.region)?;
    let id = Uuid::now_v7();
    let organisation = Organisation {
        id,
        kind: body.kind,
        name: body.name.clone(),
        uscc: body.uscc.clone(),
        region: body.region,
        status: Status::Active,
        version: 0,
    };
    let command = RegisterOrganisation { organisation, stores: stores(&acting, id, &body.stores)? };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(REGISTER, envelope).await?.response())
}

/// Lets an organisation take part with some goods in a region for some days.
#[utoipa::path(operation_id = "approve_organisation", post,
    path = "/v1/organisations/{id}/approvals", tag = "organisations",
    request_body = ApprovalBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 201, description = "The approval"),
        (status = 409, description = "ORGANISATION_STATUS: it is removed",
            body = crate::http::problem::ProblemBody)))]
pub async fn approve(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    id: web::Path<String>,
    posted: Posted<ApprovalBody>,
) -> Result<HttpResponse, Problem> {
    let organisation = organisation_id(&id)?.uuid();
    let approval = approval(&posted.body)?;
    acting.within(approval.region, &approval.family)?;
    let granted = Granted { organisation, id: Uuid::now_v7(), approval };
    let envelope = envelope(acting.actor(), &posted, Arc::new(Approve { granted }));
    Ok(books.answer(REGISTER, envelope).await?.response())
}

/// Suspends an organisation, readmits it, or removes it for good.
#[utoipa::path(operation_id = "change_organisation_status", post,
    path = "/v1/organisations/{id}/status", tag = "organisations",
    request_body = StatusBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "The organisation"),
        (status = 409, description = "ORGANISATION_STATUS: there is no way to that status",
            body = crate::http::problem::ProblemBody)))]
pub async fn change_status(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    id: web::Path<String>,
    posted: Posted<StatusBody>,
) -> Result<HttpResponse, Problem> {
    let organisation = organisation_id(&id)?.uuid();
    let (to, scope) = (posted.body.status, acting.scope.clone());
    let command = ChangeStatus { organisation, to, scope };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(REGISTER, envelope).await?.response())
}

/// Adds stores to an organisation.
#[utoipa::path(operation_id = "add_stores", post,
    path = "/v1/organisations/{id}/stores", tag = "organisations",
    request_body = StoresBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 201, description = "The new stores"),
        (status = 409, description = "ORGANISATION_STATUS: it is removed",
            body = crate::http::problem::ProblemBody)))]
pub async fn add_stores(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    id: web::Path<String>,
    posted: Posted<StoresBody>,
) -> Result<HttpResponse, Problem> {
    let organisation = organisation_id(&id)?.uuid();
    if posted.body.stores.is_empty() {
        return Err(Problem::bad_field("stores", "至少一家门店", "at least one store"));
    }
    let stores = stores(&acting, organisation, &posted.body.stores)?;
    let command = AddStores { organisation, stores };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(REGISTER, envelope).await?.response())
}

/// An organisation with its approvals and stores.
#[utoipa::path(operation_id = "see_organisation", get,
    path = "/v1/organisations/{id}", tag = "organisations",
    params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The organisation, its approvals and its stores")))]
pub async fn see(
    pool: web::Data<ReadPool>,
    acting: Acting<Reader>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = organisation_id(&id)?;
    let whole = read(&pool, move |connection| find_whole(connection, id.uuid())).await?;
    let visible = whole.filter(|whole| match &acting.actor().standing {
        Standing::Official(scope) => whole.regions().any(|region| scope.touches(region)),
        Standing::Organisation { id: own, .. } => *own == id,
        Standing::Person(_) => false,
    });
    let whole = visible.ok_or_else(Problem::not_found)?;
    let approvals: Vec<Value> = whole.approvals.iter().map(show_approval).collect();
    let stores: Vec<Value> = whole.stores.iter().map(show_store).collect();
    Ok(HttpResponse::Ok().json(json!({
        "organisation": show(&whole.organisation), "approvals": approvals, "stores": stores,
    })))
}

/// The organisations that are registered, have a store, or are approved in the caller's scope.
#[utoipa::path(operation_id = "list_organisations", get,
    path = "/v1/organisations", tag = "organisations", params(Page),
    security(("bearer" = [])),
    responses((status = 200, description = "A page, and the cursor of the next")))]
pub async fn list_all(
    pool: web::Data<ReadPool>,
    acting: Acting<Official>,
    page: web::Query<Page>,
) -> Result<HttpResponse, Problem> {
    let limit = usize::from(page.limit.unwrap_or(50).clamp(1, 200));
    let bad = |_| Problem::bad_field("cursor", "游标无效", "not a cursor of this list");
    let cursor = page.cursor.as_deref().map(str::parse::<OrganisationId>).transpose();
    let mut after = cursor.map_err(bad)?.map_or(Uuid::nil(), OrganisationId::uuid);
    let scope = acting.scope.clone();
    // Scopes filter afterwards, so that one function says what a scope holds; the table is small.
    let (shown, next) = read(&pool, move |connection| {
        let mut shown: Vec<Organisation> = Vec::new();
        loop {
            let chunk = list(connection, after, 500)?;
            let ended = chunk.len() < 500;
            for listed in chunk {
                if listed.regions.iter().any(|region| scope.touches(*region)) {
                    if shown.len() == limit {
                        let last = shown.last().map(|it| OrganisationId::from(it.id));
                        return Ok((shown, last));
                    }
                    shown.push(listed.organisation.clone());
                }
                after = listed.organisation.id;
            }
            if ended {
                return Ok((shown, None));
            }
        }
    })
    .await?;
    let data: Vec<Value> = shown.iter().map(show).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "next": next})))
}

/// What has no family is governed by whoever governs the whole region.
fn governs(acting: &Acting<ProgrammeAdmin>, region: Region) -> Result<(), Problem> {
    match acting.scope.covers_region(region) {
        true => Ok(()),
        false => Err(Problem::not_found()),
    }
}

fn organisation_id(text: &str) -> Result<OrganisationId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

fn stores(
    acting: &Acting<ProgrammeAdmin>,
    organisation: Uuid,
    bodies: &[StoreBody],
) -> Result<Vec<Store>, Problem> {
    if bodies.len() > MOST_STORES {
        return Err(Problem::bad_field("stores", "一次至多200家", "at most 200 at a time"));
    }
    let store = |body: &StoreBody| {
        governs(acting, body.region)?;
        let (name, region) = (body.name.clone(), body.region);
        Ok(Store { organisation, id: Uuid::now_v7(), name, region })
    };
    bodies.iter().map(store).collect()
}

fn approval(body: &ApprovalBody) -> Result<Approval, Problem> {
    let family = body.family.family();
    if body.family.as_str() != family {
        return Err(Problem::bad_field("family", "应为品类族", "a family, such as appliance"));
    }
    if body.classes.len() > 64 || body.classes.iter().any(|class| class.family() != family) {
        return Err(Problem::bad_field(
            "classes",
            "应为该品类族的品类，至多64个",
            "classes of the family, at most 64",
        ));
    }
    if body.to.is_some_and(|to| to < body.from) {
        return Err(Problem::bad_field("to", "不得早于起始日", "not before its first day"));
    }
    Ok(Approval {
        region: body.region,
        family: family.to_owned(),
        classes: body.classes.clone(),
        from: body.from,
        to: body.to,
        status: ApprovalStatus::Active,
    })
}
