//! How an amount came about, step by step, so that anyone can follow it with pen and paper.

use super::arithmetic::{Rate, Rounding, RoundingMode};
use crate::kernel::money::Fen;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::sync::Arc;

/// One step of a calculation. Exactly one of rate, fixed sum and cap stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The tier, extra or rule of the file that this step applies.
    pub rule: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_fen: Option<Fen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// A sum that is added, whatever the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_fen: Option<Fen>,
    /// The most that may come out of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_fen: Option<Fen>,
    /// The amount after this step.
    pub result_fen: Fen,
}

/// The steps from the price to the amount, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Derivation {
    pub steps: Vec<Step>,
}

impl Derivation {
    /// The amount after the last step; zero where there is none.
    pub fn result(&self) -> Fen {
        self.steps.last().map_or(Fen::ZERO, |step| step.result_fen)
    }

    /// Adds a rate of a base to what there is.
    pub(crate) fn rate(&mut self, rule: &Arc<str>, base: Fen, rate: Rate, rounding: Rounding) {
        let share = rounding.share(base, rate);
        self.push(rule, share, |step| {
            step.base_fen = Some(base);
            step.rate = Some(rate);
            step.rounding = Some(rounding);
        });
    }

    /// Adds a fixed sum.
    pub(crate) fn fixed(&mut self, rule: &Arc<str>, sum: Fen) {
        self.push(rule, sum, |step| step.fixed_fen = Some(sum));
    }

    /// Lowers what there is to a cap; no step where the cap does not bite.
    pub fn cap(&mut self, rule: &Arc<str>, cap: Fen) {
        let over = self.result().0 - cap.0;
        if over > 0 {
            self.push(rule, Fen(-over), |step| step.cap_fen = Some(cap));
        }
    }

    fn push(&mut self, rule: &Arc<str>, change: Fen, fill: impl FnOnce(&mut Step)) {
        let result_fen = Fen(self.result().0.saturating_add(change.0));
        let mut step = Step {
            rule: Arc::clone(rule),
            base_fen: None,
            rate: None,
            rounding: None,
            fixed_fen: None,
            cap_fen: None,
            result_fen,
        };
        fill(&mut step);
        self.steps.push(step);
    }

    /// One line a step, in Chinese.
    pub fn zh(&self) -> String {
        self.read(|line, step| {
            write!(line, "{}：", step.rule)?;
            if let (Some(base), Some(rate)) = (step.base_fen, step.rate) {
                write!(line, "{base}元 × {rate}")?;
                match step.rounding {
                    Some(Rounding { unit_fen, mode: RoundingMode::Up }) => {
                        write!(line, "，向上取整至{}元", Fen(i64::from(unit_fen)))?;
                    }
                    Some(Rounding { unit_fen, mode: RoundingMode::HalfUp }) => {
                        write!(line, "，四舍五入至{}元", Fen(i64::from(unit_fen)))?;
                    }
                    _ => {}
                }
            }
            if let Some(sum) = step.fixed_fen {
                write!(line, "定额{sum}元")?;
            }
            if let Some(cap) = step.cap_fen {
                write!(line, "不超过{cap}元")?;
            }
            write!(line, "，合计{}元", step.result_fen)
        })
    }

    /// One line a step, in English.
    pub fn en(&self) -> String {
        self.read(|line, step| {
            write!(line, "{}: ", step.rule)?;
            if let (Some(base), Some(rate)) = (step.base_fen, step.rate) {
                write!(line, "{rate} of {base} yuan")?;
                if let Some(rounding) = step.rounding.filter(|it| *it != Rounding::default()) {
                    let unit = Fen(i64::from(rounding.unit_fen));
                    write!(line, ", rounded {:?} to {unit} yuan", rounding.mode)?;
                }
            }
            if let Some(sum) = step.fixed_fen {
                write!(line, "a fixed {sum} yuan")?;
            }
            if let Some(cap) = step.cap_fen {
                write!(line, "at most {cap} yuan")?;
            }
            write!(line, ", makes {} yuan", step.result_fen)
        })
    }

    fn read(&self, each: impl Fn(&mut String, &Step) -> std::fmt::Result) -> String {
        let line = |step| {
            let mut line = String::new();
            // Writing into a String cannot fail.
            let _ = each(&mut line, step);
            line
        };
        self.steps.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
