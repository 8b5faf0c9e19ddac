//! The first half of a decision: everything that depends on facts and the moment alone.

use super::calendar::Interval;
use super::condition::{Condition, Truth};
use super::derivation::Derivation;
use super::fact::{Fact, FactSet, Flow, Phase};
use super::facts::Facts;
use super::judge::{Term, TermKind};
use super::model::{Form, Programme, Rule};
use super::sentence;
use crate::kernel::class::Class;
use crate::kernel::money::Fen;
use crate::kernel::refusal::Refusal;
use crate::kernel::time::{Moment, day_of};
use chrono::Datelike;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// One refusal and where it stands among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub refusal: Arc<Refusal>,
    pub phase: Phase,
    /// In its phase: 0 for the calendar, then the rules from 1, last the amount.
    pub(crate) position: u16,
    pub(crate) supersedes: Vec<String>,
}

/// Where the amount's own refusal stands: after all rules of its phase.
pub(crate) const LAST: u16 = u16::MAX;

impl Refused {
    pub(crate) fn new(refusal: impl Into<Arc<Refusal>>, phase: Phase, position: u16) -> Refused {
        Refused { refusal: refusal.into(), phase, position, supersedes: Vec::new() }
    }

    pub fn code(&self) -> &str {
        &self.refusal.code
    }
}

/// Refusals by phase and place, without those that another supersedes, each code once.
pub(crate) fn in_order(mut refused: Vec<Refused>) -> Vec<Refused> {
    if refused.is_empty() {
        return refused;
    }
    refused.sort_by_key(|it| (it.phase, it.position));
    let gone: Vec<String> = refused.iter().flat_map(|it| it.supersedes.clone()).collect();
    let mut kept: Vec<Refused> = Vec::with_capacity(refused.len());
    for it in refused {
        let told = kept.iter().any(|other| other.code() == it.code());
        if !told && !gone.iter().any(|code| code == it.code()) {
            kept.push(it);
        }
    }
    kept
}

/// What screening found.
#[derive(Clone, Debug, Default)]
pub struct Screening {
    /// In order; empty where nothing in facts and calendar refuses.
    pub refusals: Vec<Refused>,
    /// Where the reserve phase ran and nothing kept it from being calculated. A cumulative cap
    /// among the terms may still lower it.
    pub amount: Option<Fen>,
    /// A reviewer may grant less than the amount.
    pub up_to: bool,
    pub derivation: Derivation,
    /// The limits to judge, in the order of the file.
    pub terms: Vec<Term>,
    /// As long as the passing moment lies in here, the same facts give the same screening: the
    /// deciding moment, or that of the submission of an application.
    pub holds: Interval,
    read: FactSet,
    /// Absent facts on which the answer of a demand depended.
    unknown: FactSet,
    checks: Vec<(Arc<Refusal>, bool)>,
}

impl Screening {
    /// No programme acts: the resolution's refusal ends the search.
    pub(crate) fn refused(refusal: Arc<Refusal>) -> Screening {
        Screening { refusals: vec![Refused::new(refusal, Phase::Claim, 0)], ..Screening::default() }
    }

    /// The non-identifying facts that were read, in the order of the table: what a leaf keeps so
    /// that the amount can be recomputed.
    pub fn facts(&self, facts: &Facts) -> Map<String, Json> {
        let open = self.read.iter().filter(|fact| !fact.row().identifying);
        open.filter_map(|fact| Some((fact.row().name.to_owned(), facts.get(fact)?.to_json())))
            .collect()
    }

    /// The absent facts on which the answer of a condition depended, so that it did not apply. A
    /// till is not asked for them; of an application they are what its documents must still say.
    pub fn unknown(&self) -> impl Iterator<Item = Fact> {
        self.unknown.iter()
    }

    /// For conditions on identifying facts, by code, only whether they were met.
    pub fn checks(&self) -> Map<String, Json> {
        let check =
            |(refusal, met): &(Arc<Refusal>, bool)| (refusal.code.to_string(), Json::Bool(*met));
        self.checks.iter().map(check).collect()
    }
}

impl Programme {
    /// Screens a purchase of this class in these phases at this moment: pure and total.
    ///
    /// For a voucher the moment of the claim is the fact `voucher.claimed_at`, or `at` where that
    /// is absent; its end is the fact `voucher.until`. For an application the moment of the
    /// submission is `application.applied_at`, or `at`, and `at` itself is the day of its last
    /// document. A claim is to be screened by the version in force then, the rest by the version
    /// in force at `at`.
    pub fn screen(&self, class: &Class, phases: &[Phase], facts: &Facts, at: Moment) -> Screening {
        let run = Run { programme: self, class, facts, at, act: self.act(facts, at) };
        let mut screening = Screening { holds: run.version_acts(), ..Screening::default() };
        for phase in Phase::ALL.into_iter().filter(|phase| phases.contains(phase)) {
            if phase == Phase::Claim && run.is_suspended(&mut screening) {
                return screening;
            }
            run.calendar(phase, &mut screening);
            run.rules(phase, &mut screening);
            if phase == Phase::Reserve {
                run.amount(&mut screening);
            }
        }
        screening.refusals = in_order(std::mem::take(&mut screening.refusals));
        screening
    }

