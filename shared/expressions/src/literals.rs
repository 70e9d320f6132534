//! Calls whose arguments are written out: what they come to is known before any event is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{
    Context, Value,
    common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue},
};

use crate::{
    compile::ExpressionError,
    language::{DURATION, LANGUAGE, MATCHES, TIMESTAMP, written},
};

/// Refuses calls that fail whatever the event is: a pattern, a time, a duration, a number or a zone that cannot be read.
pub(crate) fn check(expression: &IdedExpr) -> Result<(), ExpressionError> {
    match &expression.expr {
        // The language as it is used here has no structs.
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) => Ok(()),
        Expr::Select(select) => check(&select.operand),
        Expr::List(list) => list.elements.iter().try_for_each(check),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => check(&entry.key).and_then(|()| check(&entry.value)),
            EntryExpr::StructField(field) => check(&field.value),
        }),
        Expr::Comprehension(of) => {
            [&of.iter_range, &of.accu_init, &of.loop_cond, &of.loop_step, &of.result].into_iter().try_for_each(check)
        }
        Expr::Call(call) => {
            call.target.iter().try_for_each(|target| check(target))?;
            call.args.iter().try_for_each(check)?;
            known(call)
        }
    }
}

fn known(call: &CallExpr) -> Result<(), ExpressionError> {
    let name = call.func_name.as_str();
    let (literal, probe) = match (name, call.target.as_deref(), &call.args[..]) {
        // Any text may be searched.
        (MATCHES, None, [_, pattern]) => {
            (pattern, CallExpr { args: vec![text(""), pattern.clone()], ..alone(MATCHES) })
        }
        (TIMESTAMP | DURATION | "int" | "uint" | "double" | "bool", None, [one]) => {
            (one, CallExpr { args: vec![one.clone()], ..alone(name) })
        }
        (part, Some(_), [zone]) if part.starts_with("get") => {
            let noon = IdedExpr {
                id: 0,
                expr: Expr::Call(CallExpr { args: vec![text("2000-01-01T12:00:00Z")], ..alone(TIMESTAMP) }),
            };
            (zone, CallExpr { target: Some(Box::new(noon)), args: vec![zone.clone()], ..alone(part) })
        }
        _ => return Ok(()),
    };
    let Expr::Literal(LiteralValue::String(value)) = &literal.expr else { return Ok(()) };
    let probe = IdedExpr { id: 0, expr: Expr::Call(probe) };
    let context = Context::with_env(LANGUAGE.clone());
    let made = catch_unwind(AssertUnwindSafe(|| Value::resolve(&probe, &context)));
    match made {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let why = error.to_string();
            // The last line says it; those before it show the text once more.
            let why = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
            let why = why.chars().take(200).collect();
            Err(ExpressionError::Literal { function: written(name).to_owned(), value: shown(value.inner()), why })
        }
        Err(_) => {
            let why = "it cannot be read".to_owned();
            Err(ExpressionError::Literal { function: written(name).to_owned(), value: shown(value.inner()), why })
        }
    }
}

fn alone(function: &str) -> CallExpr {
    CallExpr { func_name: function.to_owned(), target: None, args: Vec::new() }
}

fn text(of: &str) -> IdedExpr {
    IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::String(of.to_owned().into())) }
}

fn shown(value: &str) -> String {
    value.chars().take(60).collect()
}
