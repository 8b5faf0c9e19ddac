//! A CEL condition, compiled once, evaluated on typed facts.

use super::calendar::plus_years;
use super::expression::{Type, Typing, day_number, day_of_number};
use super::fact::{Fact, Flow, Phase};
use super::facts::{Facts, Value};
use crate::kernel::identifier::{gtin, imei, vin};
use crate::kernel::region::Region;
use cel::common::types::{CelBool, CelInt, CelString};
use cel::common::value::CowVal;
use cel::context::{Context, VariableResolver};
use cel::{IdedExpr, Program};
use std::sync::{Arc, LazyLock};

/// What a condition says about some facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Met,
    Failed,
    /// A fact on which the answer depends is absent.
    Unknown,
}

/// One expression of type bool.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    tree: IdedExpr,
    pub reads: Vec<Fact>,
    pub required: bool,
    /// Whether it reads an identifying fact, so that only its outcome may be kept.
    pub identifying: bool,
}

/// In bytes.
const LONGEST: usize = 1_000;

/// Built once: a context with all functions costs more than a whole screening.
static FUNCTIONS: LazyLock<Context<'static, 'static>> = LazyLock::new(functions);

impl Condition {
    /// Parses and types an expression.
    ///
    /// # Errors
    /// A sentence that says what is wrong: syntax, an unknown fact, a wrong type, history.
    pub fn compile(text: &str, required: bool) -> Result<Condition, String> {
        // The parser descends as deep as a text nests, so what it is given has an end.
        if text.len() > LONGEST {
            return Err(format!("a condition has at most {LONGEST} bytes; split it in several"));
        }
        let program = Program::compile(text).map_err(|errors| format!("not CEL: {errors}"))?;
        let mut tree = program.expression().clone();
        let mut typing = Typing::default();
        match typing.check(&mut tree)? {
            Type::Bool => {}
            other => return Err(format!("a condition is true or false, but this is {other:?}")),
        }
        let reads: Vec<Fact> = typing.reads.iter().collect();
        let identifying = reads.iter().any(|fact| fact.row().identifying);
        Ok(Condition { tree, reads, required, identifying })
    }

    /// The first phase of a flow in which all its facts can be known.
    ///
    /// # Errors
    /// Where the flow never knows one of them.
    pub fn phase(&self, flow: Flow) -> Result<Phase, String> {
        let mut phase = Phase::Claim;
        for fact in &self.reads {
            let name = fact.row().name;
            let known = fact.row().in_flow(flow);
            let (_, known) = known.ok_or_else(|| format!("{name} is never known in this flow"))?;
            phase = phase.max(known);
        }
        Ok(phase)
    }

    /// Total: a fault of arithmetic in the expression counts as failed, since the facts are there
    /// and do not satisfy it.
    pub fn holds(&self, facts: &Facts) -> Truth {
        let reading = Reading { facts, reads: &self.reads };
        let mut scope = FUNCTIONS.new_inner_scope();
        scope.set_variable_resolver(&reading);
        let answer = cel::Value::resolve_val(&self.tree, &scope);
        match answer.ok().and_then(|value| value.downcast_ref::<CelBool>().map(|it| *it.inner())) {
            Some(true) => Truth::Met,
            Some(false) => Truth::Failed,
            None if self.reads.iter().all(|fact| facts.get(*fact).is_some()) => Truth::Failed,
            None => Truth::Unknown,
        }
    }
}

/// Gives a condition its facts by name; it has few, so a walk is quicker than a map.
struct Reading<'a> {
    facts: &'a Facts,
    reads: &'a [Fact],
}

impl VariableResolver for Reading<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let fact = self.reads.iter().find(|fact| fact.row().name == name)?;
        Some(match self.facts.get(*fact)? {
            Value::Bool(value) => CowVal::owned(CelBool::from(*value)),
            Value::Int(value) => CowVal::owned(CelInt::from(*value)),
            Value::Fen(value) => CowVal::owned(CelInt::from(value.0)),
            Value::Text(value) => CowVal::owned(CelString::from(value.as_ref())),
            Value::Day(value) => CowVal::owned(CelInt::from(day_number(*value))),
            Value::Moment(value) => CowVal::owned(CelInt::from(value.timestamp_micros())),
            Value::Region(value) => CowVal::owned(CelInt::from(i64::from(value.code()))),
            Value::Lines(_) | Value::Fens(_) | Value::Counts(_) | Value::Texts(_) => return None,
        })
    }
}

fn functions() -> Context<'static, 'static> {
    let mut context = Context::default();
    let added = [
        context.add_function("valid_gtin", |text: Arc<String>| gtin::check(&text).is_good()),
        context.add_function("valid_imei", |text: Arc<String>| imei::check(&text).is_good()),
        context.add_function("valid_vin", |text: Arc<String>| vin::check(&text).is_good()),
        context.add_function("within", |place: i64, area: i64| {
            place_of(area).zip(place_of(place)).is_some_and(|(area, place)| area.contains(place))
        }),
        context.add_function("same_province", |one: i64, other: i64| {
            place_of(one)
                .zip(place_of(other))
                .is_some_and(|(one, other)| one.province() == other.province())
        }),
        context.add_function("plus_years", |day: i64, years: i64| {
            day_of_number(day).and_then(|day| plus_years(day, years)).map_or(i64::MAX, day_number)
        }),
    ];
    debug_assert!(added.iter().all(Result::is_ok), "none of them is a name of CEL's own");
    context
}

fn place_of(code: i64) -> Option<Region> {
    u32::try_from(code).ok().and_then(|code| Region::try_from(code).ok())
}
