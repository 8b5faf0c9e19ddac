//! The kinds of documents, and the fields that each has: what an applicant reads off the paper.

use crate::application::papers::PaperNumber;
use crate::http::problem::Problem;
use crate::kernel::identifier::Vin;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::programme::{Fact, Value};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// A document by its kind, with the fields of that kind.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fields {
    /// 机动车销售统一发票
    MotorVehicleSalesInvoice(SalesInvoice),
    /// 报废机动车回收证明
    ScrapCertificate(ScrapCertificate),
    /// 机动车注销证明
    Deregistration(Deregistration),
    /// 机动车登记证书 or 行驶证 of the new vehicle
    RegistrationCertificate(Registration),
    /// 二手车销售统一发票
    UsedCarInvoice(SalesInvoice),
    /// The old vehicle's 机动车登记证书 with its transfer
    Transfer(Transfer),
    /// 借款合同
    LoanContract(Contract),
    /// 融资租赁合同
    LeaseContract(Contract),
    /// 利息支付凭证, by year
    InterestStatement(InterestStatement),
    /// An ordinary invoice: a bicycle, materials, equipment
    Invoice(Invoice),
    /// 验收报告 of a dwelling, a project or a milestone
    Acceptance(Acceptance),
    /// A photo of the thing
    Photo {},
    /// What a programme asks for beside these
    Other {},
}

