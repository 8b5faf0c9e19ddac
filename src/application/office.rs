//! Applications over HTTP, as an office has them: ask for a correction, approve, release, reject.

use super::approve::{Approve, ApprovedBase, Confirm, Lower};
use super::correct::RequestCorrection;
use super::ends::Reject;
use super::http::{book_of, programme_of};
use super::model::Application;
use super::port::ask::verdict;
use super::port::store as answers;
use super::{parts, reasons, store};
use crate::book::read;
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::identity::acting::{Acting, Either, Finance, Reviewer};
use crate::identity::envelope::envelope;
use crate::infra::settings::Settings;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{Moment, day_of, day_start};
use crate::old_item::store as old_items;
use crate::programme::{Fact, Facts, Phase, Programme, SUBMISSION, Screened, Value};
use crate::redemption::reads::OLD_ITEM_NOT_VERIFIED;
use crate::voucher::doors::{Doors, put};
use crate::voucher::http::Nothing;
use actix_web::{HttpResponse, web};
use chrono::Days;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Why, in codes, and in a sentence that only the applicant reads.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonsBody {
    /// Of the closed list, or of the programme's rules.
    #[schema(example = json!(["DOCUMENT_UNREADABLE"]))]
    pub reasons: Vec<String>,
    pub sentence: Option<String>,
}

/// What the review found.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// Whether the register still names the applicant as the owner of the new thing.
    pub still_owned: Option<bool>,
    /// The base that the office accepts instead of the declared one (核定).
    #[schema(value_type = Option<i64>)]
    pub approved_base_fen: Option<Fen>,
    /// Less than the ceiling, where the rule says "up to".
    #[schema(value_type = Option<i64>)]
    pub amount_fen: Option<Fen>,
    /// Why less.
    pub reason: Option<String>,
}

/// Asks the applicant for a correction.
#[utoipa::path(operation_id = "request_correction", post,
    path = "/v1/applications/{id}/request-correction", tag = "applications",
    request_body = ReasonsBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Asked, with the deadline"),
        (status = 409, description = "Decided, or asked already", body = ProblemBody),
        (status = 422, description = "CORRECTION_DEADLINE_PASSED", body = ProblemBody)))]
pub async fn request_correction(
    doors: Doors,
    settings: web::Data<Settings>,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<ReasonsBody>,
) -> Result<HttpResponse, Problem> {
    let (id, application) = within(&doors, &acting, &id).await?;
    let programme = programme_of(&doors, &application).await?;
    let command = RequestCorrection {
        application: id.id,
        reasons: reasons::check(&posted.body.reasons, &programme)?,
        sentence: reasons::sentence(posted.body.sentence.as_deref())?,
        until: deadline(&programme, &settings, doors.clock.now()),
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// The programme's last day for corrections, else so many whole days after this one.
fn deadline(programme: &Programme, settings: &Settings, now: Moment) -> Moment {
    let days = Days::new(u64::from(settings.application.correction_days) + 1);
    let by_setting = day_of(now).checked_add_days(days).map_or(now, day_start);
    programme.application().corrections_until.unwrap_or(by_setting)
}

/// Grants an application.
#[utoipa::path(operation_id = "approve_application", post,
    path = "/v1/applications/{id}/approve", tag = "applications", request_body = ApproveBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 200, description = "Granted; payable at once up to the limit"),
        (status = 409, description = "Not waiting for a decision", body = ProblemBody),
        (status = 422, description = "OWN_APPLICATION, OLD_ITEM_NOT_VERIFIED, \
            INVOICE_NOT_GENUINE, CLAIMED_ELSEWHERE, or refused by the rules of the review",
            body = ProblemBody),
        (status = 503, description = "BUSY, PORT_NO_ANSWER: ask the neighbours again")))]
pub async fn approve(
    doors: Doors,
    settings: web::Data<Settings>,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<ApproveBody>,
) -> Result<HttpResponse, Problem> {
    let (id, _) = within(&doors, &acting, &id).await?;
    let answered = doors
        .books
        .answer_screened(id.book, |_| {
            let (doors, settings) = (&doors, &settings);
            let (acting, posted) = (&acting, &posted);
            async move {
                let limit = Fen(settings.application.second_person_above_fen);
                let approver = acting.actor().login.bytes();
                let command = approval(doors, id, &posted.body, (approver, limit)).await?;
                Ok(envelope(acting.actor(), posted, Arc::new(command)))
            }
        })
        .await?;
    Ok(answered.response())
}

async fn approval(
    doors: &Doors,
    id: PublicId,
    body: &ApproveBody,
    (approver, limit): ([u8; 16], Fen),
) -> Result<Approve, Problem> {
    let application = find(doors, id).await?;
    let programme = programme_of(doors, &application).await?;
    let kept = read(&doors.pool, move |c| answers::list(c, id.book, id.id)).await?;
    let told = verdict(&kept, programme.application().without_answer)?;
    let mut facts = facts_of(&application)?;
    let base = match body.approved_base_fen {
        Some(base) => Some(approved_base(&programme, &application, &mut facts, base)?),
        None => None,
    };
    // What the register says counts, whatever the reviewer believes.
    let still_owned = told.still_owned.or(body.still_owned);
    put(&mut facts, Fact::StillOwned, still_owned.map(Value::Bool))?;
    let (class, at) = (&application.class, application.decided_at);
    let mut screened = Screened::under(&programme, class, &[Phase::Review], facts, at);
    if screened.screening.unknown().any(|fact| fact == Fact::StillOwned) {
        return Err(Problem::bad_field(
            "still_owned",
            "请确认新车是否仍在申请人名下",
            "say whether the new thing is still the applicant's",
        ));
    }
    let mut own = unverified(doors, &application).await?;
    own.extend(told.refusals);
    screened.also_refused(own);
    Ok(Approve {
        application: id.id,
        version: application.version,
        screened,
        base,
        lower: lower(&programme, &application, body)?,
        approver,
        limit,
    })
}

