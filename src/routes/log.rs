//! The published logs over HTTP: C2SP tlog-tiles at their standard paths, receipts and proofs.
//!
//! Everything is read from the log store, so every process serves the same. Checkpoints, hash
//! tiles and proofs are public: they tell sizes and hashes, and no hash of a leaf can be tried
//! out. Entry bundles are for auditors.

use super::books::in_scope;
use crate::book::publish::Log;
use crate::book::{BookInfo, Books};
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Auditor};
use crate::kernel::id::BookNo;
use crate::kernel::merkle::Hash;
use crate::kernel::tlog::tile::{Kind, Tile};
use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// What never changes under its name.
const FOR_EVER: &str = "max-age=31536000, immutable";
/// What changes within a second of a change.
const FOR_A_MOMENT: &str = "public, max-age=1";

/// The published logs of this process, where it has any.
pub type Published = web::Data<Option<Arc<Log>>>;

/// The sizes of two heads.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Entries of the earlier head.
    pub from: u64,
    /// Entries of the later one; without it those of the last signed head.
    pub to: Option<u64>,
}

/// The head under which an entry is to be proven.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Its entries; without it those of the last signed head.
    pub size: Option<u64>,
}

/// The last signed head of a book's log.
#[utoipa::path(operation_id = "see_checkpoint",
    get, path = "/log/{book}/checkpoint", tag = "log", params(("book" = i32, Path)),
    responses((status = 200, content_type = "text/plain", body = String,
        description = "A signed note (c2sp.org/tlog-checkpoint), with cosignatures"),
        (status = 404, description = "No such log")))]
pub async fn checkpoint(
    published: Published,
    books: web::Data<Books>,
    book: web::Path<BookNo>,
) -> Result<HttpResponse, Problem> {
    let text = of_log(&published, &books, *book, |log, book| log.folder.checkpoint(book)).await?;
    Ok(plain(text.ok_or_else(Problem::not_found)?, FOR_A_MOMENT))
}

/// Every key that has signed a book's log, the current one first.
#[utoipa::path(operation_id = "see_log_keys",
    get, path = "/log/{book}/keys", tag = "log", params(("book" = i32, Path)),
    responses((status = 200, content_type = "text/plain", body = String,
        description = "Verifier keys (c2sp.org/signed-note), one a line"),
        (status = 404, description = "No such log")))]
pub async fn keys(
    published: Published,
    books: web::Data<Books>,
    book: web::Path<BookNo>,
) -> Result<HttpResponse, Problem> {
    let text = of_log(&published, &books, *book, |log, book| log.folder.text(book, "keys")).await?;
    Ok(plain(text.ok_or_else(Problem::not_found)?, FOR_A_MOMENT))
}

/// The last signed head, who has cosigned it, and whether that is enough.
#[utoipa::path(operation_id = "see_log_state",
    get, path = "/log/{book}/state", tag = "log", params(("book" = i32, Path)),
    responses((status = 200, description = "Origin, size, root, witnesses and quorum"),
        (status = 404, description = "No such log")))]
pub async fn state(
    published: Published,
    books: web::Data<Books>,
    book: web::Path<BookNo>,
) -> Result<HttpResponse, Problem> {
    let state = of_log(&published, &books, *book, Log::witness_state).await?;
    let state = state.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, FOR_A_MOMENT)).json(state))
}

/// A tile of hashes.
pub async fn tile(
    published: Published,
    books: web::Data<Books>,
    path: web::Path<(BookNo, String)>,
) -> Result<HttpResponse, Problem> {
    let (book, path) = path.into_inner();
    let tile = Tile::parse(&format!("tile/{path}"));
    let tile = tile.filter(|tile| tile.kind != Kind::Entries).ok_or_else(Problem::not_found)?;
    let found = of_log(&published, &books, book, move |log, book| log.tile(book, &tile)).await?;
    Ok(bytes(found.ok_or_else(Problem::not_found)?, format!("public, {FOR_EVER}")))
}

/// A bundle of entries.
pub async fn entries(
    published: Published,
    books: web::Data<Books>,
    acting: Acting<Auditor>,
    path: web::Path<(BookNo, String)>,
) -> Result<HttpResponse, Problem> {
    let (book, path) = path.into_inner();
    in_scope(&books, book, |region, family| acting.within(region, family)).await?;
    let tile = Tile::parse(&format!("tile/entries/{path}")).ok_or_else(Problem::not_found)?;
    let found = of_log(&published, &books, book, move |log, book| log.tile(book, &tile)).await?;
    Ok(bytes(found.ok_or_else(Problem::not_found)?, format!("private, {FOR_EVER}")))
}

