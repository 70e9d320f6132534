//! Triggers as bodies say them.

use piton_shared::{
    ids::uuid_v7,
    limits::{EVENT_NAME_BYTES, EXPRESSION_BYTES},
    message::batch::BATCH_RUN,
    name::{Build, Org, Queue, check_definition},
    trigger::{EventTrigger, InputRule, Provider, WebhookTrigger},
};
use serde_json::Value;
use utoipa::{ToSchema, openapi::ObjectBuilder};
use uuid::Uuid;

use crate::{
    api::{document::shapes, fields::Fields, problem::Problem},
    store::{Change, Listens, NewTrigger, Source, TriggerRow, TriggerState},
    trigger::{Part, faults},
};

/// A trigger to make.
#[derive(ToSchema)]
#[schema(as = CreateTrigger)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct TriggerBody {
    /// What it starts.
    #[schema(schema_with = shapes::name)]
    workflow: (),
    /// Which names it means: `user.signed_up`; a segment `*` stands for any one, a last `**` for one or more. With a provider
    /// these are its own names, and all of them when not said.
    #[schema(schema_with = document_pattern, required = false)]
    event: (),
    /// Only what verified webhooks of this provider bring.
    #[schema(schema_with = document_provider, required = false)]
    provider: (),
    /// Only what this endpoint took.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    endpoint: (),
    /// A CEL expression over `event` that must be true.
    #[schema(schema_with = document_expression, required = false)]
    filter: (),
    /// `by_name` (each parameter of the workflow from the event's data; so it is when not said) or `envelope`.
    #[schema(schema_with = document_input, required = false)]
    input: (),
    /// A CEL expression over `event` that makes the input, in place of `input`.
    #[schema(schema_with = document_expression, required = false)]
    input_expression: (),
    /// Where its runs go; `default` when not said.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    queue: (),
    /// The build that its runs are bound to.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    build: (),
    /// `active` when not said.
    #[schema(schema_with = document_state, required = false)]
    state: (),
}

/// What is changed of a trigger.
#[derive(ToSchema)]
#[schema(as = ChangeTrigger)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct ChangeBody {
    /// Which names it means.
    #[schema(schema_with = document_pattern, required = false)]
    event: (),
    /// Of a webhook: only what this endpoint took; null for all.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    endpoint: (),
    /// A CEL expression over `event` that must be true; null for none.
    #[schema(schema_with = document_expression, required = false)]
    filter: (),
    /// Where the input comes from.
    #[schema(schema_with = document_input, required = false)]
    input: (),
    /// A CEL expression over `event` that makes the input.
    #[schema(schema_with = document_expression, required = false)]
    input_expression: (),
    /// Where its runs go.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    queue: (),
    /// The build that its runs are bound to; null for any.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    build: (),
    /// Whether it counts.
    #[schema(schema_with = document_state, required = false)]
    state: (),
}

fn document_pattern() -> ObjectBuilder {
    shapes::maybe_name().max_length(Some(EVENT_NAME_BYTES))
}

fn document_expression() -> ObjectBuilder {
    shapes::maybe_name().max_length(Some(EXPRESSION_BYTES))
}

fn document_provider() -> ObjectBuilder {
    shapes::maybe_name().enum_values(Some(Provider::ALL.map(Provider::as_str)))
}

fn document_input() -> ObjectBuilder {
    shapes::maybe_name().enum_values(Some(["by_name", "envelope"]))
}

fn document_state() -> ObjectBuilder {
    shapes::maybe_name().enum_values(Some(TriggerState::ALL.map(TriggerState::as_str)))
}

/// Reads a trigger to make; reads its expressions, which takes some milliseconds.
pub(super) fn create(body: Value, org: &Org) -> Result<NewTrigger, Problem> {
    let mut fields = Fields::new(body)?;
    let workflow = fields.required_text("workflow");
    if let Some(Err(error)) = workflow.as_deref().map(check_definition) {
        fields.fault("/workflow", error.to_string());
    }
    if workflow.as_deref() == Some(BATCH_RUN) {
        fields.fault("/workflow", "is no workflow that a worker has");
    }
    let event = fields.text("event");
    let provider = fields.checked("provider", |word| provider(&word));
    let endpoint = fields.text("endpoint");
    let filter = fields.text("filter");
    let input = input(&mut fields).unwrap_or_default();
    let queue = fields.checked("queue", Queue::new).unwrap_or(Queue::DEFAULT);
    let build = fields.checked("build", Build::new);
    let state = fields.checked("state", |word| state(&word)).unwrap_or(TriggerState::Active);
    let listens = match (provider, event) {
        (Some(provider), event) => Listens::Webhook(WebhookTrigger { provider, endpoint, event, filter, input }),
        (None, event) => {
            if event.is_none() {
                fields
                    .fault("/event", "is missing: say which names it means; only with a `provider` it may be left out");
            }
            if endpoint.is_some() {
                fields.fault("/endpoint", "is of webhooks only: say the `provider` too");
            }
            let pattern = event.unwrap_or_else(|| "**".into());
            Listens::Event(EventTrigger { pattern, filter, input })
        }
    };
    name_faults(&mut fields, &listens);
    fields.finish()?;
    Ok(NewTrigger {
        id: fresh(),
        org: org.clone(),
        workflow: workflow.unwrap_or_default(),
        source: Source::Made,
        listens,
        queue,
        build,
        state,
        created_at: None,
    })
}

/// What is changed of a trigger, whatever it is.
#[derive(Debug)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things in a change")]
pub(super) struct Asked {
    event: Option<String>,
    endpoint: Option<Option<String>>,
    filter: Option<Option<String>>,
    input: Option<InputRule>,
    queue: Option<Queue>,
    build: Option<Option<Build>>,
    state: Option<TriggerState>,
}

