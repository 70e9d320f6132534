//! The language: CEL's standard library, with what the library does otherwise than the specification mended.
//!
//! A mended function is one of our own under a name that no expression can write; the parser calls it wherever the standard one
//! is written.

use std::sync::{Arc, LazyLock};

use cel::{
    Env, ExecutionError,
    common::{
        ast::{CallExpr, Expr},
        types::{CelDuration, CelInt, CelString, CelTimestamp, DURATION_TYPE, INT_TYPE, STRING_TYPE, TIMESTAMP_TYPE},
        value::{CowVal, StaticVal},
    },
    parser::Macro,
};

mod duration;
mod pattern;

/// What a timestamp is made with: always in UTC, so that its parts are those in UTC unless a zone is given.
pub(crate) const TIMESTAMP: &str = "@timestamp";
/// What a duration is made with: the whole text is read, and exactly.
pub(crate) const DURATION: &str = "@duration";
/// A search for a pattern, in which `\d`, `\s`, `\w` and `\b` are those of ASCII, as in RE2.
pub(crate) const MATCHES: &str = "@matches";
/// Of a duration it is the part below a second.
const MILLISECONDS: &str = "@getMilliseconds";

/// The language as events are matched with it.
pub(crate) static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(language()));

/// What is not mended, for the mended functions to call.
static STANDARD: LazyLock<Env> = LazyLock::new(Env::stdlib);

/// The name that a function has in expressions.
pub(crate) fn written(function: &str) -> &str {
    function.trim_start_matches('@')
}

fn language() -> Env {
    const ONCE: &str = "its name is our own, and it is declared once";
    let mut env = Env::stdlib();
    env.add_overload(TIMESTAMP, "a", vec![STRING_TYPE], timestamp).expect(ONCE);
    env.add_overload(TIMESTAMP, "b", vec![INT_TYPE], timestamp).expect(ONCE);
    env.add_overload(TIMESTAMP, "c", vec![TIMESTAMP_TYPE], timestamp).expect(ONCE);
    env.add_overload(DURATION, "a", vec![STRING_TYPE], duration).expect(ONCE);
    env.add_overload(DURATION, "b", vec![DURATION_TYPE], duration).expect(ONCE);
    env.add_overload(MATCHES, "a", vec![STRING_TYPE, STRING_TYPE], matches).expect(ONCE);
    env.add_overload(MILLISECONDS, "a", vec![TIMESTAMP_TYPE], milliseconds).expect(ONCE);
    env.add_overload(MILLISECONDS, "b", vec![DURATION_TYPE], milliseconds).expect(ONCE);
    let macros = [
        Macro::global("timestamp", 1, |helper, target, args| Ok(Some(helper.next_expr(call(TIMESTAMP, target, args))))),
        Macro::global("duration", 1, |helper, target, args| Ok(Some(helper.next_expr(call(DURATION, target, args))))),
        Macro::global("matches", 2, |helper, target, args| Ok(Some(helper.next_expr(call(MATCHES, target, args))))),
        Macro::receiver("matches", 1, |helper, target, args| Ok(Some(helper.next_expr(call(MATCHES, target, args))))),
        Macro::receiver("getMilliseconds", 0, |helper, target, args| {
            Ok(Some(helper.next_expr(call(MILLISECONDS, target, args))))
        }),
    ];
    for mended in macros {
        env.add_macro(mended).expect(ONCE);
    }
    env
}

/// A call of one of our own functions: what stood before the dot is its first argument.
fn call(own: &str, target: &mut Option<cel::IdedExpr>, args: &mut Vec<cel::IdedExpr>) -> Expr {
    let args = target.take().into_iter().chain(args.drain(..)).collect();
    Expr::Call(CallExpr { func_name: own.to_owned(), target: None, args })
}

fn standard<'b, 'v>(function: &str, args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match STANDARD.find_overload(function, &args) {
        Some(call) => call(args),
        None => Err(ExecutionError::function_error(function, "takes other arguments")),
    }
}

fn text<'a>(args: &'a [CowVal<'_, '_>], place: usize) -> Option<&'a str> {
    args.get(place).and_then(|arg| arg.downcast_ref::<CelString<'_>>()).map(CelString::inner)
}

fn of<'a, T: StaticVal>(args: &'a [CowVal<'_, '_>]) -> Option<&'a T> {
    args.first().and_then(|arg| arg.downcast_ref::<T>())
}

fn timestamp<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    if let Some(text) = text(&args, 0)
        // The parser takes other forms too, and a second that no clock shows.
        && (text.as_bytes().get(10) != Some(&b'T') || text.contains(['t', 'z']) || text.get(17..19) == Some("60"))
    {
        let wrong = format!("`{text}` is no time as RFC 3339 has it, such as 2026-11-30T09:00:00Z");
        return Err(ExecutionError::function_error("timestamp", wrong));
    }
    let made = standard("timestamp", args)?;
    match made.downcast_ref::<CelTimestamp>() {
        Some(time) => Ok(CowVal::owned(CelTimestamp::from(time.inner().to_utc().fixed_offset()))),
        None => Ok(made),
    }
}

fn duration<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    match text(&args, 0) {
        Some(text) => match duration::in_parts(text) {
            Ok(parts) => standard("duration", vec![CowVal::owned(CelString::from(parts))]),
            Err(wrong) => Err(ExecutionError::function_error("duration", format!("`{text}` {wrong}"))),
        },
        None => standard("duration", args),
    }
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let pattern = text(&args, 1).map(pattern::ascii);
    let (Some(pattern), Some(text)) = (pattern, args.into_iter().next()) else {
        return Err(ExecutionError::function_error("matches", "takes a text and a pattern"));
    };
    standard("matches", vec![text, CowVal::owned(CelString::from(pattern))])
}

#[expect(clippy::needless_pass_by_value, reason = "a function of the language takes its arguments so")]
fn milliseconds<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let part = match (of::<CelDuration>(&args), of::<CelTimestamp>(&args)) {
        (Some(duration), _) => i64::from(duration.inner().subsec_nanos() / 1_000_000),
        (None, Some(time)) => i64::from(time.inner().timestamp_subsec_millis()),
        (None, None) => return Err(ExecutionError::function_error("getMilliseconds", "takes a time or a duration")),
    };
    Ok(CowVal::owned(CelInt::from(part)))
}

#[cfg(test)]
mod tests;
