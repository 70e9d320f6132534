//! The body of `POST /v1/batches`.

use std::{collections::HashMap, time::Duration};

use piton_shared::{
    codec,
    journal::Payload,
    limits::{BATCH_CONCURRENCY, BATCH_CONCURRENCY_MAX, BATCH_ITEM_ID_BYTES, PAYLOAD_BYTES, TAGS},
    message::batch::{BatchItem, BatchTerms, OnFailure},
    name::{Build, Org, Queue, check_definition},
    replay::StepOptions,
    retry::RetryPolicy,
    text::cut,
};
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder},
};

use super::{
    document::shapes,
    fields::{Fields, check_session, check_text, kind},
    input, limits,
    problem::{FieldError, Problem},
    start::check_tag,
};
use crate::engine::StartBatch;

/// Bytes of an id that a fault quotes.
const QUOTED: usize = 64;

/// A function over many items.
#[derive(ToSchema)]
#[schema(as = SubmitBatch)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(super) struct SubmitBody {
    /// The function's name.
    #[schema(schema_with = shapes::definition)]
    function: (),
    /// Each an input; or an object of `id` and `input` and nothing else, to name it. No two items have the same `id`.
    #[schema(schema_with = document_items)]
    items: (),
    /// Items that may be under way at once.
    #[schema(schema_with = document_concurrency, required = false)]
    max_concurrency: (),
    /// What the failure of an item means for the others.
    #[schema(value_type = Option<shapes::OnFailure>)]
    on_failure: (),
    /// The same as `on_failure`, as yes or no; give one of the two.
    #[schema(value_type = Option<bool>)]
    continue_on_failure: (),
    /// How long an item may take with all its tries.
    #[schema(schema_with = shapes::duration, required = false)]
    item_timeout: (),
    /// How long one try may take.
    #[schema(schema_with = shapes::duration, required = false)]
    try_timeout: (),
    /// Tries of an item beyond the first.
    #[schema(schema_with = document_retries, required = false)]
    retries: (),
    /// The queue whose workers execute the items; `default` when not said.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    queue: (),
    /// The build that they must have.
    #[schema(schema_with = shapes::maybe_token, required = false)]
    build: (),
    #[schema(schema_with = shapes::session, required = false)]
    session_id: (),
    #[schema(schema_with = shapes::tags, required = false)]
    tags: (),
}

fn document_items() -> ArrayBuilder {
    ArrayBuilder::new().items(shapes::any()).max_items(Some(limits::REQUEST_ITEMS))
}

fn document_concurrency() -> ObjectBuilder {
    shapes::maybe_number(1, BATCH_CONCURRENCY_MAX).default(Some(BATCH_CONCURRENCY.into()))
}

fn document_retries() -> ObjectBuilder {
    shapes::maybe_number(0, limits::RETRIES)
}

/// The function that a body names, before it is read.
pub(super) fn function_of(body: &Value) -> Option<&str> {
    body.get("function")?.as_str().filter(|name| check_definition(name).is_ok())
}

/// The build that a body names, before it is read.
pub(super) fn build_of(body: &Value) -> Option<Build> {
    Build::new(body.get("build")?.as_str()?).ok()
}

/// What is wrong with an input, within it.
pub(super) type Check<'a> = &'a dyn Fn(&Value) -> Vec<FieldError>;

/// Reads the body: every fault is named by its place, at most [`limits::FAULTS`] of them. Beside the batch, the faults of
/// inputs that can be read, and that their function does not take.
pub(super) fn read(body: Value, org: Org, check: Check<'_>) -> Result<(StartBatch, Vec<FieldError>), Problem> {
    let mut fields = Fields::new(body)?;
    let function = fields.required_text("function");
    if let Some(Err(error)) = function.as_deref().map(check_definition) {
        fields.fault("/function", error.to_string());
    }
    let mut unfit = Vec::new();
    let items = items(&mut fields, check, &mut unfit);
    let max_concurrency = fields.number("max_concurrency", 1, BATCH_CONCURRENCY_MAX);
    let on_failure = on_failure(&mut fields);
    let timeout = positive(&mut fields, "item_timeout");
    let try_timeout = positive(&mut fields, "try_timeout");
    let retries = fields.number("retries", 0, limits::RETRIES);
    let queue = fields.checked("queue", Queue::new);
    let build = fields.checked("build", Build::new);
    let session = fields.checked("session_id", |id| check_session(&id).map(|()| id));
    let tags = fields.texts("tags", TAGS, check_tag);
    fields.finish()?;
    let retry = retries.map(|retries| RetryPolicy { max_tries: retries + 1, ..RetryPolicy::default() });
    let batch = StartBatch {
        org,
        queue: queue.unwrap_or(Queue::DEFAULT),
        build,
        session,
        tags,
        terms: BatchTerms {
            function: function.unwrap_or_default(),
            queue: None,
            item: StepOptions { timeout, try_timeout, retry, queue: None },
            max_concurrency: max_concurrency.unwrap_or(BATCH_CONCURRENCY),
            on_failure,
        },
        items,
        key: None,
        trace: None,
    };
    Ok((batch, unfit))
}

