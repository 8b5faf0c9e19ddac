//! The readings over HTTP. Each is recorded before it is answered.

use super::Read;
use super::filter::{Filter, Format, Name, rows};
use super::store::snapshot;
use super::table::Table;
use super::tables::{self, By};
use crate::book::{BookInfo, Books, Envelope, REGISTER};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::identity::acting::{Acting, Auditor, Either, Finance};
use crate::identity::envelope::book_actor;
use crate::identity::role::Scope;
use crate::identity::token::Actor;
use crate::infra::postgres::ReadPool;
use crate::kernel::canonical;
use crate::kernel::id::{BookNo, PublicId};
use crate::kernel::region::Region;
use crate::kernel::time;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::IntoParams;
use uuid::Uuid;

/// Nothing but the form of the answer.
#[derive(Clone, Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Plain {
    #[param(inline)]
    #[serde(default)]
    pub format: Format,
}

/// What sums are made by.
#[derive(Clone, Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SumsBy {
    #[param(inline)]
    pub by: By,
    #[param(inline)]
    #[serde(default)]
    pub format: Format,
}

/// Which refusals.
#[derive(Clone, Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RefusalsOf {
    /// `QUOTA_EXHAUSTED`
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Name>,
    /// `next` of an answer.
    #[param(inline)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    #[param(inline)]
    #[serde(default)]
    pub format: Format,
}

/// Who reads.
pub struct Reader {
    pub books: web::Data<Books>,
    pub actor: Arc<Actor>,
    pub context: Context,
}

impl Reader {
    /// Whether a book lies within a scope; the register book is for who audits the whole nation.
    pub fn sees(&self, book: &BookInfo, scope: &Scope) -> bool {
        match book.no {
            REGISTER => scope.covers_region(Region::NATION),
            _ => scope.covers(book.region, &book.family),
        }
    }

    /// The book of a number.
    ///
    /// # Errors
    /// 404 where there is none, or none for this reader.
    pub async fn book(&self, book: BookNo, scope: &Scope) -> Result<Arc<BookInfo>, Problem> {
        let info = self.books.info(book).await?.filter(|book| self.sees(book, scope));
        info.ok_or_else(Problem::not_found)
    }

    /// Records a reading in the register book: what was asked, and what comes of it.
    ///
    /// # Errors
    /// 503 where it cannot be recorded: then nothing is shown.
    pub async fn record(
        &self,
        what: &'static str,
        book: &BookInfo,
        asked: Value,
        (rows, sum_fen): (u64, i64),
        bytes: &[u8],
    ) -> Result<(), Problem> {
        let command = Read {
            what,
            book: book.name.clone(),
            filter: asked,
            rows,
            sum_fen,
            result_sha256: hex::encode(canonical::sha256(bytes)),
            id: Uuid::new_v4(),
        };
        let envelope = Envelope {
            actor: book_actor(&self.actor),
            language: self.context.language,
            request_id: self.context.id.clone(),
            ..Envelope::of_system(Arc::new(command))
        };
        match self.books.answer(REGISTER, envelope).await?.is_success() {
            true => Ok(()),
            false => Err(Problem::internal()),
        }
    }

    /// Records the reading, and answers only then.
    async fn answer(
        &self,
        what: &'static str,
        book: &BookInfo,
        (asked, format): (Value, Format),
        table: &Table,
    ) -> Result<HttpResponse, Problem> {
        let rendered = table.render(format)?;
        self.record(what, book, asked, table.counted(), &rendered.bytes).await?;
        let mut answer = HttpResponse::Ok();
        answer.insert_header(("content-type", rendered.media_type));
        if format != Format::Json {
            let ending = serde_json::to_value(format).unwrap_or_default();
            let name = format!("{what}.{}", ending.as_str().unwrap_or_default());
            let says = format!("attachment; filename=\"{name}\"");
            answer.insert_header(("content-disposition", says));
        }
        Ok(answer.body(rendered.bytes))
    }
}

fn asked<T: Serialize>(query: &T) -> Value {
    serde_json::to_value(query).unwrap_or_default()
}

/// The entries of a book that pass the filters, in their order.
#[utoipa::path(operation_id = "list_entries",
    get, path = "/v1/books/{book}/entries", tag = "audit",
    params(("book" = i32, Path), Filter), security(("bearer" = [])),
    responses((status = 200, description = "Leaves with their hashes, and the next position")))]
