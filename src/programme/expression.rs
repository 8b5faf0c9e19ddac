//! Typing of CEL: which facts an expression reads, and whether its types fit.
//!
//! The tree that the parser made is rewritten on the way: a fact becomes one identifier, a day or
//! a place written as text becomes an integer, so that evaluation compares integers only. What is
//! not in this file is not allowed in a condition.

use super::fact::{Fact, FactSet, Kind};
use super::parse_facts;
use crate::kernel::region::Region;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};
use chrono::{Datelike, NaiveDate};

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Fen,
    Text,
    Day,
    Moment,
    Region,
}

impl Type {
    fn of(kind: Kind) -> Option<Type> {
        Some(match kind {
            Kind::Bool => Type::Bool,
            Kind::Int => Type::Int,
            Kind::Fen => Type::Fen,
            Kind::Text => Type::Text,
            Kind::Day => Type::Day,
            Kind::Moment => Type::Moment,
            Kind::Region => Type::Region,
            Kind::Lines | Kind::Fens | Kind::Counts | Kind::Texts => return None,
        })
    }

    fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Fen)
    }

    fn is_ordered(self) -> bool {
        matches!(self, Type::Int | Type::Fen | Type::Day | Type::Moment)
    }
}

/// A day as conditions see it: its number in the common era.
pub(crate) fn day_number(day: NaiveDate) -> i64 {
    i64::from(day.num_days_from_ce())
}

/// The reverse of [`day_number`].
pub(crate) fn day_of_number(number: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(number).ok()?)
}

/// Walks and rewrites one expression.
#[derive(Default)]
pub(crate) struct Typing {
    pub reads: FactSet,
}

type Typed = Result<Type, String>;

impl Typing {
    pub fn check(&mut self, node: &mut IdedExpr) -> Typed {
        if let Some(name) = dotted(&node.expr) {
            return self.fact(name, node);
        }
        match &mut node.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => Ok(Type::Bool),
            Expr::Literal(LiteralValue::Int(_)) => Ok(Type::Int),
            Expr::Literal(LiteralValue::String(_)) => Ok(Type::Text),
            Expr::Call(call) => self.call(call),
            _ => Err("a condition may use facts, whole numbers, texts, true, false, comparisons, \
                      arithmetic, lists after `in`, and the functions of this project; nothing else"
                .to_owned()),
        }
    }

    fn fact(&mut self, name: String, node: &mut IdedExpr) -> Typed {
        let fact = Fact::named(&name).ok_or_else(|| format!("{name} is no fact"))?;
        let row = fact.row();
        if row.is_history() {
            return Err(format!(
                "{name} is history, which only the typed forms judge (quota, cumulative_cap, \
                 lapse_limit, not_again_after_refund, day_budget, once_per, held_elsewhere)"
            ));
        }
        let kind = Type::of(row.kind);
        let kind =
            kind.ok_or_else(|| format!("{name} is a list, which a condition cannot read"))?;
        self.reads.insert(fact);
        node.expr = Expr::Ident(row.name.to_owned());
        Ok(kind)
    }

    fn call(&mut self, call: &mut CallExpr) -> Typed {
        if call.target.is_some() {
            return Err(format!("{} is not a function of conditions", call.func_name));
        }
        let CallExpr { func_name, args, .. } = call;
        match (func_name.as_str(), args.as_mut_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, [left, right]) => {
                self.want(left, Type::Bool)?;
                self.want(right, Type::Bool)
            }
            (op::LOGICAL_NOT, [inner]) => self.want(inner, Type::Bool),
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => {
                self.alike(left, right)?;
                Ok(Type::Bool)
            }
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                let kind = self.alike(left, right)?;
                if kind.is_ordered() {
                    Ok(Type::Bool)
                } else {
                    Err(format!("{kind:?} has no order, so < and > make no sense"))
                }
            }
            (op::ADD | op::SUBSTRACT | op::MULTIPLY, [left, right]) => self.number(left, right),
            (op::IN, [item, list]) => self.is_in(item, list),
            (name, args) => self.function(name, args),
        }
    }

    fn function(&mut self, name: &str, args: &mut [IdedExpr]) -> Typed {
        match (name, args) {
            ("valid_gtin" | "valid_imei" | "valid_vin", [text]) => {
                self.want(text, Type::Text)?;
                Ok(Type::Bool)
            }
            ("within", [place, area]) => {
                self.want(place, Type::Region)?;
                self.want(area, Type::Region)?;
                Ok(Type::Bool)
            }
            ("same_province", [one, other]) => {
                self.want(one, Type::Region)?;
                self.want(other, Type::Region)?;
                Ok(Type::Bool)
            }
            ("plus_years", [day, years]) => {
                self.want(day, Type::Day)?;
                self.want(years, Type::Int)?;
                Ok(Type::Day)
            }
            (name, args) => {
                Err(format!("{name} with {} arguments is not a function of conditions", args.len()))
            }
        }
    }

    fn number(&mut self, left: &mut IdedExpr, right: &mut IdedExpr) -> Typed {
        let (left, right) = (self.check(left)?, self.check(right)?);
        match (left, right) {
            (left, right) if left == right && left.is_number() => Ok(left),
            (Type::Fen, Type::Int) | (Type::Int, Type::Fen) => Ok(Type::Fen),
            _ => Err(format!("arithmetic needs numbers, not {left:?} and {right:?}")),
        }
    }

    fn is_in(&mut self, item: &mut IdedExpr, list: &mut IdedExpr) -> Typed {
        let Expr::List(list) = &mut list.expr else {
            return Err("`in` needs a list written out, such as ['6a', '6b']".to_owned());
        };
        let kind = self.check(item)?;
        for element in &mut list.elements {
            self.want(element, kind)?;
        }
        Ok(Type::Bool)
    }

    /// Both sides of a comparison, where a literal takes the type of the other side.
    fn alike(&mut self, left: &mut IdedExpr, right: &mut IdedExpr) -> Typed {
        if is_literal(left) {
            let kind = self.check(right)?;
            return self.want(left, kind).map(|_| kind);
        }
        let kind = self.check(left)?;
        self.want(right, kind).map(|_| kind)
    }

    /// Demands a type, turning a literal into it where it can be.
    fn want(&mut self, node: &mut IdedExpr, want: Type) -> Typed {
        if let Some(number) = literal_number(node, want)? {
            node.expr = Expr::Literal(LiteralValue::Int(number.into()));
            return Ok(want);
        }
        let found = self.check(node)?;
        let money = found == Type::Int && want == Type::Fen && is_literal(node);
        if found == want || money {
            Ok(want)
        } else {
            Err(format!("{want:?} was expected, but this is {found:?}"))
        }
    }
}

/// The integer that a day, moment or place written as text stands for.
fn literal_number(node: &IdedExpr, want: Type) -> Result<Option<i64>, String> {
    let Expr::Literal(LiteralValue::String(text)) = &node.expr else { return Ok(None) };
    let text = text.inner();
    let number = match want {
        Type::Day => parse_facts::day(text).map(day_number),
        Type::Moment => parse_facts::moment(text).map(|moment| moment.timestamp_micros()),
        Type::Region => text.parse::<Region>().ok().map(|region| i64::from(region.code())),
        _ => return Ok(None),
    };
    number.map(Some).ok_or_else(|| format!("{text:?} is not a {want:?}"))
}

fn is_literal(node: &IdedExpr) -> bool {
    matches!(node.expr, Expr::Literal(_))
}

/// `purchase.price_fen`, where an expression is a name of that form.
fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", dotted(&select.operand.expr)?, select.field))
        }
        _ => None,
    }
}