/// The receipt of an entry: a proof that it is in the log, whole in itself.
#[utoipa::path(operation_id = "see_receipt",
    get, path = "/log/{book}/receipts/{seq}", tag = "log",
    params(("book" = i32, Path), ("seq" = u64, Path)),
    responses((status = 200, content_type = "text/plain", body = String,
        description = "c2sp.org/tlog-proof@v1: checked offline with the entry's leaf hash and \
                       the log's key"),
        (status = 404, description = "NOT_FOUND, or NOT_SIGNED_YET: try again in a second")))]
pub async fn receipt(
    published: Published,
    books: web::Data<Books>,
    path: web::Path<(BookNo, String)>,
) -> Result<HttpResponse, Problem> {
    let (book, seq) = position(path.into_inner())?;
    let proof = of_log(&published, &books, book, move |log, book| log.receipt(book, seq)).await?;
    let proof = proof.ok_or_else(not_signed_yet)?;
    Ok(plain(proof.to_string(), FOR_A_MOMENT))
}

/// The path from an entry to the root of a signed head.
#[utoipa::path(operation_id = "see_inclusion",
    get, path = "/log/{book}/inclusion/{seq}", tag = "log",
    params(("book" = i32, Path), ("seq" = u64, Path), Size),
    responses((status = 200, description = "RFC 6962 audit path, the leaf's sibling first"),
        (status = 404, description = "NOT_FOUND, or NOT_SIGNED_YET: try again in a second")))]
pub async fn inclusion(
    published: Published,
    books: web::Data<Books>,
    path: web::Path<(BookNo, String)>,
    query: web::Query<Size>,
) -> Result<HttpResponse, Problem> {
    let (book, seq) = position(path.into_inner())?;
    let asked = query.size;
    let proof = of_log(&published, &books, book, move |log, book| {
        let Some(signed) = log.signed(book)? else { return Ok(None) };
        let size = asked.unwrap_or(signed.head.size);
        match seq < size && size <= signed.head.size {
            true => Ok(Some((size, log.inclusion(book, seq, size)?))),
            false => Ok(None),
        }
    });
    let (size, proof) = proof.await?.ok_or_else(not_signed_yet)?;
    let body = json!({"seq": seq, "size": size, "proof": hex_list(&proof)});
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, FOR_A_MOMENT)).json(body))
}

/// The proof that a signed head extends an earlier one.
#[utoipa::path(operation_id = "see_consistency",
    get, path = "/log/{book}/consistency", tag = "log", params(("book" = i32, Path), Sizes),
    responses((status = 200, description = "RFC 6962 consistency proof"),
        (status = 404, description = "NOT_FOUND, or NOT_SIGNED_YET: try again in a second")))]
pub async fn consistency(
    published: Published,
    books: web::Data<Books>,
    book: web::Path<BookNo>,
    query: web::Query<Sizes>,
) -> Result<HttpResponse, Problem> {
    let Sizes { from, to } = query.into_inner();
    let proof = of_log(&published, &books, *book, move |log, book| {
        let Some(signed) = log.signed(book)? else { return Ok(None) };
        let to = to.unwrap_or(signed.head.size);
        match from <= to && to <= signed.head.size {
            true => Ok(Some((to, log.consistency(book, from, to)?))),
            false => Ok(None),
        }
    });
    let (to, proof) = proof.await?.ok_or_else(not_signed_yet)?;
    let body = json!({"from": from, "to": to, "proof": hex_list(&proof)});
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, FOR_A_MOMENT)).json(body))
}

/// Reads the log of a book on a blocking thread.
async fn of_log<T: Send + 'static>(
    published: &Published,
    books: &Books,
    book: BookNo,
    read: impl FnOnce(&Log, &str) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let log = published.as_ref().clone().ok_or_else(Problem::not_found)?;
    let info: Arc<BookInfo> = books.info(book).await?.ok_or_else(Problem::not_found)?;
    let done = web::block(move || read(&log, &info.name)).await;
    match done.map_err(|_| Problem::internal())? {
        Ok(found) => Ok(found),
        Err(error) => {
            tracing::warn!(book, %error, "log.not_read");
            Err(Problem::busy(1))
        }
    }
}

fn position((book, seq): (BookNo, String)) -> Result<(BookNo, u64), Problem> {
    let seq = seq.parse().map_err(|_| Problem::not_found())?;
    Ok((book, seq))
}

fn not_signed_yet() -> Problem {
    let mut problem = Problem::new(
        404,
        "NOT_SIGNED_YET",
        "日志尚未签署到该位置，请稍后再试",
        "the log is not signed up to there yet; try again in a second",
    );
    problem.retry_after = Some(1);
    problem
}

fn plain(text: String, cache: &str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(ContentType::plaintext()).insert_header((CACHE_CONTROL, cache));
    answer.body(text)
}

fn bytes(bytes: Vec<u8>, cache: String) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(ContentType::octet_stream()).insert_header((CACHE_CONTROL, cache));
    answer.body(bytes)
}

fn hex_list(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(hex::encode).collect()
}
