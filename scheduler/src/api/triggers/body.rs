//! Triggers as bodies say them.

use std::borrow::Cow;

use piton_shared::{
    ids::uuid_v7,
    limits::{EVENT_NAME_BYTES, EXPRESSION_BYTES},
    message::batch::BATCH_RUN,
    name::{Build, Org, Queue, check_definition},
    trigger::{EventTrigger, InputRule, Provider, WebhookTrigger},
};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema},
};
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
    #[schema(schema_with = shapes::definition)]
    workflow: (),
    /// Which names it means: `user.signed_up`; a segment `*` stands for any one, a last `**` for one or more. With a provider
    /// these are its own names, and all of them by default.
    #[schema(schema_with = document_pattern, required = false)]
    event: (),
    /// Only what verified webhooks of this provider bring.
    #[schema(schema_with = document_provider, required = false)]
    provider: (),
    /// Only what this endpoint took; of a provider, all by default.
    #[schema(schema_with = shapes::maybe_name, required = false)]
    endpoint: (),
    /// A CEL expression over `event` that must be true; none by default.
    #[schema(schema_with = document_expression, required = false)]
    filter: (),
    /// `by_name` (each parameter of the workflow from the event's data; so it is by default) or `envelope`.
    #[schema(schema_with = document_input, required = false)]
    input: (),
    /// A CEL expression over `event` that makes the input, in place of `input`.
    #[schema(schema_with = document_expression, required = false)]
    input_expression: (),
    /// Where its runs go; `default` by default.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    queue: (),
    /// The build that its runs are bound to; none by default.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    build: (),
    /// Whether it counts: `active` by default.
    #[schema(schema_with = document_state, required = false)]
    state: (),
}

/// What is changed of a trigger.
pub(in crate::api) enum ChangeBody {}

impl ToSchema for ChangeBody {
    fn name() -> Cow<'static, str> {
        "ChangeTrigger".into()
    }
}

impl PartialSchema for ChangeBody {
    fn schema() -> RefOr<Schema> {
        let about = "What is changed of a trigger: what is not said stays, and null puts back what is so by default.";
        shapes::change_of::<TriggerBody>(&["workflow", "provider"], about)
    }
}

fn document_pattern() -> ObjectBuilder {
    shapes::maybe_name().max_length(Some(EVENT_NAME_BYTES))
}

fn document_expression() -> ObjectBuilder {
    shapes::maybe_name().max_length(Some(EXPRESSION_BYTES))
}

fn document_provider() -> ObjectBuilder {
    shapes::maybe_one_of(Provider::ALL.map(Provider::as_str))
}

fn document_input() -> ObjectBuilder {
    shapes::maybe_one_of(["by_name", "envelope"])
}

fn document_state() -> ObjectBuilder {
    shapes::maybe_one_of(TriggerState::ALL.map(TriggerState::as_str))
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
    let provider = fields.checked("provider", |word| provider(&word));
    let Asked { event, endpoint, filter, input, queue, build, state } = Asked::read(&mut fields);
    let (event, endpoint, filter) = (event.flatten(), endpoint.flatten(), filter.flatten());
    let input = match input {
        Some(AskedInput::Rule(rule)) => rule,
        Some(AskedInput::NoExpression) | None => InputRule::default(),
    };
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
        queue: queue.unwrap_or(Queue::DEFAULT),
        build: build.flatten(),
        state: state.unwrap_or(TriggerState::Active),
        created_at: None,
    })
}

/// What is asked for of a trigger, whatever it is.
#[derive(Debug, Clone)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things in a change")]
pub(super) struct Asked {
    event: Option<Option<String>>,
    endpoint: Option<Option<String>>,
    filter: Option<Option<String>>,
    input: Option<AskedInput>,
    queue: Option<Queue>,
    build: Option<Option<Build>>,
    state: Option<TriggerState>,
}

/// Reads what is changed.
pub(super) fn asked(body: Value) -> Result<Asked, Problem> {
    let mut fields = Fields::new(body)?;
    fields.never_null(&["state"]);
    let asked = Asked::read(&mut fields);
    fields.finish()?;
    Ok(asked)
}

impl Asked {
    fn read(fields: &mut Fields) -> Self {
        let mut text = |name| fields.patched(name, None, |fields| fields.text(name).map(Some));
        Self {
            event: text("event"),
            endpoint: text("endpoint"),
            filter: text("filter"),
            input: input(fields),
            queue: fields.patched("queue", Queue::DEFAULT, |fields| fields.checked("queue", Queue::new)),
            build: fields.patched("build", None, |fields| fields.checked("build", Build::new).map(Some)),
            state: fields.checked("state", |word| state(&word)),
        }
    }

