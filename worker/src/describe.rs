//! What a definition says of itself: its inputs, its result, what starts it.

mod declared;
mod probe;
mod schema;

use piton_shared::{
    limits,
    message::define::{self, DefinitionKind, Parameter, Presence},
    text::cut,
    trigger::Trigger,
};

use self::schema::{Contract, NOTHING, bounded, object, of};
pub use self::{
    declared::{cron, event, owned, webhook},
    probe::{Described, Omissible, Owed, Probe, Undescribed},
    schema::SchemaOf,
};

/// Bytes of the note that stands where a text was cut.
const CUT_NOTE: usize = 64;

/// What an attribute leaves of the documentation, the inputs, the result and the triggers. Schemas are made of it when they
/// are asked for.
#[derive(Debug, Clone)]
pub struct Description {
    documentation: &'static [&'static str],
    inputs: Vec<Input>,
    output: Option<SchemaOf>,
    triggers: Vec<Trigger>,
}

/// One input.
#[derive(Debug, Clone)]
struct Input {
    name: &'static str,
    presence: Presence,
    schema: Option<SchemaOf>,
    reading: Reading,
}

/// How an input is read from the object of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// From the member of its name.
    Plain,
    /// Also from members of other names.
    Aliased,
    /// From wherever serde is told: nothing can be said of the object as a whole.
    Free,
}

impl Description {
    /// Begins with the lines of the documentation.
    pub fn new(documentation: &'static [&'static str]) -> Self {
        Self { documentation, inputs: Vec::new(), output: None, triggers: Vec::new() }
    }

    /// The next input.
    #[must_use]
    pub fn input(mut self, name: &'static str, presence: Presence, reading: Reading, schema: Option<SchemaOf>) -> Self {
        self.inputs.push(Input { name, presence, schema, reading });
        self
    }

    /// The result.
    #[must_use]
    pub fn output(mut self, schema: Option<SchemaOf>) -> Self {
        self.output = schema;
        self
    }

    /// What starts it.
    #[must_use]
    pub fn triggers(mut self, triggers: Vec<Trigger>) -> Self {
        self.triggers = triggers;
        self
    }

    /// As it is sent to schedulers.
    pub(crate) fn definition(&self, kind: DefinitionKind, name: &str) -> define::Definition {
        let input = match self.inputs.as_slice() {
            [] => NOTHING.to_owned(),
            [one] => one.schema.map_or_else(schema::anything, |schema| of(schema, Contract::Read)),
            several => object(several),
        };
        let output = self.output.map_or_else(schema::anything, |schema| of(schema, Contract::Write));
        let parameters = self.inputs.iter().map(|input| {
            let schema = input.schema.map_or_else(schema::anything, |schema| of(schema, Contract::Read));
            let what = format!("the schema of `{}` of {} `{name}`", input.name, kind.as_str());
            Parameter { name: input.name.to_owned(), presence: input.presence, schema: bounded(&what, schema) }
        });
        define::Definition {
            kind,
            name: name.to_owned(),
            description: self.text(),
            parameters: parameters.collect(),
            input_schema: bounded(&format!("the schema of the input of {} `{name}`", kind.as_str()), input),
            output_schema: bounded(&format!("the schema of the result of {} `{name}`", kind.as_str()), output),
            triggers: self.triggers.clone(),
        }
    }

    /// The documentation as one text: each line without the space that stands behind `///`.
    fn text(&self) -> String {
        let lines: Vec<_> = self.documentation.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        cut(lines.join("\n").trim(), limits::DESCRIPTION_BYTES - CUT_NOTE)
    }
}
