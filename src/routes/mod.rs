//! All that a request can start, and who may start it.

pub mod books;
pub mod health;
pub mod openapi;
pub mod programmes;

use crate::http::request::unknown_path;
use crate::identity::{organisation, people};
use crate::old_item;
use crate::redemption;
use crate::voucher;
use actix_web::web::{self, ServiceConfig};

/// Every route of the public interface.
pub fn routes(cfg: &mut ServiceConfig) {
    health::routes(cfg);
    openapi::routes(cfg);
    books::routes(cfg);
    programmes::routes(cfg);
    old_item::http::routes(cfg);
    organisation::http::routes(cfg);
    people::http::routes(cfg);
    voucher::http::routes(cfg);
    redemption::http::routes(cfg);
    cfg.default_service(web::route().to(unknown_path));
}
