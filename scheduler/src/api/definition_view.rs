//! Definitions as the API shows them.

use piton_shared::{
    message::define::{DefinitionKind, Parameter, Presence},
    trigger::{CronTrigger, EventTrigger, InputRule, Trigger, WebhookTrigger},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{document::shapes, time::Rfc3339, view::payload};
use crate::{
    definition::signature,
    store::{BuildRow, DefinitionRow, ListedRow},
};

/// A page of definitions, by kind and name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DefinitionsView {
    pub(super) definitions: Vec<DefinitionView>,
    /// The cursor of the next page; none on the last.
    pub(super) next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

/// A workflow or a function, as the build that counts has it: of those that live workers have, the one rolled out last.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DefinitionView {
    #[schema(value_type = shapes::DefinitionKind)]
    kind: DefinitionKind,
    name: String,
    /// What its documentation says.
    description: String,
    /// Its name with its inputs, for people: `charge(amount: integer, currency?: string)`.
    signature: String,
    /// What its workflow declares to start it, in that order. Whether each is at work is told where triggers and schedules
    /// are listed.
    triggers: Vec<TriggerView>,
    /// The builds that have it and were rolled out last, the one that counts first; null stands for workers that name no build.
    builds: Vec<Option<String>>,
    /// Live workers that have it.
    workers: i64,
    /// When a worker presented it first.
    first_seen_at: Rfc3339,
    /// When a worker presented it last.
    last_seen_at: Rfc3339,
}

/// All that is known of a workflow or a function.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DefinitionDetailView {
    #[schema(value_type = shapes::DefinitionKind)]
    kind: DefinitionKind,
    name: String,
    /// What its documentation says.
    description: String,
    /// Its name with its inputs, for people.
    signature: String,
    /// Its inputs, in the order in which they are written. One stands for the input itself, several are its members.
    parameters: Vec<ParameterView>,
    /// JSON Schema of its input, as the build that counts takes it; `true` says nothing.
    #[schema(schema_with = shapes::any)]
    input_schema: Value,
    /// JSON Schema of its result.
    #[schema(schema_with = shapes::any)]
    output_schema: Value,
    /// What its workflow declares to start it.
    triggers: Vec<TriggerView>,
    /// The builds that have it and were rolled out last, the one that counts first.
    builds: Vec<BuildView>,
}

/// An input.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ParameterView {
    name: String,
    /// Whether it has to be there.
    required: bool,
    /// Its JSON Schema; `true` where its type says none.
    #[schema(schema_with = shapes::any)]
    schema: Value,
}

/// A definition as one build has it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BuildView {
    /// None: of workers that name no build.
    build: Option<String>,
    /// Its name with its inputs there.
    signature: String,
    /// JSON Schema of the input there.
    #[schema(schema_with = shapes::any)]
    input_schema: Value,
    /// Live workers of this build that have it.
    workers: i64,
    /// When the newest process of this build started.
    since: Rfc3339,
    /// When a worker of this build presented it first.
    first_seen_at: Rfc3339,
    /// When a worker of this build presented it last.
    last_seen_at: Rfc3339,
}

/// What a workflow declares to start it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum TriggerView {
    /// Events, whoever publishes them.
    Event {
        /// Which names; `*` stands for any one segment, a last `**` for one or more.
        pattern: String,
        /// A CEL expression that must be true.
        filter: Option<String>,
        /// Where the input comes from: `by_name`, `envelope`, or an object with an `expression`.
        #[schema(schema_with = shapes::any)]
        input: Value,
    },
    /// Verified webhooks.
    Webhook {
        /// Whose.
        provider: String,
        /// The endpoint's name, where only one is meant.
        endpoint: Option<String>,
        /// The provider's own name of the event, as a pattern; none for all.
        event: Option<String>,
        /// A CEL expression that must be true.
        filter: Option<String>,
        /// As of an event.
        #[schema(schema_with = shapes::any)]
        input: Value,
    },
    /// The clock.
    Cron {
        /// The schedule's name; the workflow's own if there is none.
        name: Option<String>,
        /// Five fields, or six with seconds first.
        expression: String,
        /// The IANA name of its time zone.
        time_zone: String,
        /// What happens while the run before goes on.
        #[schema(schema_with = shapes::any)]
        overlap: Value,
        /// What happens to firings that were missed.
        #[schema(schema_with = shapes::any)]
        catch_up: Value,
        /// Each firing is put off by up to this many milliseconds.
        jitter_millis: u64,
        /// The input of its runs.
        #[schema(schema_with = shapes::any)]
        input: Value,
    },
}

impl From<ListedRow> for DefinitionView {
    fn from(ListedRow { kind, name, builds, counting }: ListedRow) -> Self {
        Self {
            kind,
            signature: signature(&name, &counting.parameters),
            name,
            description: counting.description,
            triggers: counting.triggers.iter().map(TriggerView::from).collect(),
            builds: builds.into_iter().map(named).collect(),
            workers: counting.workers,
            first_seen_at: counting.first_seen_at.into(),
            last_seen_at: counting.seen_at.into(),
        }
    }
}

impl DefinitionDetailView {
    /// Of its builds, the one that counts first; none if there are none.
    pub(super) fn of(kind: DefinitionKind, name: String, builds: Vec<BuildRow>) -> Option<Self> {
        let DefinitionRow { description, parameters, input_schema, output_schema, triggers, .. } =
            builds.first()?.definition.clone();
        let builds = builds.into_iter().map(|row| BuildView {
            build: named(row.build),
            signature: signature(&name, &row.definition.parameters),
            input_schema: schema(&row.definition.input_schema),
            workers: row.definition.workers,
            since: row.definition.since.into(),
            first_seen_at: row.definition.first_seen_at.into(),
            last_seen_at: row.definition.seen_at.into(),
        });
        Some(Self {
            builds: builds.collect(),
            kind,
            signature: signature(&name, &parameters),
            name,
            description,
            parameters: parameters.into_iter().map(ParameterView::from).collect(),
            input_schema: schema(&input_schema),
            output_schema: schema(&output_schema),
            triggers: triggers.iter().map(TriggerView::from).collect(),
        })
    }
}

impl From<Parameter> for ParameterView {
    fn from(parameter: Parameter) -> Self {
        Self {
            required: parameter.presence == Presence::Required,
            schema: schema(&parameter.schema),
            name: parameter.name,
        }
    }
}

impl From<&Trigger> for TriggerView {
    fn from(trigger: &Trigger) -> Self {
        match trigger.clone() {
            Trigger::Event(EventTrigger { pattern, filter, input }) => {
                Self::Event { pattern, filter, input: rule(&input) }
            }
            Trigger::Webhook(WebhookTrigger { provider, endpoint, event, filter, input }) => {
                Self::Webhook { provider: provider.as_str().to_owned(), endpoint, event, filter, input: rule(&input) }
            }
            Trigger::Cron(CronTrigger { name, expression, time_zone, overlap, catch_up, jitter_millis, input }) => {
                Self::Cron {
                    name,
                    expression,
                    time_zone,
                    overlap: json!(overlap),
                    catch_up: json!(catch_up),
                    jitter_millis,
                    input: payload(&input),
                }
            }
        }
    }
}

fn rule(input: &InputRule) -> Value {
    json!(input)
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Bool(true))
}

fn named(build: String) -> Option<String> {
    Some(build).filter(|build| !build.is_empty())
}