/// Reads what is changed.
pub(super) fn asked(body: Value) -> Result<Asked, Problem> {
    let said = |name: &str| body.get(name).is_some();
    let (filter_said, endpoint_said, build_said) = (said("filter"), said("endpoint"), said("build"));
    let mut fields = Fields::new(body)?;
    let asked = Asked {
        event: fields.text("event"),
        endpoint: Some(fields.text("endpoint")).filter(|_| endpoint_said),
        filter: Some(fields.text("filter")).filter(|_| filter_said),
        input: input(&mut fields),
        queue: fields.checked("queue", Queue::new),
        build: Some(fields.checked("build", Build::new)).filter(|_| build_said),
        state: fields.checked("state", |word| state(&word)),
    };
    fields.finish()?;
    Ok(asked)
}

impl Asked {
    /// The change of a trigger as it stands; reads its expressions, which takes some milliseconds.
    pub(super) fn of(self, row: &TriggerRow) -> Result<Change, Problem> {
        let mut fields = Fields::new(Value::Object(serde_json::Map::new()))?;
        let mut listens = row.listens.clone();
        let (filter, input) = match &mut listens {
            Listens::Event(its) => {
                its.pattern = self.event.unwrap_or_else(|| std::mem::take(&mut its.pattern));
                if self.endpoint.is_some() {
                    fields.fault("/endpoint", "is of webhooks only, and this is a trigger on events");
                }
                (&mut its.filter, &mut its.input)
            }
            Listens::Webhook(its) => {
                its.event = self.event.or_else(|| its.event.take());
                its.endpoint = self.endpoint.unwrap_or_else(|| its.endpoint.take());
                (&mut its.filter, &mut its.input)
            }
        };
        if let Some(asked) = self.filter {
            *filter = asked;
        }
        if let Some(asked) = self.input {
            *input = asked;
        }
        let listens = (listens != row.listens).then_some(listens);
        if let Some(listens) = &listens {
            name_faults(&mut fields, listens);
        }
        fields.finish()?;
        Ok(Change { listens, queue: self.queue, build: self.build, state: self.state })
    }
}

fn name_faults(fields: &mut Fields, listens: &Listens) {
    for (part, wrong) in faults(listens) {
        let pointer = match part {
            Part::Pattern => "/event",
            Part::Endpoint => "/endpoint",
            Part::Filter => "/filter",
            Part::Input => "/input_expression",
        };
        fields.fault(pointer, wrong);
    }
}

fn input(fields: &mut Fields) -> Option<InputRule> {
    let rule = fields.checked("input", |word| match word.as_str() {
        "by_name" => Ok(InputRule::ByName),
        "envelope" => Ok(InputRule::Envelope),
        _ => Err(format!(
            "must be `by_name` or `envelope`, not `{}`; an expression is said by `input_expression`",
            short(&word)
        )),
    });
    let expression = fields.text("input_expression");
    if rule.is_some() && expression.is_some() {
        fields.fault("/input_expression", "makes the input, and so does `input`; give one of the two");
    }
    expression.map(InputRule::Expression).or(rule)
}

fn provider(word: &str) -> Result<Provider, String> {
    let words = Provider::ALL.map(Provider::as_str).join("`, `");
    let known = Provider::ALL.into_iter().find(|provider| provider.as_str() == word);
    known.ok_or_else(|| format!("must be one of `{words}`, not `{}`", short(word)))
}

fn state(word: &str) -> Result<TriggerState, String> {
    let known = TriggerState::ALL.into_iter().find(|state| state.as_str() == word);
    known.ok_or_else(|| format!("must be `active` or `paused`, not `{}`", short(word)))
}

fn short(word: &str) -> String {
    word.chars().take(32).collect()
}

/// An id that sorts by when it was made, as far as this machine's clock is right: lists are sorted by it, and nothing else.
fn fresh() -> Uuid {
    let now = jiff::Timestamp::now().as_millisecond();
    uuid_v7(u64::try_from(now).unwrap_or(0), rand::random())
}

#[cfg(test)]
mod tests {
    use piton_shared::time::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let bodies = [
            json!({"workflow": "a/b", "endpoint": "main", "filter": "evnt.x", "input": "all", "queue": "a.b", "state": "off", "evnt": 1}),
            json!({"workflow": "w", "provider": "paypal", "event": "a..b", "input": "by_name", "input_expression": "1 +"}),
            json!({"workflow": "piton.batch", "event": 7, "filter": ""}),
        ];
        let problems = bodies.map(|body| format!("{:#?}", create(body, &Org::DEFAULT).expect_err("refused")));
        insta::assert_snapshot!(problems.join("\n"));
    }

    #[test]
    fn a_change_changes_what_it_says() {
        let event = EventTrigger { pattern: "a.*".into(), filter: Some("true".into()), input: InputRule::Envelope };
        let row = TriggerRow {
            id: Uuid::nil(),
            org: Org::DEFAULT,
            workflow: "w".into(),
            source: Source::Made,
            listens: Listens::Event(event.clone()),
            queue: Queue::DEFAULT,
            build: None,
            state: TriggerState::Active,
            version: 1,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        };
        let change = |body| asked(body).and_then(|asked| asked.of(&row));
        let changed = |body| change(body).expect("it is good");
        assert_eq!(changed(json!({})), Change::default());
        let paused = changed(json!({"state": "paused", "build": null}));
        assert_eq!(paused, Change { state: Some(TriggerState::Paused), build: Some(None), ..Change::default() });
        let unfiltered = changed(json!({"filter": null})).listens;
        assert_eq!(unfiltered, Some(Listens::Event(EventTrigger { filter: None, ..event })));
        assert!(change(json!({"endpoint": "main"})).is_err());
    }
}
