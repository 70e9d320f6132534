//! What an evaluation can cost at most, before it begins.
//!
//! The language has no loops but over what is there, and still `[x].map(a, a + a)` doubles with each `map`, and one `map` in
//! another over a list of a million runs for days. So every part of an expression gets a bound of its result's size and of
//! the work to make it, both polynomials of the event's size.

use std::ops::Add;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::language::MATCHES;

/// How large a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Values in it, itself counted: no comprehension over it has more rounds.
    pub(crate) nodes: u64,
    /// Bytes of its texts.
    pub(crate) bytes: u64,
}

impl Size {
    const ONE: Self = Self { nodes: 1, bytes: 8 };

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { nodes: self.nodes.saturating_add(other.nodes), bytes: self.bytes.saturating_add(other.bytes) }
    }

    fn times(self, rounds: u64) -> Self {
        Self { nodes: self.nodes.saturating_mul(rounds), bytes: self.bytes.saturating_mul(rounds) }
    }

    fn or(self, other: Self) -> Self {
        Self { nodes: self.nodes.max(other.nodes), bytes: self.bytes.max(other.bytes) }
    }

    /// Work to go through it once.
    fn work(self) -> u64 {
        self.nodes.saturating_add(self.bytes / 16)
    }
}

/// A part of an expression: what it makes, and the work to make it.
#[derive(Debug, Clone, Copy)]
struct Part {
    size: Size,
    work: u64,
}

impl Add for Part {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { size: self.size.plus(other.size), work: self.work.saturating_add(other.work) }
    }
}

/// Work that evaluating an expression over an event of this size takes at most.
pub(crate) fn most_work(expression: &IdedExpr, event: Size) -> u64 {
    let part = of(expression, &mut vec![("event", event)]);
    part.work.saturating_add(part.size.work())
}

/// Compiling a text as a pattern, as work.
const PATTERN: u64 = 20_000;

fn of<'e>(expression: &'e IdedExpr, scope: &mut Vec<(&'e str, Size)>) -> Part {
    let nothing = Part { size: Size { nodes: 1, bytes: 0 }, work: 1 };
    match &expression.expr {
        Expr::Unspecified => nothing,
        Expr::Literal(literal) => Part {
            size: match literal {
                LiteralValue::String(text) => Size { nodes: 1, bytes: text.inner().len() as u64 },
                LiteralValue::Bytes(bytes) => Size { nodes: 1, bytes: bytes.inner().len() as u64 },
                LiteralValue::Boolean(_)
                | LiteralValue::Double(_)
                | LiteralValue::Int(_)
                | LiteralValue::Null
                | LiteralValue::UInt(_) => Size::ONE,
            },
            work: 1,
        },
        Expr::Ident(name) => {
            let size = scope.iter().rev().find(|(known, _)| known == name).map_or(Size::ONE, |(_, size)| *size);
            Part { size, work: 1 }
        }
        Expr::Select(select) => {
            let part = of(&select.operand, scope);
            Part { size: part.size, work: part.work.saturating_add(1) }
        }
        Expr::List(list) => list.elements.iter().fold(nothing, |sum, element| sum + of(element, scope)),
        Expr::Map(map) => map.entries.iter().fold(nothing, |sum, entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => sum + of(&entry.key, scope) + of(&entry.value, scope),
            EntryExpr::StructField(field) => sum + of(&field.value, scope),
        }),
        Expr::Struct(made) => made.entries.iter().fold(nothing, |sum, entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => sum + of(&entry.key, scope) + of(&entry.value, scope),
            EntryExpr::StructField(field) => sum + of(&field.value, scope),
        }),
        Expr::Call(call) => {
            let parts: Vec<_> =
                call.target.iter().map(|target| &**target).chain(&call.args).map(|part| of(part, scope)).collect();
            let sum = parts.iter().fold(nothing, |sum, part| sum + *part);
            let through = sum.work.saturating_add(sum.size.work());
            match call.func_name.as_str() {
                // Whichever of the two it comes to.
                operators::CONDITIONAL => {
                    let size = parts.iter().skip(1).fold(Size::ONE, |size, part| size.or(part.size));
                    Part { size, work: sum.work }
                }
                operators::INDEX => Part { size: parts.first().map_or(Size::ONE, |of| of.size), work: sum.work },
                operators::LOGICAL_AND
                | operators::LOGICAL_OR
                | operators::LOGICAL_NOT
                | operators::NOT_STRICTLY_FALSE => Part { size: Size::ONE, work: sum.work },
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
                | operators::IN
                | "size"
                | "contains"
                | "startsWith"
                | "endsWith" => Part { size: Size::ONE, work: through },
                MATCHES => {
                    let pattern = parts.last().map_or(1, |pattern| pattern.size.bytes.max(1));
                    let text = parts.first().map_or(1, |text| text.size.bytes);
                    let search = text.saturating_mul(pattern) / 16;
                    Part { size: Size::ONE, work: through.saturating_add(search).saturating_add(PATTERN) }
                }
                _ => Part { size: sum.size, work: through },
            }
        }
        Expr::Comprehension(over) => {
            let range = of(&over.iter_range, scope);
            let begin = of(&over.accu_init, scope);
            let rounds = range.size.nodes;
            let outer = scope.len();
            let mut round = |item: Size| {
                // What was gathered so far is only added to, never gone through.
                scope.push((&over.accu_var, Size { nodes: 0, bytes: 0 }));
                scope.push((&over.iter_var, item));
                let step = of(&over.loop_step, scope);
                let cond = of(&over.loop_cond, scope);
                scope.truncate(outer);
                Part { size: step.size, work: step.work.saturating_add(cond.work) }
            };
            // The items together are no larger than the range. A polynomial of their sizes is largest when one is all of it,
            // but for its constant part, which is largest when there are as many as can be: both together bound it.
            let (one, each) = (round(range.size), round(Size::ONE));
            let gathered = begin.size.plus(one.size).plus(each.size.times(rounds));
            scope.push((&over.accu_var, gathered));
            let result = of(&over.result, scope);
            scope.truncate(outer);
            let work =
                [range.work, range.size.work(), begin.work, one.work, each.work.saturating_mul(rounds), result.work];
            Part { size: result.size, work: work.into_iter().fold(0, u64::saturating_add) }
        }
    }
}
