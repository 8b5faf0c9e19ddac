//! The console's pages over HTTP.

use super::pages::{
    BookLine, BookPage, BooksPage, EntriesPage, EntryLine, Signed, StoryPage, entry_lines, yuan,
};
use super::words::Words;
use crate::audit::reading::filter::{Filter, Format};
use crate::audit::reading::http::Reader;
use crate::audit::reading::store::snapshot;
use crate::audit::reading::tables::{self, By};
use crate::book::model::Bucket;
use crate::book::publish::Log;
use crate::book::store::{load_moneys, read_head};
use crate::book::{Books, REGISTER};
use crate::http::problem::{Language, Problem};
use crate::http::request::Context;
use crate::identity::acting::{Acting, Auditor};
use crate::identity::token::Verifier;
use crate::infra::postgres::ReadPool;
use crate::kernel::id::{BookNo, PublicId};
use actix_web::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const STYLE: &str = include_str!("../../../templates/console/style.css");

/// Nothing from elsewhere, nothing that runs, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The fields of the form that filters entries, in their order.
const FIELDS: [&str; 7] = ["kind", "class", "retailer", "subject", "thing", "since", "before"];

/// Who looks, and in which language.
struct Visit {
    acting: Acting<Auditor>,
    reader: Reader,
    words: Words,
}

type Query = web::Query<BTreeMap<String, String>>;

/// The visitor, where his token is that of an auditor.
fn visit(
    request: &HttpRequest,
    books: web::Data<Books>,
    verifier: &Verifier,
    query: &Query,
) -> Option<Visit> {
    let token = request.headers().get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let token = token.and_then(|header| header.strip_prefix("Basic "));
    let token = token.and_then(|basic| STANDARD.decode(basic.trim()).ok());
    let token = token.and_then(|basic| String::from_utf8(basic).ok());
    let token = token.as_deref().and_then(|basic| basic.split_once(':')).map(|(_, token)| token);
    let actor = verifier.verify(token?, Utc::now()).ok()?;
    let acting = Acting::<Auditor>::admit(actor).ok()?;
    let context = Context::of(request);
    let words = Words(match query.get("lang").map(String::as_str) {
        Some("zh") => Language::Chinese,
        Some("en") => Language::English,
        _ => context.language,
    });
    let reader = Reader { books, actor: acting.actor().clone(), context };
    Some(Visit { acting, reader, words })
}

fn ask() -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header((WWW_AUTHENTICATE, "Basic realm=\"tradein\", charset=\"UTF-8\""))
        .insert_header(("content-security-policy", POLICY))
        .content_type("text/plain; charset=utf-8")
        .body("密码处请填审计员令牌。Sign in with an auditor's access token as the password.\n")
}

fn page(template: &impl Template) -> Result<HttpResponse, Problem> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "console.not_rendered");
        Problem::internal()
    })?;
    Ok(HttpResponse::Ok()
        .insert_header(("content-security-policy", POLICY))
        .insert_header(("referrer-policy", "no-referrer"))
        .content_type("text/html; charset=utf-8")
        .body(html))
}

pub async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(STYLE)
}

/// All books in the auditor's scope, with what their buckets hold and their heads.
pub async fn books(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    verifier: web::Data<Verifier>,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let Some(visit) = visit(&request, books.clone(), &verifier, &query) else {
        return Ok(ask());
    };
    let all = books.all().await?;
    let mine = all.into_iter().filter(|book| visit.reader.sees(book, &visit.acting.scope));
    let mine: Vec<_> = mine.collect();
    let shown = mine.clone();
    let lines = snapshot(&pool, move |connection| {
        let mut lines = Vec::new();
        for book in shown {
            let moneys = load_moneys(connection, book.no)?;
            let head = read_head(connection, book.no)?;
            lines.push(BookLine {
                no: book.no,
                name: book.name.clone(),
                state: head.state,
                size: head.size,
                root: hex::encode(head.root),
                holds: Bucket::ALL.map(|bucket| moneys.get(bucket).to_string()).to_vec(),
            });
        }
        Ok(lines)
    })
    .await?;
    if let Some(register) = books.info(REGISTER).await? {
        let counted = (lines.len() as u64, 0);
        visit.reader.record("console.books", &register, json!({}), counted, &[]).await?;
    }
    let words = visit.words;
    let buckets = Bucket::ALL.map(|bucket| words.bucket(bucket)).to_vec();
    page(&BooksPage { words, buckets, books: lines })
}