    /// The change of a trigger as it stands; reads its expressions, which takes some milliseconds.
    pub(super) fn of(self, row: &TriggerRow) -> Result<Change, Problem> {
        let mut fields = Fields::new(Value::Object(serde_json::Map::new()))?;
        let mut listens = row.listens.clone();
        let (filter, input) = match &mut listens {
            Listens::Event(its) => {
                match self.event {
                    Some(Some(pattern)) => its.pattern = pattern,
                    Some(None) => fields.fault("/event", "cannot be cleared: only of webhooks none stands for all"),
                    None => {}
                }
                if self.endpoint.is_some_and(|endpoint| endpoint.is_some()) {
                    fields.fault("/endpoint", "is of webhooks only, and this is a trigger on events");
                }
                (&mut its.filter, &mut its.input)
            }
            Listens::Webhook(its) => {
                its.event = self.event.unwrap_or_else(|| its.event.take());
                its.endpoint = self.endpoint.unwrap_or_else(|| its.endpoint.take());
                (&mut its.filter, &mut its.input)
            }
        };
        if let Some(asked) = self.filter {
            *filter = asked;
        }
        match self.input {
            Some(AskedInput::Rule(rule)) => *input = rule,
            Some(AskedInput::NoExpression) if matches!(input, InputRule::Expression(_)) => *input = InputRule::ByName,
            Some(AskedInput::NoExpression) | None => {}
        }
        let listens = (listens != row.listens).then_some(listens);
        if let Some(listens) = &listens {
            name_faults(&mut fields, listens);
        }
        fields.finish()?;
        let Self { queue, build, state, .. } = self;
        Ok(Change { listens, queue, build, state, seen: Some(row.version) })
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

/// What is asked of the input, in one of two fields.
#[derive(Debug, Clone)]
enum AskedInput {
    /// It is made so.
    Rule(InputRule),
    /// No expression makes it; what else may stays.
    NoExpression,
}

fn input(fields: &mut Fields) -> Option<AskedInput> {
    let both = fields.has("input") && fields.has("input_expression");
    let rule = fields.patched("input", InputRule::ByName, |fields| {
        fields.checked("input", |word| match word.as_str() {
            "by_name" => Ok(InputRule::ByName),
            "envelope" => Ok(InputRule::Envelope),
            _ => Err(format!(
                "must be `by_name` or `envelope`, not `{}`; an expression is said by `input_expression`",
                short(&word)
            )),
        })
    });
    let expression = fields.patched("input_expression", None, |fields| fields.text("input_expression").map(Some));
    if both {
        fields.fault("/input_expression", "makes the input, and so does `input`; give one of the two");
    }
    match (expression, rule) {
        (Some(Some(expression)), _) => Some(AskedInput::Rule(InputRule::Expression(expression))),
        (Some(None) | None, Some(rule)) => Some(AskedInput::Rule(rule)),
        (Some(None), None) => Some(AskedInput::NoExpression),
        (None, None) => None,
    }
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

    fn row(listens: Listens) -> TriggerRow {
        TriggerRow {
            id: Uuid::nil(),
            org: Org::DEFAULT,
            workflow: "w".into(),
            source: Source::Made,
            listens,
            queue: Queue::DEFAULT,
            build: None,
            state: TriggerState::Active,
            version: 1,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_change_changes_what_it_says() {
        let event = EventTrigger { pattern: "a.*".into(), filter: Some("true".into()), input: InputRule::Envelope };
        let row = row(Listens::Event(event.clone()));
        let change = |body| asked(body).and_then(|asked| asked.of(&row));
        let changed = |body| change(body).expect("it is good");
        let nothing = Change { seen: Some(1), ..Change::default() };
        // What was never there is cleared by nothing.
        for body in [json!({}), json!({"endpoint": null, "input_expression": null})] {
            assert_eq!(changed(body), nothing);
        }
        let paused = changed(json!({"state": "paused", "build": null, "queue": null}));
        let (state, queue) = (Some(TriggerState::Paused), Some(Queue::DEFAULT));
        assert_eq!(paused, Change { state, queue, build: Some(None), ..nothing });
        let listens = |body| changed(body).listens;
        let unfiltered = EventTrigger { filter: None, ..event.clone() };
        assert_eq!(listens(json!({"filter": null})), Some(Listens::Event(unfiltered)));
        let by_name = EventTrigger { input: InputRule::ByName, ..event };
        assert_eq!(listens(json!({"input": null})), Some(Listens::Event(by_name)));
        for never in [json!({"endpoint": "main"}), json!({"event": null}), json!({"state": null})] {
            assert!(change(never).is_err());
        }
    }

    #[test]
    fn of_a_webhook_everything_can_be_cleared() {
        let webhook = WebhookTrigger {
            provider: Provider::Stripe,
            endpoint: Some("main".into()),
            event: Some("charge.*".into()),
            filter: None,
            input: InputRule::Expression("event.data".into()),
        };
        let row = row(Listens::Webhook(webhook));
        let body = json!({"endpoint": null, "event": null, "input_expression": null});
        let change = asked(body).and_then(|asked| asked.of(&row)).expect("it is good");
        let bare = WebhookTrigger {
            provider: Provider::Stripe,
            endpoint: None,
            event: None,
            filter: None,
            input: InputRule::ByName,
        };
        assert_eq!(change.listens, Some(Listens::Webhook(bare)));
    }
}
