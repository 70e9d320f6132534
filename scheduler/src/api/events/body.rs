//! What is published, as the body says it: over HTTP and over NATS alike.

use piton_shared::{
    codec,
    limits::{CALLER_KEY_BYTES, EVENT_NAME_BYTES, EVENTS_PUBLISHED},
    name::Org,
    trigger::check_name,
};
use serde_json::Value;
use utoipa::{ToSchema, openapi::ObjectBuilder};

use super::time;
use crate::{
    api::{
        code::Code,
        document::shapes,
        fields::{Fields, check_text, kind},
        limits,
        problem::{FieldError, Problem},
    },
    event::{NewEvent, Origin},
};

/// One event, or several in `events`.
#[derive(ToSchema)]
#[schema(as = PublishEvents)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct PublishBody {
    /// Of one event: segments of letters, digits, `_`, `-`, `/` and `:`, with dots between them: `user.signed_up`.
    #[schema(schema_with = document_name, required = false)]
    name: (),
    /// What it is about: any JSON; null when not said.
    #[schema(schema_with = shapes::any, required = false)]
    data: (),
    /// Your own id of it: the same id within a week is the same event.
    #[schema(schema_with = document_id, required = false)]
    id: (),
    /// When it happened, RFC 3339; when it is accepted, if not said.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    time: (),
    /// Several, in place of the one: each has these fields, and they are accepted in this order.
    #[schema(min_items = 1, max_items = 500, required = false)]
    events: Vec<EventBody>,
}

/// An event to publish.
#[derive(ToSchema)]
#[schema(as = NewEvent)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct EventBody {
    /// Segments of letters, digits, `_`, `-`, `/` and `:`, with dots between them: `user.signed_up`.
    #[schema(schema_with = document_name)]
    name: (),
    /// What it is about: any JSON; null when not said.
    #[schema(schema_with = shapes::any, required = false)]
    data: (),
    /// Your own id of it: the same id within a week is the same event.
    #[schema(schema_with = document_id, required = false)]
    id: (),
    /// When it happened, RFC 3339; when it is accepted, if not said.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    time: (),
}

/// What is asked for of a replay.
#[derive(ToSchema)]
#[schema(as = ReplayEvent)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct ReplayBody {
    /// The one workflow that it is for; all that its triggers mean when not said.
    #[schema(schema_with = shapes::maybe_definition, required = false)]
    workflow: (),
}

fn document_name() -> ObjectBuilder {
    shapes::name().max_length(Some(EVENT_NAME_BYTES)).pattern(Some("^[A-Za-z0-9_/:-]+([.][A-Za-z0-9_/:-]+)*$"))
}

fn document_id() -> ObjectBuilder {
    shapes::maybe_name().max_length(Some(CALLER_KEY_BYTES))
}

/// Reads a body: one event, or several in `events`. Every fault is named by its place.
pub(crate) fn read(body: Value, org: &Org) -> Result<Vec<NewEvent>, Problem> {
    let mut fields = Fields::new(body)?;
    let bodies = match fields.any("events") {
        None => {
            return Ok(vec![one(fields, org, "is missing: say the name of the event, or give several as `events`")?]);
        }
        Some(Value::Array(bodies)) => bodies,
        Some(other) => {
            fields.fault("/events", format!("must be an array of events, not {}", kind(&other)));
            Vec::new()
        }
    };
    if bodies.len() > EVENTS_PUBLISHED {
        fields.fault("/events", format!("may have {EVENTS_PUBLISHED} events, this one has {}", bodies.len()));
    } else if bodies.is_empty() && fields.faults() == 0 {
        fields.fault("/events", "has no event");
    }
    let mut events = Vec::with_capacity(bodies.len().min(EVENTS_PUBLISHED));
    for (place, body) in bodies.into_iter().take(EVENTS_PUBLISHED).enumerate() {
        match Fields::new(body).and_then(|fields| one(fields, org, "is missing")) {
            Ok(event) => events.push(event),
            Err(problem) => {
                for FieldError { pointer, detail } in problem.into_errors() {
                    if fields.faults() < limits::FAULTS {
                        fields.fault(format!("/events/{place}{pointer}"), detail);
                    }
                }
            }
        }
    }
    fields.finish()?;
    Ok(events)
}