/// An invoice for a vehicle.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SalesInvoice {
    /// Code and number as printed.
    pub number: PaperNumber,
    pub issued_on: NaiveDate,
    /// Tax included, in fen.
    #[schema(value_type = i64)]
    pub total_fen: Fen,
    #[schema(value_type = String, example = "LSVAB2188E2100001")]
    pub vin: Vin,
    /// Of the seller's tax office, a GB/T 2260 code.
    #[schema(value_type = Option<String>)]
    pub region: Option<Region>,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScrapCertificate {
    pub number: PaperNumber,
    /// The day of the hand-over that it prints.
    pub handed_over_on: NaiveDate,
    #[schema(value_type = String)]
    pub vin: Vin,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deregistration {
    pub deregistered_on: NaiveDate,
    #[schema(value_type = String)]
    pub vin: Vin,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub registered_on: NaiveDate,
    /// Of the office that registered it.
    #[schema(value_type = String)]
    pub region: Region,
    #[schema(value_type = String)]
    pub vin: Vin,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub transferred_on: NaiveDate,
    /// Since when it stood in the applicant's name.
    pub in_name_since: NaiveDate,
    #[schema(value_type = String)]
    pub vin: Vin,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    pub number: PaperNumber,
    pub signed_on: NaiveDate,
    #[schema(value_type = i64)]
    pub total_fen: Fen,
    /// The equipment or project that it pays.
    pub asset: Option<PaperNumber>,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterestStatement {
    /// The loan that it belongs to.
    pub contract: PaperNumber,
    pub issued_on: NaiveDate,
    /// One line a year, in order.
    pub years: Vec<YearOfInterest>,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearOfInterest {
    pub year: i32,
    /// Paid in that year, in fen.
    #[schema(value_type = i64)]
    pub interest_fen: Fen,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    pub number: PaperNumber,
    pub issued_on: NaiveDate,
    #[schema(value_type = i64)]
    pub total_fen: Fen,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    pub accepted_on: NaiveDate,
}

const MIB: u64 = 1024 * 1024;

/// One row a kind: its word, its name in both languages, the most bytes of its file. Contracts
/// and reports have many pages; what a telephone photographs has one.
const KINDS: [(&str, &str, &str, u64); 13] = [
    ("motor_vehicle_sales_invoice", "机动车销售统一发票", "motor-vehicle sales invoice", 8 * MIB),
    ("scrap_certificate", "报废机动车回收证明", "certificate of scrapping", 8 * MIB),
    ("deregistration", "机动车注销证明", "certificate of deregistration", 8 * MIB),
    ("registration_certificate", "机动车登记证书", "registration certificate", 8 * MIB),
    ("used_car_invoice", "二手车销售统一发票", "used-car sales invoice", 8 * MIB),
    ("transfer", "旧车登记证书（过户）", "the old vehicle's certificate, transferred", 8 * MIB),
    ("loan_contract", "借款合同", "loan contract", 32 * MIB),
    ("lease_contract", "融资租赁合同", "lease contract", 32 * MIB),
    ("interest_statement", "利息支付凭证", "statement of interest by year", 16 * MIB),
    ("invoice", "发票", "invoice", 8 * MIB),
    ("acceptance", "验收报告", "acceptance report", 32 * MIB),
    ("photo", "照片", "photo", 12 * MIB),
    ("other", "其他材料", "other document", 16 * MIB),
];

/// A kind without its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentKind(usize);

impl DocumentKind {
    pub fn parse(word: &str) -> Option<DocumentKind> {
        KINDS.iter().position(|kind| kind.0 == word).map(DocumentKind)
    }

    pub fn as_str(self) -> &'static str {
        KINDS[self.0].0
    }

    /// Its name in Chinese and English.
    pub fn names(self) -> (&'static str, &'static str) {
        (KINDS[self.0].1, KINDS[self.0].2)
    }

    /// The most bytes of a file of this kind.
    pub fn most_bytes(self) -> u64 {
        KINDS[self.0].3
    }
}

/// The first day that any rule of this project knows of a car.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1985, 1, 1).expect("a day");
const MOST_YEARS: usize = 10;

impl Fields {
    pub fn kind(&self) -> DocumentKind {
        DocumentKind(match self {
            Fields::MotorVehicleSalesInvoice(_) => 0,
            Fields::ScrapCertificate(_) => 1,
            Fields::Deregistration(_) => 2,
            Fields::RegistrationCertificate(_) => 3,
            Fields::UsedCarInvoice(_) => 4,
            Fields::Transfer(_) => 5,
            Fields::LoanContract(_) => 6,
            Fields::LeaseContract(_) => 7,
            Fields::InterestStatement(_) => 8,
            Fields::Invoice(_) => 9,
            Fields::Acceptance(_) => 10,
            Fields::Photo {} => 11,
            Fields::Other {} => 12,
        })
    }

    /// Checks what no type holds: days that lie in the future, sums that are none.
    ///
    /// # Errors
    /// 400 with the field.
    pub fn check(&self, today: NaiveDate) -> Result<(), Problem> {
        let bad = |field: &str, zh, en| Err(Problem::bad_field(&field_path(field), zh, en));
        for (field, day) in self.days() {
            if !(FIRST_DAY..=today).contains(&day) {
                return bad(field, "日期晚于今天或过早", "a day after today, or before 1985");
            }
        }
        for (field, fen) in self.sums() {
            if !fen.is_positive() || fen > Fen::MAX {
                return bad(field, "应为正整数（分）", "whole fen above 0");
            }
        }
        if let Fields::Transfer(transfer) = self
            && transfer.in_name_since > transfer.transferred_on
        {
            return bad("in_name_since", "晚于转移登记日", "after the transfer");
        }
        let Fields::InterestStatement(statement) = self else { return Ok(()) };
        let years: BTreeSet<i32> = statement.years.iter().map(|line| line.year).collect();
        let in_order = statement.years.iter().map(|line| line.year).eq(years.iter().copied());
        let counts = (1..=MOST_YEARS).contains(&statement.years.len());
        if !counts || !in_order || years.iter().any(|year| !(2000..=2099).contains(year)) {
            return bad(
                "years",
                "应为1至10个递增且不重复的年份",
                "1 to 10 years, in order, each once",
            );
        }
        Ok(())
    }

    fn days(&self) -> Vec<(&'static str, NaiveDate)> {
        match self {
            Fields::MotorVehicleSalesInvoice(it) | Fields::UsedCarInvoice(it) => {
                vec![("issued_on", it.issued_on)]
            }
            Fields::ScrapCertificate(it) => vec![("handed_over_on", it.handed_over_on)],
            Fields::Deregistration(it) => vec![("deregistered_on", it.deregistered_on)],
            Fields::RegistrationCertificate(it) => vec![("registered_on", it.registered_on)],
            Fields::Transfer(it) => {
                vec![("transferred_on", it.transferred_on), ("in_name_since", it.in_name_since)]
            }
            Fields::LoanContract(it) | Fields::LeaseContract(it) => {
                vec![("signed_on", it.signed_on)]
            }
            Fields::InterestStatement(it) => vec![("issued_on", it.issued_on)],
            Fields::Invoice(it) => vec![("issued_on", it.issued_on)],
            Fields::Acceptance(it) => vec![("accepted_on", it.accepted_on)],
            Fields::Photo {} | Fields::Other {} => Vec::new(),
        }
    }

    fn sums(&self) -> Vec<(&'static str, Fen)> {
        match self {
            Fields::MotorVehicleSalesInvoice(it) | Fields::UsedCarInvoice(it) => {
                vec![("total_fen", it.total_fen)]
            }
            Fields::LoanContract(it) | Fields::LeaseContract(it) => {
                vec![("total_fen", it.total_fen)]
            }
            Fields::Invoice(it) => vec![("total_fen", it.total_fen)],
            Fields::InterestStatement(it) => {
                it.years.iter().map(|line| ("years", line.interest_fen)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What the document says of the facts that the rules read, to be laid beside what the
    /// applicant entered.
    pub fn says(&self) -> Vec<(Fact, Value)> {
        let day = Value::Day;
        match self {
            Fields::MotorVehicleSalesInvoice(it) => {
                let mut says = vec![
                    (Fact::InvoiceIssuedOn, day(it.issued_on)),
                    (Fact::PriceFen, Value::Fen(it.total_fen)),
                    (Fact::Vin, Value::text(it.vin.to_string())),
                ];
                says.extend(it.region.map(|region| (Fact::InvoiceRegion, Value::Region(region))));
                says
            }
            Fields::ScrapCertificate(it) => {
                vec![(Fact::OldScrapCertificateOn, day(it.handed_over_on))]
            }
            Fields::Deregistration(it) => vec![(Fact::OldDeregisteredOn, day(it.deregistered_on))],
            Fields::RegistrationCertificate(it) => vec![
                (Fact::RegisteredOn, day(it.registered_on)),
                (Fact::RegistrationRegion, Value::Region(it.region)),
                (Fact::Vin, Value::text(it.vin.to_string())),
            ],
            Fields::Transfer(it) => vec![
                (Fact::OldTransferredOn, day(it.transferred_on)),
                (Fact::OldInNameSince, day(it.in_name_since)),
            ],
            Fields::Invoice(it) => vec![
                (Fact::InvoiceIssuedOn, day(it.issued_on)),
                (Fact::PriceFen, Value::Fen(it.total_fen)),
            ],
            Fields::Acceptance(it) => vec![(Fact::DwellingAcceptedOn, day(it.accepted_on))],
            _ => Vec::new(),
        }
    }

    /// Each field by its name, as it is shown.
    pub fn shown(&self) -> Vec<(String, String)> {
        let serde_json::Value::Object(fields) = serde_json::to_value(self).unwrap_or_default()
        else {
            return Vec::new();
        };
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        let own = fields.into_iter().filter(|(name, value)| name != "kind" && !value.is_null());
        own.map(|(name, value)| (name, text(value))).collect()
    }

    /// The VIN of the new vehicle, where this document has it.
    pub fn new_vin(&self) -> Option<&Vin> {
        match self {
            Fields::MotorVehicleSalesInvoice(it) => Some(&it.vin),
            Fields::RegistrationCertificate(it) => Some(&it.vin),
            _ => None,
        }
    }
}

fn field_path(field: &str) -> String {
    format!("document.{field}")
}

#[cfg(test)]
mod tests;