pub async fn entries(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Either<Auditor, Finance>>,
    book: web::Path<BookNo>,
    query: web::Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let scope = match &*acting {
        Either::One(auditor) => &auditor.scope,
        Either::Other(finance) => &finance.scope,
    };
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(*book, scope).await?;
    let (no, filter) = (info.no, query.into_inner());
    let (format, filters) = (filter.format, asked(&filter));
    let table = snapshot(&pool, move |connection| tables::entries(connection, no, &filter)).await?;
    reader.answer("entries", &info, (filters, format), &table).await
}

/// Everything that happened to one voucher, from its claim on, or to another thing.
#[utoipa::path(operation_id = "tell_story",
    get, path = "/v1/books/{book}/stories/{id}", tag = "audit",
    params(("book" = i32, Path), ("id" = String, Path), Plain), security(("bearer" = [])),
    responses((status = 200, description = "Its entries, each with the derivation of its amount")))]
pub async fn story(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    path: web::Path<(BookNo, String)>,
    query: web::Query<Plain>,
) -> Result<HttpResponse, Problem> {
    let (book, id) = path.into_inner();
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(book, &acting.scope).await?;
    let id: PublicId = id.parse().map_err(|_| Problem::not_found())?;
    if id.book != info.no {
        return Err(Problem::not_found());
    }
    let table = snapshot(&pool, move |connection| tables::story(connection, book, id.id)).await?;
    if table.rows.is_empty() {
        return Err(Problem::not_found());
    }
    let about = json!({"thing": id.to_string()});
    reader.answer("story", &info, (about, query.format), &table).await
}

/// Redemptions and applications, or refusals, counted and summed.
#[utoipa::path(operation_id = "see_sums",
    get, path = "/v1/books/{book}/sums", tag = "audit",
    params(("book" = i32, Path), SumsBy), security(("bearer" = [])),
    responses((status = 200, description = "Count and fen by key and state")))]
pub async fn sums(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    book: web::Path<BookNo>,
    query: web::Query<SumsBy>,
) -> Result<HttpResponse, Problem> {
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(*book, &acting.scope).await?;
    let (no, by) = (info.no, query.by);
    let table = snapshot(&pool, move |connection| tables::sums(connection, no, by)).await?;
    reader.answer("sums", &info, (asked(&*query), query.format), &table).await
}

/// What each bucket held at the end of each day on which something moved.
#[utoipa::path(operation_id = "see_burn_down",
    get, path = "/v1/books/{book}/burn-down", tag = "audit",
    params(("book" = i32, Path), Plain), security(("bearer" = [])),
    responses((status = 200, description = "Fen by bucket, a row a day")))]
pub async fn burn_down(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    book: web::Path<BookNo>,
    query: web::Query<Plain>,
) -> Result<HttpResponse, Problem> {
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(*book, &acting.scope).await?;
    let no = info.no;
    let table = snapshot(&pool, move |connection| tables::burn_down(connection, no)).await?;
    reader.answer("burn_down", &info, (asked(&*query), query.format), &table).await
}

/// What the book refused, from the stored answers, oldest first.
#[utoipa::path(operation_id = "list_refusals",
    get, path = "/v1/books/{book}/refusals", tag = "audit",
    params(("book" = i32, Path), RefusalsOf), security(("bearer" = [])),
    responses((status = 200, description = "Codes and rule text of each, and where to go on")))]
pub async fn refusals(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    book: web::Path<BookNo>,
    query: web::Query<RefusalsOf>,
) -> Result<HttpResponse, Problem> {
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(*book, &acting.scope).await?;
    let after = query.from.as_ref().map(|from| place(from.as_str()));
    let after = match after {
        Some(None) => return Err(Problem::bad_field("from", "不是有效的游标", "no such place")),
        after => after.flatten(),
    };
    let (no, code) = (info.no, query.code.clone());
    let limit = rows(query.limit, query.format);
    let table = snapshot(&pool, move |connection| {
        let code = code.as_ref().map(Name::as_str);
        tables::refusals(connection, no, code, after, limit)
    })
    .await?;
    reader.answer("refusals", &info, (asked(&*query), query.format), &table).await
}

/// A place among the refusals, as `next` says it.
fn place(from: &str) -> Option<(time::Moment, Vec<u8>)> {
    let (at, key) = from.split_once('.')?;
    let at = chrono::DateTime::from_timestamp_micros(at.parse().ok()?)?;
    Some((at, hex::decode(key).ok()?))
}
