//! From what an applicant says to a screened filing: everything that is read before the queue.

use super::filing::Filing;
use super::marks;
use super::model::Application;
use super::papers::{self, Papers};
use super::parts::{self, Seen};
use super::payee::{Payee, PayeeBody};
use crate::book::store::Stamp;
use crate::book::{BookInfo, read};
use crate::http::problem::Problem;
use crate::identity::envelope::bucket_of_person;
use crate::identity::model::{OrganisationId, OrganisationKind, PersonId};
use crate::identity::organisation::Status;
use crate::kernel::class::Class;
use crate::kernel::id::{BookNo, Kind, PublicId};
use crate::kernel::identifier::Gtin;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::{Moment, day_of, day_start};
use crate::old_item::model::{OldItem, binding_mark};
use crate::old_item::store as old_items;
use crate::programme::{
    Fact, Facts, Flow, GoodsSource, OldItemNeeded, OldItemOwner, Programme, SUBMISSION, Screened,
    Shelf, Value,
};
use crate::redemption::reads::{
    CLASS_MISMATCH, GOODS_NOT_IN_CATALOGUE, OLD_ITEM_CLASS, OLD_ITEM_NEEDED, OLD_ITEM_NOT_OWN,
    OLD_ITEM_NOT_VERIFIED,
};
use crate::redemption::reference::Reference;
use crate::register::model::{Holder, MarkKey, PersonRef};
use crate::voucher::claim::BOOK_NOT_OPEN;
use crate::voucher::doors::{Doors, facts_of_person, put};
use chrono::Datelike;
use std::sync::Arc;
use uuid::Uuid;

/// The firm is suspended or removed.
const APPLICANT_NOT_ACTIVE: Refusal = Refusal::new(
    "APPLICANT_NOT_ACTIVE",
    "申请单位资格已暂停或取消",
    "the firm that applies is suspended or removed",
);

/// Who applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicant {
    Person(PersonId),
    Enterprise(OrganisationId),
}

impl Applicant {
    pub fn uuid(self) -> Uuid {
        match self {
            Applicant::Person(person) => person.uuid(),
            Applicant::Enterprise(organisation) => organisation.uuid(),
        }
    }

    fn is_enterprise(self) -> bool {
        matches!(self, Applicant::Enterprise(_))
    }

    /// As registers know person or firm.
    pub fn known(self, doors: &Doors) -> PersonRef {
        let bucket = bucket_of_person(&doors.keys, PersonId::from(self.uuid()));
        PersonRef { bucket, id: self.uuid() }
    }
}

/// An application to be made, or one to be corrected.
pub struct Case<'a> {
    pub doors: &'a Doors,
    pub reference: &'a Reference,
    pub applicant: Applicant,
    pub region: Region,
    pub class: &'a Class,
    pub papers: &'a Papers,
    pub location: Option<Region>,
    /// Whether to read the reference rows anew.
    pub again: bool,
}

/// What was read for a case.
struct Told {
    facts: Facts,
    record: Option<(PublicId, OldItem)>,
    stamps: Vec<Stamp>,
    own: Vec<Refusal>,
}