/// How far the log of a book is signed.
async fn signed(
    published: &web::Data<Option<Arc<Log>>>,
    book: &str,
) -> Result<Option<Signed>, Problem> {
    let Some(log) = published.as_ref().clone() else { return Ok(None) };
    let book = book.to_owned();
    let state = web::block(move || log.witness_state(&book)).await;
    let state = state.map_err(|_| Problem::internal())?.map_err(|error| {
        tracing::warn!(%error, "log.not_read");
        Problem::busy(1)
    })?;
    Ok(state.as_ref().and_then(Signed::of))
}

/// One book: how far it is signed, burn-down, redemptions, refusals.
pub async fn book(
    request: HttpRequest,
    published: web::Data<Option<Arc<Log>>>,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    verifier: web::Data<Verifier>,
    path: web::Path<BookNo>,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let Some(visit) = visit(&request, books, &verifier, &query) else { return Ok(ask()) };
    let info = visit.reader.book(*path, &visit.acting.scope).await?;
    let no = info.no;
    let (burn_down, classes, refusals) = snapshot(&pool, move |connection| {
        Ok((
            tables::burn_down(connection, no)?,
            tables::sums(connection, no, By::Class)?,
            tables::sums(connection, no, By::Refusal)?,
        ))
    })
    .await?;
    visit.reader.record("console.book", &info, json!({}), burn_down.counted(), &[]).await?;
    let named = (info.no, info.name.as_str(), signed(&published, &info.name).await?);
    page(&BookPage::new(visit.words, named, &burn_down, &classes, &refusals))
}

/// The entries of a book that pass the form's filters.
pub async fn entries(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    verifier: web::Data<Verifier>,
    path: web::Path<BookNo>,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let Some(visit) = visit(&request, books, &verifier, &query) else { return Ok(ask()) };
    let info = visit.reader.book(*path, &visit.acting.scope).await?;
    let filter = filter(&query)?;
    let (no, asked) = (info.no, filter.clone());
    let table = snapshot(&pool, move |connection| tables::entries(connection, no, &asked)).await?;
    let said = serde_json::to_value(&filter).unwrap_or_default();
    visit.reader.record("console.entries", &info, said, table.counted(), &[]).await?;
    let value = |name: &'static str| (name, query.get(name).cloned().unwrap_or_default());
    let next = table.next.as_ref().map(|next| next_query(&query, next));
    page(&EntriesPage {
        words: visit.words,
        no,
        name: info.name.clone(),
        fields: FIELDS.map(value).to_vec(),
        rows: entry_lines(visit.words, &table),
        next,
        size: table.head.size,
        root: hex::encode(&table.head.root),
        sum: yuan(table.sum_fen),
    })
}

/// What the form says; a field that is left empty filters nothing.
fn filter(query: &Query) -> Result<Filter, Problem> {
    let wanted = FIELDS.iter().filter_map(|name| Some((*name, query.get(*name)?)));
    let mut given: serde_json::Map<String, Value> = wanted
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name.to_owned(), json!(value.trim())))
        .collect();
    if let Some(from) = query.get("from").and_then(|from| from.parse::<u64>().ok()) {
        given.insert("from".to_owned(), json!(from));
    }
    let filter: Result<Filter, _> = serde_json::from_value(Value::Object(given));
    let filter = filter.map_err(|_| {
        Problem::bad_field("query", "筛选条件的格式不正确", "a filter has another form")
    })?;
    Ok(Filter { format: Format::Json, ..filter })
}

/// The same filters from the next position on.
fn next_query(query: &Query, next: &str) -> String {
    let mut pairs: Vec<(&str, &str)> = FIELDS
        .iter()
        .chain(&["lang"])
        .filter_map(|name| Some((*name, query.get(*name)?.as_str())))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    pairs.push(("from", next));
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

/// The story of one thing.
pub async fn story(
    request: HttpRequest,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    verifier: web::Data<Verifier>,
    path: web::Path<(BookNo, String)>,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let Some(visit) = visit(&request, books, &verifier, &query) else { return Ok(ask()) };
    let (no, id) = path.into_inner();
    let info = visit.reader.book(no, &visit.acting.scope).await?;
    let id: PublicId = id.parse().map_err(|_| Problem::not_found())?;
    if id.book != no {
        return Err(Problem::not_found());
    }
    let table = snapshot(&pool, move |connection| tables::story(connection, no, id.id)).await?;
    let said = json!({"thing": id.to_string()});
    visit.reader.record("console.story", &info, said, table.counted(), &[]).await?;
    let rows: Vec<EntryLine> = entry_lines(visit.words, &table);
    page(&StoryPage {
        words: visit.words,
        no,
        name: info.name.clone(),
        id: id.to_string(),
        rows,
        size: table.head.size,
        root: hex::encode(&table.head.root),
    })
}
