//! What neighbours are asked and what they say.

use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use chrono::NaiveDate;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// A document's number on its way to a neighbour: in no log and in no debug text.
#[derive(Clone)]
pub struct Clear(Zeroizing<String>);

impl Clear {
    pub fn new(text: &str) -> Clear {
        Clear(Zeroizing::new(text.to_owned()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Clear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Clear {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

/// Who is asked.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Neighbour {
    VehicleRegister,
    InvoiceCheck,
    Holdings,
}

impl Neighbour {
    pub const ALL: [Neighbour; 3] =
        [Neighbour::VehicleRegister, Neighbour::InvoiceCheck, Neighbour::Holdings];

    pub fn as_str(self) -> &'static str {
        match self {
            Neighbour::VehicleRegister => "vehicle_register",
            Neighbour::InvoiceCheck => "invoice_check",
            Neighbour::Holdings => "holdings",
        }
    }

    pub fn parse(text: &str) -> Option<Neighbour> {
        Neighbour::ALL.into_iter().find(|neighbour| neighbour.as_str() == text)
    }
}

/// Whose vehicle is this, and since when?
#[derive(Clone, Debug, Serialize)]
pub struct VehicleQuestion {
    pub vin: Clear,
    /// The number of the document of the person who says that it is his.
    pub holder: Clear,
}

/// What the register of vehicles says. What it does not say is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VehicleAnswer {
    /// Whether it has such a vehicle.
    pub is_known: bool,
    /// Whether it stands in that person's name now.
    pub is_holder: Option<bool>,
    pub registered_on: Option<NaiveDate>,
    pub in_name_since: Option<NaiveDate>,
    /// `private` or `commercial`.
    #[serde(rename = "use")]
    pub use_: Option<String>,
    #[schema(value_type = Option<String>)]
    pub region: Option<Region>,
    pub deregistered_on: Option<NaiveDate>,
}

/// Is this invoice real, and still valid?
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceQuestion {
    pub number: Clear,
    pub issued_on: Option<NaiveDate>,
    /// In fen, tax included.
    pub total_fen: Option<Fen>,
}

/// What the tax office says of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceAnswer {
    /// Whether such an invoice was issued, on that day and over that sum.
    pub is_genuine: bool,
    /// It was cancelled or reversed (红冲、作废).
    #[serde(default)]
    pub is_void: bool,
}

/// Has this person drawn a subsidy of this family in this year, anywhere?
#[derive(Clone, Debug, Serialize)]
pub struct HoldingsQuestion {
    pub holder: Clear,
    /// First segment of the class.
    pub family: String,
    pub year: i32,
}

/// What the nation's platform knows of a person, a family and a year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldingsAnswer {
    /// The classes drawn in other provinces, one for each time.
    pub drawn: Vec<String>,
}

/// Why there is no answer. Which of them it was is kept, the neighbour's own words are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    NotConnected,
    Unreachable,
    TimedOut,
    /// It answered with another status than 200.
    Refused,
    /// What it said is not of the agreed form, or too long.
    Malformed,
}

impl NoAnswer {
    pub const ALL: [NoAnswer; 5] = [
        NoAnswer::NotConnected,
        NoAnswer::Unreachable,
        NoAnswer::TimedOut,
        NoAnswer::Refused,
        NoAnswer::Malformed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            NoAnswer::NotConnected => "not_connected",
            NoAnswer::Unreachable => "unreachable",
            NoAnswer::TimedOut => "timed_out",
            NoAnswer::Refused => "refused",
            NoAnswer::Malformed => "malformed",
        }
    }
}

/// What became of asking one neighbour, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub neighbour: Neighbour,
    /// Who answered: a host, or `sandbox`.
    pub source: String,
    /// The answer's JSON, or why there is none.
    pub said: Result<serde_json::Value, NoAnswer>,
}
