//! What a till says of a purchase, and the facts that the rules read of it.

use crate::http::problem::Problem;
use crate::identity::model::PersonId;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use crate::programme::{Fact, Facts, Line, Value};
use crate::voucher::doors::put;
use crate::voucher::http::Channel;
use chrono::NaiveDate;
use serde::Deserialize;
use std::fmt;
use utoipa::ToSchema;

/// Lines of one order, at the most.
const MOST_LINES: usize = 50;

/// A purchase at the till: the voucher by its code, or in flow `checkout` region, class and
/// person.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchaseBody {
    /// The code that the person shows; for classes that take a voucher.
    pub voucher_code: Option<String>,
    /// For classes without a voucher.
    pub checkout: Option<CheckoutBody>,
    /// The shop's own number of the order: it draws once.
    pub order_no: String,
    /// The final price after every discount, before the subsidy, tax included.
    #[schema(value_type = i64)]
    pub price_fen: Fen,
    #[schema(value_type = Option<i64>)]
    pub list_price_fen: Option<Fen>,
    pub channel: Channel,
    /// `alipay`, `wechat`, `unionpay`, …
    pub payment_channel: Option<String>,
    /// Who pays and who receives, where the payment app knows them.
    #[schema(value_type = Option<String>)]
    pub payer: Option<PersonId>,
    #[schema(value_type = Option<String>)]
    pub recipient: Option<PersonId>,
    #[schema(value_type = Option<String>)]
    pub delivery_region: Option<Region>,
    #[serde(default)]
    pub item: ItemBody,
    /// The lines of an order, where the programme pays per order.
    #[serde(default)]
    pub lines: Vec<LineBody>,
    /// Of a renovation: the dwelling that it is for.
    pub dwelling: Option<DwellingBody>,
    /// The verified old item that is handed in: `old_…`.
    pub old_item: Option<String>,
    /// Capture at once: for simple tills that hand over on the spot.
    #[serde(default)]
    pub capture: bool,
    #[serde(default)]
    pub hand_over: HandOverBody,
}

/// Who buys what where, for classes without a voucher.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckoutBody {
    #[schema(value_type = String)]
    pub region: Region,
    #[schema(value_type = String)]
    pub class: Class,
    #[schema(value_type = String)]
    pub person: PersonId,
}

/// The new item. Class, grade, flags and filed price come from the catalogue, never from here;
/// `declared` is read only where the programme takes declared goods.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemBody {
    pub gtin: Option<String>,
    pub serial: Option<String>,
    pub imei: Option<String>,
    pub vin: Option<String>,
    pub frame: Option<String>,
    pub declared: Option<DeclaredBody>,
}

/// What a shop declares of goods that no catalogue holds; looked at before payment.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredBody {
    pub energy_label: Option<u8>,
    pub water_label: Option<u8>,
    pub label_scheme: Option<bool>,
    pub ccc: Option<bool>,
    pub in_catalogue: Option<bool>,
    pub battery: Option<String>,
}

/// The dwelling of a renovation, as its property papers have it; looked at before payment.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DwellingBody {
    /// 不动产单元代码: the 28 letters and digits that stand for this dwelling and no other,
    /// whoever of the household applies. Only a digest of it is kept.
    #[schema(value_type = String, example = "330302001001GB00001F00010001")]
    pub unit: RealEstateUnit,
    /// The day on which it was accepted as finished (竣工验收).
    pub accepted_on: Option<NaiveDate>,
}

/// The number of a dwelling, in one form however it is written.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct RealEstateUnit(String);

impl RealEstateUnit {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RealEstateUnit {
    type Error = &'static str;
    fn try_from(text: String) -> Result<RealEstateUnit, &'static str> {
        let unit: String = text.split_whitespace().collect::<String>().to_ascii_uppercase();
        match unit.len() == 28 && unit.bytes().all(|b| b.is_ascii_alphanumeric()) {
            true => Ok(RealEstateUnit(unit)),
            false => Err("expected 28 letters and digits"),
        }
    }
}

/// One line of an order.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineBody {
    /// The barcode: the class comes from the catalogue.
    pub gtin: Option<String>,
    /// Declared, where the programme takes declared goods.
    #[schema(value_type = Option<String>)]
    pub class: Option<Class>,
    #[schema(value_type = i64)]
    pub price_fen: Fen,
}

/// What the hand-over shows.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOverBody {
    /// Unpacked and checked, and activated where that applies.
    pub opened_and_checked: Option<bool>,
    pub invoice: Option<InvoiceBody>,
}

/// The invoice of the purchase.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceBody {
    /// `per_0_…`, or `organisation`: never a name.
    #[schema(value_type = Option<String>)]
    pub buyer: Option<InvoiceBuyer>,
    pub lines: Option<u16>,
    pub subsidised_lines: Option<u16>,
    pub issued_on: Option<NaiveDate>,
    /// Of the seller's tax office.
    #[schema(value_type = Option<String>)]
    pub region: Option<Region>,
}

/// To whom an invoice is made out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum InvoiceBuyer {
    Person(PersonId),
    Organisation,
}

impl TryFrom<String> for InvoiceBuyer {
    type Error = &'static str;
    fn try_from(text: String) -> Result<InvoiceBuyer, &'static str> {
        match text.as_str() {
            "organisation" => Ok(InvoiceBuyer::Organisation),
            id => id
                .parse()
                .map(InvoiceBuyer::Person)
                .map_err(|_| "expected the id of a person, or organisation"),
        }
    }
}

impl fmt::Display for InvoiceBuyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvoiceBuyer::Person(person) => person.fmt(f),
            InvoiceBuyer::Organisation => f.write_str("organisation"),
        }
    }
}

