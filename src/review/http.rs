//! The desk over HTTP: the queue, an application as its reviewer sees it, taking and handing back,
//! asking the neighbours. Decisions are acts of the application itself.

use super::dossier::{Dossier, reviewed};
use super::model::{REVIEW_NOT_TAKEN, Waiting, Whose};
use super::store::{self, Wanted};
use super::take::{HandBack, Take};
use crate::application::clock::{ClockState, Course, Office};
use crate::application::document::fields::{DocumentKind, Fields};
use crate::application::document::store as documents;
use crate::application::model::State;
use crate::application::port::Ports;
use crate::application::port::ask::{AskNeighbours, KeepAnswers, Questions, askable};
use crate::book::store::list_courses;
use crate::book::{Answered, Envelope, read};
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::identity::acting::{Acting, Reviewer};
use crate::identity::envelope::envelope;
use crate::identity::people::sealed::Identity;
use crate::identity::people::store as people;
use crate::identity::vault::Vault;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::voucher::doors::Doors;
use crate::voucher::http::Nothing;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which applications of a queue, and where the page begins.
#[derive(Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueuePage {
    /// The book to read: a region, a family and a year.
    #[param(value_type = i32)]
    pub book: BookNo,
    /// `next` of the page before.
    pub after: Option<String>,
    /// At most 100, by default 50.
    pub limit: Option<u8>,
    #[param(value_type = Option<String>)]
    pub class: Option<Class>,
    /// `submitted` or `correction_requested`.
    pub state: Option<String>,
    /// `anybodys` (the default), `nobodys`, `mine`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    pub whose: Whose,
    /// Of each page only what is overdue.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    pub overdue: bool,
}

/// Whether to take an application that another has.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TakeApplication)]
pub struct TakeBody {
    #[serde(default)]
    pub over: bool,
}

/// The queue of a book: what is not decided, oldest first, with its clocks.
#[utoipa::path(operation_id = "list_reviews", get, path = "/v1/reviews", tag = "reviews",
    params(QueuePage), security(("bearer" = [])),
    responses((status = 200, description = "A page, and the next")))]
pub async fn queue(
    doors: Doors,
    office: web::Data<Office>,
    acting: Acting<Reviewer>,
    page: web::Query<QueuePage>,
) -> Result<HttpResponse, Problem> {
    let me = acting.actor().login.bytes();
    // The queue of a book outside the scope is as empty as that of a book that is not there.
    let within = match doors.books.info(page.book).await? {
        Some(book) => acting.scope.covers(book.region, &book.family),
        None => false,
    };
    if !within {
        return Ok(HttpResponse::Ok().json(json!({"data": [], "next": null})));
    }
    let (waiting, next) = waiting(&doors, &office, me, &page).await?;
    let data: Vec<Json> = waiting.iter().map(|it| it.view(page.book, &me)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data, "next": next})))
}

/// A page of the queue, with its clocks, and where the next begins.
///
/// # Errors
/// 400 for a state that no open application has, 404 for an `after` that is no id.
pub async fn waiting(
    doors: &Doors,
    office: &Office,
    me: [u8; 16],
    page: &QueuePage,
) -> Result<(Vec<Waiting>, Option<String>), Problem> {
    let state = match page.state.as_deref().filter(|state| !state.is_empty()) {
        None => None,
        Some(word) => {
            Some(State::parse(word).filter(|state| state.is_open()).ok_or_else(|| {
                let (zh, en) = ("状态不在待办范围内", "no state of the queue");
                Problem::bad_field("query", zh, en)
            })?)
        }
    };
    let after = match page.after.as_deref() {
        Some(id) => {
            let id = PublicId::parse_in(Kind::Application, page.book, id);
            id.map_err(|_| Problem::not_found())?.id
        }
        None => Uuid::nil(),
    };
    let limit = i64::from(page.limit.unwrap_or(50).clamp(1, 100));
    let class = page.class.as_ref().map(Class::to_string).unwrap_or_default();
    let wanted = Wanted { book: page.book, after, class, state, whose: page.whose, me, limit };
    let (mut rows, courses) = read(&doors.pool, move |connection| {
        let rows = store::list_waiting(connection, &wanted)?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let courses = list_courses(connection, wanted.book, &ids)?;
        Ok((rows, courses))
    })
    .await?;
    let next = rows.last().filter(|_| rows.len() as i64 == limit);
    let next = next.map(|row| row.public_id(page.book));
    let now = doors.clock.now();
    for row in &mut rows {
        let course = courses.get(&row.id).map(|events| Course::of(events)).unwrap_or_default();
        row.clocks = office.read(&course, now);
    }
    if page.overdue {
        rows.retain(|row| row.clocks.iter().any(|clock| clock.state == ClockState::Overdue));
    }
    Ok((rows, next))
}

