//! What an evaluation can cost at most, counted from the expression and the sizes of what it looks at, before anything is evaluated.
//!
//! Every value has a size: bytes of text and number of elements, all that is nested included; and the longest list or object in it.
//! A comprehension takes its step once for each element of the longest; whatever grows is added up. Real policies need some hundred units.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::operators::{
    ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS, LESS_EQUALS,
    LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, MODULO, MULTIPLY, NEGATE, NOT_EQUALS, NOT_STRICTLY_FALSE,
    SUBSTRACT,
};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue};
use serde_json::Value as Json;

use super::size::{BYTES, ELEMENT, Known, Size};

/// Nodes of one expression.
const MAX_NODES: usize = 500;
/// Nesting of one expression.
const MAX_DEPTH: usize = 32;
/// Comprehensions within comprehensions.
const MAX_LOOPS: usize = 3;
/// Evaluated nodes, and compared or copied bytes by 64: some tenths of a second.
const MAX_COST: u64 = 1_000_000;
/// Bytes and elements of any one value.
const MAX_SIZE: u64 = 64 * 1024 * 1024;

/// The functions and operators that are there.
const FUNCTIONS: [&str; 28] = [
    ADD,
    CONDITIONAL,
    DIVIDE,
    EQUALS,
    GREATER,
    GREATER_EQUALS,
    IN,
    INDEX,
    LESS,
    LESS_EQUALS,
    LOGICAL_AND,
    LOGICAL_NOT,
    LOGICAL_OR,
    MODULO,
    MULTIPLY,
    NEGATE,
    NOT_EQUALS,
    NOT_STRICTLY_FALSE,
    SUBSTRACT,
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "string",
    "int",
    "uint",
    "double",
    "bool",
];
const VARIABLES: [&str; 3] = ["predicate", "predicateType", "signedAt"];

/// Whether the expression has only what is allowed, and is no larger than anybody could review.
///
/// # Errors
/// What is wrong, as the end of a sentence that begins with the expression.
pub(super) fn check(expression: &IdedExpr) -> Result<(), String> {
    let mut checker = Checker {
        nodes: 0,
        known: VARIABLES.map(str::to_owned).to_vec(),
    };
    checker.check(expression, 0, 0)
}

struct Checker {
    nodes: usize,
    /// Variables that are there.
    known: Vec<String>,
}

impl Checker {
    fn check(&mut self, expression: &IdedExpr, depth: usize, loops: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(format!("has more than {MAX_NODES} parts"));
        }
        // Macros nest deeper than what was written.
        if depth > MAX_DEPTH * 2 {
            return Err(format!("is nested deeper than {MAX_DEPTH} levels"));
        }
        let deeper = depth + 1;
        match &expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.check(&select.operand, deeper, loops),
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|element| self.check(element, deeper, loops)),
            Expr::Call(call) => {
                if !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(format!(
                        "has the function `{}`, which is not there",
                        call.func_name
                    ));
                }
                call.target
                    .iter()
                    .map(Box::as_ref)
                    .chain(&call.args)
                    .try_for_each(|part| self.check(part, deeper, loops))
            }
            Expr::Comprehension(one) => {
                if loops == MAX_LOOPS {
                    return Err(format!(
                        "has more than {MAX_LOOPS} loops within one another"
                    ));
                }
                if one.iter_var2.is_some() {
                    return Err("has a loop with two variables, which is not there".to_owned());
                }
                self.check(&one.iter_range, deeper, loops)?;
                self.check(&one.accu_init, deeper, loops)?;
                let outer = self.known.len();
                self.known.push(one.iter_var.clone());
                self.known.push(one.accu_var.clone());
                for part in [&one.loop_cond, &one.loop_step, &one.result] {
                    self.check(part, deeper, loops + 1)?;
                }
                self.known.truncate(outer);
                Ok(())
            }
            Expr::Map(_) | Expr::Struct(_) => {
                Err("makes an object, and there are none to make".to_owned())
            }
            Expr::Unspecified => Err("is empty".to_owned()),
        }
    }

    fn variable(&self, name: &str) -> Result<(), String> {
        if self.known.iter().any(|known| known == name) {
            return Ok(());
        }
        Err(format!(
            "has the variable `{name}`, which is not there; there are `predicate`, `predicateType` and `signedAt`"
        ))
    }
}

/// Refuses what could cost too much over this predicate.
///
/// # Errors
/// How much it could cost.
pub(super) fn bound(expression: &IdedExpr, predicate: &Json) -> Result<(), String> {
    let mut variables: BTreeMap<String, Known<'_>> = BTreeMap::new();
    for name in VARIABLES {
        variables.insert(name.to_owned(), Size::SMALL.into());
    }
    variables.insert("predicate".to_owned(), predicate.into());
    let (cost, _) = estimate(expression, &mut variables)?;
    within(cost)
}

fn within(cost: u64) -> Result<(), String> {
    if cost > MAX_COST {
        return Err(format!(
            "it could take {cost} steps over this predicate, more than {MAX_COST}"
        ));
    }
    Ok(())
}