fn positive(fields: &mut Fields, name: &'static str) -> Option<Duration> {
    let duration = fields.duration(name)?;
    if duration.is_zero() {
        fields.fault(format!("/{name}"), "must be longer than nothing");
    }
    Some(duration)
}

/// `on_failure` as a word, or `continue_on_failure` as yes or no; not both.
fn on_failure(fields: &mut Fields) -> OnFailure {
    let word = fields.checked("on_failure", |word| {
        OnFailure::ALL
            .into_iter()
            .find(|what| what.as_str() == word)
            .ok_or_else(|| format!("must be `continue` or `stop`, not `{}`", word.chars().take(32).collect::<String>()))
    });
    let goes_on = match fields.any("continue_on_failure") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(true)) => Some(OnFailure::Continue),
        Some(Value::Bool(false)) => Some(OnFailure::Stop),
        Some(other) => {
            fields.fault("/continue_on_failure", format!("must be a boolean, not {}", kind(&other)));
            None
        }
    };
    if word.is_some() && goes_on.is_some() {
        fields.fault("/continue_on_failure", "says the same as `on_failure`; give one of the two");
    }
    word.or(goes_on).unwrap_or_default()
}

fn items(fields: &mut Fields, check: Check<'_>, unfit: &mut Vec<FieldError>) -> Vec<BatchItem> {
    let values = match fields.any("items") {
        None | Some(Value::Null) => {
            fields.fault("/items", "is missing");
            return Vec::new();
        }
        Some(Value::Array(values)) => values,
        Some(other) => {
            fields.fault("/items", format!("must be an array, not {}", kind(&other)));
            return Vec::new();
        }
    };
    if values.len() > limits::REQUEST_ITEMS {
        let (most, given) = (limits::REQUEST_ITEMS, values.len());
        fields
            .fault("/items", format!("may have {most} elements, this one has {given}; a workflow's batch takes more"));
        return Vec::new();
    }
    let mut items = Vec::with_capacity(values.len());
    let mut ids: HashMap<String, usize> = HashMap::new();
    for (index, value) in values.into_iter().enumerate() {
        if fields.faults() >= limits::FAULTS {
            break;
        }
        let (place, input) = input_of(&value);
        if unfit.len() < limits::FAULTS {
            unfit.extend(input::within(&format!("/items/{index}{place}"), check(input)));
        }
        match item(&value) {
            Ok(item) => {
                if let Some(id) = &item.id
                    && let Some(first) = ids.insert(id.clone(), index)
                {
                    let id = cut(id, QUOTED);
                    fields.fault(
                        format!("/items/{index}/id"),
                        format!("`{id}` is the id of the item at /items/{first} too"),
                    );
                }
                items.push(item);
            }
            Err((place, detail)) => fields.fault(format!("/items/{index}{place}"), detail),
        }
    }
    items
}

/// The input of an item, and where it stands there.
fn input_of(item: &Value) -> (&'static str, &Value) {
    named(item).map_or(("", item), |members| ("/input", &members["input"]))
}

/// An item with a name is an object of `id` and `input` and nothing else; every other value is an input itself.
fn item(value: &Value) -> Result<BatchItem, (&'static str, String)> {
    let Some(members) = named(value) else {
        return Ok(BatchItem { id: None, input: stored(value).map_err(|detail| ("", detail))? });
    };
    let id = match members.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => {
            check_text(id, BATCH_ITEM_ID_BYTES).map_err(|detail| ("/id", detail))?;
            Some(id.clone())
        }
        Some(other) => return Err(("/id", format!("must be a string, not {}", kind(other)))),
    };
    Ok(BatchItem { id, input: stored(&members["input"]).map_err(|detail| ("/input", detail))? })
}

