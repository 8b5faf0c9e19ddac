//! People over HTTP: registered by a real-name provider, seen by themselves and by officials.

use super::look_up::LookUp;
use super::model::{CaseNo, ConsentText, DigestKey, Person as PersonRow, Reason};
use super::register::{RegisterPerson, digest_key};
use super::sealed::{Document, Identity};
use super::store;
use crate::book::{Answered, Books, Envelope, REGISTER, read};
use crate::http::extract::{Posted, Sent};
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Auditor, Either, Person, RealNameProvider, Reviewer};
use crate::identity::envelope::{bucket_of_person, envelope};
use crate::identity::model::{ConsentPurpose, PersonId};
use crate::identity::role::Scope;
use crate::identity::store::Secret;
use crate::identity::vault::Vault;
use crate::infra::keys::KeyRing;
use crate::infra::postgres::ReadPool;
use crate::kernel::canonical;
use crate::kernel::identifier::{IdNumber, Mobile, PersonName};
use crate::kernel::region::Region;
use crate::kernel::time;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A person whose identity the provider has checked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    pub document: Document,
    /// The 18 characters of the document.
    #[schema(value_type = String, example = "11010519491231002X")]
    pub id_number: IdNumber,
    /// As the document prints it.
    #[schema(value_type = String, example = "张三")]
    pub name: PersonName,
    #[schema(value_type = String, example = "13800005678")]
    pub mobile: Mobile,
    pub consent: ConsentBody,
}

/// What the person agreed to, just now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    /// Which text was shown: its version.
    #[schema(value_type = String, example = "310000/2026-01")]
    pub text: ConsentText,
    /// `identity` at least: without it nothing may be stored.
    pub purposes: Vec<ConsentPurpose>,
}

/// Whom to look up, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookUpBody {
    #[schema(value_type = String, example = "per_0_019a0000000070008000000000000001")]
    pub person: PersonId,
    /// Needed for clear text.
    pub reason: Option<Reason>,
    /// The number of the case; needed for clear text.
    #[schema(value_type = Option<String>, example = "SH-2026/0017")]
    pub case: Option<CaseNo>,
    /// `true`: not masked. It is recorded in the ledger and takes an `Idempotency-Key`.
    #[serde(default)]
    pub clear: bool,
}

/// Registers a person. The same identity is always the same person.
#[utoipa::path(operation_id = "register_person", post,
    path = "/v1/people", tag = "people", request_body = PersonBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "The id of the new person"),
        (status = 200, description = "The id and state of the person who was registered before"),
        (status = 422, description = "PROVIDER_NOT_ACTIVE",
            body = crate::http::problem::ProblemBody)))]
pub async fn register(
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    keys: web::Data<KeyRing>,
    acting: Acting<RealNameProvider>,
    posted: Posted<PersonBody>,
) -> Result<HttpResponse, Problem> {
    let body = &posted.body;
    if body.document != Document::from(body.id_number.kind()) {
        return Err(Problem::bad_field(
            "document",
            "证件类型与证件号码不符",
            "not the document that such a number stands on",
        ));
    }
    let mut purposes = body.consent.purposes.clone();
    purposes.sort_unstable();
    purposes.dedup();
    if !purposes.contains(&ConsentPurpose::Identity) {
        return Err(Problem::bad_field(
            "consent.purposes",
            "须包含本人对身份信息处理的单独同意（identity）",
            "must hold the person's separate consent to the use of the identity",
        ));
    }
    let keys = keys.into_inner();
    let vault = Vault::new(keys.clone());
    // Random, unlike other ids: the time in it would tell his registration among the entries.
    let id = PersonId::from(Uuid::new_v4());
    let identity = Identity {
        number: body.id_number.clone(),
        name: body.name.clone(),
        mobile: body.mobile.clone(),
        consent_text: body.consent.text.clone(),
        purposes: purposes.clone(),
    };
    let lookups = vault.lookups(&identity.number);
    let command = RegisterPerson {
        provider: acting.organisation.uuid(),
        id,
        cipher: identity.seal(&vault, id.uuid()),
        secret: Secret::draw(),
        born_on: identity.number.date_of_birth(),
        lookups: lookups.clone(),
        purposes,
        about: Uuid::new_v4(),
        keys: keys.clone(),
    };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    let answered = books.answer(REGISTER, with_keyed_fingerprint(&keys, envelope)).await?;
    if !answered.is_success() {
        return Ok(answered.response());
    }
    let digests: Vec<DigestKey> = lookups.iter().map(digest_key).collect();
    let found = read(&pool, move |c| store::find_identified(c, &digests)).await?;
    let found = PersonId::from(found.ok_or_else(Problem::not_found)?);
    let person = find(&pool, &keys, found).await?;
    with_person(answered, json!({"id": found, "state": person.state}))
}

/// Adds the person to an answer that is stored without him, so that no row of a book's tells whose
/// entry it is the answer to.
fn with_person(answered: Answered, person: Value) -> Result<HttpResponse, Problem> {
    let mut body: Value =
        serde_json::from_slice(&answered.body).map_err(|_| Problem::internal())?;
    body["person"] = person;
    Ok(Answered { body: canonical::bytes(&body), ..answered }.response())
}

