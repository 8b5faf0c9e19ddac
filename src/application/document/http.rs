//! Documents over HTTP: filed, sent, listed, read.

use super::fields::Fields;
use super::file::FileDocument;
use super::model::{self, Document, MOST, TOO_MANY_DOCUMENTS};
use super::open::OpenFile;
use super::receive::ReceiveFile;
use super::store;
use crate::application::http::{Applying, book_of};
use crate::application::model::Application;
use crate::application::store as applications;
use crate::book::model::Command;
use crate::book::{Envelope, read};
use crate::http::extract::Posted;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request::Context;
use crate::identity::acting::{Acting, Auditor, Either, Part, Reviewer};
use crate::identity::envelope::{book_actor, envelope};
use crate::identity::store::find_subject;
use crate::identity::vault::Vault;
use crate::infra::blobs::{BlobError, Blobs, ContentHash, MediaType};
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::time::day_of;
use crate::voucher::doors::Doors;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whoever may see documents: their applicant, or a reviewer or auditor of the place.
pub type Seeing = Either<Applying, Either<Reviewer, Auditor>>;

/// What a document is, and the file that will be sent for it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationDocument)]
pub struct DocumentBody {
    pub document: Fields,
    /// Of the file, in 64 hexadecimal digits.
    #[serde(with = "hex::serde")]
    #[schema(value_type = String)]
    pub sha256: ContentHash,
    /// Its size.
    pub bytes: u64,
    pub media_type: MediaType,
}

/// Files a document of an application; its file is sent next.
#[utoipa::path(operation_id = "file_document", post,
    path = "/v1/applications/{id}/documents", tag = "applications", request_body = DocumentBody,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses(
        (status = 201, description = "Filed: send the file next"),
        (status = 409, description = "APPLICATION_STATE, TOO_MANY_DOCUMENTS",
            body = ProblemBody)))]
pub async fn file(
    doors: Doors,
    acting: Acting<Applying>,
    id: web::Path<String>,
    posted: Posted<DocumentBody>,
) -> Result<HttpResponse, Problem> {
    let (id, application) = own(&doors, &acting, &id).await?;
    let body = &posted.body;
    body.document.check(day_of(doors.clock.now()))?;
    let kind = body.document.kind();
    if body.bytes == 0 || body.bytes > kind.most_bytes() {
        let most = kind.most_bytes() / (1024 * 1024);
        let (zh, en) = (format!("1字节至{most} MiB"), format!("1 byte to {most} MiB"));
        return Err(Problem::bad_field("bytes", &zh, &en));
    }
    let there = read(&doors.pool, move |c| store::list(c, id.book, id.id)).await?;
    if there.len() as i64 >= MOST {
        return Err(Problem::refused(409, vec![TOO_MANY_DOCUMENTS]));
    }
    let person = application.applicant.id;
    let subject = read(&doors.pool, move |c| find_subject(c, id.book, person)).await?;
    let secret = subject.and_then(|subject| subject.secret).ok_or_else(Problem::internal)?;
    let key = model::key_of(&doors.keys, &secret);
    let document = Uuid::now_v7();
    let vault = Vault::new(doors.keys.clone().into_inner());
    let command = FileDocument {
        applicant: application.applicant,
        document: Document {
            id: document,
            application: id.id,
            kind,
            sha256: body.sha256,
            bytes: body.bytes.cast_signed(),
            media: body.media_type,
            cipher: model::seal(&vault, document, &body.document),
            commitment: model::commitment(&key, &body.sha256, &body.document),
            filed_at: doors.clock.now(),
            received_at: None,
        },
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// Sends the file of a document: its bytes as the body. Sending it again changes nothing.
#[utoipa::path(operation_id = "send_document", put,
    path = "/v1/applications/{id}/documents/{document}/file", tag = "applications",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(("id" = String, Path), ("document" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The file is kept"),
        (status = 409, description = "APPLICATION_STATE", body = ProblemBody),
        (status = 422, description = "DOCUMENT_DIFFERS", body = ProblemBody)))]
pub async fn send(
    doors: Doors,
    blobs: web::Data<Blobs>,
    acting: Acting<Applying>,
    ids: web::Path<(String, String)>,
    request: HttpRequest,
    mut payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (id, _) = own(&doors, &acting, &ids.0).await?;
    let document = of_application(&doors, id, &ids.1).await?;
    // No more is read than was filed: what is longer is another file.
    let mut incoming = blobs.receive(document.bytes.cast_unsigned()).await.map_err(failed)?;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| cut_off())?;
        incoming.write(&piece).await.map_err(failed)?;
    }
    let received = incoming.finish().await.map_err(failed)?;
    let command = ReceiveFile {
        application: id.id,
        document: document.id,
        sha256: received.sha256,
        bytes: received.bytes.cast_signed(),
        media: received.media,
    };
    // Kept before it is said to be there; one that is refused is not kept at all.
    let is_it = received.sha256 == document.sha256 && received.media == Some(document.media);
    if is_it {
        blobs.keep(received).await.map_err(failed)?;
    }
    let envelope = unkeyed(&acting, &request, Arc::new(command));
    Ok(doors.books.answer(id.book, envelope).await?.response())
}

/// The documents of an application, oldest first, without their fields.
#[utoipa::path(operation_id = "list_documents", get,
    path = "/v1/applications/{id}/documents", tag = "applications",
    params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The documents")))]