/// Steps, and what is known of the result.
fn estimate<'j>(
    expression: &IdedExpr,
    variables: &mut BTreeMap<String, Known<'j>>,
) -> Result<(u64, Known<'j>), String> {
    let (cost, known) = match &expression.expr {
        Expr::Literal(literal) => (0, literal_size(literal).into()),
        Expr::Ident(name) => {
            let known = variables.get(name).copied().unwrap_or_default();
            (
                0,
                Known {
                    borrowed: true,
                    ..known
                },
            )
        }
        Expr::Select(select) => {
            let (cost, whole) = estimate(&select.operand, variables)?;
            let member = whole.member(&select.field).borrowed_as(whole);
            (cost.saturating_add(whole.taken()), member)
        }
        Expr::List(list) => {
            let count = u64::try_from(list.elements.len()).unwrap_or(u64::MAX);
            let (mut cost, mut sum) = (
                0_u64,
                Size {
                    all: ELEMENT,
                    longest: count,
                },
            );
            for element in &list.elements {
                let (own, known) = estimate(element, variables)?;
                cost = cost.saturating_add(own);
                sum = sum.beside(known.size);
            }
            // What is put into a list is copied.
            (cost.saturating_add(sum.all / BYTES), sum.into())
        }
        Expr::Call(call) => self::call(call, variables)?,
        Expr::Comprehension(one) => comprehension(one, variables)?,
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            return Err("it has parts that are not there".to_owned());
        }
    };
    if known.size.all > MAX_SIZE {
        return Err(format!("a value in it could have {} bytes", known.size.all));
    }
    let cost = cost.saturating_add(1);
    within(cost)?;
    Ok((cost, known))
}

fn call<'j>(
    call: &CallExpr,
    variables: &mut BTreeMap<String, Known<'j>>,
) -> Result<(u64, Known<'j>), String> {
    let (mut parts, mut cost) = (Vec::new(), 0_u64);
    for part in call.target.iter().map(Box::as_ref).chain(&call.args) {
        let (own, known) = estimate(part, variables)?;
        cost = cost.saturating_add(own);
        parts.push(known);
    }
    let sizes = || parts.iter().map(|part| part.size);
    let together = sizes().fold(Size::default(), Size::beside);
    let either = sizes().fold(Size::default(), Size::or);
    let known: Known<'_> = match call.func_name.as_str() {
        ADD => Size {
            all: together.all,
            // Two lists make one.
            longest: sizes().fold(0, |sum, part| sum.saturating_add(part.longest)),
        }
        .into(),
        CONDITIONAL => Known {
            borrowed: parts.iter().skip(1).all(|part| part.borrowed),
            ..either.into()
        },
        INDEX => match (parts.first(), call.args.last().map(|it| &it.expr)) {
            (Some(whole), Some(Expr::Literal(LiteralValue::String(name)))) => {
                whole.member(name.inner()).borrowed_as(*whole)
            }
            (Some(whole), _) if whole.json.is_some_and(Json::is_array) => {
                whole.element().borrowed_as(*whole)
            }
            _ => either.into(),
        },
        "string" => either.or(Size::SMALL).into(),
        _ => Size::SMALL.into(),
    };
    let touched = match call.func_name.as_str() {
        // They look at what they are given without walking through it.
        INDEX => parts.first().map_or(0, |whole| whole.taken()),
        CONDITIONAL | LOGICAL_AND | LOGICAL_OR | LOGICAL_NOT | NOT_STRICTLY_FALSE | "size" => 0,
        _ => together.all / BYTES,
    };
    Ok((cost.saturating_add(touched), known))
}

/// `all`, `exists`, `exists_one`, `map` and `filter`: each step adds at most one element to what is gathered.
fn comprehension<'j>(
    one: &ComprehensionExpr,
    variables: &mut BTreeMap<String, Known<'j>>,
) -> Result<(u64, Known<'j>), String> {
    let (range_cost, range) = estimate(&one.iter_range, variables)?;
    let (init_cost, init) = estimate(&one.accu_init, variables)?;
    let count = range.count();
    let outer =
        [&one.iter_var, &one.accu_var].map(|name| (name.clone(), variables.get(name).copied()));
    variables.insert(one.iter_var.clone(), range.element());
    // `@result + [x]` is a push and no copy: what a step does and adds is counted with nothing gathered.
    variables.insert(one.accu_var.clone(), Known::default());
    let (step_cost, added) = estimate(&one.loop_step, variables)?;
    let added = added.size.times(count);
    let gathered = init.size.beside(Size {
        longest: added.longest.max(count),
        ..added
    });
    variables.insert(one.accu_var.clone(), gathered.into());
    let (cond_cost, _) = estimate(&one.loop_cond, variables)?;
    let (result_cost, result) = estimate(&one.result, variables)?;
    for (name, before) in outer {
        match before {
            Some(known) => variables.insert(name, known),
            None => variables.remove(&name),
        };
    }
    let each = cond_cost.saturating_add(step_cost).saturating_add(1);
    let cost = count
        .saturating_mul(each)
        // Every element is copied once.
        .saturating_add(range.size.all / BYTES)
        .saturating_add(range_cost)
        .saturating_add(init_cost)
        .saturating_add(result_cost);
    let result = Known {
        borrowed: false,
        ..result
    };
    Ok((cost, result))
}

fn literal_size(literal: &LiteralValue) -> Size {
    let all = match literal {
        LiteralValue::String(text) => text.inner().len(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        _ => 1,
    };
    Size {
        all: all.try_into().unwrap_or(u64::MAX),
        longest: 0,
    }
}