/// The fingerprint of a body is stored with its answer. Of a body with a person in it a plain
/// digest could be tried out by whoever knows him, so it is keyed, by the key that is never
/// rotated: a replay years later has the same one.
fn with_keyed_fingerprint(keys: &KeyRing, envelope: Envelope) -> Envelope {
    let digest = keys.bucket_digest("person_request", &envelope.fingerprint);
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&digest[..16]);
    Envelope { fingerprint, ..envelope }
}

/// The caller himself, masked.
#[utoipa::path(operation_id = "see_myself", get,
    path = "/v1/people/me", tag = "people", security(("bearer" = [])),
    responses((status = 200, description = "The person, the identity masked")))]
pub async fn me(
    pool: web::Data<ReadPool>,
    keys: web::Data<KeyRing>,
    acting: Acting<Person>,
) -> Result<HttpResponse, Problem> {
    let keys = keys.into_inner();
    let person = find(&pool, &keys, acting.person).await?;
    Ok(HttpResponse::Ok().json(json!({"person": masked(keys, &person)?})))
}

/// Looks a person up: masked, or in clear text with a reason and a case, on record.
#[utoipa::path(operation_id = "look_up_person", post,
    path = "/v1/people/lookup", tag = "people", request_body = LookUpBody,
    params(("Idempotency-Key" = Option<String>, Header)), security(("bearer" = [])),
    responses((status = 200, description = "The person, and with `clear` a receipt"),
        (status = 404, description = "No dealings in the caller's scope"),
        (status = 422, description = "PERSON_ERASED",
            body = crate::http::problem::ProblemBody)))]
pub async fn look_up(
    books: web::Data<Books>,
    pool: web::Data<ReadPool>,
    keys: web::Data<KeyRing>,
    acting: Acting<Either<Auditor, Reviewer>>,
    sent: Sent<LookUpBody>,
) -> Result<HttpResponse, Problem> {
    let id = sent.body.person;
    let scope = match &*acting {
        Either::One(auditor) => &auditor.scope,
        Either::Other(reviewer) => &reviewer.scope,
    };
    in_scope(&books, &pool, scope, id).await?;
    let keys = keys.into_inner();
    if !sent.body.clear {
        let person = find(&pool, &keys, id).await?;
        return Ok(HttpResponse::Ok().json(json!({"person": masked(keys, &person)?})));
    }
    let posted = sent.posted()?;
    let reason = posted.body.reason.ok_or_else(|| needed("reason"))?;
    let case = posted.body.case.clone().ok_or_else(|| needed("case"))?;
    let command = LookUp { keys: keys.clone(), person: id, reason, case, id: Uuid::new_v4() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    let answered = books.answer(REGISTER, with_keyed_fingerprint(&keys, envelope)).await?;
    if !answered.is_success() {
        return Ok(answered.response());
    }
    // Only now, with the entry committed, is the vault opened.
    let person = find(&pool, &keys, id).await?;
    let identity = open(keys, &person)?.map_or(Value::Null, |identity| identity.clear());
    with_person(answered, json!({"id": id, "identity": identity}))
}

fn needed(field: &str) -> Problem {
    Problem::bad_field(field, "查询明文时必填", "needed to see clear text")
}

/// A person belongs to no place; an official may look at one who has dealings in a book of his
/// scope. An official of the whole nation and every family may look at anybody.
async fn in_scope(
    books: &Books,
    pool: &ReadPool,
    scope: &Scope,
    person: PersonId,
) -> Result<(), Problem> {
    if scope.covers_region(Region::NATION) {
        return Ok(());
    }
    let all = books.all().await?;
    let mine = all.iter().filter(|book| book.no != REGISTER);
    let mine = mine.filter(|book| scope.covers(book.region, &book.family));
    let mine: Vec<i32> = mine.map(|book| book.no).collect();
    match read(pool, move |c| store::has_dealings(c, &mine, person.uuid())).await? {
        true => Ok(()),
        false => Err(Problem::not_found()),
    }
}

async fn find(pool: &ReadPool, keys: &KeyRing, id: PersonId) -> Result<PersonRow, Problem> {
    let bucket = bucket_of_person(keys, id);
    let found = read(pool, move |c| store::find(c, bucket, id.uuid())).await?;
    found.ok_or_else(Problem::not_found)
}

fn open(keys: Arc<KeyRing>, person: &PersonRow) -> Result<Option<Identity>, Problem> {
    Identity::open(&Vault::new(keys), person).map_err(|error| {
        // The error says which check failed and nothing of the content.
        tracing::error!(%error, "vault.not_opened");
        Problem::internal()
    })
}

fn masked(keys: Arc<KeyRing>, person: &PersonRow) -> Result<Value, Problem> {
    let identity = open(keys, person)?;
    Ok(json!({
        "id": person.public_id(),
        "state": person.state,
        "registered_at": person.registered_at.map(time::text),
        "identity": identity.map(|identity| identity.masked()),
    }))
}
