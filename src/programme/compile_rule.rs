//! The rules of a file, in its order: CEL conditions and typed forms.

use super::compile::Workshop;
use super::compile_amount::{code_is_well_formed, sentence};
use super::condition::Condition;
use super::fact::{Flow, Phase};
use super::format::{self, Sentence};
use super::model::{Form, Rule};
use super::sentence::standing;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use std::mem::discriminant;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

pub(crate) fn rules(shop: &mut Workshop, rules: &[Spanned<format::Rule>]) -> Vec<Rule> {
    let mut compiled: Vec<Rule> = Vec::new();
    for spanned in rules {
        let (span, text) = (spanned.span(), spanned.get_ref());
        shop.source(&span, &text.source);
        shop.own_classes(&span, &text.classes);
        code_is_well_formed(shop, &span, &text.code);
        let Some(form) = form(shop, &span, text) else { continue };
        let Some(refusal) = refusal(shop, &span, text, &form) else { continue };
        let rule = Rule {
            refusal,
            supersedes: text.supersedes.clone(),
            classes: text.classes.clone(),
            form,
        };
        twice(shop, &span, &compiled, &rule);
        compiled.push(rule);
    }
    refund_needs_quota(shop, rules, &mut compiled);
    compiled
}

fn form(shop: &mut Workshop, span: &Range<usize>, text: &format::Rule) -> Option<Form> {
    let forms = [
        text.demand.is_some(),
        text.quota.is_some(),
        text.not_again_after_refund == Some(true),
        text.held_elsewhere == Some(true),
        text.lapse_limit.is_some(),
        text.cumulative_cap.is_some(),
        text.day_budget.is_some(),
        text.once_per.is_some(),
    ];
    if forms.iter().filter(|there| **there).count() != 1 {
        let reason = "a rule has exactly one of demand, quota, not_again_after_refund, \
                      held_elsewhere, lapse_limit, cumulative_cap, day_budget, once_per";
        shop.complaints.add(span.clone(), reason);
        return None;
    }
    if text.demand.is_none() && (text.required || text.phase.is_some()) {
        shop.complaints.add(span.clone(), "`required` and `phase` belong to a demand");
    }
    if let Some(demands) = &text.demand {
        return demand(shop, span, text, demands.as_slice());
    }
    typed(shop, span, text)
}

fn demand(
    shop: &mut Workshop,
    span: &Range<usize>,
    text: &format::Rule,
    demands: &[String],
) -> Option<Form> {
    let mut compiled = Vec::new();
    for demand in demands {
        let condition = Condition::compile(demand, text.required);
        let condition = condition.map_err(|reason| format!("{}: {reason}", text.code));
        let condition = shop.complaints.take(span.clone(), condition)?;
        let phase = condition.phase(shop.flow);
        let phase = phase.map_err(|reason| format!("{}: {reason}", text.code));
        let phase = shop.complaints.take(span.clone(), phase)?;
        let wanted = text.phase.unwrap_or(phase);
        if wanted < phase {
            let late = condition.reads.iter().filter(|fact| {
                fact.row().in_flow(shop.flow).is_some_and(|(_, known)| known > wanted)
            });
            let late: Vec<&str> = late.map(|fact| fact.row().name).collect();
            let reason = format!(
                "{}: in phase {}, but {} is known only in phase {}",
                text.code,
                wanted.name(),
                late.join(", "),
                phase.name()
            );
            shop.complaints.add(span.clone(), reason);
        }
        compiled.push((wanted, condition));
    }
    Some(Form::Demand(compiled))
}

