//! Inputs are compared with what workers say that they take, before anything is started.

use piton_shared::{message::define::DefinitionKind, name::Org};

use super::{
    code::Code,
    limits,
    problem::{FieldError, Problem},
    routes::Door,
};

/// Lets a start pass whose input has no faults, and one whose key has made its run before: that is answered with the run,
/// whatever a build that came since says of its input.
pub(super) async fn admit(
    door: &Door,
    org: &Org,
    key: Option<&str>,
    of: (DefinitionKind, &str),
    faults: Vec<FieldError>,
) -> Result<(), Problem> {
    if faults.is_empty() {
        return Ok(());
    }
    if let Some(key) = key {
        let asked = [(org.to_string(), key.to_owned())];
        if !door.in_time(door.engine.store().start_keys_look(&asked)).await?.is_empty() {
            return Ok(());
        }
    }
    Err(refused(of, faults))
}

fn refused((kind, name): (DefinitionKind, &str), mut faults: Vec<FieldError>) -> Problem {
    faults.truncate(limits::FAULTS);
    let detail = match faults.as_slice() {
        [one] => format!("{} `{name}` does not take this: {} {}", kind.as_str(), one.pointer, one.detail),
        several => {
            format!("{} `{name}` does not take this; `errors` names {} faults", kind.as_str(), several.len())
        }
    };
    let problem = Problem::new(Code::InvalidInput, detail).with(kind.as_str(), name);
    faults.into_iter().fold(problem, |problem, fault| problem.at(fault.pointer, fault.detail))
}

/// Faults within an input, at their places within the body.
pub(super) fn within(place: &str, faults: Vec<FieldError>) -> impl Iterator<Item = FieldError> {
    faults
        .into_iter()
        .map(move |FieldError { pointer, detail }| FieldError { pointer: format!("{place}{pointer}"), detail })
}
