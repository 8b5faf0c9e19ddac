//! The page of an application: facts beside documents, the derivation, what neighbours said, and
//! the forms that decide.

use super::label::{self, ClockText};
use super::queue::{short, state};
use super::session::{Proof, Seat};
use super::{Stop, Tongue, finished, sentence, shown};
use crate::application::clock::Office;
use crate::application::document::fields::Fields;
use crate::application::document::http as documents;
use crate::application::document::model::Document;
use crate::application::model::State;
use crate::application::port::store::Kept;
use crate::application::reasons;
use crate::http::problem::Problem;
use crate::identity::acting::Acting;
use crate::infra::blobs::{Blobs, MediaType};
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::refusal::Refusal;
use crate::programme::Derivation;
use crate::review::dossier::{Compared, Dossier};
use crate::review::model::REVIEW_NOT_TAKEN;
use crate::voucher::doors::Doors;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

/// Which document is shown beside the facts, and whether something was just done.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    show: Option<String>,
    #[serde(default)]
    done: bool,
}

struct FactLine {
    name: String,
    entered: String,
    told: String,
    differs: bool,
}

struct DocumentLine {
    id: String,
    name: String,
    size: String,
    is_received: bool,
    is_shown: bool,
    fields: Vec<(String, String)>,
}

struct Shown {
    source: String,
    name: String,
    is_image: bool,
    is_pdf: bool,
}

struct AnswerLine {
    who: &'static str,
    source: String,
    at: String,
    said: String,
}

#[derive(Template)]
#[template(path = "desk/application.html")]
struct Page {
    l: Tongue,
    out: Proof,
    problem: Option<String>,
    done: bool,
    id: String,
    short: String,
    state: &'static str,
    class: String,
    programme: String,
    amount: String,
    clocks: Vec<ClockText>,
    facts: Vec<FactLine>,
    derivation: Vec<String>,
    applicant: String,
    payee: String,
    answers: Vec<AnswerLine>,
    sentence: Option<String>,
    evidence: String,
    documents: Vec<DocumentLine>,
    shown: Option<Shown>,
    is_open: bool,
    closing: &'static str,
    is_mine: bool,
    is_taken: bool,
    is_up_to: bool,
    has_base: bool,
    may_confirm: bool,
    reasons: Vec<(String, String)>,
    lower: Vec<(String, String)>,
    take: String,
    approve: String,
    refuse: String,
    neighbours: String,
    hand_back: String,
    confirm: String,
}

/// An application of the reviewer's scope.
pub async fn see(
    request: HttpRequest,
    doors: Doors,
    office: web::Data<Office>,
    id: web::Path<String>,
    look: web::Query<Look>,
) -> HttpResponse {
    let page = async || {
        let seat = Seat::of(&request)?;
        page(&seat, &doors, &office, &id, &look, None).await
    };
    finished(page().await)
}

/// The page as it is now, with what went wrong above it.
pub(super) async fn page(
    seat: &Seat,
    doors: &Doors,
    office: &Office,
    id: &str,
    look: &Look,
    problem: Option<(u16, String)>,
) -> Result<HttpResponse, Stop> {
    let dossier = Dossier::read(doors, office, &seat.acting, id).await;
    let dossier = dossier.map_err(|problem| seat.stop(problem))?;
    let status = problem.as_ref().map_or(200, |(status, _)| *status);
    let mut page = page_of(seat, &dossier, look);
    page.problem = problem.map(|(_, sentence)| sentence);
    Ok(shown(status, &page))
}

fn page_of(seat: &Seat, dossier: &Dossier, look: &Look) -> Page {
    let (l, application) = (seat.l, &dossier.application);
    let id = dossier.id.to_string();
    let (zh, en) = dossier.programme.title();
    let derivation = Derivation { steps: application.filed.derivation.clone() };
    let lines = if l.say("zh", "en") == "en" { derivation.en() } else { derivation.zh() };
    let form = |act: &str| seat.form(&format!("/desk/applications/{id}/{act}")).fields();
    let named =
        |reason: &Refusal| (reason.code.to_string(), l.say(&reason.zh, &reason.en).to_owned());
    let (documents, shown) = papers(l, dossier, look);
    Page {
        l,
        out: seat.form("/desk/sign-out"),
        problem: None,
        done: look.done,
        short: short(&id),
        state: state(l, application.state),
        class: application.class.to_string(),
        programme: l.say(zh, en).to_owned(),
        amount: application.granted.unwrap_or(application.amount).to_string(),
        clocks: dossier.clocks.iter().map(|clock| label::clock(l, clock)).collect(),
        facts: dossier.compared().iter().map(|row| fact(l, row)).collect(),
        derivation: lines.lines().map(str::to_owned).collect(),
        applicant: applicant(l, dossier),
        payee: dossier.payee.clone().unwrap_or_default(),
        answers: answers(l, dossier),
        sentence: application.filed.sentence.clone(),
        evidence: dossier.programme.evidence().join(l.say("、", ", ")),
        documents,
        shown,
        is_open: application.state == State::Submitted
            || !dossier.is_mine && application.state.is_open(),
        closing: match application.state {
            State::CorrectionRequested => {
                l.say("已要求补正，等待申请人。", "It waits for the applicant's correction.")
            }
            _ => l.say("该申请已办结。", "This application is decided."),
        },
        is_mine: dossier.is_mine,
        is_taken: dossier.review.as_ref().is_some_and(|review| review.reviewer.is_some()),
        is_up_to: dossier.programme.is_up_to(&application.class),
        has_base: application.filed.part.is_some(),
        may_confirm: application.state == State::Approved,
        reasons: reasons::all(&dossier.programme).map(named).collect(),
        lower: reasons::lowers().map(named).collect(),
        take: form("take"),
        approve: form("approve"),
        refuse: form("refuse"),
        neighbours: form("neighbours"),
        hand_back: form("hand-back"),
        confirm: form("confirm"),
        id,
    }
}

