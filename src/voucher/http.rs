//! Vouchers over HTTP: claim, see, give back, look up by code, show as a QR code.

use super::claim::{Claim, view};
use super::code::Code;
use super::doors::{Doors, book_of, facts_of_person, put};
use super::ends::GiveBack;
use super::gate;
use super::model::Voucher;
use super::store::{self, Shown};
use crate::book::{Answered, BookInfo, read};
use crate::http::extract::{Asked, Posted};
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Person, Retailer, Unverified};
use crate::identity::envelope::{bucket_of_person, envelope};
use crate::identity::model::PersonId;
use crate::identity::store::{Fresh, KnownPerson};
use crate::infra::keys::Purpose;
use crate::kernel::class::Class;
use crate::kernel::id::{Kind, PublicId};
use crate::kernel::region::Region;
use crate::programme::{Fact, Phase, Screened, Value};
use crate::register::model::PersonRef;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A claim: who claims is in the token.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// The operating region, a GB/T 2260 code: `310000`.
    #[schema(value_type = String, example = "310000")]
    pub region: Region,
    /// `appliance.refrigerator`, …
    #[schema(value_type = String, example = "appliance.refrigerator")]
    pub class: Class,
    /// `online` or `offline`, where the programme has vouchers of either kind.
    pub channel: Option<Channel>,
    /// Where the person is, as his device tells it.
    #[schema(value_type = Option<String>)]
    pub location: Option<Region>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Online,
    Offline,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Online => "online",
            Channel::Offline => "offline",
        }
    }
}

/// An act that has nothing to say.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A code as it was scanned or typed.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// `H-7QK2M-9XW4T-0B3ZC-8RNVE-5`
    pub code: String,
}

impl std::fmt::Debug for CodeBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeBody")
    }
}

/// Claims a voucher.
#[utoipa::path(operation_id = "claim_voucher",
    post, path = "/v1/vouchers", tag = "vouchers", request_body = ClaimBody,
    params(("Idempotency-Key" = String, Header)), security(("bearer" = [])),
    responses((status = 201, description = "The voucher, its code, and the receipt"),
        (status = 422, description = "Refused by the rules",
            body = crate::http::problem::ProblemBody)))]
pub async fn claim(
    doors: Doors,
    caller: Unverified<Person>,
    posted: Result<Posted<ClaimBody>, Problem>,
) -> Result<HttpResponse, Problem> {
    if let Ok(posted) = &posted {
        gate::sold_out(&doors, &caller, posted).await?;
    }
    let (acting, posted) = (caller.verify()?, posted?);
    let book = book_of(&doors, posted.body.region, &posted.body.class).await?;
    let drawn = (Uuid::now_v7(), Fresh::draw());
    let screened = |again| screened_claim(&doors, &book, acting.person, &posted.body, drawn, again);
    let sealed = |claim: Claim| envelope(acting.actor(), &posted, Arc::new(claim));
    let first = screened(false).await?;
    let asking = gate::asking(&book, &first, &sealed(first.clone()));
    let pass = match asking {
        Some(asking) => Some(gate::admit(&doors, &book, &first, asking).await?),
        None => None,
    };
    let mut first = Some(first);
    let answered = doors
        .books
        .answer_screened(book.no, |again| {
            let ready = first.take();
            let (screened, sealed) = (&screened, &sealed);
            async move {
                match ready {
                    Some(claim) => Ok(sealed(claim)),
                    None => Ok(sealed(screened(again).await?)),
                }
            }
        })
        .await;
    if let Some(pass) = pass {
        gate::settle(&doors, pass, &answered).await;
    }
    with_code(&doors, answered?)
}

async fn screened_claim(
    doors: &Doors,
    book: &BookInfo,
    person: PersonId,
    body: &ClaimBody,
    (voucher, fresh): (Uuid, Fresh),
    again: bool,
) -> Result<Claim, Problem> {
    let shelf = match again {
        true => doors.library.refresh().await?,
        false => doors.library.shelf().await?,
    };
    let mut facts = facts_of_person(doors, person, body.location).await?;
    let channel = body.channel.map(|channel| Value::text(channel.as_str()));
    put(&mut facts, Fact::VoucherChannel, channel)?;
    let (region, class, now) = (body.region, &body.class, doors.clock.now());
    let screened = Screened::run(&shelf, region, class, &[Phase::Claim], facts, now);
    if let Some(programme) = &screened.programme
        && programme.flow() != crate::programme::Flow::Voucher
    {
        return Err(Problem::new(
            409,
            "NO_VOUCHER_NEEDED",
            "该品类无需领券，购买时直接享受或事后申请",
            "this class takes no voucher: it is redeemed at the till or applied for",
        ));
    }
    let (version, key) = doors.keys.current(Purpose::VoucherCode);
    let code = Code::derive(key, book.no, voucher);
    Ok(Claim {
        voucher,
        person: PersonRef { bucket: bucket_of_person(&doors.keys, person), id: person.uuid() },
        fresh,
        class: body.class.clone(),
        channel: body.channel.map(Channel::as_str).unwrap_or_default().to_owned(),
        region: body.location.unwrap_or(body.region),
        province: book.region.province(),
        screened,
        code_key: version.cast_signed(),
        code_digest: Some(code.digest(key)),
    })
}

