//! Triggers as the API shows them.

use piton_shared::trigger::InputRule;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::{gone::Gone, time::Rfc3339},
    store::{Listens, Source, TriggerRow, TriggerState},
};

/// A page of triggers, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptTriggers)]
pub(in crate::api) struct TriggersView {
    pub(super) triggers: Vec<TriggerView>,
    /// The cursor of the next page; none on the last.
    pub(super) next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

/// A trigger.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptTrigger)]
pub(in crate::api) struct TriggerView {
    id: Uuid,
    /// What it starts.
    workflow: String,
    kind: KindWord,
    source: SourceWord,
    state: StateWord,
    /// The names that it means, as a pattern; of a webhook the provider's own, and none for all.
    event: Option<String>,
    /// Of a webhook: who sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    /// Of a webhook: the one endpoint that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// The CEL expression that must be true.
    filter: Option<String>,
    input: InputWord,
    /// The CEL expression that makes the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_expression: Option<String>,
    queue: String,
    build: Option<String>,
    /// Since when its workflow is gone from the code, as far as can be told: no worker has it, though newer ones of its program
    /// live, or nobody has had it for a week. What is started waits for a worker that has it.
    orphaned_since: Option<Rfc3339>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    links: TriggerLinks,
}

/// What a trigger listens to.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = TriggerKind)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    /// Events, whoever published them.
    Event,
    /// What verified webhooks of a provider bring.
    Webhook,
}

/// Who made a trigger.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = TriggerSource)]
#[serde(rename_all = "snake_case")]
enum SourceWord {
    /// It is declared beside its workflow.
    Declared,
    /// It was made by the API.
    Made,
}

/// Whether a trigger counts.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = TriggerState)]
#[serde(rename_all = "snake_case")]
enum StateWord {
    /// It does.
    Active,
    /// It does not, until it is resumed.
    Paused,
}

/// Where the input of a run comes from.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = TriggerInput)]
#[serde(rename_all = "snake_case")]
enum InputWord {
    /// Each parameter is looked up by its name in the event's data; a single one that takes an object gets all of it.
    ByName,
    /// The event with all that is known of it.
    Envelope,
    /// Made by `input_expression`.
    Expression,
}

#[derive(Debug, Serialize, ToSchema)]
struct TriggerLinks {
    trigger: String,
}

/// A trigger's address.
pub(super) fn trigger_path(id: Uuid) -> String {
    format!("/v1/triggers/{id}")
}

impl TriggerView {
    pub(super) fn new(row: TriggerRow, gone: &Gone) -> Self {
        let (input, input_expression) = match row.listens.input() {
            InputRule::ByName => (InputWord::ByName, None),
            InputRule::Envelope => (InputWord::Envelope, None),
            InputRule::Expression(source) => (InputWord::Expression, Some(source.clone())),
        };
        let (kind, provider, endpoint) = match &row.listens {
            Listens::Event(_) => (KindWord::Event, None, None),
            Listens::Webhook(webhook) => (KindWord::Webhook, Some(webhook.provider.as_str()), webhook.endpoint.clone()),
        };
        Self {
            id: row.id,
            kind,
            source: match row.source {
                Source::Declared { .. } => SourceWord::Declared,
                Source::Made => SourceWord::Made,
            },
            state: match row.state {
                TriggerState::Active => StateWord::Active,
                TriggerState::Paused => StateWord::Paused,
            },
            event: row.listens.pattern().map(ToOwned::to_owned),
            provider,
            endpoint,
            filter: row.listens.filter().map(ToOwned::to_owned),
            input,
            input_expression,
            orphaned_since: gone.since(&row.workflow),
            workflow: row.workflow,
            queue: row.queue.to_string(),
            build: row.build.map(|build| build.as_str().to_owned()),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            links: TriggerLinks { trigger: trigger_path(row.id) },
        }
    }
}
