//! Bodies that change something: what is said, and null for what is put back.

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::{CliError, Exit};

/// The body with null for each field that is cleared. Nothing at all, or a field that is said and cleared, is a mistake.
pub(super) fn cleared<Clear: ValueEnum>(
    mut body: Map<String, Value>,
    clear: &[Clear],
    field: impl Fn(Clear) -> &'static str,
) -> Result<Value, CliError> {
    for option in clear {
        if body.insert(field(option.clone()).to_owned(), Value::Null).is_some_and(|before| !before.is_null()) {
            let option = option.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            let detail = format!("--{option} says it and --clear {option} puts it back: give one of the two");
            return Err(CliError::new(Exit::Usage, detail));
        }
    }
    if body.is_empty() {
        return Err(CliError::new(Exit::Usage, "nothing is to be changed").advise("--help names what can be"));
    }
    Ok(Value::Object(body))
}