/// Adds the code to the answer of a claim. It is derived, never stored: the same voucher has the
/// same code, so a replayed answer stays byte-equal.
fn with_code(doors: &Doors, answered: Answered) -> Result<HttpResponse, Problem> {
    if !answered.is_success() {
        return Ok(answered.response());
    }
    let mut body: Json = serde_json::from_slice(&answered.body).map_err(|_| Problem::internal())?;
    let id = body["voucher"]["id"].as_str().and_then(|id| id.parse::<PublicId>().ok());
    let id = id.ok_or_else(Problem::internal)?;
    let (_, key) = doors.keys.current(Purpose::VoucherCode);
    body["code"] = json!(Code::derive(key, id.book, id.id).reveal());
    let body = crate::kernel::canonical::bytes(&body);
    Ok(Answered { body, ..answered }.response())
}

/// Gives an unused voucher back.
#[utoipa::path(operation_id = "give_back_voucher",
    post, path = "/v1/vouchers/{id}/give-back", tag = "vouchers",
    request_body = Nothing,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    security(("bearer" = [])), responses((status = 200, description = "Given back"),
        (status = 409, description = "Reserved, redeemed or over")))]
pub async fn give_back(
    doors: Doors,
    acting: Acting<Person>,
    id: web::Path<String>,
    posted: Posted<Nothing>,
) -> Result<HttpResponse, Problem> {
    let id = PublicId::parse(Kind::Voucher, &id).map_err(|_| Problem::not_found())?;
    let command = GiveBack { voucher: id.id, person: acting.person.uuid() };
    let envelope = envelope(acting.actor(), &posted, Arc::new(command));
    let answered = doors.books.answer(id.book, envelope).await?;
    gate::tell(&doors.gate, &answered).await;
    Ok(answered.response())
}

/// A person's own voucher, with its code.
#[utoipa::path(operation_id = "see_voucher",
    get, path = "/v1/vouchers/{id}", tag = "vouchers", params(("id" = String, Path)),
    security(("bearer" = [])), responses((status = 200, description = "The voucher")))]
pub async fn see(
    doors: Doors,
    acting: Acting<Person>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (voucher, id) = own(&doors, acting.person, &id).await?;
    let mut body = json!({"voucher": shown(&doors, id, &voucher).await?});
    if let Some(code) = code_of(&doors, id, &voucher) {
        body["code"] = json!(code.reveal());
    }
    Ok(HttpResponse::Ok().json(body))
}

/// The code of a person's own voucher as an SVG picture.
#[utoipa::path(operation_id = "see_voucher_qr",
    get, path = "/v1/vouchers/{id}/qr", tag = "vouchers",
    params(("id" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "image/svg+xml")))]
pub async fn qr(
    doors: Doors,
    acting: Acting<Person>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (voucher, id) = own(&doors, acting.person, &id).await?;
    let svg = code_of(&doors, id, &voucher).and_then(|code| code.qr_svg());
    let svg = svg.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(svg))
}

/// Finds a voucher by its code: what a till asks before it quotes. It changes nothing.
#[utoipa::path(operation_id = "look_up_voucher",
    post, path = "/v1/vouchers/lookup", tag = "vouchers", request_body = CodeBody,
    security(("bearer" = [])), responses((status = 200, description = "The voucher"),
        (status = 404, description = "No voucher has this code")))]
pub async fn lookup(
    doors: Doors,
    _acting: Acting<Retailer>,
    asked: Asked<CodeBody>,
) -> Result<HttpResponse, Problem> {
    let (voucher, _, id) = by_code(&doors, &asked.body.code).await?;
    let body = json!({"voucher": shown(&doors, id, &voucher).await?});
    Ok(HttpResponse::Ok().json(body))
}

/// The voucher of a code, whichever key version made it, and what is known of its person.
pub async fn by_code(
    doors: &Doors,
    code: &str,
) -> Result<(Voucher, KnownPerson, PublicId), Problem> {
    let code = Code::parse(code).map_err(|_| {
        Problem::bad_field("code", "券码缺字或有误，请核对", "a symbol is missing or mistyped")
    })?;
    let keys = doors.keys.all(Purpose::VoucherCode);
    let digests: Vec<Vec<u8>> = keys.map(|(_, key)| code.digest(key)).collect();
    let found = doors.seek.voucher(code.book, digests).await?;
    let Shown { voucher, person, .. } = found.ok_or_else(Problem::not_found)?;
    let id = PublicId::new(Kind::Voucher, code.book, voucher.id);
    Ok((voucher, person, id))
}

async fn own(doors: &Doors, person: PersonId, id: &str) -> Result<(Voucher, PublicId), Problem> {
    let id = PublicId::parse(Kind::Voucher, id).map_err(|_| Problem::not_found())?;
    let found = read(&doors.pool, move |c| store::find(c, id.book, id.id)).await?;
    let voucher = found.filter(|voucher| voucher.person.id == person.uuid());
    Ok((voucher.ok_or_else(Problem::not_found)?, id))
}

/// The voucher as it is at this moment: one that time has ended is shown as lapsed, swept or not.
async fn shown(doors: &Doors, id: PublicId, voucher: &Voucher) -> Result<Json, Problem> {
    let shelf = doors.library.shelf().await?;
    let programme = shelf.programmes.by_hash(&hex::encode(voucher.rule)).cloned();
    let programme = programme.ok_or_else(Problem::internal)?;
    let mut shown = view(id.book, voucher, &programme);
    if voucher.is_overdue(doors.clock.now()) {
        shown["state"] = json!("lapsed");
    }
    Ok(shown)
}

fn code_of(doors: &Doors, id: PublicId, voucher: &Voucher) -> Option<Code> {
    voucher.code_digest.as_ref()?;
    let key = doors.keys.of(Purpose::VoucherCode, voucher.code_key.unsigned_abs())?;
    Some(Code::derive(key, id.book, id.id))
}
