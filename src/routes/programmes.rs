//! Programmes over HTTP: published by a programme admin, read by everybody.

use crate::book::{Books, REGISTER};
use crate::http::extract::Posted;
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, ProgrammeAdmin};
use crate::identity::envelope::envelope;
use crate::programme::publish::Publish;
use crate::programme::{Complaint, Library, Programme, Programmes, Shelf, check};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// The text of a programme version, as its file has it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishBody {
    pub text: String,
}

/// Publishes a programme version. It is checked first, and its own examples must pass.
#[utoipa::path(operation_id = "publish_programme",
    post, path = "/v1/programmes", tag = "programmes", request_body = PublishBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "Published"), (status = 200, description = "It was"),
        (status = 409, description = "This version is published with another content"),
        (status = 422, description = "PROGRAMME_WRONG: the first complaint, with its line")))]
pub async fn publish(
    books: web::Data<Books>,
    library: web::Data<Library>,
    acting: Acting<ProgrammeAdmin>,
    posted: Posted<PublishBody>,
) -> Result<HttpResponse, Problem> {
    let programme = checked(&*library.shelf().await?, &posted.body.text)?;
    for class in programme.classes() {
        acting.within(programme.region(), class.family())?;
    }
    let command = Publish { programme, id: Uuid::now_v7() };
    let answered =
        books.answer(REGISTER, envelope(acting.actor(), &posted, Arc::new(command))).await?;
    library.refresh().await?;
    Ok(answered.response())
}

/// Compiles a text and runs its examples among the programmes that are published.
fn checked(shelf: &Shelf, text: &str) -> Result<Arc<Programme>, Problem> {
    const NAME: &str = "the text";
    let alone = Programmes::from_texts([(NAME, text)]).map_err(|found| wrong(&found[0].1))?;
    let programme = alone.iter().next().cloned().ok_or_else(Problem::internal)?;
    let key = (programme.id(), programme.version());
    let others = shelf.programmes.iter().filter(|other| (other.id(), other.version()) != key);
    let others = others.map(|other| (other.id(), other.text()));
    let files = check(others.chain([(NAME, text)]));
    let complaint =
        files.iter().filter(|file| file.name == NAME).find_map(|f| f.complaints.first());
    complaint.map_or(Ok(programme), |complaint| Err(wrong(complaint)))
}

fn wrong(complaint: &Complaint) -> Problem {
    Problem::new(
        422,
        "PROGRAMME_WRONG",
        format!("方案未通过检查：{complaint}"),
        format!("the programme does not pass its check: {complaint}"),
    )
}

fn shown(programme: &Programme) -> Value {
    let (title_zh, title_en) = programme.title();
    json!({
        "id": programme.id(), "version": programme.version(), "sha256": programme.hash(),
        "region": programme.region(), "flow": programme.flow(), "title_zh": title_zh,
        "title_en": title_en, "classes": programme.classes(),
    })
}

/// All published versions.
#[utoipa::path(operation_id = "list_programmes",
    get, path = "/v1/programmes", tag = "programmes",
    responses((status = 200, description = "Every published version")))]
pub async fn list(library: web::Data<Library>) -> Result<HttpResponse, Problem> {
    let shelf = library.shelf().await?;
    let all: Vec<Value> = shelf.programmes.iter().map(|programme| shown(programme)).collect();
    Ok(HttpResponse::Ok().json(json!({"data": all})))
}

/// The text of a version, byte for byte, by its content hash.
#[utoipa::path(operation_id = "see_programme",
    get, path = "/v1/programmes/{sha256}", tag = "programmes",
    params(("sha256" = String, Path)),
    responses((status = 200, description = "The text that was published, TOML")))]
pub async fn text(
    library: web::Data<Library>,
    sha256: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let shelf = library.shelf().await?;
    let programme = shelf.programmes.by_hash(&sha256).ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .content_type("application/toml; charset=utf-8")
        .body(programme.text().to_owned()))
}
