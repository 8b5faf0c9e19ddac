//! What the handlers of the till and of claims share: the doors of the process, the book that a
//! request belongs to, and the facts of a person.

use crate::book::{BookInfo, Books};
use crate::http::problem::Problem;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::PersonId;
use crate::identity::store::{KnownPerson, PERSON_ERASED};
use crate::infra::clock::Clock;
use crate::infra::keys::KeyRing;
use crate::infra::postgres::ReadPool;
use crate::kernel::class::Class;
use crate::kernel::region::Region;
use crate::kernel::time::day_of;
use crate::programme::{Fact, Facts, Library, Value};
use crate::register::gate::Gate;
use crate::register::model::PersonRef;
use crate::voucher::seek::Seek;
use actix_web::web;
use chrono::Datelike;
use std::sync::Arc;

/// What handlers of this slice share.
#[derive(Clone)]
pub struct Doors {
    pub books: web::Data<Books>,
    pub library: web::Data<Library>,
    pub pool: web::Data<ReadPool>,
    pub keys: web::Data<KeyRing>,
    pub clock: web::Data<Clock>,
    pub gate: web::Data<Gate>,
    pub seek: web::Data<Seek>,
}

impl actix_web::FromRequest for Doors {
    type Error = Problem;
    type Future = std::future::Ready<Result<Doors, Problem>>;

    fn from_request(
        request: &actix_web::HttpRequest,
        _: &mut actix_web::dev::Payload,
    ) -> Self::Future {
        fn door<T: 'static>(request: &actix_web::HttpRequest) -> Result<web::Data<T>, Problem> {
            request.app_data::<web::Data<T>>().cloned().ok_or_else(Problem::internal)
        }
        let doors = || {
            Ok(Doors {
                books: door(request)?,
                library: door(request)?,
                pool: door(request)?,
                keys: door(request)?,
                clock: door(request)?,
                gate: door(request)?,
                seek: door(request)?,
            })
        };
        std::future::ready(doors())
    }
}

/// The book of the operating region, the class's family and the current year.
pub async fn book_of(
    doors: &Doors,
    region: Region,
    class: &Class,
) -> Result<Arc<BookInfo>, Problem> {
    let year = day_of(doors.clock.now()).year();
    let found = doors.books.find(region, class.family(), year).await?;
    found.ok_or_else(|| {
        Problem::new(
            409,
            "BOOK_NOT_OPEN",
            "该地区本年度未开设此类补贴账簿",
            "this region has no book for this family this year",
        )
    })
}

/// What screening knows of a person: an opaque id, the age, where he is.
pub async fn facts_of_person(
    doors: &Doors,
    person: PersonId,
    location: Option<Region>,
) -> Result<Facts, Problem> {
    let bucket = bucket_of_person(&doors.keys, person);
    let known = doors.seek.person(PersonRef { bucket, id: person.uuid() }).await?;
    facts_of_known(doors, person, known.ok_or_else(Problem::not_found)?, location)
}

/// The same of a person whose row is read already.
///
/// # Errors
/// 422 for one that was erased.
pub fn facts_of_known(
    doors: &Doors,
    person: PersonId,
    known: KnownPerson,
    location: Option<Region>,
) -> Result<Facts, Problem> {
    if !known.is_active {
        return Err(Problem::refused(422, vec![PERSON_ERASED]));
    }
    let today = day_of(doors.clock.now());
    let age = known.born_on.and_then(|born| today.years_since(born));
    let mut facts = Facts::new();
    put(&mut facts, Fact::PersonId, Some(Value::text(person.to_string())))?;
    put(&mut facts, Fact::PersonAge, age.map(|age| Value::Int(i64::from(age))))?;
    put(&mut facts, Fact::PersonLocation, location.map(Value::Region))?;
    Ok(facts)
}

/// Sets a fact where it is known.
pub fn put(facts: &mut Facts, fact: Fact, value: Option<Value>) -> Result<(), Problem> {
    if let Some(value) = value {
        facts.set(fact, value).map_err(|error| {
            Problem::bad_field(fact.row().name, "取值超出范围", &error.to_string())
        })?;
    }
    Ok(())
}
