//! Applications over HTTP, as the applicant has them: submit, correct, withdraw, see.

use super::clock::{Course, Office, Reading};
use super::correct::Correct;
use super::ends::Withdraw;
use super::model::Application;
use super::papers::Papers;
use super::payee::PayeeBody;
use super::prepare::{Applicant, Case};
use super::submit::Submit;
use super::{reasons, store};
use crate::book::store::list_courses;
use crate::book::{BookInfo, read};
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::identity::acting::{Acting, Either, Enterprise, Official, Person};
use crate::identity::envelope::envelope;
use crate::identity::store::Fresh;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::region::Region;
use crate::programme::{Derivation, Programme};
use crate::redemption::reference::Reference;
use crate::voucher::doors::Doors;
use crate::voucher::http::Nothing;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whoever may apply.
pub type Applying = Either<Person, Enterprise>;

/// Whoever may see an application: its applicant, or an official of its place.
pub type Seeing = Either<Applying, Official>;

impl Applying {
    pub fn applicant(&self) -> Applicant {
        match self {
            Either::One(person) => Applicant::Person(person.person),
            Either::Other(firm) => Applicant::Enterprise(firm.organisation),
        }
    }
}

/// An application. Who applies is in the token.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationBody {
    /// The operating region, a GB/T 2260 code.
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    #[schema(value_type = String, example = "car.scrap")]
    pub class: Class,
    /// The first application of a grant that is paid in parts: `app_…`.
    pub first: Option<String>,
    pub papers: Papers,
    pub payee: PayeeBody,
    /// Where the applicant is, as his device tells it.
    #[schema(value_type = Option<String>)]
    pub location: Option<Region>,
}

/// What replaces the papers; the account stays where none is sent.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionBody {
    pub papers: Papers,
    pub payee: Option<PayeeBody>,
}

/// Where a page of applications begins and how long it is.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ApplicationPage {
    /// The book to read.
    #[param(value_type = i32)]
    pub book: BookNo,
    /// `next` of the page before.
    pub after: Option<String>,
    /// At most 100, by default 50.
    pub limit: Option<u16>,
}

/// Submits an application.
#[utoipa::path(operation_id = "submit_application", post, path = "/v1/applications",
    tag = "applications", request_body = ApplicationBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "The application, its derivation and the receipt"),
        (status = 409, description = "BOOK_NOT_OPEN, NOT_APPLIED_FOR, EARLIER_PART_OPEN",
            body = ProblemBody),
        (status = 422, description = "Refused by the rules", body = ProblemBody)))]
pub async fn submit(
    doors: Doors,
    reference: web::Data<Reference>,
    acting: Acting<Applying>,
    posted: Posted<ApplicationBody>,
) -> Result<HttpResponse, Problem> {
    let ids = (Uuid::now_v7(), Fresh::draw());
    let submission = |again| submission(&doors, &reference, &acting, &posted.body, ids, again);
    let (book, first) = submission(false).await?;
    let mut first = Some(first);
    let answered = doors
        .books
        .answer_screened(book, |again| {
            let ready = first.take();
            let (submission, acting, posted) = (&submission, &acting, &posted);
            async move {
                let command = match ready {
                    Some(command) => command,
                    None => submission(again).await?.1,
                };
                Ok(envelope(acting.actor(), posted, Arc::new(command)))
            }
        })
        .await?;
    Ok(answered.response())
}

async fn submission(
    doors: &Doors,
    reference: &Reference,
    acting: &Acting<Applying>,
    body: &ApplicationBody,
    (application, fresh): (Uuid, Fresh),
    again: bool,
) -> Result<(BookNo, Submit), Problem> {
    let case = Case {
        doors,
        reference,
        applicant: acting.applicant(),
        region: body.region,
        class: &body.class,
        papers: &body.papers,
        location: body.location,
        again,
    };
    let first = body.first.as_deref();
    let (book, filing, decided_at) = case.submission(application, first, &body.payee).await?;
    let submitted_by = acting.actor().login.bytes();
    Ok((book, Submit { filing, submitted_by, fresh, decided_at }))
}

/// Brings the correction that was asked for: the whole papers anew.
#[utoipa::path(operation_id = "correct_application", post,
    path = "/v1/applications/{id}/corrections", tag = "applications",
    request_body = CorrectionBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Submitted again"),
        (status = 409, description = "No correction is asked for", body = ProblemBody),
        (status = 422, description = "CORRECTION_DEADLINE_PASSED, or refused by the rules",
            body = ProblemBody)))]
pub async fn correct(
    doors: Doors,
    reference: web::Data<Reference>,
    acting: Acting<Applying>,
    id: web::Path<String>,
    posted: Posted<CorrectionBody>,
) -> Result<HttpResponse, Problem> {
    let (id, book) = book_of(&doors, &id).await?;
    let answered = doors
        .books
        .answer_screened(id.book, |again| {
            let (doors, reference, acting) = (&doors, &reference, &acting);
            let (book, posted) = (&book, &posted);
            async move {
                let was = own(doors, acting, id).await?;
                let case = Case {
                    doors,
                    reference,
                    applicant: acting.applicant(),
                    region: book.region,
                    class: &was.class,
                    papers: &posted.body.papers,
                    location: None,
                    again,
                };
                let payee = posted.body.payee.as_ref();
                let filing = case.correction(book, &was, payee).await?;
                Ok(envelope(acting.actor(), posted, Arc::new(Correct { filing })))
            }
        })
        .await?;
    Ok(answered.response())
}

