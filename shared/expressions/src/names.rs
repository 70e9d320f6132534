//! What an expression may name.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::compile::ExpressionError;

/// How a function may be called, as counts of its arguments: `f(a)`, and `a.f(b)` without what stands before the dot.
struct Forms {
    name: &'static str,
    alone: &'static [usize],
    of_value: &'static [usize],
}

const fn function(name: &'static str, alone: &'static [usize], of_value: &'static [usize]) -> Forms {
    Forms { name, alone, of_value }
}

/// Functions that an expression may call; operators and the macros (`has`, `all`, `exists`, `exists_one`, `map`, `filter`) apart.
const FUNCTIONS: &[Forms] = &[
    function("size", &[1], &[0]),
    function("contains", &[], &[1]),
    function("startsWith", &[], &[1]),
    function("endsWith", &[], &[1]),
    function("matches", &[2], &[1]),
    function("string", &[1], &[]),
    function("int", &[1], &[]),
    function("uint", &[1], &[]),
    function("double", &[1], &[]),
    function("bool", &[1], &[]),
    function("bytes", &[1], &[]),
    function("dyn", &[1], &[]),
    function("type", &[1], &[]),
    function("timestamp", &[1], &[]),
    function("duration", &[1], &[]),
    function("getFullYear", &[], &[0, 1]),
    function("getMonth", &[], &[0, 1]),
    function("getDate", &[], &[0, 1]),
    function("getDayOfMonth", &[], &[0, 1]),
    function("getDayOfWeek", &[], &[0, 1]),
    function("getDayOfYear", &[], &[0, 1]),
    function("getHours", &[], &[0, 1]),
    function("getMinutes", &[], &[0, 1]),
    function("getSeconds", &[], &[0, 1]),
    function("getMilliseconds", &[], &[0, 1]),
];

/// Macros, whose calls are other expressions by the time they come here, unless their arguments are wrong.
const MACROS: &[(&str, &str)] = &[
    ("has", "has(event.data.name)"),
    ("all", "list.all(one, one > 0)"),
    ("exists", "list.exists(one, one > 0)"),
    ("exists_one", "list.exists_one(one, one > 0)"),
    ("map", "list.map(one, one + 1)"),
    ("filter", "list.filter(one, one > 0)"),
];

/// Members of an event; those after the sixth are there when a webhook brought it.
pub(crate) const MEMBERS: [&str; 10] =
    ["id", "name", "data", "source", "origin", "time", "endpoint", "event_type", "delivery_id", "headers"];

/// The functions there are, for people.
pub(crate) fn functions() -> String {
    FUNCTIONS.iter().map(|function| function.name).collect::<Vec<_>>().join(", ")
}

/// What was probably meant, as the end of a sentence; empty if nothing is near.
pub(crate) fn meant(name: &str, known: impl IntoIterator<Item = &'static str>) -> String {
    let allowed = (name.chars().count() / 3).max(1);
    let near = known.into_iter().map(|known| (distance(name, known), known)).min();
    match near {
        Some((away, known)) if away <= allowed => format!("; did you mean `{known}`?"),
        Some(_) | None => String::new(),
    }
}

/// How many characters have to be put in, left out or changed between two words.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, left) in one.to_lowercase().chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, right) in other.iter().enumerate() {
            let changed = before + usize::from(left != *right);
            before = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

fn called(call: &CallExpr) -> Result<(), ExpressionError> {
    let name = call.func_name.as_str();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Ok(());
    }
    if let Some((_, example)) = MACROS.iter().find(|(known, _)| *known == name) {
        return Err(ExpressionError::Arguments { name: name.to_owned(), like: (*example).to_owned() });
    }
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        let known = FUNCTIONS.iter().map(|function| function.name).chain(MACROS.iter().map(|(name, _)| *name));
        return Err(ExpressionError::Function { name: name.to_owned(), meant: meant(name, known) });
    };
    let forms = if call.target.is_some() { function.of_value } else { function.alone };
    if forms.contains(&call.args.len()) {
        return Ok(());
    }
    let alone = function.alone.iter().map(|count| format!("{name}({})", vec!["…"; *count].join(", ")));
    let of_value = function.of_value.iter().map(|count| format!("value.{name}({})", vec!["…"; *count].join(", ")));
    let like = alone.chain(of_value).collect::<Vec<_>>().join("` or `");
    Err(ExpressionError::Arguments { name: name.to_owned(), like })
}

/// Whether a member that is asked of `event` can ever be there.
fn member(of: &IdedExpr, name: &str, scope: &[&str]) -> Result<(), ExpressionError> {
    let of_event = matches!(&of.expr, Expr::Ident(variable) if variable == "event")
        // Not the variable of a loop that has the same name.
        && scope.iter().filter(|known| **known == "event").count() == 1;
    if !of_event || MEMBERS.contains(&name) {
        return Ok(());
    }
    Err(ExpressionError::Member { name: name.to_owned(), meant: meant(name, MEMBERS) })
}

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
            called(call)?;
            if let (operators::INDEX, [of, name]) = (call.func_name.as_str(), &call.args[..])
                && let Expr::Literal(LiteralValue::String(name)) = &name.expr
            {
                member(of, name.inner(), scope)?;
            }
            call.target.iter().try_for_each(|target| visit(target, scope))?;
            call.args.iter().try_for_each(|argument| visit(argument, scope))
        }
        Expr::Select(select) => {
            member(&select.operand, &select.field, scope)?;
            visit(&select.operand, scope)
        }
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
