//! What a page of definitions may not be.

use std::collections::HashSet;

use piton_shared::{
    codec, limits,
    message::define::{Define, Definition, DefinitionKind},
    name::check_definition,
    trigger::Trigger,
};

use super::form::Form;

/// Inputs that a definition may have.
const PARAMETERS: usize = 64;

/// What is wrong with a page, naming the definition; nothing if it can be kept.
pub(super) fn check(define: &Define) -> Result<(), String> {
    if define.definitions.len() > limits::DEFINITIONS_PAGE {
        return Err(format!("a page has at most {} definitions", limits::DEFINITIONS_PAGE));
    }
    let mut names = HashSet::new();
    for definition in &define.definitions {
        let of = format!("{} `{}`", definition.kind.as_str(), definition.name.chars().take(128).collect::<String>());
        if !names.insert((definition.kind, &definition.name)) {
            return Err(format!("{of} comes twice"));
        }
        check_one(definition).map_err(|wrong| format!("{of}: {wrong}"))?;
    }
    Ok(())
}

fn check_one(definition: &Definition) -> Result<(), String> {
    check_definition(&definition.name).map_err(|error| error.to_string())?;
    if definition.description.len() > limits::DESCRIPTION_BYTES {
        return Err(format!("its description has more than {} bytes", limits::DESCRIPTION_BYTES));
    }
    if definition.parameters.len() > PARAMETERS {
        return Err(format!("it has more than {PARAMETERS} inputs"));
    }
    for parameter in &definition.parameters {
        if parameter.name.is_empty() || parameter.name.len() > limits::NAME_BYTES {
            return Err(format!("the name of an input has 1 to {} bytes", limits::NAME_BYTES));
        }
        schema(&format!("the schema of `{}`", parameter.name), &parameter.schema)?;
    }
    let input = schema("the schema of its input", &definition.input_schema)?;
    schema("the schema of its result", &definition.output_schema)?;
    if definition.triggers.len() > limits::TRIGGERS_DECLARED {
        return Err(format!("it declares more than {} triggers", limits::TRIGGERS_DECLARED));
    }
    match definition.kind {
        DefinitionKind::Function if !definition.triggers.is_empty() => {
            Err("a function is called by a workflow, and nothing else starts it".to_owned())
        }
        DefinitionKind::Function | DefinitionKind::Workflow => {
            definition.triggers.iter().try_for_each(|declared| trigger(declared, &input))
        }
    }
}

fn schema(of: &str, schema: &str) -> Result<Form, String> {
    if schema.len() > limits::SCHEMA_BYTES {
        return Err(format!("{of} has more than {} bytes", limits::SCHEMA_BYTES));
    }
    Form::read(schema).map_err(|error| format!("{of} {error}"))
}

fn trigger(trigger: &Trigger, input: &Form) -> Result<(), String> {
    let cron = match trigger {
        Trigger::Event(_) | Trigger::Webhook(_) => return crate::trigger::check(trigger),
        Trigger::Cron(cron) => cron,
    };
    crate::schedule::check(cron)?;
    // Every run of it would park, the first of them perhaps tonight.
    let value =
        codec::to_json(&cron.input).map_err(|error| format!("the input of a schedule is no payload: {error}"))?;
    match input.faults(&value).first() {
        None => Ok(()),
        Some(fault) => Err(format!(
            "the input of its schedule `{}` does not fit: {} {}",
            cron.expression,
            if fault.pointer.is_empty() { "it" } else { &fault.pointer },
            fault.detail
        )),
    }
}
