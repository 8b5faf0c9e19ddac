//! `Acting<…>` in a handler's signature: who may call it, and what the handler may know of them.
//!
//! ```ignore
//! async fn reserve(acting: Acting<Retailer>, body: Posted<Reserve>) -> Result<…, Problem> {
//!     let retailer = acting.organisation;            // from the token, never from the body
//! }
//! async fn approve(acting: Acting<Finance>, …) -> Result<…, Problem> {
//!     acting.within(book.region, &book.family)?;     // 404 outside the official's scope
//! }
//! async fn verify_old_item(acting: Acting<Either<Recycler, Dismantler>>, …)
//! ```
//!
//! Without a valid token the answer is 401, with one of another role 403. A valid token in the
//! wrong place, or for somebody else's object, is 404: whether the object exists is not for that
//! caller to know.

use super::model::{OrganisationId, PersonId, StoreId};
use super::role::{Role, Scope};
use super::token::{Actor, Standing, TokenRefused, Verifier, supposed_person};
use crate::http::problem::Problem;
use crate::kernel::region::Region;
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::Utc;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// What a caller must be. Implemented by a type for each role, by [`Either`] for two, and by
/// [`Anyone`]; nest `Either` for more.
pub trait Part: Sized + 'static {
    /// The roles that are let in, for the table of routes and its tests.
    fn roles() -> Vec<Role>;

    /// What this part knows of the caller; nothing when the caller has another role.
    fn of(actor: &Actor) -> Option<Self>;
}

/// A caller in a part that it may play. Reads like the part itself.
#[derive(Clone, Debug)]
pub struct Acting<P> {
    part: P,
    actor: Arc<Actor>,
}

impl<P> Acting<P> {
    /// The verified token: principal, login, token id.
    pub fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }
}

impl<P> Deref for Acting<P> {
    type Target = P;
    fn deref(&self) -> &P {
        &self.part
    }
}

impl<P: Part> Acting<P> {
    /// The part for a verified caller, or 403.
    pub fn admit(actor: Arc<Actor>) -> Result<Acting<P>, Problem> {
        match P::of(&actor) {
            Some(part) => Ok(Acting { part, actor }),
            None => Err(wrong_role()),
        }
    }
}

/// A natural person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    pub person: PersonId,
}

impl Part for Person {
    fn roles() -> Vec<Role> {
        vec![Role::Person]
    }

    fn of(actor: &Actor) -> Option<Person> {
        match (actor.role, &actor.standing) {
            (Role::Person, Standing::Person(person)) => Some(Person { person: *person }),
            _ => None,
        }
    }
}

/// A part that acts for an organisation.
macro_rules! organisation_part {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $type {
            pub organisation: OrganisationId,
            /// Where the token is bound to one store, that store.
            pub store: Option<StoreId>,
        }

        impl Part for $type {
            fn roles() -> Vec<Role> {
                vec![Role::$type]
            }

            fn of(actor: &Actor) -> Option<$type> {
                match (actor.role, &actor.standing) {
                    (Role::$type, Standing::Organisation { id, store }) => {
                        Some($type { organisation: *id, store: *store })
                    }
                    _ => None,
                }
            }
        }
    };
}

organisation_part!(
    /// Sells the new item.
    Retailer
);
organisation_part!(
    /// Takes the old item.
    Recycler
);
organisation_part!(
    /// Takes and scraps a vehicle.
    Dismantler
);
organisation_part!(
    /// Registers people whose identity it has checked.
    RealNameProvider
);

/// A part that acts for a bureau, within a scope.
macro_rules! official_part {
    ($(#[$doc:meta])* $type:ident, $($role:ident)|+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $type {
            pub scope: Scope,
        }

        impl Part for $type {
            fn roles() -> Vec<Role> {
                vec![$(Role::$role),+]
            }

            fn of(actor: &Actor) -> Option<$type> {
                match (actor.role, &actor.standing) {
                    ($(Role::$role)|+, Standing::Official(scope)) => {
                        Some($type { scope: scope.clone() })
                    }
                    _ => None,
                }
            }
        }

        impl $type {
            /// # Errors
            /// 404 where a book of this region and family lies outside the scope.
            pub fn within(&self, region: Region, family: &str) -> Result<(), Problem> {
                if self.scope.covers(region, family) { Ok(()) } else { Err(Problem::not_found()) }
            }
        }
    };
}

