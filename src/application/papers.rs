//! What an applicant's documents say, and the facts that the rules read of it.

use crate::http::problem::Problem;
use crate::identity::model::OrganisationId;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::old_item::model::{Battery, OldFacts};
use crate::programme::{Fact, Facts, Flow, Screening, Source, Value};
use crate::redemption::purchase::{DwellingBody, InvoiceBuyer};
use crate::voucher::doors::put;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The documents of an application, field by field. The programme says which are needed; what is
/// missing is told by its name.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationPapers)]
pub struct Papers {
    /// The price on the invoice, tax included.
    #[schema(value_type = Option<i64>)]
    pub price_fen: Option<Fen>,
    pub invoice: Option<InvoicePaper>,
    #[serde(default)]
    pub item: ItemPaper,
    /// The recycler's or dismantler's record of the old item: `old_…`.
    pub old_item: Option<String>,
    /// What the applicant's own documents say of it; the recycler's record wins.
    #[serde(default)]
    pub old: OldPaper,
    /// The seller, where it takes part in the programme.
    #[schema(value_type = Option<String>)]
    pub merchant: Option<OrganisationId>,
    pub dwelling: Option<DwellingBody>,
    pub grant: Option<GrantPaper>,
}

/// The invoice of the purchase (机动车销售统一发票, 发票).
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationInvoice)]
pub struct InvoicePaper {
    /// Code and number as printed; it draws once.
    pub number: PaperNumber,
    /// `per_0_…`, or `organisation`: never a name.
    #[schema(value_type = Option<String>)]
    pub buyer: Option<InvoiceBuyer>,
    pub issued_on: Option<NaiveDate>,
    /// Of the seller's tax office.
    #[schema(value_type = Option<String>)]
    pub region: Option<Region>,
}

/// The new thing, by its invoice, certificate and registration.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationItem)]
pub struct ItemPaper {
    pub vin: Option<String>,
    pub frame: Option<String>,
    /// The barcode, where the programme has a catalogue.
    pub gtin: Option<String>,
    /// `nev` or `fuel`.
    pub power: Option<Power>,
    pub displacement_ml: Option<u32>,
    /// `6a`, `6b`.
    pub emission: Option<Emission>,
    /// In the catalogue of cars that are free of purchase tax.
    pub in_catalogue: Option<bool>,
    /// The day of the registration certificate.
    pub registered_on: Option<NaiveDate>,
    #[schema(value_type = Option<String>)]
    pub registration_region: Option<Region>,
    pub battery: Option<Battery>,
    pub ccc: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    Nev,
    Fuel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Emission {
    #[serde(rename = "6a")]
    SixA,
    #[serde(rename = "6b")]
    SixB,
}

/// The old thing by the applicant's own documents: of a car that was sold there are no others.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApplicationOld)]
pub struct OldPaper {
    pub vin: Option<String>,
    pub frame: Option<String>,
    /// In whose name it stood: `per_0_…`, or `organisation`.
    #[schema(value_type = Option<String>)]
    pub owner: Option<InvoiceBuyer>,
    /// Of the used-car invoice (二手车销售统一发票).
    pub invoice_number: Option<PaperNumber>,
    #[serde(default)]
    pub facts: OldFacts,
}

/// The base of a grant.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantPaper {
    /// The sum that the rule names: contract, investment, equipment; of a milestone its own part.
    #[schema(value_type = Option<i64>)]
    pub base_fen: Option<Fen>,
    /// One year's interest, by the bank's statement.
    pub interest: Option<InterestPaper>,
    #[schema(value_type = Option<i64>)]
    pub investment_fen: Option<Fen>,
    /// The day of the last document: contract, statement, acceptance.
    pub documents_on: NaiveDate,
    /// The number of the equipment or project that the money is for; it draws once.
    pub asset: Option<PaperNumber>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterestPaper {
    pub year: i32,
    #[schema(value_type = i64)]
    pub fen: Fen,
}

/// A number as a document prints it, in one form however it is written: 4 to 64 letters, digits
/// and hyphens. Only a digest of it is kept.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "031002400105-88812345")]
pub struct PaperNumber(String);

impl PaperNumber {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaperNumber {
    type Error = &'static str;
    fn try_from(text: String) -> Result<PaperNumber, &'static str> {
        let form: String = text.split_whitespace().collect::<String>().to_uppercase();
        let fits = |c: char| c.is_alphanumeric() || c == '-';
        match (4..=64).contains(&form.chars().count()) && form.chars().all(fits) {
            true => Ok(PaperNumber(form)),
            false => Err("expected 4 to 64 letters, digits and hyphens"),
        }
    }
}

impl Papers {
    /// Checks bounds.
    ///
    /// # Errors
    /// 400 with the field.
    pub fn check(&self) -> Result<(), Problem> {
        let money = |fen: &Option<Fen>| fen.is_none_or(|fen| fen.is_positive() && fen <= Fen::MAX);
        let grant = self.grant.as_ref();
        let interest = grant.and_then(|grant| grant.interest);
        for (field, fen) in [
            ("papers.price_fen", self.price_fen),
            ("papers.grant.base_fen", grant.and_then(|grant| grant.base_fen)),
            ("papers.grant.investment_fen", grant.and_then(|grant| grant.investment_fen)),
            ("papers.grant.interest.fen", interest.map(|interest| interest.fen)),
        ] {
            if !money(&fen) {
                return Err(bad(field, "应为正整数（分）", "whole fen above 0"));
            }
        }
        if interest.is_some_and(|interest| !(2000..=2099).contains(&interest.year)) {
            return Err(bad("papers.grant.interest.year", "年份不正确", "a year of this century"));
        }
        if self.old.facts.transferred_on.is_some() && self.old.invoice_number.is_none() {
            return Err(bad(
                "papers.old.invoice_number",
                "请填写二手车销售统一发票号码",
                "a car that was sold has a used-car invoice: give its number",
            ));
        }
        let item = &self.item;
        let texts = [&item.vin, &item.frame, &item.gtin, &self.old.vin, &self.old.frame];
        match texts.iter().any(|text| text.as_ref().is_some_and(|text| text.len() > 64)) {
            true => Err(bad("papers.item", "标识过长", "an identifier of at most 64 bytes")),
            false => Ok(()),
        }
    }