    /// The moment of the person's own act: the claim, or the submission.
    fn act(&self, facts: &Facts, at: Moment) -> Moment {
        let fact = match self.flow {
            Flow::Voucher => Fact::VoucherClaimedAt,
            Flow::Application => Fact::AppliedAt,
            Flow::Checkout => return at,
        };
        facts.moment(fact).unwrap_or(at)
    }
}

/// One screening under way.
struct Run<'a> {
    programme: &'a Programme,
    class: &'a Class,
    facts: &'a Facts,
    at: Moment,
    /// The moment of the claim or the submission.
    act: Moment,
}

impl Run<'_> {
    fn is_suspended(&self, screening: &mut Screening) -> bool {
        for suspension in &self.programme.suspensions {
            self.cut(screening, *suspension, self.act);
        }
        let suspended = self.programme.suspensions.iter().any(|it| it.contains(self.act));
        if suspended {
            screening.refusals = vec![Refused::new(sentence::SUSPENDED, Phase::Claim, 0)];
        }
        suspended
    }

    /// The moment that passes while a command waits: of an application the submission, since its
    /// deciding day is fixed by documents; else the deciding moment itself.
    fn now(&self) -> Moment {
        match self.programme.flow {
            Flow::Application => self.act,
            Flow::Voucher | Flow::Checkout => self.at,
        }
    }

    /// As long as this version acts, as far as it can tell by itself.
    fn version_acts(&self) -> Interval {
        match self.programme.flow {
            Flow::Application => Interval { from: Some(self.programme.decides_from), until: None },
            Flow::Voucher | Flow::Checkout => self.programme.valid,
        }
    }

    /// Cuts the interval in which the screening holds at a window, where what was judged is the
    /// passing moment, and not one that a fact has fixed.
    fn cut(&self, screening: &mut Screening, window: Interval, judged: Moment) {
        if judged == self.now() {
            screening.holds.cut_around(window, judged);
        }
    }

    fn calendar(&self, phase: Phase, screening: &mut Screening) {
        match (self.programme.flow, phase) {
            (Flow::Voucher, Phase::Claim) => self.claiming(screening),
            (Flow::Voucher, Phase::Reserve) => self.voucher(screening),
            (Flow::Application, Phase::Reserve) => self.submission(screening),
            _ => {}
        }
    }

    fn claiming(&self, screening: &mut Screening) {
        let round = self.facts.int(Fact::VoucherLotteryRound);
        let channel = self.facts.text(Fact::VoucherChannel);
        screening.read.extend(&[Fact::VoucherLotteryRound, Fact::VoucherChannel]);
        let refuse = |screening: &mut Screening, refusal| {
            screening.refusals.push(Refused::new(refusal, Phase::Claim, 0));
        };
        for opening in &self.programme.vouchers.openings {
            let other = opening.channel.as_deref().is_some_and(|of| Some(of) != channel);
            if other || opening.except_rounds && round.is_some() {
                continue;
            }
            let (open, holds) = opening.hours.open_at(self.act);
            self.cut(screening, holds, self.act);
            if !open {
                refuse(screening, sentence::NOT_OPEN);
            }
        }
        let rounds = &self.programme.vouchers.rounds;
        for known in rounds.iter().filter(|known| Some(known.round) == round) {
            self.cut(screening, known.window, self.act);
            if known.window.until.is_some_and(|until| until <= self.act) {
                refuse(screening, sentence::WINDOW_MISSED);
            } else if !known.window.contains(self.act) {
                refuse(screening, sentence::NOT_OPEN);
            }
        }
    }

    fn voucher(&self, screening: &mut Screening) {
        screening.read.extend(&[Fact::VoucherClaimedAt, Fact::VoucherUntil]);
        let void_before = self.programme.vouchers.void_before;
        if void_before.is_some_and(|before| self.act < before) {
            let mut voided = Refused::new(sentence::VOIDED, Phase::Reserve, 0);
            voided.supersedes.push(sentence::EXPIRED.code.to_string());
            screening.refusals.push(voided);
        }
        if let Some(until) = self.facts.moment(Fact::VoucherUntil) {
            screening.holds.cut(until, self.at);
            if until <= self.at {
                screening.refusals.push(Refused::new(sentence::EXPIRED, Phase::Reserve, 0));
            }
        }
    }

    fn submission(&self, screening: &mut Screening) {
        screening.read.insert(Fact::AppliedAt);
        let window = self.programme.application;
        self.cut(screening, Interval { from: window.opens, until: window.closes }, self.act);
        let refusal = if window.opens.is_some_and(|opens| self.act < opens) {
            sentence::NOT_OPEN
        } else if window.closes.is_some_and(|closes| closes <= self.act) {
            sentence::DEADLINE
        } else {
            return;
        };
        screening.refusals.push(Refused::new(refusal, Phase::Reserve, 0));
    }

    fn rules(&self, phase: Phase, screening: &mut Screening) {
        for (place, rule) in self.programme.rules.iter().enumerate() {
            if !rule.covers(self.class) {
                continue;
            }
            let position = u16::try_from(place + 1).unwrap_or(LAST - 1);
            match &rule.form {
                Form::Demand(demands) => {
                    for (_, demand) in demands.iter().filter(|(of, _)| *of == phase) {
                        self.demand(rule, demand, phase, position, screening);
                    }
                }
                form if form.phase() == phase => {
                    screening.read.extend(form.reads());
                    screening.terms.extend(self.term(form).map(|kind| Term {
                        kind,
                        phase,
                        position,
                        refusal: Arc::clone(&rule.refusal),
                        supersedes: rule.supersedes.clone(),
                    }));
                }
                _ => {}
            }
        }
    }

    fn demand(
        &self,
        rule: &Rule,
        demand: &Condition,
        phase: Phase,
        position: u16,
        screening: &mut Screening,
    ) {
        screening.read.extend(&demand.reads);
        let truth = demand.holds(self.facts);
        let refused = truth == Truth::Failed || truth == Truth::Unknown && demand.required;
        if truth == Truth::Unknown && !demand.required {
            let absent = demand.reads.iter().filter(|fact| self.facts.get(**fact).is_none());
            absent.for_each(|fact| screening.unknown.insert(*fact));
        }
        if demand.identifying && truth != Truth::Unknown {
            screening.checks.push((Arc::clone(&rule.refusal), !refused));
        }
        if refused {
            let mut refused = Refused::new(Arc::clone(&rule.refusal), phase, position);
            refused.supersedes.clone_from(&rule.supersedes);
            screening.refusals.push(refused);
        }
    }

    /// A typed form with its parameters resolved; a demand is none.
    fn term(&self, form: &Form) -> Option<TermKind> {
        let programme = self.programme;
        let (group, _) = programme.group(self.class);
        let claimed_at = match programme.flow {
            Flow::Voucher => self.act,
            Flow::Checkout | Flow::Application => self.at,
        };
        let year = day_of(claimed_at).year();
        Some(match form {
            Form::Quota { scope, pieces, per_payment_channel } => {
                let mut key = format!("{scope}/{year}/{group}");
                if *per_payment_channel {
                    let channel = self.facts.text(Fact::PaymentChannel).unwrap_or_default();
                    key = format!("{key}/{channel}");
                }
                TermKind::Quota { key, slots: *pieces }
            }
            Form::NotAgainAfterRefund => {
                TermKind::NotAgainAfterRefund { slots: programme.pieces(self.class) }
            }
            Form::HeldElsewhere => TermKind::HeldElsewhere,
            Form::LapseLimit { scope, times, per_channel } => {
                let mut tally = format!("{scope}/{year}/lapsed.{group}");
                if *per_channel {
                    let channel = self.facts.text(Fact::VoucherChannel).unwrap_or_default();
                    tally = format!("{tally}.{channel}");
                }
                TermKind::LapseLimit { tally, times: *times }
            }
            Form::CumulativeCap { scope, name, cap, all_years } => {
                let period = if *all_years { "all".to_owned() } else { year.to_string() };
                let tally = format!("{scope}/{period}/{name}");
                TermKind::CumulativeCap { tally, name: Arc::clone(name), cap: *cap }
            }
            Form::DayBudget { limit } => TermKind::DayBudget { limit: *limit },
            Form::OncePer(marks) => TermKind::OncePer(Arc::clone(marks)),
            Form::Demand(_) => return None,
        })
    }

    fn amount(&self, screening: &mut Screening) {
        let mut tables = self.programme.amounts.iter();
        let Some(table) = tables.find(|table| table.covers(self.class)) else { return };
        match table.calculate(self.facts, &mut screening.read) {
            Ok(derivation) => {
                screening.up_to = table.up_to;
                screening.amount = Some(derivation.result());
                screening.derivation = derivation;
            }
            Err(refusal) => {
                screening.refusals.push(Refused::new(refusal, Phase::Reserve, LAST));
            }
        }
    }
}
