//! Questions to neighbours: the vehicle register, the invoice check, the national holdings.
//!
//! A neighbour is asked over a port, which is a trait with two implementations: over HTTP, and a
//! sandbox whose answers are data. Asking has a time-out, and its end is either an answer or "no
//! answer" with a reason; both are kept with source and time, because a decision that leaned on
//! an answer must be explained years later, when the neighbour's records have changed.
//!
//! **Identity.** The vehicle register and the holdings are asked about a person by the number of
//! his document. So an official's asking is an entry (`neighbour.asked`) that is
//! committed before the vault is opened; the answers, which hold no identity, are entries too
//! (`neighbour.answered`).
//!
//! **No answer** never means yes. The programme says, in `[application] without_answer`,
//! whether it leaves the matter to the reviewer; else it refuses, to be tried again
//! (`PORT_NO_ANSWER`, 503).
//!
//! Invariants kept here: 8 (what a neighbour said is in the leaf), 10. Lock order: the book's
//! head and nothing more. Cost: one row and one entry for each neighbour asked.

pub mod ask;
pub mod entries;
pub mod model;
mod over_http;
mod sandbox;
pub mod store;

pub use model::{Answer, HoldingsQuestion, InvoiceQuestion, Neighbour, NoAnswer, VehicleQuestion};

use crate::infra::settings;
use futures_util::future::BoxFuture;
use model::{HoldingsAnswer, InvoiceAnswer, VehicleAnswer};
use over_http::OverHttp;
use sandbox::Sandbox;
use std::sync::Arc;
use std::time::Duration;

/// The police's register of vehicles.
pub trait VehicleRegister: Send + Sync {
    fn vehicle<'a>(
        &'a self,
        question: &'a VehicleQuestion,
    ) -> BoxFuture<'a, Result<VehicleAnswer, NoAnswer>>;
}

/// The tax office's check of an invoice.
pub trait InvoiceCheck: Send + Sync {
    fn invoice<'a>(
        &'a self,
        question: &'a InvoiceQuestion,
    ) -> BoxFuture<'a, Result<InvoiceAnswer, NoAnswer>>;
}

/// What the nation's platform knows of a person's subsidies elsewhere.
pub trait Holdings: Send + Sync {
    fn holdings<'a>(
        &'a self,
        question: &'a HoldingsQuestion,
    ) -> BoxFuture<'a, Result<HoldingsAnswer, NoAnswer>>;
}

/// The neighbours of a deployment.
#[derive(Clone)]
pub struct Ports {
    pub vehicle_register: Port<dyn VehicleRegister>,
    pub invoice_check: Port<dyn InvoiceCheck>,
    pub holdings: Port<dyn Holdings>,
}

/// A port and what answers behind it: `sandbox`, or a host.
pub struct Port<T: ?Sized> {
    pub source: String,
    pub door: Arc<T>,
}

impl<T: ?Sized> Clone for Port<T> {
    fn clone(&self) -> Port<T> {
        Port { source: self.source.clone(), door: self.door.clone() }
    }
}

/// A port that cannot be made, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("ports.{0}: {1}")]
pub struct BadPort(&'static str, String);

impl Ports {
    /// The ports that the settings name. One without an address answers from the sandbox's data,
    /// and outside a sandbox not at all.
    ///
    /// # Errors
    /// An address that is none, or sandbox answers that cannot be read.
    pub fn open(settings: &settings::Ports, is_sandbox: bool) -> Result<Ports, BadPort> {
        let sandbox = Arc::new(match is_sandbox {
            true => Sandbox::read(&settings.sandbox_answers)
                .map_err(|why| BadPort("sandbox_answers", why))?,
            false => Sandbox::silent(),
        });
        let source = if is_sandbox { "sandbox" } else { "none" };
        let http = |name, url: &str| -> Result<Option<Arc<OverHttp>>, BadPort> {
            if url.is_empty() {
                return Ok(None);
            }
            let wait = Duration::from_millis(settings.timeout_ms);
            let port = OverHttp::new(url, &settings.token, wait);
            port.map(|port| Some(Arc::new(port))).map_err(|why| BadPort(name, why))
        };
        let vehicle = http("vehicle_register", &settings.vehicle_register)?;
        let invoice = http("invoice_check", &settings.invoice_check)?;
        let holdings = http("holdings", &settings.holdings)?;
        let host = |port: &Option<Arc<OverHttp>>| match port {
            Some(port) => port.host().to_owned(),
            None => source.to_owned(),
        };
        Ok(Ports {
            vehicle_register: Port {
                source: host(&vehicle),
                door: match vehicle {
                    Some(port) => port,
                    None => sandbox.clone(),
                },
            },
            invoice_check: Port {
                source: host(&invoice),
                door: match invoice {
                    Some(port) => port,
                    None => sandbox.clone(),
                },
            },
            holdings: Port {
                source: host(&holdings),
                door: match holdings {
                    Some(port) => port,
                    None => sandbox,
                },
            },
        })
    }
}