impl PurchaseBody {
    /// Checks shape and bounds.
    ///
    /// # Errors
    /// 400 with the field.
    pub fn check(&self) -> Result<(), Problem> {
        let money = |fen: Fen| fen.is_positive() && fen <= Fen::MAX;
        if !money(self.price_fen) {
            return Err(bad("price_fen", "应为正整数（分）", "whole fen above 0"));
        }
        let no = &self.order_no;
        if !(1..=64).contains(&no.chars().count()) || no.chars().any(char::is_control) {
            return Err(bad("order_no", "应为 1 到 64 个字符", "1 to 64 characters"));
        }
        if self.voucher_code.is_some() == self.checkout.is_some() {
            return Err(bad(
                "voucher_code",
                "voucher_code 与 checkout 须且只须有一个",
                "send exactly one of voucher_code and checkout",
            ));
        }
        if self.lines.len() > MOST_LINES || self.lines.iter().any(|l| !money(l.price_fen)) {
            return Err(bad("lines", "至多 50 行，金额为正", "at most 50, each above 0 fen"));
        }
        let sum: i64 = self.lines.iter().map(|line| line.price_fen.0).fold(0, i64::saturating_add);
        if !self.lines.is_empty() && sum != self.price_fen.0 {
            return Err(bad("lines", "各行金额之和应等于 price_fen", "they sum to price_fen"));
        }
        let item = &self.item;
        let texts = [&item.gtin, &item.serial, &item.imei, &item.vin, &item.frame];
        let long = |text: &&Option<String>| text.as_ref().is_some_and(|t| t.len() > 64);
        let payment = self.payment_channel.as_ref().is_some_and(|channel| {
            channel.len() > 32 || !channel.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        });
        if payment {
            return Err(bad("payment_channel", "应为小写字母", "lower-case letters and _"));
        }
        match texts.iter().find(|text| long(text)) {
            Some(_) => Err(bad("item", "标识过长", "an identifier of at most 64 bytes")),
            None => Ok(()),
        }
    }

    fn accepted_on(&self) -> Option<NaiveDate> {
        self.dwelling.as_ref().and_then(|dwelling| dwelling.accepted_on)
    }

    /// Puts what the till knows into the facts. Identifiers go in raw: whether they are right is
    /// for the programme to judge.
    pub fn facts(&self, facts: &mut Facts) -> Result<(), Problem> {
        let person = |id: &PersonId| Value::text(id.to_string());
        let text = |text: &Option<String>| text.as_deref().map(Value::text);
        let item = &self.item;
        for (fact, value) in [
            (Fact::PriceFen, Some(Value::Fen(self.price_fen))),
            (Fact::ListPriceFen, self.list_price_fen.map(Value::Fen)),
            (Fact::PurchaseChannel, Some(Value::text(self.channel.as_str()))),
            (Fact::PaymentChannel, text(&self.payment_channel)),
            (Fact::Payer, self.payer.as_ref().map(person)),
            (Fact::Recipient, self.recipient.as_ref().map(person)),
            (Fact::DeliveryRegion, self.delivery_region.map(Value::Region)),
            (Fact::Gtin, text(&item.gtin)),
            (Fact::Serial, text(&item.serial)),
            (Fact::Imei, text(&item.imei)),
            (Fact::Vin, text(&item.vin)),
            (Fact::DwellingAcceptedOn, self.accepted_on().map(Value::Day)),
        ] {
            put(facts, fact, value)?;
        }
        Ok(())
    }
}

impl DeclaredBody {
    pub fn facts(&self, facts: &mut Facts) -> Result<(), Problem> {
        let grade = |grade: Option<u8>| grade.map(|grade| Value::Int(grade.into()));
        for (fact, value) in [
            (Fact::EnergyLabel, grade(self.energy_label)),
            (Fact::WaterLabel, grade(self.water_label)),
            (Fact::LabelScheme, self.label_scheme.map(Value::Bool)),
            (Fact::Ccc, self.ccc.map(Value::Bool)),
            (Fact::InCatalogue, self.in_catalogue.map(Value::Bool)),
            (Fact::Battery, self.battery.as_deref().map(Value::text)),
        ] {
            put(facts, fact, value)?;
        }
        Ok(())
    }
}

impl HandOverBody {
    pub fn facts(&self, facts: &mut Facts) -> Result<(), Problem> {
        put(facts, Fact::OpenedAndChecked, self.opened_and_checked.map(Value::Bool))?;
        let Some(invoice) = &self.invoice else { return Ok(()) };
        let count = |count: Option<u16>| count.map(|count| Value::Int(count.into()));
        for (fact, value) in [
            (Fact::InvoiceBuyer, invoice.buyer.map(|buyer| Value::text(buyer.to_string()))),
            (Fact::InvoiceLines, count(invoice.lines)),
            (Fact::InvoiceSubsidisedLines, count(invoice.subsidised_lines)),
            (Fact::InvoiceIssuedOn, invoice.issued_on.map(Value::Day)),
            (Fact::InvoiceRegion, invoice.region.map(Value::Region)),
        ] {
            put(facts, fact, value)?;
        }
        Ok(())
    }
}

/// The lines of an order as the rules read them.
pub fn lines_fact(lines: &[(Class, Fen)]) -> Value {
    let line = |(class, price): &(Class, Fen)| Line { class: class.clone(), price: *price };
    Value::Lines(lines.iter().map(line).collect())
}

fn bad(field: &str, zh: &str, en: &str) -> Problem {
    Problem::bad_field(field, zh, en)
}