/// Takes an application back.
#[utoipa::path(operation_id = "withdraw_application", post,
    path = "/v1/applications/{id}/withdraw", tag = "applications", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Withdrawn"),
        (status = 409, description = "Decided or over already", body = ProblemBody)))]
pub async fn withdraw(
    doors: Doors,
    acting: Acting<Applying>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, _) = book_of(&doors, &id).await?;
    let applicant = acting.applicant().known(&doors);
    let command = Withdraw { application: id.id, applicant };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// An application with its clocks, its reasons and its derivation.
#[utoipa::path(operation_id = "see_application", get, path = "/v1/applications/{id}",
    tag = "applications", params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The application")))]
pub async fn see(
    doors: Doors,
    office: web::Data<Office>,
    acting: Acting<Seeing>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, book) = book_of(&doors, &id).await?;
    let found = read(&doors.pool, move |connection| {
        let masked = store::masked_of(connection, id.book, id.id)?;
        Ok((store::find(connection, id.book, id.id)?, masked))
    })
    .await?;
    let (Some(application), masked) = found else { return Err(Problem::not_found()) };
    match &*acting {
        Either::One(applying) => {
            let own = application.applicant == applying.applicant().known(&doors);
            own.then_some(()).ok_or_else(Problem::not_found)?;
        }
        Either::Other(official) => official.within(book.region, &book.family)?,
    }
    let mut body = shown(&doors, &book, &application).await?;
    body["application"]["payee"] = json!(masked);
    body["application"]["clocks"] = json!(clocks(&doors, &office, id).await?);
    Ok(HttpResponse::Ok().json(body))
}

/// An applicant's own applications in one book, oldest first.
#[utoipa::path(operation_id = "list_applications", get, path = "/v1/applications",
    tag = "applications", params(ApplicationPage), security(("bearer" = [])),
    responses((status = 200, description = "A page, and the next")))]
pub async fn list(
    doors: Doors,
    acting: Acting<Applying>,
    page: web::Query<ApplicationPage>,
) -> Result<HttpResponse, Problem> {
    let limit = i64::from(page.limit.unwrap_or(50).clamp(1, 100));
    let after = match &page.after {
        Some(text) => {
            PublicId::parse(Kind::Application, text).map_err(|_| Problem::not_found())?.id
        }
        None => Uuid::nil(),
    };
    let (book, person) = (page.book, acting.applicant().uuid());
    let rows = read(&doors.pool, move |connection| {
        store::list_of_applicant(connection, book, person, after, limit)
    })
    .await?;
    let full = rows.len() as i64 == limit;
    let last = rows.last().filter(|_| full);
    let next = last.map(|row| PublicId::new(Kind::Application, book, row.id).to_string());
    let shown: Vec<Json> = rows.iter().map(|row| row.view(book)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": shown, "next": next})))
}

/// The application as it is at this moment, with sentences in both languages: one that time has
/// ended is shown as lapsed, swept or not.
pub async fn shown(
    doors: &Doors,
    book: &BookInfo,
    application: &Application,
) -> Result<Json, Problem> {
    let programme = programme_of(doors, application).await?;
    let mut view = application.view(book.no);
    if application.is_overdue(doors.clock.now()) {
        view["state"] = json!("lapsed");
    }
    view["region"] = json!(book.region);
    view["reasons"] = reasons::told(&application.filed.reasons, &programme);
    let (zh, en) = programme.title();
    view["programme"] = json!({"id": programme.id(), "version": programme.version(),
        "title_zh": zh, "title_en": en});
    let derivation = Derivation { steps: application.filed.derivation.clone() };
    Ok(json!({
        "application": view,
        "derivation": derivation.steps,
        "derivation_zh": derivation.zh(),
        "derivation_en": derivation.en(),
    }))
}

/// How the office's clocks stand for one application.
pub async fn clocks(doors: &Doors, office: &Office, id: PublicId) -> Result<Vec<Reading>, Problem> {
    let course = read(&doors.pool, move |c| list_courses(c, id.book, &[id.id])).await?;
    let course = course.get(&id.id).map(|events| Course::of(events)).unwrap_or_default();
    Ok(office.read(&course, doors.clock.now()))
}

/// The programme version that decides an application.
pub async fn programme_of(
    doors: &Doors,
    application: &Application,
) -> Result<Arc<Programme>, Problem> {
    let shelf = doors.library.shelf().await?;
    let programme = shelf.programmes.by_hash(&hex::encode(application.rule)).cloned();
    programme.ok_or_else(Problem::internal)
}

/// The id of an application and its book.
pub async fn book_of(doors: &Doors, id: &str) -> Result<(PublicId, Arc<BookInfo>), Problem> {
    let id = PublicId::parse(Kind::Application, id).map_err(|_| Problem::not_found())?;
    let book = doors.books.info(id.book).await?;
    Ok((id, book.ok_or_else(Problem::not_found)?))
}

async fn own(
    doors: &Doors,
    acting: &Acting<Applying>,
    id: PublicId,
) -> Result<Application, Problem> {
    let found = read(&doors.pool, move |c| store::find(c, id.book, id.id)).await?;
    let applicant = acting.applicant().known(doors);
    found.filter(|application| application.applicant == applicant).ok_or_else(Problem::not_found)
}
