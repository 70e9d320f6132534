//! How what is asked differs from what was recorded, in one line that a person can act on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use super::{
    call::{Call, StepCall},
    ledger::Ledger,
};
use crate::{
    codec::{DecodeError, to_json},
    journal::{Entry, Kind, Payload, StepKey},
    parked::Parked,
    text::cut,
};

/// Bytes of a value that a difference shows: enough to see it, too few to carry it.
const VALUE_BYTES: usize = 120;
/// Open calls that are named in place of the one that was recorded.
const NAMED: usize = 3;

/// Whether a row answers exactly this call. Cheap, and runs nobody's code.
pub(super) fn is_identical(recorded: &Entry, asked: &Call) -> bool {
    recorded.kind == asked.kind()
        && recorded.name == asked.name()
        && match asked {
            Call::Step(step) => recorded.input == step.input,
            Call::Sleep(_) | Call::Batch(_) => true,
            Call::Race(race) => recorded.input == race.input(),
            Call::State(state) => recorded.input == state.input(),
        }
}

/// Compares a row with the call it answers. Runs the user's decoder: never under the ledger's lock.
pub(super) fn compare(recorded: &Entry, asked: &Call) -> Result<(), Parked> {
    if recorded.kind != asked.kind() || recorded.name != asked.name() {
        return Err(Parked::Mismatch {
            key: recorded.key.clone(),
            recorded: titled(recorded.kind, &recorded.name),
            asked: titled(asked.kind(), asked.name()),
        });
    }
    match asked {
        Call::Step(step) => inputs(recorded, step),
        Call::Sleep(_) | Call::Batch(_) => Ok(()),
        Call::Race(race) => same_input(recorded, &race.input(), "winner"),
        Call::State(state) => same_input(recorded, &state.input(), "scope and name"),
    }
}

fn inputs(recorded: &Entry, asked: &StepCall) -> Result<(), Parked> {
    if recorded.input == asked.input {
        return Ok(());
    }
    let before = canonical(asked, &recorded.input);
    if matches!((&before, canonical(asked, &asked.input)), (Ok(before), Ok(now)) if *before == now) {
        return Ok(());
    }
    let title = titled(recorded.kind, &recorded.name);
    let unread = before.err().map_or_else(String::new, |error| {
        format!(" (which today's input type cannot read: {})", cut(&error, VALUE_BYTES))
    });
    let (at, was, is) = match (to_json(&recorded.input), to_json(&asked.input)) {
        (Ok(was), Ok(is)) => difference(&was, &is),
        (was, is) => ("input".to_owned(), shown_or_error(was), shown_or_error(is)),
    };
    Err(Parked::Mismatch {
        key: recorded.key.clone(),
        recorded: format!("{title} with {at} = {was}{unread}"),
        asked: format!("{title} with {at} = {is}"),
    })
}

/// Of calls whose input is ours and has one form only.
fn same_input(recorded: &Entry, asked: &[u8], what: &str) -> Result<(), Parked> {
    if recorded.input == asked {
        return Ok(());
    }
    let title = titled(recorded.kind, &recorded.name);
    let (was, is) = (shown_or_error(to_json(&recorded.input)), shown_or_error(to_json(asked)));
    Err(Parked::Mismatch {
        key: recorded.key.clone(),
        recorded: format!("{title} with {what} = {was}"),
        asked: format!("{title} with {what} = {is}"),
    })
}

fn canonical(asked: &StepCall, input: &[u8]) -> Result<Payload, String> {
    match catch_unwind(AssertUnwindSafe(|| (asked.canonical)(input))) {
        Ok(canonical) => canonical.map_err(|error| error.to_string()),
        Err(panic) => Err(format!("its decoder panicked: {}", panic_message(panic.as_ref()))),
    }
}

/// A row answers a call that the workflow never asked for.
pub(super) fn never_asked(recorded: &Entry, ledger: &Ledger) -> Parked {
    let named: Vec<_> = ledger
        .waiting_calls()
        .take(NAMED)
        .map(|call| format!("{} at `{}`", titled(call.kind(), call.name()), call.key()))
        .collect();
    let asked = match ledger.open().saturating_sub(named.len()) {
        0 if named.is_empty() => "nothing".to_owned(),
        0 => named.join(", "),
        others => format!("{} and {others} others", named.join(", ")),
    };
    mismatch(recorded, asked)
}

/// A row answers a call, but the workflow has ended without it.
pub(super) fn already_ended(recorded: &Entry) -> Parked {
    mismatch(recorded, "nothing: it has ended".to_owned())
}

fn mismatch(recorded: &Entry, asked: String) -> Parked {
    let key: StepKey = recorded.key.clone();
    Parked::Mismatch { key, recorded: titled(recorded.kind, &recorded.name), asked }
}

fn titled(kind: Kind, name: &str) -> String {
    format!("{kind} {}", cut(name, VALUE_BYTES))
}

/// The first place at which two values differ, and what stands there.
fn difference(was: &Value, is: &Value) -> (String, String, String) {
    let (mut was, mut is) = (was, is);
    let mut path = "input".to_owned();
    loop {
        let inner = match (was, is) {
            (Value::Object(was), Value::Object(is)) => was
                .iter()
                .map(|(key, was)| (key, was, is.get(key).unwrap_or(&Value::Null)))
                .chain(is.iter().filter(|(key, _)| !was.contains_key(*key)).map(|(key, is)| (key, &Value::Null, is)))
                .find(|(_, was, is)| was != is)
                .map(|(key, was, is)| (format!(".{}", cut(key, VALUE_BYTES)), was, is)),
            (Value::Array(was), Value::Array(is)) if was.len() == is.len() => was
                .iter()
                .zip(is)
                .enumerate()
                .find(|(_, (was, is))| was != is)
                .map(|(index, (was, is))| (format!("[{index}]"), was, is)),
            _ => None,
        };
        let Some((step, inner_was, inner_is)) = inner else {
            return (path, shown(was), shown(is));
        };
        path.push_str(&step);
        (was, is) = (inner_was, inner_is);
    }
}

fn shown(value: &Value) -> String {
    cut(&value.to_string(), VALUE_BYTES)
}

fn shown_or_error(value: Result<Value, DecodeError>) -> String {
    value.map_or_else(|error| format!("no payload ({error})"), |value| shown(&value))
}

/// What a panic said, if it said it in text.
pub(super) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    cut(text.unwrap_or("no message"), crate::limits::FAILURE_MESSAGE_BYTES)
}
