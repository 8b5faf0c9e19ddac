//! Raises over HTTP: what the version in force pays beyond what was granted, and its payment.

use super::model::Application;
use super::office::{facts_of, within};
use super::store;
use super::top_up::{TopUp, due};
use crate::book::{REGISTER, read};
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::identity::acting::{Acting, Reviewer};
use crate::identity::envelope::envelope;
use crate::infra::settings::Settings;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::programme::{SUBMISSION, Screened, Shelf};
use crate::voucher::doors::Doors;
use crate::voucher::http::Nothing;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use uuid::Uuid;

/// Where a page of granted applications begins and how long it is.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct RaisesPage {
    /// `next` of the page before.
    pub after: Option<String>,
    /// The granted applications that are looked at: at most 200, by default 100.
    pub limit: Option<u16>,
}

/// The granted applications of a book to which a raise owes something.
#[utoipa::path(operation_id = "list_raises", get, path = "/v1/books/{book}/raises",
    tag = "applications", params(("book" = i32, Path), RaisesPage), security(("bearer" = [])),
    responses((status = 200, description = "Those of a page that are owed something")))]
pub async fn list(
    doors: Doors,
    acting: Acting<Reviewer>,
    book: web::Path<BookNo>,
    page: web::Query<RaisesPage>,
) -> Result<HttpResponse, Problem> {
    let info = doors.books.info(*book).await?.filter(|info| info.no != REGISTER);
    let info = info.ok_or_else(Problem::not_found)?;
    acting.within(info.region, &info.family)?;
    let after = match &page.after {
        Some(text) => {
            PublicId::parse_in(Kind::Application, info.no, text)
                .map_err(|_| Problem::not_found())?
                .id
        }
        None => Uuid::nil(),
    };
    let (no, limit) = (info.no, i64::from(page.limit.unwrap_or(100).clamp(1, 200)));
    let rows = read(&doors.pool, move |c| store::list_granted(c, no, after, limit)).await?;
    let shelf = doors.library.shelf().await?;
    let mut owed: Vec<Json> = Vec::new();
    for row in &rows {
        let screened = raised(&doors, &shelf, row)?;
        let passes = !screened.refuses();
        if let Some(more) = due(row, &screened).filter(|_| passes) {
            owed.push(json!({
                "application": PublicId::new(Kind::Application, no, row.id).to_string(),
                "class": row.class,
                "granted_fen": row.amount.0 + row.filed.raised_fen.0,
                "more_fen": more,
            }));
        }
    }
    let last = rows.last().filter(|_| rows.len() as i64 == limit);
    let next = last.map(|row| PublicId::new(Kind::Application, no, row.id).to_string());
    Ok(HttpResponse::Ok().json(json!({"data": owed, "next": next})))
}

/// Pays the difference to a raised standard.
#[utoipa::path(operation_id = "top_up_application", post,
    path = "/v1/applications/{id}/top-up", tag = "applications", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 201, description = "The difference, as an application of its own"),
        (status = 409, description = "Not granted", body = ProblemBody),
        (status = 422, description = "NOTHING_TO_TOP_UP, or refused by the raised rules",
            body = ProblemBody)))]
pub async fn top_up(
    doors: Doors,
    settings: web::Data<Settings>,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, application) = within(&doors, &acting, &id).await?;
    let new = Uuid::now_v7();
    let answered = doors
        .books
        .answer_screened(id.book, |again| {
            let (doors, settings, acting) = (&doors, &settings, &acting);
            let (application, posted) = (&application, &posted);
            async move {
                let shelf = shelf_of(doors, again).await?;
                let command = TopUp {
                    of: id.id,
                    application: new,
                    screened: raised(doors, &shelf, application)?,
                    approver: acting.actor().login.bytes(),
                    limit: Fen(settings.application.second_person_above_fen),
                };
                Ok(envelope(acting.actor(), posted, Arc::new(command)))
            }
        })
        .await?;
    Ok(answered.response())
}

async fn shelf_of(doors: &Doors, again: bool) -> Result<Arc<Shelf>, Problem> {
    if again { doors.library.refresh().await } else { doors.library.shelf().await }
}

/// The facts of the submission under the version of the same programme that is in force now.
fn raised(doors: &Doors, shelf: &Shelf, application: &Application) -> Result<Screened, Problem> {
    let was = shelf.programmes.by_hash(&hex::encode(application.rule));
    let was = was.ok_or_else(Problem::internal)?;
    let (at, now) = (application.decided_at, doors.clock.now());
    let version = shelf.programmes.version_for(was.id(), at, now).unwrap_or(was);
    let facts = facts_of(application)?;
    let mut screened = Screened::under(version, &application.class, &SUBMISSION, facts, at);
    screened.stamps.push(shelf.stamp.clone());
    Ok(screened)
}
