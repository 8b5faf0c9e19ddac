//! The shape of a programme file, key by key. A key that is not here is refused.
//!
//! Money is whole fen in keys that end in `_fen`; TOML lets one write `2_000_00` for 2,000.00
//! yuan. A boundary of time is a day (its first moment in Shanghai) or a moment with offset, and
//! every `until` is the first that is outside. A `source` names an entry under `[sources]`.

use super::arithmetic::{Rate, RoundingMode};
use super::calendar::Counting;
use super::fact::{Flow, Phase};
use super::model::{
    Confidence, GoodsSource, Mark, OldItemNeeded, OldItemOwner, QualificationAfterRefund,
    RestoredOn,
};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::region::Region;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Stable name of the programme, the same in all its versions.
    pub id: Spanned<String>,
    /// Counts up from 1; of the versions in force at a moment the highest acts.
    pub version: Spanned<u32>,
    pub title: Title,
    pub region: Region,
    pub flow: Flow,
    pub goods: GoodsSource,
    pub classes: Spanned<Vec<Class>>,
    /// Classes that this place does not pay, though a wider programme would.
    #[serde(default)]
    pub drops: Vec<Class>,
    /// What the sources leave open and this file decides.
    pub assumes: Vec<String>,
    /// Documents and pictures that settlement asks for.
    #[serde(default)]
    pub evidence: Vec<String>,
    pub sources: BTreeMap<String, Spanned<SourceText>>,
    pub valid: Spanned<Validity>,
    #[serde(default)]
    pub suspensions: Vec<Spanned<Window>>,
    #[serde(default)]
    pub groups: Vec<Spanned<Group>>,
    pub voucher: Option<Voucher>,
    pub till: Option<Till>,
    pub application: Option<Spanned<Application>>,
    pub order: Option<Spanned<Order>>,
    pub old_item: Spanned<OldItem>,
    pub refund: Spanned<Refund>,
    pub budget: Option<Spanned<Budget>>,
    pub funding: Option<Spanned<Funding>>,
    pub amounts: Spanned<Vec<Spanned<Amount>>>,
    #[serde(default)]
    pub rules: Vec<Spanned<Rule>>,
    pub examples: Spanned<Vec<Spanned<Example>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Title {
    pub zh: String,
    pub en: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceText {
    pub title: String,
    pub confidence: Confidence,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validity {
    pub from: String,
    pub until: String,
    /// From when on this version decides, where a notice reaches back: `from` stays the first day
    /// of a purchase, this is the first moment of a decision.
    pub decides_from: Option<String>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    pub from: String,
    pub until: String,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    pub name: Class,
    pub classes: Vec<Class>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Voucher {
    /// The first entry that fits the voucher's channel counts.
    pub ends: Spanned<Vec<Spanned<End>>>,
    #[serde(default)]
    pub opening: Vec<Spanned<Opening>>,
    #[serde(default)]
    pub rounds: Vec<Spanned<Round>>,
    pub transition: Option<Spanned<Transition>>,
}

/// One of `days` (with `counting`), `same_day`, `sunday`, `programme`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub channel: Option<String>,
    pub days: Option<u16>,
    pub counting: Option<Counting>,
    pub at: Option<EndAt>,
    pub source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndAt {
    SameDay,
    Sunday,
    Programme,
}

/// Daily hours in which a voucher can be claimed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    pub from: String,
    pub until: String,
    pub channel: Option<String>,
    /// Vouchers of a lottery round arrive by themselves at any hour.
    #[serde(default)]
    pub except_rounds: bool,
    pub source: String,
}

/// The window in which the winners of a lottery round claim.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Round {
    pub round: u32,
    pub from: String,
    pub until: String,
    pub source: String,
}

/// What becomes of older vouchers when this version takes over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transition {
    pub voids_claimed_before: String,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Till {
    pub reservation_minutes: u32,
    #[serde(default)]
    pub late_capture_minutes: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    pub opens: Option<String>,
    pub closes: Option<String>,
    /// After this no correction is taken.
    pub corrections_until: Option<String>,
    /// Whether a reviewer may approve where a neighbour was asked and gave no answer.
    #[serde(default)]
    pub without_answer: bool,
    pub source: String,
}

/// The programme pays for an order of several lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// Catalogue classes that a line may have; empty: the request's own class only.
    #[serde(default)]
    pub line_classes: Vec<Class>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldItem {
    pub needed: OldItemNeeded,
    pub whose: Option<OldItemOwner>,
    /// The classes that an old item may have; empty: the class of the new one.
    #[serde(default)]
    pub classes: Vec<Class>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refund {
    pub qualification: QualificationAfterRefund,
    pub restored_on: Option<RestoredOn>,
    /// Days in which the money goes back after settlement.
    pub return_days: Option<u16>,
    pub source: String,
}

/// The money of the whole programme; a book's appropriations carry it out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    pub total_fen: Fen,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Funding {
    /// Payer to share: `{ state = "85%", city = "15%" }`; they add up to 100%.
    pub shares: BTreeMap<String, Rate>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Amount {
    /// Empty: all classes of the file.
    #[serde(default)]
    pub classes: Vec<Class>,
    pub base: AmountBase,
    /// Of yearly interest: how many years count.
    pub years: Option<u8>,
    /// A reviewer may set a lower figure.
    #[serde(default)]
    pub up_to: bool,
    pub rounding: Option<RoundingText>,
    pub tiers: Spanned<Vec<Spanned<Tier>>>,
    #[serde(default)]
    pub extras: Vec<Spanned<Extra>>,
    /// The most for tier and extras together.
    pub cap_fen: Option<Fen>,
    pub otherwise: Spanned<Sentence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AmountBase {
    /// The final price, or the sum of the order's lines.
    Price,
    GrantBase,
    InterestByYear,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoundingText {
    pub unit_fen: u32,
    pub mode: RoundingMode,
    pub source: String,
}

/// The first tier that fits pays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    pub name: String,
    pub when: Option<Spanned<String>>,
    /// Grades of the energy or water label, the better of the two.
    #[serde(default)]
    pub label: Vec<u8>,
    /// Goods for which no label scheme exists.
    #[serde(default)]
    pub no_label_scheme: bool,
    pub price_from_fen: Option<Fen>,
    pub price_below_fen: Option<Fen>,
    pub rate: Option<Rate>,
    pub cap_fen: Option<Fen>,
    pub fixed_fen: Option<Fen>,
    /// Instead of paying: the sources do not print this tier's figure.
    pub refuse: Option<Sentence>,
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extra {
    pub name: String,
    pub when: Spanned<String>,
    pub fixed_fen: Fen,
    pub source: String,
}

/// A code and what a person reads with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentence {
    pub code: String,
    pub zh: Option<String>,
    pub en: Option<String>,
}

/// Exactly one of `demand` and the typed forms stands in a rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub code: String,
    pub zh: Option<String>,
    pub en: Option<String>,
    pub source: String,
    /// Empty: all classes of the file.
    #[serde(default)]
    pub classes: Vec<Class>,
    #[serde(default)]
    pub supersedes: Vec<String>,
    pub demand: Option<OneOrMany>,
    /// Refuse also where a fact is absent.
    #[serde(default)]
    pub required: bool,
    /// Where the condition must run; a fact known only later is then a mistake.
    pub phase: Option<Phase>,
    pub quota: Option<Quota>,
    pub not_again_after_refund: Option<bool>,
    pub held_elsewhere: Option<bool>,
    pub lapse_limit: Option<LapseLimit>,
    pub cumulative_cap: Option<CumulativeCap>,
    pub day_budget: Option<DayBudget>,
    /// Marks that a redemption takes; each may draw one live subsidy.
    pub once_per: Option<Vec<Mark>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    pub scope: Region,
    pub pieces: u32,
    #[serde(default)]
    pub per_payment_channel: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LapseLimit {
    pub scope: Region,
    pub times: u32,
    #[serde(default)]
    pub per_channel: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CumulativeCap {
    pub scope: Region,
    pub name: String,
    pub cap_fen: Fen,
    /// Over all years of the programme instead of one.
    #[serde(default)]
    pub all_years: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayBudget {
    pub limit_fen: Fen,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    pub id: String,
    pub at: String,
    pub class: Class,
    /// Where it is bought; the programme's own place where absent.
    pub region: Option<Region>,
    pub facts: toml::Value,
    pub expect: Spanned<String>,
    pub source: String,
}
