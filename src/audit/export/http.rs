//! An export over HTTP, file by file, for auditors who have no database: what stands beside the
//! tiles that the log serves itself.
//!
//! `GET /log/{book}/export` lists the files with size and digest, and records that somebody takes
//! the book home. The entry bundles and hash tiles of that size are at the log's own paths. Every
//! file but one is named in the list with its SHA-256, so a client that broke off fetches what it
//! has not got or what differs. `commitments.csv` grows with the log: it is made while it is sent,
//! a page of entries at a time, and `?from=` goes on at any entry. Memory does not grow with the
//! log.

use super::papers::{self, accounts};
use super::{GOODS, PAGE, PROGRAMMES, about};
use crate::audit::reading::http::Reader;
use crate::audit::store;
use crate::book::publish::Log;
use crate::book::{BookInfo, Books, read};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::identity::acting::{Acting, Auditor};
use crate::infra::postgres::ReadPool;
use crate::kernel::canonical;
use crate::kernel::id::BookNo;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::result::Error;
use diesel::{PgConnection, QueryResult};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

type Published = web::Data<Option<Arc<Log>>>;

/// Where `commitments.csv` begins and ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The first entry; without it 0, and a line with the names of the columns comes first.
    from: Option<u64>,
    /// How many entries the log has; without it those of the last signed head.
    size: Option<u64>,
}

/// A file and its bytes.
type File = (String, Vec<u8>);

/// The small files of an export, but keys and commitments.
fn files(connection: &mut PgConnection, book: &str) -> QueryResult<Vec<File>> {
    let mut files = vec![("accounts.json".to_owned(), accounts())];
    for row in store::programmes(connection)? {
        let path = format!("{PROGRAMMES}/{}.toml", hex::encode(&row.hash));
        files.push((path, row.text.into_bytes()));
    }
    let mut paths = Vec::new();
    for (name, head, cells) in [
        ("catalogue", store::GOODS_COLUMNS, store::goods_cells(connection)?),
        ("prices", store::PRICE_COLUMNS, store::price_cells(connection)?),
    ] {
        let broken = |error: io::Error| Error::SerializationError(Box::new(error));
        let bytes = papers::csv(head, &cells).map_err(broken)?;
        let path = format!("{GOODS}/{}.csv", hex::encode(canonical::sha256(&bytes)));
        paths.push((name, path.clone()));
        files.push((path, bytes));
    }
    files.push(("export.json".to_owned(), about(book, &paths)));
    Ok(files)
}

/// The files of an export and the size of the log that they go with.
#[utoipa::path(operation_id = "list_export",
    get, path = "/log/{book}/export", tag = "log", params(("book" = i32, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "Paths below this one, each with size and SHA-256"),
        (status = 404, description = "No such log")))]
pub async fn list(
    request: HttpRequest,
    published: Published,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    book: web::Path<BookNo>,
) -> Result<HttpResponse, Problem> {
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(*book, &acting.scope).await?;
    let (size, keys) = signed(&published, &info).await?;
    let name = info.name.clone();
    let mut all = read(&pool, move |c| files(c, &name)).await?;
    all.push(("log.vkey".to_owned(), keys.into_bytes()));
    let entry = |(path, bytes): &File| {
        let sha256 = hex::encode(canonical::sha256(bytes));
        json!({"path": path, "bytes": bytes.len(), "sha256": sha256})
    };
    let listed: Vec<Value> = all.iter().map(entry).collect();
    let body = json!({"book": info.name, "size": size, "files": listed,
        "commitments": "commitments.csv"});
    let bytes = canonical::bytes(&body);
    let asked = json!({"size": size});
    reader.record("export", &info, asked, (size, 0), &bytes).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(bytes))
}

/// One file of an export.
pub async fn file(
    request: HttpRequest,
    published: Published,
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    acting: Acting<Auditor>,
    path: web::Path<(BookNo, String)>,
    part: web::Query<Part>,
) -> Result<HttpResponse, Problem> {
    let (book, path) = path.into_inner();
    let reader = Reader { books, actor: acting.actor().clone(), context: Context::of(&request) };
    let info = reader.book(book, &acting.scope).await?;
    let (signed_size, keys) = signed(&published, &info).await?;
    if path == "log.vkey" {
        return Ok(sent(keys.into_bytes(), "no-store"));
    }
    if path == "commitments.csv" {
        let size = part.size.unwrap_or(signed_size).min(signed_size);
        return Ok(commitments(pool.get_ref().clone(), book, part.from, size));
    }
    let name = info.name.clone();
    let all = read(&pool, move |c| files(c, &name)).await?;
    let found = all.into_iter().find(|(is, _)| *is == path);
    let (path, bytes) = found.ok_or_else(Problem::not_found)?;
    // What is named by its content never changes.
    let named = path.contains('/');
    Ok(sent(bytes, if named { "private, max-age=31536000, immutable" } else { "no-store" }))
}

fn sent(bytes: Vec<u8>, cache: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/octet-stream").insert_header((CACHE_CONTROL, cache));
    answer.body(bytes)
}

/// The size of the last signed head, and every key that has signed the log.
async fn signed(published: &Published, info: &Arc<BookInfo>) -> Result<(u64, String), Problem> {
    let log = published.as_ref().clone().ok_or_else(Problem::not_found)?;
    let info = info.clone();
    let found = web::block(move || -> io::Result<_> {
        let Some(signed) = log.signed(&info.name)? else { return Ok(None) };
        let keys = log.folder.text(&info.name, "keys")?.unwrap_or_default();
        Ok(Some((signed.head.size, keys)))
    });
    match found.await {
        Ok(Ok(found)) => found.ok_or_else(Problem::not_found),
        Ok(Err(error)) => {
            tracing::warn!(%error, "log.not_read");
            Err(Problem::busy(1))
        }
        Err(_) => Err(Problem::internal()),
    }
}

/// The digests of the entries from one on, page by page.
fn commitments(pool: ReadPool, book: BookNo, from: Option<u64>, size: u64) -> HttpResponse {
    let head = from.is_none();
    let rows = stream::try_unfold((from.unwrap_or(0), head), move |(mut at, head)| {
        let pool = pool.clone();
        async move {
            let mut text = if head { papers::HEAD.to_vec() } else { Vec::new() };
            // An empty piece would end the body.
            while at < size && text.is_empty() {
                let first = i64::try_from(at).map_err(io::Error::other)?;
                let limit = i64::try_from(size - at).unwrap_or(PAGE).min(PAGE);
                let page = read(&pool, move |c| store::leaves(c, book, first, limit)).await;
                let page = page.map_err(|_| io::Error::other("the database cannot be read"))?;
                let last = page.last().ok_or_else(|| io::Error::other("entries are missing"))?;
                let next = u64::try_from(last.seq).map_err(io::Error::other)? + 1;
                text = papers::commitments_of(&page)?;
                at = next;
            }
            Ok((!text.is_empty()).then(|| (Bytes::from(text), (at, false))))
        }
    });
    let rows = Box::pin(rows);
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/csv; charset=utf-8").insert_header((CACHE_CONTROL, "no-store"));
    answer.streaming::<_, io::Error>(rows)
}
