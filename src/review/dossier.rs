//! An application with everything that a decision needs, read at once.

use super::model::Review;
use super::store;
use crate::application::clock::{Office, Reading};
use crate::application::document::fields::Fields;
use crate::application::document::model::Document;
use crate::application::document::store as documents;
use crate::application::http::{book_of, clocks, programme_of, shown};
use crate::application::model::Application;
use crate::application::port::ask;
use crate::application::port::store::{self as answers, Kept};
use crate::application::store as applications;
use crate::book::{BookInfo, read};
use crate::http::problem::Problem;
use crate::identity::acting::{Acting, Reviewer};
use crate::identity::people::sealed::Identity;
use crate::identity::people::store as people;
use crate::identity::vault::Vault;
use crate::kernel::id::PublicId;
use crate::kernel::time;
use crate::programme::{Fact, Facts, Programme, Value};
use crate::voucher::doors::Doors;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// What a reviewer sees.
pub struct Dossier {
    pub id: PublicId,
    pub book: Arc<BookInfo>,
    pub application: Application,
    pub programme: Arc<Programme>,
    /// The application as its applicant sees it, with the derivation.
    pub shown: Json,
    pub clocks: Vec<Reading>,
    pub review: Option<Review>,
    pub is_mine: bool,
    /// The applicant, masked; nothing where he is a firm.
    pub applicant: Option<Json>,
    pub payee: Option<String>,
    /// Oldest first, with their fields where the caller has taken the application.
    pub documents: Vec<(Document, Option<Fields>)>,
    pub answers: Vec<Kept>,
}

/// A fact of the rules, as the applicant entered it and as his documents say it.
pub struct Compared {
    pub fact: Fact,
    pub entered: Option<Value>,
    pub told: Vec<Value>,
}

impl Compared {
    /// Whether a document says something else than was entered.
    pub fn differs(&self) -> bool {
        self.told.iter().any(|told| self.entered.as_ref().is_some_and(|it| it != told))
    }
}

impl Dossier {
    /// # Errors
    /// 404 outside the reviewer's scope.
    pub async fn read(
        doors: &Doors,
        office: &Office,
        acting: &Acting<Reviewer>,
        id: &str,
    ) -> Result<Dossier, Problem> {
        let (id, book, application) = reviewed(doors, acting, id).await?;
        let applicant = application.applicant;
        let (review, papers, kept, payee, person) = read(&doors.pool, move |connection| {
            Ok((
                store::find(connection, id.book, id.id)?,
                documents::list(connection, id.book, id.id)?,
                answers::list(connection, id.book, id.id)?,
                applications::masked_of(connection, id.book, id.id)?,
                people::find(connection, applicant.bucket, applicant.id)?,
            ))
        })
        .await?;
        let me = acting.actor().login.bytes();
        let is_mine = review.as_ref().is_some_and(|review| review.reviewer == Some(me));
        let vault = Vault::new(doors.keys.clone().into_inner());
        let sealed = |error| {
            tracing::error!(%error, "vault.not_opened");
            Problem::internal()
        };
        let open = |document: Document| {
            let fields = if is_mine { document.open(&vault)? } else { None };
            Ok((document, fields))
        };
        let papers: Result<Vec<_>, _> = papers.into_iter().map(open).collect();
        let identity = person.map(|person| Identity::open(&vault, &person)).transpose();
        let identity = identity.map_err(sealed)?.flatten();
        Ok(Dossier {
            id,
            programme: programme_of(doors, &application).await?,
            shown: shown(doors, &book, &application).await?,
            clocks: clocks(doors, office, id).await?,
            applicant: identity.map(|identity| identity.masked()),
            documents: papers.map_err(sealed)?,
            answers: kept,
            book,
            application,
            review,
            is_mine,
            payee,
        })
    }

    /// Every fact that was entered or that a document tells, in the order of the vocabulary.
    pub fn compared(&self) -> Vec<Compared> {
        let entered = Facts::from_json(&self.application.filed.facts).unwrap_or_default();
        let fields = self.documents.iter().filter_map(|(_, fields)| fields.as_ref());
        let says: Vec<(Fact, Value)> = fields.flat_map(Fields::says).collect();
        let row = |fact: &Fact| {
            let told = says.iter().filter(|(said, _)| said == fact);
            let told: Vec<Value> = told.map(|(_, value)| value.clone()).collect();
            // What names a thing or a person is for the reviewer who has taken it.
            let shown = self.is_mine || !fact.row().identifying;
            Compared { fact: *fact, entered: entered.get(*fact).filter(|_| shown).cloned(), told }
        };
        let rows = Fact::ALL.iter().map(row);
        rows.filter(|row| row.entered.is_some() || !row.told.is_empty()).collect()
    }

    pub fn view(&self) -> Json {
        let document = |(document, fields): &(Document, Option<Fields>)| {
            let mut view = document.view(self.id.book);
            if let Some(fields) = fields {
                view["fields"] = json!(fields);
            }
            view
        };
        let answer = |kept: &Kept| {
            let mut view = ask::view(&kept.answer);
            view["asked_at"] = json!(time::text(kept.asked_at));
            view
        };
        let fact = |row: &Compared| {
            json!({
                "fact": row.fact.row().name,
                "entered": row.entered.as_ref().map(Value::to_json),
                "documents_say": row.told.iter().map(Value::to_json).collect::<Vec<_>>(),
                "differs": row.differs(),
            })
        };
        let mut view = self.shown.clone();
        view["application"]["payee"] = json!(self.payee);
        view["clocks"] = json!(self.clocks);
        view["applicant"] = json!(self.applicant);
        view["review"] = json!({
            "is_taken": self.review.as_ref().is_some_and(|review| review.reviewer.is_some()),
            "is_mine": self.is_mine,
        });
        view["evidence"] = json!(self.programme.evidence());
        view["documents"] = self.documents.iter().map(document).collect();
        view["answers"] = self.answers.iter().map(answer).collect();
        view["facts"] = self.compared().iter().map(fact).collect();
        view
    }
}

/// An application within a reviewer's scope, and its book.
///
/// # Errors
/// 404 outside the scope.
pub async fn reviewed(
    doors: &Doors,
    acting: &Acting<Reviewer>,
    id: &str,
) -> Result<(PublicId, Arc<BookInfo>, Application), Problem> {
    let (id, book) = book_of(doors, id).await?;
    acting.within(book.region, &book.family)?;
    let found = read(&doors.pool, move |c| applications::find(c, id.book, id.id)).await?;
    Ok((id, book, found.ok_or_else(Problem::not_found)?))
}
