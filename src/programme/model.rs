//! A compiled programme: what its file says, ready to be asked.

use super::amount::Table;
use super::calendar::{DailyHours, Interval, VoucherEnd};
use super::condition::Condition;
use super::fact::{Flow, Phase};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How sure a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Printed in an official notice, rule, FAQ or announcement.
    Stated,
    /// Stated, but read from a copy with shuffled sentences.
    Fragment,
    /// Newspaper, state media, portal or summary.
    Press,
    /// From memory, unverified.
    Recalled,
    /// Follows from other figures.
    Derived,
    /// Nobody says; this file decides.
    Assumed,
}

/// A text that figures of a programme come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cited {
    /// The name by which figures cite it.
    pub key: String,
    pub title: String,
    pub confidence: Confidence,
}

/// Where the facts of the new goods come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodsSource {
    /// The goods catalogue, by GTIN.
    Catalogue,
    /// What till or applicant declares.
    Declared,
}

/// By when an old item must be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldItemNeeded {
    No,
    BeforeReserve,
    BeforeCapture,
    BeforeSettlement,
}

/// Whose the old item must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldItemOwner {
    Claimant,
    Anyone,
}

/// What is asked about the old item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldItemPolicy {
    pub needed: OldItemNeeded,
    pub whose: OldItemOwner,
    /// The classes that it may have; empty: the class of the new one.
    pub classes: Vec<Class>,
}

/// What becomes of the slot when the goods come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualificationAfterRefund {
    /// Free again.
    Restored,
    /// Used up; the quota counts it as kept.
    Kept,
}

/// When a restored slot is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoredOn {
    AtOnce,
    /// A cancel on the day of payment frees it at once, a later return on the next day.
    SameDayOrNext,
}

/// What happens to slot and money when the goods come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundPolicy {
    pub qualification: QualificationAfterRefund,
    pub restored_on: RestoredOn,
    /// Days in which the subsidy goes back to the treasury after settlement.
    pub return_days: Option<u16>,
}

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payee {
    /// Advanced the money at the till.
    Retailer,
    Applicant,
}

/// A thing that may draw one live subsidy only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    NewSerial,
    NewImei,
    NewGtinSerial,
    NewVin,
    NewFrame,
    OldVin,
    OldFrame,
    Invoice,
    OrderNo,
    Dwelling,
    /// The equipment or project that a loan or a lease pays.
    Asset,
}

/// The window in which applications, and corrections to them, are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationWindow {
    pub opens: Option<Moment>,
    /// The first moment at which it is too late.
    pub closes: Option<Moment>,
    pub corrections_until: Option<Moment>,
    /// Whether a reviewer may approve where a neighbour was asked and gave no answer.
    pub without_answer: bool,
}

/// Classes that share a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub name: Class,
    pub classes: Vec<Class>,
}

#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub round: i64,
    pub window: Interval,
}

#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub hours: DailyHours,
    pub channel: Option<String>,
    pub except_rounds: bool,
}

/// How long vouchers live.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vouchers {
    pub ends: Vec<(Option<String>, VoucherEnd)>,
    pub openings: Vec<Opening>,
    pub rounds: Vec<Round>,
    pub void_before: Option<Moment>,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Several demands of one code, each with its own phase.
    Demand(Vec<(Phase, Condition)>),
    Quota {
        scope: Region,
        pieces: u32,
        per_payment_channel: bool,
    },
    NotAgainAfterRefund,
    HeldElsewhere,
    LapseLimit {
        scope: Region,
        times: u32,
        per_channel: bool,
    },
    CumulativeCap {
        scope: Region,
        name: Arc<str>,
        cap: Fen,
        all_years: bool,
    },
    DayBudget {
        limit: Fen,
    },
    OncePer(Arc<[Mark]>),
}

/// One entry of the file's list of rules.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub refusal: Arc<Refusal>,
    pub supersedes: Vec<String>,
    /// Empty: all classes.
    pub classes: Vec<Class>,
    pub form: Form,
}

impl Rule {
    pub fn covers(&self, class: &Class) -> bool {
        self.classes.is_empty() || self.classes.contains(class)
    }
}

/// One published version of a programme. Immutable, named by the hash of its text.
#[derive(Debug)]
pub struct Programme {
    pub(crate) id: String,
    pub(crate) version: u32,
    pub(crate) hash: String,
    pub(crate) text: String,
    pub(crate) title: (String, String),
    pub(crate) region: Region,
    pub(crate) flow: Flow,
    pub(crate) goods: GoodsSource,
    pub(crate) classes: Vec<Class>,
    pub(crate) drops: Vec<Class>,
    pub(crate) sources: Vec<Cited>,
    pub(crate) assumes: Vec<String>,
    pub(crate) evidence: Vec<String>,
    pub(crate) valid: Interval,
    pub(crate) decides_from: Moment,
    pub(crate) suspensions: Vec<Interval>,
    pub(crate) groups: Vec<Group>,
    pub(crate) vouchers: Vouchers,
    pub(crate) reservation_minutes: u32,
    pub(crate) late_capture_minutes: u32,
    pub(crate) application: ApplicationWindow,
    /// `Some` where it pays per order; the catalogue classes that a line may have.
    pub(crate) line_classes: Option<Vec<Class>>,
    pub(crate) old_item: OldItemPolicy,
    pub(crate) refund: RefundPolicy,
    pub(crate) budget: Option<Fen>,
    pub(crate) funding: Vec<(String, super::Rate)>,
    pub(crate) amounts: Vec<Table>,
    pub(crate) rules: Vec<Rule>,
}