fn typed(shop: &mut Workshop, span: &Range<usize>, text: &format::Rule) -> Option<Form> {
    if let Some(quota) = &text.quota {
        if quota.per_payment_channel && shop.flow == Flow::Voucher {
            let reason = "a claim does not know the payment channel; count per channel in checkout";
            shop.complaints.add(span.clone(), reason);
        }
        positive(shop, span, quota.pieces);
        let (scope, pieces) = (quota.scope, quota.pieces);
        let per_payment_channel = quota.per_payment_channel;
        return Some(Form::Quota { scope, pieces, per_payment_channel });
    }
    if let Some(limit) = &text.lapse_limit {
        positive(shop, span, limit.times);
        if shop.flow != Flow::Voucher {
            shop.complaints.add(span.clone(), "only vouchers lapse");
        }
        let (scope, times) = (limit.scope, limit.times);
        return Some(Form::LapseLimit { scope, times, per_channel: limit.per_channel });
    }
    if let Some(cap) = &text.cumulative_cap {
        money(shop, span, cap.cap_fen);
        if cap.name.parse::<Class>().is_err() {
            shop.complaints.add(span.clone(), "a tally has a name like a class");
        }
        let (scope, name) = (cap.scope, cap.name.as_str().into());
        return Some(Form::CumulativeCap {
            scope,
            name,
            cap: cap.cap_fen,
            all_years: cap.all_years,
        });
    }
    if let Some(budget) = &text.day_budget {
        money(shop, span, budget.limit_fen);
        return Some(Form::DayBudget { limit: budget.limit_fen });
    }
    if let Some(marks) = &text.once_per {
        if marks.is_empty() {
            shop.complaints.add(span.clone(), "once_per names at least one mark");
        }
        return Some(Form::OncePer(marks.as_slice().into()));
    }
    let elsewhere = text.held_elsewhere == Some(true);
    Some(if elsewhere { Form::HeldElsewhere } else { Form::NotAgainAfterRefund })
}

fn positive(shop: &mut Workshop, span: &Range<usize>, count: u32) {
    if count == 0 {
        shop.complaints.add(span.clone(), "a limit of none would refuse everybody");
    }
}

fn money(shop: &mut Workshop, span: &Range<usize>, fen: Fen) {
    if !fen.is_positive() || fen > Fen::MAX {
        shop.complaints.add(span.clone(), format!("{} fen is no limit", fen.0));
    }
}

/// The file's sentence; a typed form may leave it to the standing one of its code.
fn refusal(
    shop: &mut Workshop,
    span: &Range<usize>,
    text: &format::Rule,
    form: &Form,
) -> Option<Arc<Refusal>> {
    let silent = text.zh.is_none() && text.en.is_none();
    if silent
        && !matches!(form, Form::Demand(_))
        && let Some(refusal) = standing(&text.code)
    {
        return Some(Arc::new(refusal.clone()));
    }
    let given = Sentence { code: text.code.clone(), zh: text.zh.clone(), en: text.en.clone() };
    sentence(shop, span, &given)
}

/// A code, and a typed form that has one standing only, stand once for a class.
fn twice(shop: &mut Workshop, span: &Range<usize>, earlier: &[Rule], rule: &Rule) {
    let meets = |other: &&Rule| {
        rule.classes.is_empty()
            || other.classes.is_empty()
            || rule.classes.iter().any(|class| other.classes.contains(class))
    };
    let code = &rule.refusal.code;
    if earlier.iter().filter(meets).any(|other| other.refusal.code == *code) {
        shop.complaints.add(span.clone(), format!("the code {code} is used twice"));
    }
    let same = |other: &Rule| discriminant(&other.form) == discriminant(&rule.form);
    let once = !matches!(rule.form, Form::Demand(_) | Form::OncePer(_));
    if once && earlier.iter().filter(meets).any(same) {
        shop.complaints.add(span.clone(), "this form stands twice for one class");
    }
}

/// Where a refund explains why the quota is full, its code goes before that of the quota.
fn refund_needs_quota(shop: &mut Workshop, texts: &[Spanned<format::Rule>], rules: &mut [Rule]) {
    let quota = |rule: &Rule| matches!(rule.form, Form::Quota { .. });
    let codes: Vec<String> =
        rules.iter().filter(|it| quota(it)).map(|it| it.refusal.code.to_string()).collect();
    for rule in rules.iter_mut().filter(|it| matches!(it.form, Form::NotAgainAfterRefund)) {
        if codes.is_empty() {
            let text = texts.iter().find(|it| it.get_ref().not_again_after_refund.is_some());
            let span = text.map_or(0..0, Spanned::span);
            shop.complaints.add(span, "not_again_after_refund needs a quota beside it");
        }
        rule.supersedes.extend(codes.iter().cloned());
    }
    debug_assert!(rules.iter().all(|rule| rule.form.phase() <= Phase::Reserve));
}
