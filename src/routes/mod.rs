//! All that a request can start, and who may start it.

pub mod books;
pub mod health;
pub mod log;
pub mod openapi;
pub mod programmes;

use crate::application::document::http as documents;
use crate::application::http::{self as applications, Applying, Seeing};
use crate::application::{office, raises};
use crate::audit::console::http as console;
use crate::audit::export::http as export;
use crate::audit::reading::http as reading;
use crate::http::request::unknown_path;
use crate::identity::acting::{
    Auditor, Dismantler, Either, Finance, Official, Part, Person, ProgrammeAdmin, RealNameProvider,
    Recycler, Retailer, Reviewer,
};
use crate::identity::organisation::http as organisations;
use crate::identity::people::http as people;
use crate::identity::role::Role;
use crate::old_item::http as old_items;
use crate::redemption::http as redemptions;
use crate::review::http as reviews;
use crate::review::page as desk;
use crate::voucher::http as vouchers;
use actix_web::Route;
use actix_web::web::{self, ServiceConfig};

/// What a request does to the service, and so what it must bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A page for people or a file with a form of its own, outside the OpenAPI document.
    Page,
    /// A POST of a page's form, outside the OpenAPI document, which carries its own key.
    Form,
    /// A GET.
    See,
    /// A POST that changes nothing and takes no `Idempotency-Key`.
    Ask,
    /// A POST that changes something and takes an `Idempotency-Key`.
    Change,
    /// A POST that changes something in one of its forms only.
    AskOrChange,
    /// A PUT of a file, which takes no `Idempotency-Key`: its content is its name.
    Send,
}

impl Verb {
    pub fn method(self) -> &'static str {
        match self {
            Verb::Page | Verb::See => "GET",
            Verb::Send => "PUT",
            Verb::Form | Verb::Ask | Verb::Change | Verb::AskOrChange => "POST",
        }
    }
}

/// One route of the public interface.
pub struct Row {
    pub verb: Verb,
    /// The pattern of the path.
    pub path: &'static str,
    /// The roles that are let in; nothing where nobody needs a token.
    pub roles: Option<fn() -> Vec<Role>>,
    route: fn() -> Route,
}

impl Row {
    /// Whether officials call it, whose scope hides what lies outside.
    pub fn scoped(&self) -> bool {
        self.roles.is_some_and(|roles| roles().iter().any(|role| role.is_official()))
    }
}

macro_rules! row {
    ($verb:ident, $path:literal, public, $handler:path) => {
        Row { verb: Verb::$verb, path: $path, roles: None, route: || row!($verb, $handler) }
    };
    ($verb:ident, $path:literal, $part:ty, $handler:path) => {
        Row {
            verb: Verb::$verb,
            path: $path,
            roles: Some(<$part as Part>::roles),
            route: || row!($verb, $handler),
        }
    };
    (Page, $handler:path) => {
        web::get().to($handler)
    };
    (See, $handler:path) => {
        web::get().to($handler)
    };
    (Send, $handler:path) => {
        web::put().to($handler)
    };
    ($verb:ident, $handler:path) => {
        web::post().to($handler)
    };
}