/// An application with everything that a decision needs. The fields of its documents are shown
/// to the reviewer who has taken it.
#[utoipa::path(operation_id = "see_review", get, path = "/v1/reviews/{id}", tag = "reviews",
    params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The application, its documents and answers")))]
pub async fn see(
    doors: Doors,
    office: web::Data<Office>,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let dossier = Dossier::read(&doors, &office, &acting, &id).await?;
    Ok(HttpResponse::Ok().json(dossier.view()))
}

/// Takes an application to work on it.
#[utoipa::path(operation_id = "take_review", post, path = "/v1/reviews/{id}/take",
    tag = "reviews", request_body = TakeBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "It is the caller's"),
        (status = 409, description = "REVIEW_TAKEN, APPLICATION_STATE", body = ProblemBody),
        (status = 422, description = "OWN_APPLICATION", body = ProblemBody)))]
pub async fn take(
    doors: Doors,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<TakeBody>,
) -> Result<HttpResponse, Problem> {
    let (id, _, _) = reviewed(&doors, &acting, &id).await?;
    let (reviewer, over) = (acting.actor().login.bytes(), posted.body.over);
    let command = Take { application: id.id, reviewer, over };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// Hands an application back to the queue.
#[utoipa::path(operation_id = "hand_back_review", post, path = "/v1/reviews/{id}/hand-back",
    tag = "reviews", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "It is nobody's"),
        (status = 409, description = "REVIEW_NOT_TAKEN, APPLICATION_STATE",
            body = ProblemBody)))]
pub async fn hand_back(
    doors: Doors,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, _, _) = reviewed(&doors, &acting, &id).await?;
    let command = HandBack { application: id.id, reviewer: acting.actor().login.bytes() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// Asks the neighbours about an application: the vehicle register, the invoice check, the
/// national holdings, as far as its documents let us ask. What they say is kept and shown with it.
#[utoipa::path(operation_id = "ask_neighbours", post, path = "/v1/reviews/{id}/neighbours",
    tag = "reviews", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 200, description = "Which were asked; see the review for what they said"),
        (status = 409, description = "REVIEW_NOT_TAKEN, APPLICATION_STATE",
            body = ProblemBody)))]
pub async fn ask(
    doors: Doors,
    ports: web::Data<Ports>,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, _, application) = reviewed(&doors, &acting, &id).await?;
    let applicant = application.applicant;
    let (review, papers, person) = read(&doors.pool, move |connection| {
        let review = store::find(connection, id.book, id.id)?;
        let papers = documents::list(connection, id.book, id.id)?;
        Ok((review, papers, people::find(connection, applicant.bucket, applicant.id)?))
    })
    .await?;
    let me = Some(acting.actor().login.bytes());
    if review.and_then(|review| review.reviewer) != me {
        return Err(Problem::refused(409, vec![REVIEW_NOT_TAKEN]));
    }
    let has = |kinds: &[&str]| {
        let kinds: Vec<_> = kinds.iter().filter_map(|kind| DocumentKind::parse(kind)).collect();
        papers.iter().any(|document| kinds.contains(&document.kind))
    };
    let neighbours = askable(
        person.as_ref().is_some_and(|person| person.cipher.is_some()),
        has(&["motor_vehicle_sales_invoice", "registration_certificate"]),
        has(&["motor_vehicle_sales_invoice", "invoice"]),
    );
    let command = AskNeighbours { application: id.id, neighbours };
    let first = envelope(acting.actor(), &posted, Arc::new(command));
    let unkeyed = Envelope { key: None, ..first.clone() };
    let answered = doors.books.answer(id.book, first).await?;
    if !answered.is_success() || answered.replayed {
        return Ok(answered.response());
    }
    // Only now, with the entry committed, is the vault opened.
    let vault = Vault::new(doors.keys.clone().into_inner());
    let fields = papers.iter().filter_map(|paper| paper.open(&vault).transpose());
    let fields: Result<Vec<Fields>, _> = fields.collect();
    let identity = person.map(|person| Identity::open(&vault, &person)).transpose();
    let (Ok(fields), Ok(identity)) = (fields, identity) else {
        tracing::error!("vault.not_opened");
        return Err(Problem::internal());
    };
    let number = identity.flatten().map(|identity| identity.number);
    let said = Questions::of(&application, &fields, number.as_ref()).asked(&ports).await;
    let answers = said.into_iter().map(|answer| (Uuid::now_v7(), answer)).collect();
    let command = Arc::new(KeepAnswers { application: id.id, answers });
    let kept: Answered = doors.books.answer(id.book, Envelope { command, ..unkeyed }).await?;
    if !kept.is_success() {
        return Ok(kept.response());
    }
    Ok(answered.response())
}