fn one(mut fields: Fields, org: &Org, unnamed: &str) -> Result<NewEvent, Problem> {
    let faults = fields.faults();
    let name = fields.text("name");
    match &name {
        Some(name) => {
            if let Err(error) = check_name(name) {
                fields.fault("/name", error.to_string());
            }
        }
        None if fields.faults() == faults => fields.fault("/name", unnamed),
        // It is there and no text, which is said.
        None => {}
    }
    let data = codec::from_json(&fields.any("data").unwrap_or(Value::Null));
    let data = fields.accept("data", data.map_err(|error| format!("cannot be stored: {error}")));
    let id = fields.checked("id", |id| check_text(&id, CALLER_KEY_BYTES).map(|()| id));
    let occurred_at = fields.checked("time", |text| time(&text));
    fields.finish()?;
    Ok(NewEvent {
        org: org.clone(),
        name: name.unwrap_or_default(),
        id,
        keys: Vec::new(),
        data: data.unwrap_or_default(),
        origin: Origin::Published,
        occurred_at,
        envelope: None,
        trace: None,
    })
}

/// Takes a key that came beside the body for the event's id.
pub(crate) fn identify(events: &mut [NewEvent], key: String, header: &'static str) -> Result<(), Problem> {
    let wrong = |detail: &str| {
        Err(Problem::new(Code::InvalidHeader, format!("the header {header} {detail}")).with("header", header))
    };
    match events {
        [NewEvent { id: id @ None, .. }] => {
            *id = Some(key);
            Ok(())
        }
        [_] => wrong("names the event, which has an `id` of its own; send one of the two"),
        _ => wrong("can name one event only; give each of several an `id`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(body: Value) -> String {
        format!("{:#?}", read(body, &Org::DEFAULT).expect_err("refused"))
    }

    #[test]
    fn one_and_several_are_read() {
        let one = json!({"name": "user.created", "data": {"n": 1}, "id": "u1", "time": "2026-11-21T10:00:00+01:00"});
        let read_one = read(one.clone(), &Org::DEFAULT).expect("it is good");
        assert_eq!(read_one[0].id.as_deref(), Some("u1"));
        assert_eq!(read_one[0].occurred_at, Some(Timestamp::from_micros(1_795_251_600_000_000)));
        let several = read(json!({"events": [one, {"name": "b"}]}), &Org::DEFAULT).expect("they are good");
        assert_eq!(several.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["user.created", "b"]);
        assert_eq!(codec::to_json(&several[1].data).expect("it reads"), Value::Null);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        insta::assert_snapshot!(problem(json!({
            "name": "user..created", "id": "", "time": "noon", "date": {}, "data": "x".repeat(5_000_000),
        })));
        insta::assert_snapshot!(problem(json!({
            "name": "a",
            "events": [{"name": "good"}, {"data": 1}, 7, {"name": "a.*", "id": "x\ny"}, {"name": "a b", "nmae": "c"}],
        })));
    }

    #[test]
    fn none_and_too_many_are_refused() {
        for body in [json!({"events": []}), json!({"events": null}), json!({"events": vec![json!({"name": "a"}); 501]})]
        {
            let refused = read(body, &Org::DEFAULT).expect_err("refused").into_errors();
            assert_eq!(refused.len(), 1);
            assert_eq!(refused[0].pointer, "/events");
        }
    }

    #[test]
    fn a_key_is_the_id_of_one_event_that_has_none() {
        let events = |body| read(body, &Org::DEFAULT).expect("it is good");
        let mut one = events(json!({"name": "a"}));
        assert!(identify(&mut one, "k".into(), "H").is_ok());
        assert_eq!(one[0].id.as_deref(), Some("k"));
        assert!(identify(&mut one, "k".into(), "H").is_err(), "it has an id");
        assert!(identify(&mut events(json!({"events": [{"name": "a"}, {"name": "b"}]})), "k".into(), "H").is_err());
    }

    use piton_shared::time::Timestamp;
}
