//! What an expression may name.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use crate::compile::ExpressionError;

/// Functions that an expression may call; operators and the macros (`has`, `all`, `exists`, `exists_one`, `map`, `filter`) apart.
pub(crate) const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "type",
    "timestamp",
    "duration",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// Types, as `type(x) == string` names them.
const TYPES: &[&str] = &["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];

/// Loops within loops: what one costs is estimated twice for each around it.
const LOOPS: usize = 4;

/// Refuses names that nothing stands behind. The interpreter says so only when it comes to them, which may be never, and
/// its own list of what is named takes a comprehension's variables for unknown ones. Refuses loops that are nested deeply, too.
pub(crate) fn check(expression: &IdedExpr) -> Result<(), ExpressionError> {
    visit(expression, &mut vec!["event"])
}

fn visit<'e>(expression: &'e IdedExpr, scope: &mut Vec<&'e str>) -> Result<(), ExpressionError> {
    match &expression.expr {
        Expr::Unspecified => {
            Err(ExpressionError::Syntax { line: 1, column: 1, reason: "a part of it is missing".into() })
        }
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => {
            let known = scope.contains(&name.as_str()) || TYPES.contains(&name.as_str());
            if known { Ok(()) } else { Err(ExpressionError::Variable { name: name.clone() }) }
        }
        Expr::Call(call) => {
            let word = call.func_name.starts_with(|first: char| first.is_ascii_alphabetic());
            if word && !FUNCTIONS.contains(&call.func_name.as_str()) {
                return Err(ExpressionError::Function { name: call.func_name.clone() });
            }
            call.target.iter().try_for_each(|target| visit(target, scope))?;
            call.args.iter().try_for_each(|argument| visit(argument, scope))
        }
        Expr::Select(select) => visit(&select.operand, scope),
        Expr::List(list) => list.elements.iter().try_for_each(|element| visit(element, scope)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => visit(&entry.key, scope).and_then(|()| visit(&entry.value, scope)),
            EntryExpr::StructField(field) => visit(&field.value, scope),
        }),
        Expr::Struct(made) => Err(ExpressionError::Type { name: made.type_name.clone() }),
        Expr::Comprehension(of) => {
            if of.iter_var2.is_some() {
                return Err(ExpressionError::Syntax { line: 1, column: 1, reason: "a loop has one variable".into() });
            }
            visit(&of.iter_range, scope)?;
            visit(&of.accu_init, scope)?;
            let outer = scope.len();
            // Each pushes the two names below.
            if outer > 2 * LOOPS {
                return Err(ExpressionError::TooDeep);
            }
            scope.push(&of.accu_var);
            scope.push(&of.iter_var);
            let within = [&of.loop_cond, &of.loop_step, &of.result].into_iter().try_for_each(|part| visit(part, scope));
            scope.truncate(outer);
            within
        }
    }
}
