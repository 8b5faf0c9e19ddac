//! From the reply of a book to the answer of a request.

use super::dry;
use super::envelope::{Envelope, Reply};
use super::model::{Command, Decision};
use super::{Books, read};
use crate::http::problem::{PROBLEM_JSON, Problem};
use crate::kernel::id::BookNo;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use std::any::Any;
use std::future::Future;
use std::sync::Arc;

/// The header that marks a replayed answer.
pub const REPLAYED: &str = "idempotency-replayed";

/// How often a request is screened again before it is told to come back.
const SCREENINGS: usize = 3;

/// What a book answered, now or when the key was first used.
pub struct Answered {
    pub status: u16,
    pub body: Vec<u8>,
    pub replayed: bool,
    /// What the decision left for its handler; `None` on a replay.
    pub hint: Option<Box<dyn Any + Send + Sync>>,
}

impl Answered {
    pub fn is_success(&self) -> bool {
        self.status < 400
    }

    /// The answer, byte for byte as it is stored.
    pub fn response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        match self.is_success() {
            true => answer.insert_header(("content-type", "application/json")),
            false => answer.insert_header(("content-type", PROBLEM_JSON.as_ref())),
        };
        if self.replayed {
            answer.insert_header((REPLAYED, "true"));
        }
        answer.body(self.body)
    }
}

impl Books {
    /// Submits a command that never goes stale.
    pub async fn answer(&self, book: BookNo, envelope: Envelope) -> Result<Answered, Problem> {
        match self.submit(book, envelope).await? {
            Reply::Answer { status, body, replayed, hint } => {
                Ok(Answered { status, body, replayed, hint })
            }
            Reply::Stale | Reply::Busy => Err(Problem::busy(1)),
            Reply::Failed => Err(Problem::internal()),
        }
    }

    /// Decides a command without saving anything; nothing where it must be screened again.
    ///
    /// # Errors
    /// A refusal as the command itself would get it.
    pub async fn dry_run(
        &self,
        book: BookNo,
        command: Arc<dyn Command>,
    ) -> Result<Option<serde_json::Value>, Problem> {
        let info = self.info(book).await?.ok_or_else(Problem::not_found)?;
        let offset = self.settings.clock.offset();
        let decided = read(&self.pool, move |connection| {
            dry::run(connection, &info, offset, command.as_ref())
        })
        .await?;
        match decided {
            Ok(Decision::Done(outcome)) => Ok(Some(outcome.body)),
            Ok(Decision::Refused { refusals, status, .. }) => {
                Err(Problem::refused(status, refusals))
            }
            Ok(Decision::Stale) => Ok(None),
            Err(fault) => {
                tracing::error!(%fault, "book.fault_in_dry_run");
                Err(Problem::internal())
            }
        }
    }

    /// Submits a screened command; where the desk finds the screening stale it is made again,
    /// unseen by the caller. `screen` is told whether to read the reference rows anew.
    ///
    /// # Errors
    /// Those of [`Books::submit`], those of `screen`, and 503 where the rows change faster than
    /// they can be read.
    pub async fn answer_screened<F, S>(
        &self,
        book: BookNo,
        mut screen: S,
    ) -> Result<Answered, Problem>
    where
        S: FnMut(bool) -> F,
        F: Future<Output = Result<Envelope, Problem>>,
    {
        for round in 0..SCREENINGS {
            let envelope = screen(round > 0).await?;
            if let Reply::Answer { status, body, replayed, hint } =
                self.submit(book, envelope).await?
            {
                return Ok(Answered { status, body, replayed, hint });
            }
        }
        Err(Problem::busy(1))
    }
}
