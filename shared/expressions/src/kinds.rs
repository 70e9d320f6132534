//! What an expression comes to, as far as its text says it.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::{
    compile::ExpressionError,
    language::{DURATION, MATCHES, TIMESTAMP},
    names::MEMBERS,
};

/// Members of an event that are texts.
const TEXTS: usize = 6;

/// Refuses a filter that can never be true or false, and truths that are asked of what is none.
pub(crate) fn check_filter(filter: &IdedExpr) -> Result<(), ExpressionError> {
    truths(filter)?;
    is_truth(filter)
}

/// Refuses expressions in which a truth is asked of what is none.
pub(crate) fn truths(expression: &IdedExpr) -> Result<(), ExpressionError> {
    let Expr::Call(call) = &expression.expr else { return Ok(()) };
    let asked = match call.func_name.as_str() {
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => call.args.len(),
        operators::CONDITIONAL => 1,
        _ => 0,
    };
    call.args.iter().take(asked).try_for_each(is_truth)?;
    call.args.iter().try_for_each(truths)
}

fn is_truth(expression: &IdedExpr) -> Result<(), ExpressionError> {
    match kind(expression) {
        None | Some("a truth") => Ok(()),
        Some(other) => Err(ExpressionError::NotATruth { part: shown(expression), kind: other }),
    }
}

/// The kind of value that an expression comes to; none where only an event shows it.
fn kind(expression: &IdedExpr) -> Option<&'static str> {
    match &expression.expr {
        Expr::Literal(literal) => Some(match literal {
            LiteralValue::Boolean(_) => "a truth",
            LiteralValue::Bytes(_) => "bytes",
            LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => "a number",
            LiteralValue::Null => "null",
            LiteralValue::String(_) => "a text",
        }),
        Expr::Ident(name) => (name == "event").then_some("an object"),
        Expr::List(_) => Some("a list"),
        Expr::Map(_) | Expr::Struct(_) => Some("an object"),
        Expr::Select(select) if select.test => Some("a truth"),
        Expr::Select(select) => {
            let of_event = matches!(&select.operand.expr, Expr::Ident(name) if name == "event");
            let place = MEMBERS.iter().position(|member| *member == select.field)?;
            (of_event && select.field != "data" && place < TEXTS).then_some("a text")
        }
        Expr::Comprehension(of) => {
            let gathers = matches!(&of.result.expr, Expr::Ident(name) if *name == of.accu_var);
            kind(if gathers { &of.accu_init } else { &of.result })
        }
        Expr::Call(call) => of_call(call),
        Expr::Unspecified => None,
    }
}

fn of_call(call: &CallExpr) -> Option<&'static str> {
    match call.func_name.as_str() {
        operators::CONDITIONAL => match &call.args[..] {
            [_, yes, no] => kind(yes).filter(|yes| kind(no) == Some(yes)),
            _ => None,
        },
        operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
        | operators::IN
        | MATCHES
        | "contains"
        | "startsWith"
        | "endsWith"
        | "bool" => Some("a truth"),
        operators::MULTIPLY
        | operators::DIVIDE
        | operators::MODULO
        | operators::NEGATE
        | "size"
        | "int"
        | "uint"
        | "double" => Some("a number"),
        TIMESTAMP => Some("a time"),
        DURATION => Some("a duration"),
        "string" => Some("a text"),
        "bytes" => Some("bytes"),
        "type" => Some("a type"),
        name if name.trim_start_matches('@').starts_with("get") => Some("a number"),
        _ => None,
    }
}

/// A part of an expression, as far as it can be named in a word.
fn shown(expression: &IdedExpr) -> String {
    match &expression.expr {
        Expr::Ident(name) => format!("`{name}`"),
        Expr::Select(select) => match shown(&select.operand).trim_matches('`') {
            "it" => "it".to_owned(),
            of => format!("`{of}.{}`", select.field),
        },
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_) => "it".to_owned(),
    }
}