/// What the rules make of the base that the office accepts.
fn approved_base(
    programme: &Programme,
    application: &Application,
    facts: &mut Facts,
    base: Fen,
) -> Result<ApprovedBase, Problem> {
    let bad = |zh, en| Problem::bad_field("approved_base_fen", zh, en);
    let Some(part) = &application.filed.part else {
        return Err(bad("该申请没有基数", "this application is taken of no base"));
    };
    let declared = part.bases_fen.last().copied().unwrap_or_default();
    if !base.is_positive() || base > declared {
        return Err(bad(
            "核定基数应为正且不超过申报基数",
            "above 0, and at most what was declared",
        ));
    }
    parts::set_bases(facts, &[base], part.year.is_some())?;
    let (class, at) = (&application.class, application.decided_at);
    let screening = programme.screen(class, &SUBMISSION, facts, at);
    let amount = screening.amount.filter(|amount| amount.is_positive());
    let amount = amount.ok_or_else(|| bad("按该基数补助为零", "it draws nothing"))?;
    Ok(ApprovedBase { base, amount, screening })
}

/// A reviewer's own figure, where the rule leaves him one.
fn lower(
    programme: &Programme,
    application: &Application,
    body: &ApproveBody,
) -> Result<Option<Lower>, Problem> {
    let Some(granted) = body.amount_fen else { return Ok(None) };
    let bad = |zh, en| Err(Problem::bad_field("amount_fen", zh, en));
    if !programme.is_up_to(&application.class) {
        return bad("该方案金额固定，不可调整", "the amount of this programme is fixed");
    }
    if !granted.is_positive() || granted > application.amount {
        return bad("应为正且不超过上限", "above 0, and at most the ceiling");
    }
    let reason = body.reason.as_deref().unwrap_or_default();
    Ok(Some(Lower { granted, reason: reasons::lower(reason)? }))
}

/// Where the recycler has not verified the old item yet: money waits for that.
async fn unverified(doors: &Doors, application: &Application) -> Result<Vec<Refusal>, Problem> {
    let Some(id) = &application.filed.old_item else { return Ok(Vec::new()) };
    let id = PublicId::parse(Kind::OldItem, id).map_err(|_| Problem::internal())?;
    let found = read(&doors.pool, move |c| old_items::find(c, id.book, id.id)).await?;
    let verified = found.is_some_and(|item| item.is_verified());
    Ok(if verified { Vec::new() } else { vec![OLD_ITEM_NOT_VERIFIED] })
}

/// Releases what was granted above the limit: a second person.
#[utoipa::path(operation_id = "confirm_application", post,
    path = "/v1/applications/{id}/confirm", tag = "applications", request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Payable"),
        (status = 409, description = "Not approved, or payable already", body = ProblemBody),
        (status = 422, description = "SECOND_PERSON_REQUIRED, OWN_APPLICATION",
            body = ProblemBody)))]
pub async fn confirm(
    doors: Doors,
    acting: Acting<Either<Reviewer, Finance>>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (id, book) = book_of(&doors, &id).await?;
    match &*acting {
        Either::One(reviewer) => reviewer.within(book.region, &book.family)?,
        Either::Other(finance) => finance.within(book.region, &book.family)?,
    }
    let confirmer = acting.actor().login.bytes();
    let command = Confirm { application: id.id, confirmer };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// Rejects an application.
#[utoipa::path(operation_id = "reject_application", post,
    path = "/v1/applications/{id}/reject", tag = "applications", request_body = ReasonsBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Rejected"),
        (status = 409, description = "Not waiting for a decision", body = ProblemBody)))]
pub async fn reject(
    doors: Doors,
    acting: Acting<Reviewer>,
    id: web::Path<String>,
    posted: Posted<ReasonsBody>,
) -> Result<HttpResponse, Problem> {
    let (id, application) = within(&doors, &acting, &id).await?;
    let programme = programme_of(&doors, &application).await?;
    let command = Reject {
        application: id.id,
        reasons: reasons::check(&posted.body.reasons, &programme)?,
        sentence: reasons::sentence(posted.body.sentence.as_deref())?,
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

pub(super) fn facts_of(application: &Application) -> Result<Facts, Problem> {
    Facts::from_json(&application.filed.facts).map_err(|_| Problem::internal())
}

async fn find(doors: &Doors, id: PublicId) -> Result<Application, Problem> {
    let found = read(&doors.pool, move |c| store::find(c, id.book, id.id)).await?;
    found.ok_or_else(Problem::not_found)
}

/// An application within a reviewer's scope.
pub(super) async fn within(
    doors: &Doors,
    acting: &Acting<Reviewer>,
    id: &str,
) -> Result<(PublicId, Application), Problem> {
    let (id, book) = book_of(doors, id).await?;
    acting.within(book.region, &book.family)?;
    Ok((id, find(doors, id).await?))
}