fn named(item: &Value) -> Option<&Map<String, Value>> {
    item.as_object()
        .filter(|members| members.contains_key("input") && members.keys().all(|name| name == "id" || name == "input"))
}

fn stored(input: &Value) -> Result<Payload, String> {
    codec::from_json(input)
        .map_err(|error| format!("cannot be stored: {error}; a payload may have {PAYLOAD_BYTES} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Of a function that nothing is known of.
    fn read_all(body: Value, org: Org) -> Result<StartBatch, Problem> {
        read(body, org, &|_| Vec::new()).map(|(batch, _)| batch)
    }

    fn input(item: &BatchItem) -> Value {
        codec::to_json(&item.input).expect("what was encoded reads")
    }

    #[test]
    fn an_id_that_two_items_have_is_named() {
        let items = json!([{"id": "a", "input": 1}, {"id": "b", "input": 1}, {"input": 1}, {"input": 1}, {"id": "a", "input": 2}]);
        let refused = read_all(json!({"function": "f", "items": items}), Org::DEFAULT).expect_err("refused");
        let errors: Vec<_> = refused.into_errors().into_iter().map(|error| (error.pointer, error.detail)).collect();
        assert_eq!(errors, [("/items/4/id".into(), "`a` is the id of the item at /items/0 too".into())]);
    }

    #[test]
    fn a_batch_with_everything_is_read() {
        let batch = read_all(
            json!({
                "function": "docs.process", "items": [1, {"id": "a", "input": {"x": 1}}, {"input": null}, {"id": 1, "y": 2}],
                "max_concurrency": 20, "on_failure": "stop", "item_timeout": "5m", "try_timeout": 2.5, "retries": 2,
                "queue": "gpu", "build": "v7", "session_id": "s", "tags": ["t"],
            }),
            Org::DEFAULT,
        )
        .expect("all fields are good");
        let inputs: Vec<_> = batch.items.iter().map(|item| (item.id.as_deref(), input(item))).collect();
        let expected =
            [(None, json!(1)), (Some("a"), json!({"x": 1})), (None, json!(null)), (None, json!({"id": 1, "y": 2}))];
        assert_eq!(inputs, expected);
        assert_eq!(batch.terms.item.timeout, Some(Duration::from_mins(5)));
        assert_eq!(batch.terms.item.retry.as_ref().map(|retry| retry.max_tries), Some(3));
        assert_eq!((batch.terms.max_concurrency, batch.terms.on_failure), (20, OnFailure::Stop));
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let batch = read_all(json!({"function": "f", "items": [], "queue": null, "retries": null}), Org::DEFAULT);
        let batch = batch.expect("function and items are enough");
        assert_eq!(batch.terms.max_concurrency, BATCH_CONCURRENCY);
        assert_eq!(batch.terms.on_failure, OnFailure::Continue);
        assert_eq!(batch.terms.item, StepOptions::default());
        let stops = read_all(json!({"function": "f", "items": [], "continue_on_failure": false}), Org::DEFAULT);
        assert_eq!(stops.expect("good").terms.on_failure, OnFailure::Stop);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let problem = read_all(
            json!({
                "function": "a/b", "items": [1, {"id": 3, "input": 1}, {"id": "", "input": 1}, "x".repeat(PAYLOAD_BYTES)],
                "max_concurrency": 0, "on_failure": "panic", "continue_on_failure": 1, "item_timeout": 0, "retries": -1,
                "queue": "a.b", "tags": ["a,b"], "concurrency": 3,
            }),
            Org::DEFAULT,
        );
        insta::assert_snapshot!(format!("{:#?}", problem.expect_err("refused")));
        for body in [json!({"function": "f"}), json!({"function": "f", "items": {"a": 1}})] {
            assert!(read_all(body, Org::DEFAULT).is_err());
        }
        let both = json!({"function": "f", "items": [], "on_failure": "stop", "continue_on_failure": true});
        assert!(read_all(both, Org::DEFAULT).is_err());
    }

    #[test]
    fn the_number_of_faults_is_bounded() {
        let wrong = vec![json!({"id": 3, "input": 1}); 10_000];
        let problem = read_all(json!({"function": "f", "items": wrong}), Org::DEFAULT).expect_err("refused");
        assert!(format!("{problem:?}").matches("FieldError").count() <= limits::FAULTS + 1);
    }
}