fn fact(l: Tongue, row: &Compared) -> FactLine {
    let mut told: Vec<String> = row.told.iter().map(|value| label::value(l, value)).collect();
    told.dedup();
    FactLine {
        name: label::fact(l, row.fact),
        entered: row.entered.as_ref().map(|value| label::value(l, value)).unwrap_or_default(),
        told: told.join(" / "),
        differs: row.differs(),
    }
}

fn applicant(l: Tongue, dossier: &Dossier) -> String {
    let Some(masked) = &dossier.applicant else {
        return match dossier.application.filed.is_enterprise {
            true => l.say("单位", "a firm").to_owned(),
            false => l.say("个人", "a person").to_owned(),
        };
    };
    let text = |name: &str| masked[name].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("name"), text("id_number"))
}

fn answers(l: Tongue, dossier: &Dossier) -> Vec<AnswerLine> {
    let line = |kept: &Kept| AnswerLine {
        who: label::neighbour(l, kept.answer.neighbour),
        source: kept.answer.source.clone(),
        at: label::moment(kept.asked_at),
        said: label::said(l, &kept.answer),
    };
    dossier.answers.iter().rev().map(line).collect()
}

fn papers(l: Tongue, dossier: &Dossier, look: &Look) -> (Vec<DocumentLine>, Option<Shown>) {
    let book = dossier.id.book;
    let id_of = |document: &Document| PublicId::new(Kind::Document, book, document.id).to_string();
    let is_shown = |document: &Document| {
        dossier.is_mine && document.is_received() && look.show.as_ref() == Some(&id_of(document))
    };
    let name = |document: &Document| {
        let (zh, en) = document.kind.names();
        l.say(zh, en).to_owned()
    };
    let line = |(document, fields): &(Document, Option<Fields>)| {
        let fields = fields.as_ref().map(Fields::shown).unwrap_or_default();
        DocumentLine {
            id: id_of(document),
            name: name(document),
            size: size(document.bytes),
            is_received: document.is_received(),
            is_shown: is_shown(document),
            fields: fields.into_iter().map(|(own, it)| (label::named(l, &own), it)).collect(),
        }
    };
    let shown = dossier.documents.iter().map(|(document, _)| document).find(|it| is_shown(it));
    let shown = shown.map(|document| Shown {
        source: format!("/desk/applications/{}/documents/{}/file", dossier.id, id_of(document)),
        name: name(document),
        is_image: matches!(document.media, MediaType::Jpeg | MediaType::Png),
        is_pdf: document.media == MediaType::Pdf,
    });
    (dossier.documents.iter().map(line).collect(), shown)
}

fn size(bytes: i64) -> String {
    if bytes < 1024 * 1024 {
        return format!("{} KiB", (bytes + 1023) / 1024);
    }
    format!("{} MiB", (bytes + 512 * 1024) / (1024 * 1024))
}

/// The file of a document, to the reviewer who has taken the application; on record.
pub async fn file(
    request: HttpRequest,
    doors: Doors,
    office: web::Data<Office>,
    blobs: web::Data<Blobs>,
    ids: web::Path<(String, String)>,
) -> HttpResponse {
    let file = async || {
        let seat = Seat::of(&request)?;
        let dossier = Dossier::read(&doors, &office, &seat.acting, &ids.0).await;
        let dossier = dossier.map_err(|problem| seat.stop(problem))?;
        if !dossier.is_mine {
            return Err(seat.stop(Problem::refused(409, vec![REVIEW_NOT_TAKEN])));
        }
        let acting: Acting<documents::Seeing> = seat.acting()?;
        let opened = documents::open(doors, blobs, acting, ids, request.clone()).await;
        opened.map_err(|problem| seat.stop(problem))
    };
    finished(file().await)
}

/// The page again, after something that it could not do.
pub(super) async fn again(
    seat: &Seat,
    doors: &Doors,
    office: &Office,
    id: &str,
    problem: &Problem,
) -> Result<HttpResponse, Stop> {
    let told = (problem.status, sentence(seat.l, problem));
    page(seat, doors, office, id, &Look::default(), Some(told)).await
}