    /// The day of the last document, which decides the programme and the year; nothing where no
    /// document has a day.
    pub fn last_day(&self, facts: &Facts) -> Option<NaiveDate> {
        let day = |fact: &Fact| match facts.get(*fact) {
            Some(Value::Day(day)) => Some(*day),
            _ => None,
        };
        let dated = DATED.iter().filter_map(day);
        dated.chain(self.grant.as_ref().map(|grant| grant.documents_on)).max()
    }

    /// Puts what the documents say into the facts; what the recycler's record has said stays.
    ///
    /// # Errors
    /// 400 where a value is out of range.
    pub fn facts(&self, facts: &mut Facts) -> Result<(), Problem> {
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let day = |day: Option<NaiveDate>| day.map(Value::Day);
        let (item, invoice) = (&self.item, self.invoice.as_ref());
        let buyer = |buyer: InvoiceBuyer| Value::text(buyer.to_string());
        let ml = item.displacement_ml.map(|ml| Value::Int(ml.into()));
        let investment = self.grant.as_ref().and_then(|grant| grant.investment_fen);
        let accepted = self.dwelling.as_ref().and_then(|dwelling| dwelling.accepted_on);
        for (fact, value) in [
            (Fact::PriceFen, self.price_fen.map(Value::Fen)),
            (Fact::InvoiceBuyer, invoice.and_then(|it| it.buyer).map(buyer)),
            (Fact::InvoiceIssuedOn, day(invoice.and_then(|it| it.issued_on))),
            (Fact::InvoiceRegion, invoice.and_then(|it| it.region).map(Value::Region)),
            (Fact::Gtin, text(&item.gtin)),
            (Fact::Vin, text(&item.vin)),
            (Fact::Power, item.power.map(|power| Value::text(power.as_str()))),
            (Fact::DisplacementMl, ml),
            (Fact::Emission, item.emission.map(|it| Value::text(it.as_str()))),
            (Fact::RegisteredOn, day(item.registered_on)),
            (Fact::RegistrationRegion, item.registration_region.map(Value::Region)),
            (Fact::DwellingAcceptedOn, day(accepted)),
            (Fact::GrantInvestmentFen, investment.map(Value::Fen)),
        ] {
            put(facts, fact, value)?;
        }
        let owner = self.old.owner.map(buyer);
        for (fact, value) in self.old.facts.slots().into_iter().chain([(Fact::OldOwner, owner)]) {
            if facts.get(fact).is_none() {
                put(facts, fact, value)?;
            }
        }
        Ok(())
    }

    /// Flags of the new thing that no catalogue has told.
    ///
    /// # Errors
    /// None for values that this type holds.
    pub fn declared(&self, facts: &mut Facts) -> Result<(), Problem> {
        let battery = self.item.battery.map(|battery| Value::text(battery.as_str()));
        put(facts, Fact::InCatalogue, self.item.in_catalogue.map(Value::Bool))?;
        put(facts, Fact::Ccc, self.item.ccc.map(Value::Bool))?;
        put(facts, Fact::Battery, battery)
    }
}

impl Power {
    fn as_str(self) -> &'static str {
        match self {
            Power::Nev => "nev",
            Power::Fuel => "fuel",
        }
    }
}

impl Emission {
    fn as_str(self) -> &'static str {
        match self {
            Emission::SixA => "6a",
            Emission::SixB => "6b",
        }
    }
}

/// The documents' days.
const DATED: [Fact; 5] = [
    Fact::InvoiceIssuedOn,
    Fact::RegisteredOn,
    Fact::OldScrapCertificateOn,
    Fact::OldDeregisteredOn,
    Fact::OldTransferredOn,
];

/// The facts that the rules of this class want and no document has told. An old car is scrapped
/// and deregistered, or it is sold: the documents of one end make those of the other needless.
pub fn missing(class: &Class, screening: &Screening, facts: &Facts) -> Vec<&'static str> {
    use Fact::{OldDeregisteredOn, OldScrapCertificateOn, OldTransferredOn};
    let told = |fact: Fact| facts.get(fact).is_some();
    let scrapped = told(OldScrapCertificateOn) && told(OldDeregisteredOn);
    let needless: &[Fact] = match class.as_str() {
        "car.scrap" => &[OldTransferredOn],
        "car.replace" if told(OldTransferredOn) => &[OldScrapCertificateOn, OldDeregisteredOn],
        "car.replace" if scrapped => &[OldTransferredOn],
        _ => &[],
    };
    let asked = |fact: &Fact| match fact.row().in_flow(Flow::Application) {
        Some((source, _)) => matches!(source, Source::Documents | Source::Organisation),
        None => false,
    };
    let wanted = screening.unknown().filter(|fact| asked(fact) && !needless.contains(fact));
    wanted.map(|fact| fact.row().name).collect()
}

fn bad(field: &str, zh: &str, en: &str) -> Problem {
    Problem::bad_field(field, zh, en)
}