pub async fn list(
    doors: Doors,
    acting: Acting<Seeing>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = seen(&doors, &acting, &id).await?;
    let documents = read(&doors.pool, move |c| store::list(c, id.book, id.id)).await?;
    let data: Vec<_> = documents.iter().map(|document| document.view(id.book)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": data})))
}

/// The file of a document. An official's reading is on record before the first byte.
#[utoipa::path(operation_id = "read_document", get,
    path = "/v1/applications/{id}/documents/{document}/file", tag = "applications",
    params(("id" = String, Path), ("document" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The file", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 409, description = "DOCUMENT_NOT_RECEIVED", body = ProblemBody)))]
pub async fn open(
    doors: Doors,
    blobs: web::Data<Blobs>,
    acting: Acting<Seeing>,
    ids: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = seen(&doors, &acting, &ids.0).await?;
    let document = of_application(&doors, id, &ids.1).await?;
    if let Either::Other(_) = &*acting {
        let command = Arc::new(OpenFile { document: document.id });
        let answered = doors.books.answer(id.book, unkeyed(&acting, &request, command)).await?;
        if !answered.is_success() {
            return Ok(answered.response());
        }
    } else if !document.is_received() {
        return Err(Problem::refused(409, vec![model::DOCUMENT_NOT_RECEIVED]));
    }
    content(&blobs, &document).await
}

/// The bytes of a document's file, as a browser may be handed them: of a type that it cannot run,
/// and in no frame but ours.
pub async fn content(blobs: &Blobs, document: &Document) -> Result<HttpResponse, Problem> {
    let (file, size) = blobs.read(document.sha256).await.map_err(failed)?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; 64 * 1024];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    let name = format!("{}.{}", document.kind.as_str(), extension(document.media));
    let way = if document.media == MediaType::Ofd { "attachment" } else { "inline" };
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'");
    let same_origin = HeaderName::from_static("cross-origin-resource-policy");
    Ok(HttpResponse::Ok()
        .content_type(document.media.mime())
        .insert_header((CONTENT_DISPOSITION, format!("{way}; filename=\"{name}\"")))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .insert_header((same_origin, HeaderValue::from_static("same-origin")))
        .body(actix_web::body::SizedStream::new(size, pieces)))
}

fn extension(media: MediaType) -> &'static str {
    match media {
        MediaType::Pdf => "pdf",
        MediaType::Jpeg => "jpg",
        MediaType::Png => "png",
        MediaType::Ofd => "ofd",
    }
}

/// The envelope of a request without an `Idempotency-Key`: running it twice does no harm.
fn unkeyed<P: Part>(
    acting: &Acting<P>,
    request: &HttpRequest,
    command: Arc<dyn Command>,
) -> Envelope {
    let context = Context::of(request);
    Envelope {
        actor: book_actor(acting.actor()),
        key: None,
        fingerprint: [0; 16],
        language: context.language,
        request_id: context.id,
        command,
    }
}

/// The caller's own application.
async fn own(
    doors: &Doors,
    acting: &Acting<Applying>,
    id: &str,
) -> Result<(PublicId, Application), Problem> {
    let (id, _) = book_of(doors, id).await?;
    let found = read(&doors.pool, move |c| applications::find(c, id.book, id.id)).await?;
    let applicant = acting.applicant().known(doors);
    let found = found.filter(|application| application.applicant == applicant);
    Ok((id, found.ok_or_else(Problem::not_found)?))
}

/// An application that the caller may see: his own, or one within his scope.
async fn seen(doors: &Doors, acting: &Acting<Seeing>, id: &str) -> Result<PublicId, Problem> {
    let (id, book) = book_of(doors, id).await?;
    let found = read(&doors.pool, move |c| applications::find(c, id.book, id.id)).await?;
    let application = found.ok_or_else(Problem::not_found)?;
    match &**acting {
        Either::One(applying) if application.applicant == applying.applicant().known(doors) => {}
        Either::One(_) => return Err(Problem::not_found()),
        Either::Other(Either::One(reviewer)) => reviewer.within(book.region, &book.family)?,
        Either::Other(Either::Other(auditor)) => auditor.within(book.region, &book.family)?,
    }
    Ok(id)
}

/// A document of this application, by its id.
pub async fn of_application(
    doors: &Doors,
    application: PublicId,
    document: &str,
) -> Result<Document, Problem> {
    let id = PublicId::parse_in(Kind::Document, application.book, document)
        .map_err(|_| Problem::not_found())?;
    let found = read(&doors.pool, move |c| store::find(c, id.book, id.id)).await?;
    let found = found.filter(|document| document.application == application.id);
    found.ok_or_else(Problem::not_found)
}

fn cut_off() -> Problem {
    Problem::new(400, "BAD_REQUEST", "文件未完整上传", "the file did not arrive whole")
}

fn failed(error: BlobError) -> Problem {
    match error {
        BlobError::TooLarge(_) => Problem::refused(422, vec![model::DOCUMENT_DIFFERS]),
        BlobError::Io(_) | BlobError::Bucket(_) => {
            tracing::warn!(%error, "blobs.failed");
            Problem::busy(5)
        }
        BlobError::Missing(_) | BlobError::Altered(_) => {
            tracing::error!(%error, "blobs.wrong");
            Problem::internal()
        }
    }
}
