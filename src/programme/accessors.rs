//! What others ask a programme, beside judging a purchase.

use super::arithmetic::Rate;
use super::calendar::Interval;
use super::fact::{Fact, Flow, Phase};
use super::model::{
    ApplicationWindow, Cited, Form, GoodsSource, Mark, OldItemPolicy, Payee, Programme,
    QualificationAfterRefund, RefundPolicy, Rule,
};
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::region::Region;
use crate::kernel::time::Moment;
use chrono::TimeDelta;

impl Programme {
    /// The name of the programme, the same in all its versions.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The same as bytes.
    pub fn hash_bytes(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        // The text form was written from 32 bytes when the file was compiled.
        let _ = hex::decode_to_slice(&self.hash, &mut hash);
        hash
    }

    /// The file, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its title in Chinese and in English.
    pub fn title(&self) -> (&str, &str) {
        (&self.title.0, &self.title.1)
    }

    /// The place that it belongs to; every place inside may act under it.
    pub fn region(&self) -> Region {
        self.region
    }

    pub fn flow(&self) -> Flow {
        self.flow
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Classes that it takes out of a wider programme without paying them.
    pub fn drops(&self) -> &[Class] {
        &self.drops
    }

    /// The texts that its figures come from.
    pub fn sources(&self) -> &[Cited] {
        &self.sources
    }

    /// What the sources leave open and the file decides.
    pub fn assumes(&self) -> &[String] {
        &self.assumes
    }

    /// The documents and pictures that settlement asks for.
    pub fn evidence(&self) -> &[String] {
        &self.evidence
    }

    /// When a purchase falls under it.
    pub fn valid(&self) -> Interval {
        self.valid
    }

    /// From when it decides: a raise may reach back to purchases of earlier days.
    pub fn decides_from(&self) -> Moment {
        self.decides_from
    }

    pub fn goods(&self) -> GoodsSource {
        self.goods
    }

    pub fn payee(&self) -> Payee {
        match self.flow {
            Flow::Voucher | Flow::Checkout => Payee::Retailer,
            Flow::Application => Payee::Applicant,
        }
    }

    /// The most that one voucher of this class can draw; what a claim sets aside.
    pub fn hold(&self, class: &Class) -> Fen {
        self.amounts.iter().find(|table| table.covers(class)).map_or(Fen::ZERO, |it| it.most())
    }

    /// Whether a reviewer may grant less than the amount of this class.
    pub fn is_up_to(&self, class: &Class) -> bool {
        self.amounts.iter().any(|table| table.covers(class) && table.up_to)
    }

    /// The money of the whole programme, where its text names a sum.
    pub fn budget(&self) -> Option<Fen> {
        self.budget
    }

    /// The first moment at which a voucher claimed then is over: as the voucher's channel says,
    /// and at the latest with the programme.
    pub fn voucher_until(&self, channel: Option<&str>, claimed_at: Moment) -> Moment {
        let fits = |of: &Option<String>| of.as_deref().is_none_or(|of| Some(of) == channel);
        let end = self.vouchers.ends.iter().find(|(of, _)| fits(of));
        let until = end.and_then(|(_, end)| end.after(claimed_at));
        let last = self.valid.until.unwrap_or(Moment::MAX_UTC);
        until.map_or(last, |until| until.min(last))
    }

    /// Vouchers claimed before this moment are void under this version.
    pub fn voids_claimed_before(&self) -> Option<Moment> {
        self.vouchers.void_before
    }

    pub fn reservation(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.reservation_minutes))
    }

    /// How long after the end of its reservation a capture is still taken.
    pub fn late_capture_grace(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.late_capture_minutes))
    }

    pub fn old_item(&self) -> &OldItemPolicy {
        &self.old_item
    }

    pub fn refund(&self) -> RefundPolicy {
        self.refund
    }

    /// When applications and corrections are taken.
    pub fn application(&self) -> ApplicationWindow {
        self.application
    }

    /// Who bears the money, by share.
    pub fn funding(&self) -> &[(String, Rate)] {
        &self.funding
    }

    /// Whether it pays for an order of several lines.
    pub fn is_per_order(&self) -> bool {
        self.line_classes.is_some()
    }

    /// Whether an order's line may have this catalogue class; one that may not makes the basket
    /// mixed.
    pub fn takes_line(&self, class: &Class) -> bool {
        let Some(lines) = &self.line_classes else { return self.classes.contains(class) };
        if lines.is_empty() { self.classes.contains(class) } else { lines.contains(class) }
    }

    /// Every refusal that its rules and amounts can speak, in the order of the file.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        let of_rules = self.rules.iter().map(|rule| &*rule.refusal);
        of_rules.chain(self.amounts.iter().map(|table| &*table.otherwise))
    }

    /// The marks that a redemption of this class takes, in the order of the file.
    pub fn marks(&self, class: &Class) -> Vec<Mark> {
        let marks = |form: &Form| match form {
            Form::OncePer(marks) => marks.to_vec(),
            _ => Vec::new(),
        };
        let rules = self.rules.iter().filter(|rule| rule.covers(class));
        rules.flat_map(|rule| marks(&rule.form)).collect()
    }

    /// Whether it acts for this class, paying it or dropping it.
    pub(crate) fn names(&self, class: &Class) -> bool {
        self.classes.contains(class) || self.drops.contains(class)
    }

    /// The group that counts this class in quotas, and the classes in it.
    pub(crate) fn group<'a>(&'a self, class: &'a Class) -> (&'a Class, &'a [Class]) {
        match self.groups.iter().find(|group| group.classes.contains(class)) {
            Some(group) => (&group.name, &group.classes),
            None => (class, std::slice::from_ref(class)),
        }
    }
}

