//! The page of the queue.

use super::label::{self, ClockText};
use super::session::{Proof, Seat};
use super::{Stop, Tongue, finished, shown};
use crate::application::clock::Office;
use crate::application::model::State;
use crate::book::REGISTER;
use crate::http::problem::Problem;
use crate::kernel::id::BookNo;
use crate::review::http::{QueuePage, waiting};
use crate::review::model::{Waiting, Whose};
use crate::voucher::doors::Doors;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

/// The filters, as a form sends them: what is left empty is not asked for.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    book: Option<BookNo>,
    after: Option<String>,
    #[serde(default)]
    class: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    whose: Whose,
    #[serde(default)]
    overdue: bool,
}

struct Line {
    id: String,
    short: String,
    class: String,
    state: &'static str,
    amount: String,
    submitted: String,
    clocks: Vec<ClockText>,
    taken: &'static str,
}

#[derive(Template)]
#[template(path = "desk/queue.html")]
struct Page {
    l: Tongue,
    out: Proof,
    problem: Option<String>,
    books: Vec<(BookNo, String)>,
    book: BookNo,
    class: String,
    state: String,
    whose: &'static str,
    overdue: bool,
    rows: Vec<Line>,
    next: Option<String>,
}

/// The queue of a book of the reviewer's scope.
pub async fn queue(
    request: HttpRequest,
    doors: Doors,
    office: web::Data<Office>,
    filters: web::Query<Filters>,
) -> HttpResponse {
    finished(page(&request, &doors, &office, &filters).await)
}

async fn page(
    request: &HttpRequest,
    doors: &Doors,
    office: &Office,
    filters: &Filters,
) -> Result<HttpResponse, Stop> {
    let seat = Seat::of(request)?;
    let l = seat.l;
    let all = doors.books.all().await.map_err(|problem| seat.stop(problem))?;
    let mine = all.iter().filter(|book| book.no != REGISTER);
    let mine = mine.filter(|book| seat.acting.scope.covers(book.region, &book.family));
    let mut books: Vec<(BookNo, String)> = mine.map(|b| (b.no, b.name.clone())).collect();
    books.reverse();
    let wanted = filters.book.or_else(|| books.first().map(|(no, _)| *no)).unwrap_or_default();
    let (mut rows, mut next, mut problem) = (Vec::new(), None, None);
    if books.iter().any(|(no, _)| *no == wanted) {
        match lines(&seat, doors, office, wanted, filters).await {
            Ok(found) => (rows, next) = found,
            Err(refused) => problem = Some(super::sentence(l, &refused)),
        }
    }
    let status = if problem.is_some() { 400 } else { 200 };
    let next = next.map(|after| address(wanted, filters, &after));
    Ok(shown(
        status,
        &Page {
            l,
            out: seat.form("/desk/sign-out"),
            problem,
            books,
            book: wanted,
            class: filters.class.clone(),
            state: filters.state.clone(),
            whose: filters.whose.as_str(),
            overdue: filters.overdue,
            rows,
            next,
        },
    ))
}

async fn lines(
    seat: &Seat,
    doors: &Doors,
    office: &Office,
    book: BookNo,
    filters: &Filters,
) -> Result<(Vec<Line>, Option<String>), Problem> {
    let class = match filters.class.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            Problem::bad_field("class", "品类格式不正确", "no class, such as car.scrap")
        })?),
    };
    let page = QueuePage {
        book,
        after: filters.after.clone(),
        limit: Some(25),
        class,
        state: Some(filters.state.clone()),
        whose: filters.whose,
        overdue: filters.overdue,
    };
    let me = seat.acting.actor().login.bytes();
    let (rows, next) = waiting(doors, office, me, &page).await?;
    Ok((rows.iter().map(|row| line(seat.l, book, row, &me)).collect(), next))
}

fn line(l: Tongue, book: BookNo, row: &Waiting, me: &[u8; 16]) -> Line {
    let id = row.public_id(book);
    Line {
        short: short(&id),
        id,
        class: row.class.to_string(),
        state: state(l, row.state),
        amount: row.amount.to_string(),
        submitted: label::moment(row.submitted_at),
        clocks: row.clocks.iter().map(|clock| label::clock(l, clock)).collect(),
        taken: match &row.reviewer {
            None => "—",
            Some(reviewer) if reviewer == me => l.say("我", "me"),
            Some(_) => l.say("他人", "another"),
        },
    }
}

/// What people call an application: the end of its id.
pub(super) fn short(id: &str) -> String {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id).to_owned()
}

/// A state in a word or two.
pub(super) fn state(l: Tongue, state: State) -> &'static str {
    match state {
        State::Submitted => l.say("待审核", "with the office"),
        State::CorrectionRequested => l.say("待补正", "with the applicant"),
        State::Approved => l.say("待复核", "granted, to be released"),
        State::Payable => l.say("待拨付", "to be paid"),
        State::Rejected => l.say("未通过", "rejected"),
        State::Withdrawn => l.say("已撤回", "withdrawn"),
        State::Lapsed => l.say("逾期终止", "lapsed"),
    }
}

/// The next page under the same filters, whose values are words of closed sets but the class,
/// which is dotted lower-case letters by now.
fn address(book: BookNo, filters: &Filters, after: &str) -> String {
    let Filters { class, state, whose, overdue, .. } = filters;
    let whose = whose.as_str();
    let overdue = if *overdue { "&overdue=true" } else { "" };
    format!("/desk?book={book}&class={class}&state={state}&whose={whose}{overdue}&after={after}")
}