official_part!(
    /// Decides applications and doubtful redemptions.
    Reviewer,
    Reviewer
);
official_part!(
    /// Opens budgets and pays.
    Finance,
    Finance
);
official_part!(
    /// Publishes programmes, admits organisations.
    ProgrammeAdmin,
    ProgrammeAdmin
);
official_part!(
    /// Reads, changes nothing; what it reads is itself logged.
    Auditor,
    Auditor
);
official_part!(
    /// Any official, for reading within the scope.
    Official,
    Reviewer | Finance | ProgrammeAdmin | Auditor
);

/// One of two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    One(A),
    Other(B),
}

impl<A: Part, B: Part> Part for Either<A, B> {
    fn roles() -> Vec<Role> {
        let mut roles = A::roles();
        roles.extend(B::roles());
        roles
    }

    fn of(actor: &Actor) -> Option<Either<A, B>> {
        A::of(actor).map(Either::One).or_else(|| B::of(actor).map(Either::Other))
    }
}

impl Either<Recycler, Dismantler> {
    /// Who takes the old item, whichever it is.
    pub fn organisation(&self) -> OrganisationId {
        match self {
            Either::One(recycler) => recycler.organisation,
            Either::Other(dismantler) => dismantler.organisation,
        }
    }
}

/// Whoever has a valid token, for what is public among participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anyone;

impl Part for Anyone {
    fn roles() -> Vec<Role> {
        Role::ALL.to_vec()
    }

    fn of(_: &Actor) -> Option<Anyone> {
        Some(Anyone)
    }
}

impl<P: Part> FromRequest for Acting<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request).and_then(Acting::admit))
    }
}

/// A caller at whose token nobody has looked yet. A handler that takes it says what may be said to
/// everybody, and then asks [`Unverified::verify`].
pub struct Unverified<P> {
    request: HttpRequest,
    part: PhantomData<P>,
}

impl<P: Part> Unverified<P> {
    /// # Errors
    /// 401 without a valid token, 403 with one of another role.
    pub fn verify(&self) -> Result<Acting<P>, Problem> {
        caller(&self.request).and_then(Acting::admit)
    }

    /// Whom the token names, true or not ([`supposed_person`]).
    pub fn supposed_person(&self) -> Option<PersonId> {
        bearer(&self.request).ok().and_then(supposed_person)
    }
}

impl<P: Part> FromRequest for Unverified<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Unverified { request: request.clone(), part: PhantomData }))
    }
}

/// The verified caller of a request; kept with the request for what else asks who it is.
///
/// # Errors
/// 401 without a valid token; 500 where the application was built without a [`Verifier`].
pub fn caller(request: &HttpRequest) -> Result<Arc<Actor>, Problem> {
    if let Some(actor) = request.extensions().get::<Arc<Actor>>() {
        return Ok(actor.clone());
    }
    let verifier = request.app_data::<web::Data<Verifier>>().ok_or_else(Problem::internal)?;
    let token = bearer(request)?;
    let actor = verifier.verify(token, Utc::now()).map_err(|word| {
        tracing::debug!(refused = %word, "token.refused");
        metrics::counter!("tradein_tokens_refused_total", "reason" => word.to_string())
            .increment(1);
        invalid(word)
    })?;
    request.extensions_mut().insert(actor.clone());
    Ok(actor)
}

/// The token of the one `Authorization: Bearer …` header (RFC 6750). Never from the query or a
/// form: those end in logs.
fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (header, more) = (headers.next(), headers.next());
    let text = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && more.is_none() => {
            Ok(token.trim_start_matches(' '))
        }
        _ => Err(missing()),
    }
}

fn missing() -> Problem {
    Problem::new(
        401,
        "TOKEN_MISSING",
        "请在 Authorization 请求头中提供一个 Bearer 访问令牌",
        "send one bearer access token in the Authorization header",
    )
}

/// Which check failed stays inside: a forger would learn from it. That a token has run out is
/// said, so that an honest client knows to get a new one.
fn invalid(word: TokenRefused) -> Problem {
    match word {
        TokenRefused::Expired => Problem::new(
            401,
            "TOKEN_EXPIRED",
            "访问令牌已过期，请重新获取",
            "the access token has expired; get a new one",
        ),
        _ => Problem::new(401, "TOKEN_INVALID", "访问令牌无效", "the access token is not valid"),
    }
}

fn wrong_role() -> Problem {
    Problem::new(403, "WRONG_ROLE", "当前身份无权执行此操作", "this role may not do that")
}

#[cfg(test)]
mod tests;