/// Every route: what it does, where it is, who is let in, who answers. The service is configured
/// from this list, so that nothing is served that does not stand in it; the OpenAPI document is
/// compared with it, and every row is tried by every role.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row!(See, "/livez", public, health::livez),
    row!(See, "/readyz", public, health::readyz),
    row!(See, "/openapi.json", public, openapi::json),
    row!(Page, "/docs", public, openapi::docs_moved),
    row!(Page, "/docs/{file:.*}", public, openapi::docs),

    // The console asks for an auditor's token by itself, in the browser's own prompt.
    row!(Page, "/console", public, console::books),
    row!(Page, "/console/style.css", public, console::style),
    row!(Page, "/console/books/{book}", public, console::book),
    row!(Page, "/console/books/{book}/entries", public, console::entries),
    row!(Page, "/console/books/{book}/stories/{id}", public, console::story),

    row!(Change, "/v1/people", RealNameProvider, people::register),
    row!(AskOrChange, "/v1/people/lookup", Either<Auditor, Reviewer>, people::look_up),
    row!(See, "/v1/people/me", Person, people::me),

    row!(Change, "/v1/organisations", ProgrammeAdmin, organisations::register),
    row!(See, "/v1/organisations", Official, organisations::list_all),
    row!(See, "/v1/organisations/{id}", organisations::Reader, organisations::see),
    row!(Change, "/v1/organisations/{id}/approvals", ProgrammeAdmin, organisations::approve),
    row!(Change, "/v1/organisations/{id}/status", ProgrammeAdmin, organisations::change_status),
    row!(Change, "/v1/organisations/{id}/stores", ProgrammeAdmin, organisations::add_stores),

    row!(Change, "/v1/books", ProgrammeAdmin, books::open),
    row!(See, "/v1/books", Official, books::list),
    row!(Change, "/v1/books/{book}/state", ProgrammeAdmin, books::change_state),
    row!(Change, "/v1/books/{book}/appropriations", Finance, books::propose),
    row!(Change, "/v1/books/{book}/appropriations/{id}/approve", Finance, books::approve),
    row!(See, "/v1/books/{book}/balances", Official, books::balances),
    row!(See, "/v1/books/{book}/entries", Either<Auditor, Finance>, reading::entries),
    row!(See, "/v1/books/{book}/stories/{id}", Auditor, reading::story),
    row!(See, "/v1/books/{book}/sums", Auditor, reading::sums),
    row!(See, "/v1/books/{book}/burn-down", Auditor, reading::burn_down),
    row!(See, "/v1/books/{book}/refusals", Auditor, reading::refusals),

    row!(See, "/log/{book}/checkpoint", public, log::checkpoint),
    row!(See, "/log/{book}/keys", public, log::keys),
    row!(See, "/log/{book}/state", public, log::state),
    row!(Page, "/log/{book}/tile/entries/{tile:.*}", Auditor, log::entries),
    row!(Page, "/log/{book}/tile/{tile:.*}", public, log::tile),
    row!(See, "/log/{book}/export", Auditor, export::list),
    row!(Page, "/log/{book}/export/{file:.*}", Auditor, export::file),
    row!(See, "/log/{book}/receipts/{seq}", public, log::receipt),
    row!(See, "/log/{book}/inclusion/{seq}", public, log::inclusion),
    row!(See, "/log/{book}/consistency", public, log::consistency),

    row!(Change, "/v1/programmes", ProgrammeAdmin, programmes::publish),
    row!(See, "/v1/programmes", public, programmes::list),
    row!(See, "/v1/programmes/{sha256}", public, programmes::text),

    row!(Change, "/v1/old-items", Either<Recycler, Dismantler>, old_items::register),
    row!(See, "/v1/old-items/{id}", Either<Recycler, Dismantler>, old_items::see),
    row!(Change, "/v1/old-items/{id}/verify", Either<Recycler, Dismantler>, old_items::verify),
    row!(Change, "/v1/old-items/{id}/reject", Either<Recycler, Dismantler>, old_items::reject),

    row!(Change, "/v1/vouchers", Person, vouchers::claim),
    row!(Ask, "/v1/vouchers/lookup", Retailer, vouchers::lookup),
    row!(See, "/v1/vouchers/{id}", Person, vouchers::see),
    row!(See, "/v1/vouchers/{id}/qr", Person, vouchers::qr),
    row!(Change, "/v1/vouchers/{id}/give-back", Person, vouchers::give_back),

    row!(Ask, "/v1/quotes", Retailer, redemptions::quote),
    row!(Change, "/v1/redemptions", Retailer, redemptions::reserve),
    row!(See, "/v1/redemptions", Retailer, redemptions::list),
    row!(See, "/v1/redemptions/{id}", Retailer, redemptions::see),
    row!(Change, "/v1/redemptions/{id}/capture", Retailer, redemptions::capture),
    row!(Change, "/v1/redemptions/{id}/cancel", Retailer, redemptions::cancel),

    row!(Change, "/v1/applications", Applying, applications::submit),
    row!(See, "/v1/applications", Applying, applications::list),
    row!(See, "/v1/applications/{id}", Seeing, applications::see),
    row!(Change, "/v1/applications/{id}/corrections", Applying, applications::correct),
    row!(Change, "/v1/applications/{id}/documents", Applying, documents::file),
    row!(See, "/v1/applications/{id}/documents", documents::Seeing, documents::list),
    row!(Send, "/v1/applications/{id}/documents/{document}/file", Applying, documents::send),
    row!(See, "/v1/applications/{id}/documents/{document}/file",
        documents::Seeing, documents::open),
    row!(Change, "/v1/applications/{id}/withdraw", Applying, applications::withdraw),
    row!(Change, "/v1/applications/{id}/request-correction", Reviewer, office::request_correction),
    row!(Change, "/v1/applications/{id}/approve", Reviewer, office::approve),
    row!(Change, "/v1/applications/{id}/confirm", Either<Reviewer, Finance>, office::confirm),
    row!(Change, "/v1/applications/{id}/reject", Reviewer, office::reject),
    row!(See, "/v1/books/{book}/raises", Reviewer, raises::list),
    row!(Change, "/v1/applications/{id}/top-up", Reviewer, raises::top_up),

    row!(See, "/v1/reviews", Reviewer, reviews::queue),
    row!(See, "/v1/reviews/{id}", Reviewer, reviews::see),
    row!(Change, "/v1/reviews/{id}/take", Reviewer, reviews::take),
    row!(Change, "/v1/reviews/{id}/hand-back", Reviewer, reviews::hand_back),
    row!(Change, "/v1/reviews/{id}/neighbours", Reviewer, reviews::ask),

    // Pages sign their callers in themselves: a browser sends no bearer token.
    row!(Page, "/desk", public, desk::queue::queue),
    row!(Page, "/desk/style.css", public, desk::style),
    row!(Page, "/desk/language/{to}", public, desk::change_language),
    row!(Page, "/desk/sign-in", public, desk::sign_in_form),
    row!(Form, "/desk/sign-in", public, desk::sign_in),
    row!(Form, "/desk/sign-out", public, desk::sign_out),
    row!(Page, "/desk/applications/{id}", public, desk::application::see),
    row!(Page, "/desk/applications/{id}/documents/{document}/file", public,
        desk::application::file),
    row!(Form, "/desk/applications/{id}/{act}", public, desk::forms::act),
];

/// Every route of the public interface. Paths without a variable come first: they are compared,
/// while each of the others that stands before the right one costs a regular expression.
pub fn routes(cfg: &mut ServiceConfig) {
    let (exact, patterns): (Vec<&Row>, Vec<&Row>) =
        TABLE.iter().partition(|row| !row.path.contains('{'));
    for row in exact.into_iter().chain(patterns) {
        cfg.route(row.path, (row.route)());
    }
    cfg.default_service(web::route().to(unknown_path));
}