impl Programme {
    /// How many slots the quota of this class has.
    pub(crate) fn pieces(&self, class: &Class) -> u32 {
        let pieces = |form: &Form| match form {
            Form::Quota { pieces, .. } => Some(*pieces),
            _ => None,
        };
        let mut rules = self.rules.iter().filter(|rule| rule.covers(class));
        rules.find_map(|rule| pieces(&rule.form)).unwrap_or(u32::MAX)
    }

    /// Whether the quota of this class is counted for each payment channel apart.
    pub(crate) fn counts_per_payment_channel(&self, class: &Class) -> bool {
        let per_channel =
            |form: &Form| matches!(form, Form::Quota { per_payment_channel: true, .. });
        self.rules.iter().any(|rule| rule.covers(class) && per_channel(&rule.form))
    }

    pub(crate) fn keeps_after_refund(&self) -> bool {
        self.refund.qualification == QualificationAfterRefund::Kept
    }

    /// The classes that one cumulative cap covers.
    pub(crate) fn capped_together(&self, name: &str) -> Vec<Class> {
        let of = |rule: &&Rule| match &rule.form {
            Form::CumulativeCap { name: of, .. } => of.as_ref() == name,
            _ => false,
        };
        let classes = |rule: &Rule| match rule.classes.is_empty() {
            true => self.classes.clone(),
            false => rule.classes.clone(),
        };
        self.rules.iter().filter(of).flat_map(classes).collect()
    }
}

impl Form {
    /// The phase in which a typed form is judged.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Form::Quota { per_payment_channel: true, .. } => Phase::Reserve,
            Form::Quota { .. }
            | Form::NotAgainAfterRefund
            | Form::HeldElsewhere
            | Form::LapseLimit { .. } => Phase::Claim,
            Form::Demand(_) | Form::CumulativeCap { .. } | Form::DayBudget { .. } => Phase::Reserve,
            Form::OncePer(_) => Phase::Reserve,
        }
    }

    /// The facts that name what a typed form counts by.
    pub(crate) fn reads(&self) -> &'static [Fact] {
        match self {
            Form::Quota { per_payment_channel: true, .. } => &[Fact::PaymentChannel],
            Form::LapseLimit { per_channel: true, .. } => &[Fact::VoucherChannel],
            _ => &[],
        }
    }
}
