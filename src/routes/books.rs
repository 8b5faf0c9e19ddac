//! Books over HTTP: opened by a programme admin, given money by two persons of finance. Books stand
//! below identity in the order of modules, so their handlers stand here.

use crate::book::model::Bucket;
use crate::book::open::{ApproveAppropriation, ChangeBookState, OpenBook, ProposeAppropriation};
use crate::book::{Books, REGISTER, read, store};
use crate::http::extract::Posted;
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Finance, Official, ProgrammeAdmin};
use crate::identity::envelope::{book_actor, envelope};
use crate::infra::postgres::ReadPool;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A book to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBody {
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    /// The first segment of its classes: `appliance`.
    pub family: String,
    pub year: i32,
    /// `true`: it takes holdings of an earlier system and appropriations only, for now.
    #[serde(default)]
    pub prepared: bool,
}

/// The state that a book is to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    pub state: BookState,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BookState {
    Open,
    Closed,
}

/// Money for a book.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppropriationBody {
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// SHA-256, in hexadecimal, of the paper that grants the money.
    pub document_sha256: String,
}

/// An act that has nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Opens a book.
#[utoipa::path(operation_id = "open_book",
    post, path = "/v1/books", tag = "books", request_body = OpenBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "The book"), (status = 409, description = "It exists")))]
pub async fn open(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    posted: Posted<OpenBody>,
) -> Result<HttpResponse, Problem> {
    let OpenBody { region, family, year, prepared } = &posted.body;
    let known: Result<crate::kernel::class::Class, _> = family.parse();
    if known.is_err() || family.contains('.') {
        return Err(Problem::bad_field("family", "应为品类族", "a family, such as appliance"));
    }
    if !(2020..=2100).contains(year) {
        return Err(Problem::bad_field("year", "应在 2020 至 2100 之间", "from 2020 to 2100"));
    }
    acting.within(*region, family)?;
    let command = OpenBook {
        region: *region,
        family: family.clone(),
        year: *year,
        prepared: *prepared,
        id: Uuid::now_v7(),
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(REGISTER, envelope).await?.response())
}

/// All books.
#[utoipa::path(operation_id = "list_books",
    get, path = "/v1/books", tag = "books", security(("bearer" = [])),
    responses((status = 200, description = "The books in the caller's scope")))]
pub async fn list(
    books: web::Data<Books>,
    acting: Acting<Official>,
) -> Result<HttpResponse, Problem> {
    let all = books.all().await?;
    let mine = all.iter().filter(|book| book.no != REGISTER);
    let mine = mine.filter(|book| acting.within(book.region, &book.family).is_ok());
    let shown: Vec<Value> = mine
        .map(|book| {
            json!({"book_no": book.no, "name": book.name, "region": book.region,
                "family": book.family, "year": book.year})
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({"data": shown})))
}

/// Opens a prepared book, or closes an open one.
#[utoipa::path(operation_id = "change_book_state",
    post, path = "/v1/books/{book}/state", tag = "books", request_body = StateBody,
    params(("book" = i32, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 200, description = "The new state")))]
pub async fn change_state(
    books: web::Data<Books>,
    acting: Acting<ProgrammeAdmin>,
    book: web::Path<BookNo>,
    posted: Posted<StateBody>,
) -> Result<HttpResponse, Problem> {
    in_scope(&books, *book, |region, family| acting.within(region, family)).await?;
    let to = match posted.body.state {
        BookState::Open => "open",
        BookState::Closed => "closed",
    };
    let command = ChangeBookState { to, id: Uuid::now_v7() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(*book, envelope).await?.response())
}

/// Proposes money for a book.
#[utoipa::path(operation_id = "propose_appropriation",
    post, path = "/v1/books/{book}/appropriations", tag = "books",
    request_body = AppropriationBody,
    params(("book" = i32, Path), ("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "Proposed; a second person approves")))]
pub async fn propose(
    books: web::Data<Books>,
    acting: Acting<Finance>,
    book: web::Path<BookNo>,
    posted: Posted<AppropriationBody>,
) -> Result<HttpResponse, Problem> {
    in_scope(&books, *book, |region, family| acting.within(region, family)).await?;
    let AppropriationBody { amount_fen, document_sha256 } = &posted.body;
    if !amount_fen.is_positive() || *amount_fen > Fen::MAX {
        return Err(Problem::bad_field(
            "amount_fen",
            "应为 1 到 9000000000000 的整数（分）",
            "whole fen from 1 to 9000000000000",
        ));
    }
    let is_digest = document_sha256.len() == 64
        && document_sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_digest {
        return Err(Problem::bad_field(
            "document_sha256",
            "应为 64 位小写十六进制",
            "64 lower-case hexadecimal digits",
        ));
    }
    let command = ProposeAppropriation {
        id: Uuid::now_v7(),
        amount: *amount_fen,
        document_sha256: document_sha256.clone(),
        by: book_actor(acting.actor()).to_string(),
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(*book, envelope).await?.response())
}

/// Approves an appropriation that somebody else proposed.
#[utoipa::path(operation_id = "approve_appropriation",
    post, path = "/v1/books/{book}/appropriations/{id}/approve", tag = "books",
    request_body = Nothing,
    params(("book" = i32, Path), ("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])),
    responses((status = 200, description = "The money is available"),
        (status = 422, description = "SECOND_PERSON_REQUIRED")))]
pub async fn approve(
    books: web::Data<Books>,
    acting: Acting<Finance>,
    path: web::Path<(BookNo, String)>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let (book, id) = path.into_inner();
    in_scope(&books, book, |region, family| acting.within(region, family)).await?;
    let id = PublicId::parse_in(Kind::Appropriation, book, &id);
    let id = id.map_err(|_| Problem::not_found())?;
    let by = book_actor(acting.actor()).to_string();
    let command = ApproveAppropriation { id: id.id, by };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(books.answer(book, envelope).await?.response())
}

/// What a book's buckets hold.
#[utoipa::path(operation_id = "see_balances",
    get, path = "/v1/books/{book}/balances", tag = "books",
    params(("book" = i32, Path)), security(("bearer" = [])),
    responses((status = 200, description = "Fen by bucket, and the head of the log")))]
pub async fn balances(
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Official>,
    book: web::Path<BookNo>,
) -> Result<HttpResponse, Problem> {
    in_scope(&books, *book, |region, family| acting.within(region, family)).await?;
    let no = *book;
    let (moneys, head) = read(&pool, move |connection| {
        Ok((store::load_moneys(connection, no)?, store::read_head(connection, no)?))
    })
    .await?;
    let fen = |bucket: &Bucket| (bucket.name().to_owned(), json!(moneys.get(*bucket)));
    let balances: serde_json::Map<String, Value> = Bucket::ALL.iter().map(fen).collect();
    Ok(HttpResponse::Ok().json(json!({
        "book_no": no, "state": head.state, "tree_size": head.size,
        "root": hex::encode(head.root), "balances_fen": balances,
    })))
}

/// A book outside the caller's scope is not there for him.
pub(super) async fn in_scope(
    books: &Books,
    book: BookNo,
    within: impl Fn(Region, &str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let info = books.info(book).await?.filter(|info| info.no != REGISTER);
    let info = info.ok_or_else(Problem::not_found)?;
    within(info.region, &info.family)
}
