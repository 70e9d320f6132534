//! Events as the API shows them.

use piton_shared::codec;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::{time::Rfc3339, view::run_path},
    engine::Novelty,
    event::{Matching, Origin, PublishedEvent, brought},
    store::{EventOutcome, EventResult, EventRow},
};

/// What a publish came to, in the order of its events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedEvents)]
pub(crate) struct PublishedView {
    events: Vec<PublishedEventView>,
}

/// What one event came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublishedEvent)]
struct PublishedEventView {
    /// Ours. Of a duplicate, the first one's.
    id: Uuid,
    /// The publisher's own.
    event_id: Option<String>,
    name: String,
    outcome: OutcomeWord,
    matching: MatchingWord,
    /// The runs that it started.
    runs: Vec<StartedByView>,
    accepted_at: Rfc3339,
    links: EventLinks,
}

/// Whether an event is new.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = EventOutcome)]
#[serde(rename_all = "snake_case")]
enum OutcomeWord {
    /// It is, and committed.
    Accepted,
    /// It was published before, and is not taken again.
    Duplicate,
}

/// Whether an event was matched with the triggers.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = EventMatching)]
#[serde(rename_all = "snake_case")]
enum MatchingWord {
    /// It was.
    Done,
    /// It will be, within seconds, by whichever scheduler comes to it.
    Owed,
}

/// A run that an event started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StartedByEvent)]
struct StartedByView {
    id: Uuid,
    workflow: String,
    links: RunLink,
}

#[derive(Debug, Serialize, ToSchema)]
struct RunLink {
    run: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct EventLinks {
    event: String,
}

impl PublishedView {
    /// Of events by their names and own ids, and what they came to.
    pub(crate) fn new(names: Vec<(String, Option<String>)>, published: Vec<PublishedEvent>) -> Self {
        let view = |((name, event_id), published): ((String, Option<String>), PublishedEvent)| {
            let (matching, runs) = match published.matching {
                Matching::Done(runs) => (MatchingWord::Done, runs),
                Matching::Owed => (MatchingWord::Owed, Vec::new()),
            };
            let run = |run: crate::event::StartedRun| StartedByView {
                id: run.run.uuid(),
                workflow: run.workflow,
                links: RunLink { run: run_path(run.run.uuid()) },
            };
            PublishedEventView {
                id: published.event,
                event_id,
                name,
                outcome: match published.novelty {
                    Novelty::New => OutcomeWord::Accepted,
                    Novelty::Repeated => OutcomeWord::Duplicate,
                },
                matching,
                runs: runs.into_iter().map(run).collect(),
                accepted_at: published.accepted_at.into(),
                links: EventLinks { event: event_path(published.event) },
            }
        };
        Self { events: names.into_iter().zip(published).map(view).collect() }
    }
}

fn event_path(event: Uuid) -> String {
    format!("/v1/events/{event}")
}

/// A page of events, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Events)]
pub(in crate::api) struct EventsView {
    pub(super) events: Vec<EventView>,
    /// The cursor of the next page; none on the last.
    pub(super) next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    pub(super) next: Option<String>,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(in crate::api) struct EventView {
    id: Uuid,
    /// The publisher's own id of it.
    event_id: Option<String>,
    name: String,
    /// What it is about; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = crate::api::document::shapes::any, required = false)]
    data: Option<Value>,
    origin: OriginView,
    /// When it happened, as its publisher says. Of a webhook as its provider says in what it has signed: `created` of Stripe,
    /// `event_time` of Slack, `timestamp` of Standard Webhooks, else when it was signed. None where nobody
    /// says it, as GitHub does not: then it counts from when it was accepted.
    occurred_at: Option<Rfc3339>,
    accepted_at: Rfc3339,
    matching: MatchingWord,
    /// What the triggers that mean it made of it, in their order.
    results: Vec<ResultView>,
    /// The W3C trace context that it came with.
    trace: Option<String>,
    links: EventLinks,
}

/// Where an event came from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventOrigin)]
struct OriginView {
    kind: OriginWord,
    /// Of a webhook: who sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    /// Of a webhook: the endpoint's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// Of a webhook: the record of the delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<Uuid>,
    /// Of a replay: the earlier event.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<Uuid>,
    /// Of a replay for one workflow: that.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
}

/// How an event came.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = EventOriginKind)]
#[serde(rename_all = "snake_case")]
enum OriginWord {
    /// Somebody with access published it.
    Published,
    /// A verified webhook brought it.
    Webhook,
    /// Somebody asked for an earlier event again.
    Replayed,
}

impl From<Origin> for OriginView {
    fn from(origin: Origin) -> Self {
        let provider = brought(&origin).map(|brought| brought.provider.as_str());
        let endpoint = brought(&origin).map(|brought| brought.endpoint.to_owned());
        let webhook = Self {
            kind: OriginWord::Published,
            provider,
            endpoint,
            delivery_id: None,
            replay_of: None,
            workflow: None,
        };
        match origin {
            Origin::Published => webhook,
            Origin::Webhook { delivery, .. } => {
                Self { kind: OriginWord::Webhook, delivery_id: Some(delivery), ..webhook }
            }
            Origin::Replayed { of, only, .. } => {
                Self { kind: OriginWord::Replayed, replay_of: Some(of), workflow: only, ..webhook }
            }
        }
    }
}

/// What one trigger made of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventResult)]
struct ResultView {
    outcome: ResultWord,
    /// None if the event as a whole was refused.
    trigger_id: Option<Uuid>,
    workflow: Option<String>,
    /// The run that it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<Uuid>,
    /// Why it started none, in a word: `filter_failed`, `input_failed`, `unbound`, `invalid_input`, `unacceptable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Why it started none, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<RunLink>,
}

/// Whether a match started a run.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = EventResultOutcome)]
#[serde(rename_all = "snake_case")]
enum ResultWord {
    /// It did.
    Started,
    /// It did not, and says why.
    Refused,
}

impl From<EventResult> for ResultView {
    fn from(result: EventResult) -> Self {
        match result {
            EventResult::Started { trigger, workflow, run } => Self {
                outcome: ResultWord::Started,
                trigger_id: Some(trigger),
                workflow: Some(workflow),
                run_id: Some(run.uuid()),
                reason: None,
                detail: None,
                links: Some(RunLink { run: run_path(run.uuid()) }),
            },
            EventResult::Refused { trigger, workflow, reason, detail } => Self {
                outcome: ResultWord::Refused,
                trigger_id: trigger,
                workflow,
                run_id: None,
                reason: Some(reason.as_str()),
                detail: Some(detail),
                links: None,
            },
        }
    }
}

impl EventView {
    pub(super) fn new(row: EventRow, outcome: Option<EventOutcome>) -> Self {
        let (matching, results) = match outcome {
            Some(EventOutcome::Owed) => (MatchingWord::Owed, Vec::new()),
            Some(EventOutcome::Matched(results)) => (MatchingWord::Done, results),
            None => (MatchingWord::Done, Vec::new()),
        };
        Self {
            id: row.id,
            event_id: row.given_id,
            name: row.name,
            data: row.data.map(|data| codec::to_json(&data).unwrap_or(Value::Null)),
            origin: row.origin.into(),
            occurred_at: row.occurred_at.map(Rfc3339::from),
            accepted_at: row.accepted_at.into(),
            matching,
            results: results.into_iter().map(ResultView::from).collect(),
            trace: row.trace,
            links: EventLinks { event: event_path(row.id) },
        }
    }
}