impl Case<'_> {
    /// A new application: the day of its last document resolves programme and book.
    ///
    /// # Errors
    /// 400 with the field for papers that are incomplete, 409 where there is no book.
    pub async fn submission(
        &self,
        application: Uuid,
        first: Option<&str>,
        payee: &PayeeBody,
    ) -> Result<(BookNo, Filing, Moment), Problem> {
        let shelf = self.shelf().await?;
        let mut told = self.told().await?;
        let now = self.doors.clock.now();
        let day = self.papers.last_day(&told.facts);
        let day = day.filter(|day| *day <= day_of(now)).ok_or_else(no_day)?;
        let at = day_start(day);
        put(&mut told.facts, Fact::AppliedAt, Some(Value::Moment(now)))?;
        let acting = shelf.programmes.resolve_submission(self.region, self.class, at, now).acting;
        let book = self.doors.books.find(self.region, self.class.family(), day.year()).await?;
        let book = book.ok_or_else(|| Problem::refused(409, vec![BOOK_NOT_OPEN]))?;
        let mut seen = Seen::default();
        if let Ok(programme) = &acting {
            if programme.flow() != Flow::Application {
                return Err(not_applied_for());
            }
            self.goods(programme, &mut told, at).await?;
            seen = parts::seen(self, programme, &book, application, first, &mut told.facts, at)
                .await?;
        }
        let facts = told.facts.clone();
        let screened = Screened::submission(&shelf, self.region, self.class, facts, at, now);
        let (known, enterprise) = (&self.doors.keys, self.applicant.is_enterprise());
        let payee = Payee::seal(known, application, payee, enterprise)?;
        let filing = self.filing(&book, application, screened, told, seen, Some(payee))?;
        Ok((book.no, filing, at))
    }

    /// A correction: programme version, book and deciding day are those of the submission.
    ///
    /// # Errors
    /// Those of a submission.
    pub async fn correction(
        &self,
        book: &Arc<BookInfo>,
        was: &Application,
        payee: Option<&PayeeBody>,
    ) -> Result<Filing, Problem> {
        let shelf = self.shelf().await?;
        let programme = shelf.programmes.by_hash(&hex::encode(was.rule)).cloned();
        let programme = programme.ok_or_else(Problem::internal)?;
        let mut told = self.told().await?;
        put(&mut told.facts, Fact::AppliedAt, Some(Value::Moment(was.submitted_at)))?;
        let at = was.decided_at;
        self.goods(&programme, &mut told, at).await?;
        let named = |first: Holder| PublicId::new(Kind::Application, first.book, first.id);
        let first = was.first.map(|first| named(first).to_string());
        let first = first.as_deref();
        let seen = parts::seen(self, &programme, book, was.id, first, &mut told.facts, at).await?;
        let facts = told.facts.clone();
        let screened = Screened::under(&programme, self.class, &SUBMISSION, facts, at);
        let enterprise = self.applicant.is_enterprise();
        let seal = |payee| Payee::seal(&self.doors.keys, was.id, payee, enterprise);
        let payee = payee.map(seal).transpose()?;
        self.filing(book, was.id, screened, told, seen, payee)
    }

    async fn shelf(&self) -> Result<Arc<Shelf>, Problem> {
        self.papers.check()?;
        if self.again {
            self.reference.forget();
            return self.doors.library.refresh().await;
        }
        self.doors.library.shelf().await
    }

    /// Applicant, recycler's record, documents and seller, in the order in which they win.
    async fn told(&self) -> Result<Told, Problem> {
        let (mut stamps, mut own) = (Vec::new(), Vec::new());
        let mut facts = match self.applicant {
            Applicant::Person(person) => facts_of_person(self.doors, person, self.location).await?,
            Applicant::Enterprise(firm) => {
                let standing = self.reference.standing(firm).await?;
                let active = standing.status == Status::Active;
                if !active || standing.kind != OrganisationKind::Enterprise {
                    own.push(APPLICANT_NOT_ACTIVE);
                }
                stamps.push(standing.stamp);
                let mut facts = Facts::new();
                put(&mut facts, Fact::PersonId, Some(Value::text(firm.to_string())))?;
                facts
            }
        };
        let record = self.record().await?;
        if let Some((_, item)) = &record {
            let claimant = self.applicant.uuid();
            item.facts(&mut facts, claimant).map_err(|_| Problem::internal())?;
        }
        self.papers.facts(&mut facts)?;
        if let Some(merchant) = self.papers.merchant {
            let standing = self.reference.standing(merchant).await.map_err(|problem| {
                let field = "papers.merchant";
                let no = Problem::bad_field(field, "没有该商户", "there is no such merchant");
                if problem.status == 404 { no } else { problem }
            })?;
            let status = Value::text(standing.status.as_str());
            put(&mut facts, Fact::MerchantStatus, Some(status))?;
            stamps.push(standing.stamp);
        }
        Ok(Told { facts, record, stamps, own })
    }

    /// The recycler's record. Verified or rejected is final, so any book may read it here.
    async fn record(&self) -> Result<Option<(PublicId, OldItem)>, Problem> {
        let Some(text) = &self.papers.old_item else { return Ok(None) };
        let no = || {
            let (zh, en) = ("没有找到该旧品", "there is no such old item");
            Problem::bad_field("papers.old_item", zh, en)
        };
        let id = PublicId::parse(Kind::OldItem, text).map_err(|_| no())?;
        let found = read(&self.doors.pool, move |c| old_items::find(c, id.book, id.id)).await?;
        Ok(Some((id, found.ok_or_else(no)?)))
    }

    /// What the catalogue knows of the new thing, or what its papers declare.
    async fn goods(
        &self,
        programme: &Programme,
        told: &mut Told,
        at: Moment,
    ) -> Result<(), Problem> {
        if programme.goods() == GoodsSource::Declared {
            return self.papers.declared(&mut told.facts);
        }
        let gtin: Option<Gtin> =
            self.papers.item.gtin.as_deref().and_then(|gtin| gtin.parse().ok());
        let Some(gtin) = gtin else { return Ok(()) };
        let product = self.reference.product(gtin, self.region, day_of(at)).await?;
        told.stamps.push(product.stamp);
        let Some(goods) = product.goods else {
            told.own.push(GOODS_NOT_IN_CATALOGUE);
            return Ok(());
        };
        if goods.class != *self.class {
            told.own.push(CLASS_MISMATCH);
        }
        goods.facts(product.filed, &mut told.facts).map_err(|_| Problem::internal())
    }

    fn filing(
        &self,
        book: &BookInfo,
        application: Uuid,
        mut screened: Screened,
        mut told: Told,
        seen: Seen,
        payee: Option<Payee>,
    ) -> Result<Filing, Problem> {
        let missing = papers::missing(self.class, &screened.screening, &screened.facts);
        if let Some(first) = missing.first() {
            let zh = format!("材料不全，缺少：{}", missing.join("、"));
            let en = format!("the documents do not say: {}", missing.join(", "));
            return Err(Problem::bad_field(first, &zh, &en));
        }
        let mut own = std::mem::take(&mut told.own);
        let mut kinds = Vec::new();
        if let Some(programme) = &screened.programme {
            own.extend(self.policy(programme, &told));
            if seen.first.is_none() {
                kinds = programme.marks(self.class);
                marks::check(&kinds, self.papers)?;
            }
        }
        screened.stamps.extend(told.stamps);
        screened.also_refused(own);
        let keys = &self.doors.keys;
        let record: Option<MarkKey> = told.record.as_ref().map(|(id, _)| binding_mark(keys, id.id));
        Ok(Filing {
            application,
            applicant: self.applicant.known(self.doors),
            is_enterprise: self.applicant.is_enterprise(),
            province: book.region.province(),
            class: self.class.clone(),
            marks: marks::wanted(keys, &kinds, self.papers, record),
            old_item: told.record.map(|(id, _)| id.to_string()),
            part: seen.part,
            other_parts: seen.others,
            first: seen.first,
            screened,
            payee,
        })
    }

    /// What the programme's policy on old items misses. A car that was sold went to no recycler.
    fn policy(&self, programme: &Programme, told: &Told) -> Option<Refusal> {
        let policy = programme.old_item();
        let sold = self.class.as_str() == "car.replace"
            && told.facts.get(Fact::OldTransferredOn).is_some();
        let Some((_, item)) = &told.record else {
            let needed = policy.needed != OldItemNeeded::No && !sold;
            return needed.then_some(OLD_ITEM_NEEDED);
        };
        let own_class = policy.classes.is_empty() && item.class == *self.class;
        let whose = policy.whose == OldItemOwner::Claimant;
        if !own_class && !policy.classes.contains(&item.class) {
            Some(OLD_ITEM_CLASS)
        } else if whose && item.owner != Some(self.applicant.uuid()) {
            Some(OLD_ITEM_NOT_OWN)
        } else if !item.is_verified() && !item.is_open() {
            Some(OLD_ITEM_NOT_VERIFIED)
        } else {
            None
        }
    }
}

fn no_day() -> Problem {
    Problem::bad_field(
        "papers",
        "材料中没有日期，或日期晚于今天",
        "no document has a day, or one is after today",
    )
}

fn not_applied_for() -> Problem {
    Problem::new(
        409,
        "NOT_APPLIED_FOR",
        "该品类在购买时享受补贴，无需事后申请",
        "this class is redeemed at the till, not applied for",
    )
}
