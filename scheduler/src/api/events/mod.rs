//! Publishing events, looking at them, and publishing them again.

mod body;
mod view;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use piton_shared::{
    limits::PAGE_MAX,
    name::check_definition,
    time::Timestamp,
    trigger::{NamePattern, PatternError},
};
use uuid::Uuid;

use self::body::{PublishBody, ReplayBody};
use super::{
    access::Caller,
    body::{Json, MaybeJson},
    code::Code,
    document::{IdempotencyKey, Page},
    fields::Fields,
    problem::Problem,
    query::Parameters,
    request::{PathId, trace_of},
    routes::Door,
    runs::escape,
    start::idempotency_key,
};
use crate::{
    event::{NewEvent, Origin},
    store::{EventFilter, EventOutcome, EventRow},
};

pub(crate) use self::body::{identify, read};
pub(crate) use self::view::PublishedView;
use self::view::{EventView, EventsView};

/// Publish events
///
/// One event, or up to 500 at once: all of them are committed, in their order, or none. Each is matched with the triggers right
/// away, and the answer names the runs that it started; one whose `matching` is `owed` is safe and matched within seconds. An
/// event whose `id` was seen within a week is not taken again: its `outcome` is `duplicate`, and what is named is the first one.
/// `Idempotency-Key` stands for the `id` of a single event.
#[utoipa::path(
    post, path = "/v1/events", operation_id = "publish_events", tag = "Events", params(IdempotencyKey),
    request_body = PublishBody,
    responses(
        (status = 202, description = "They are committed", body = PublishedView),
        (status = 422, description = "invalid_payload, unknown_org"),
    ),
)]
pub(super) async fn publish(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    headers: HeaderMap,
    parameters: Parameters,
    Json(body): Json,
) -> Result<(StatusCode, axum::Json<PublishedView>), Problem> {
    parameters.finish()?;
    let key = idempotency_key(&headers)?;
    let trace = trace_of(&headers);
    let mut events = read(body, &org)?;
    for event in &mut events {
        event.trace.clone_from(&trace);
    }
    if let Some(key) = key {
        body::identify(&mut events, key, "Idempotency-Key")?;
    }
    Ok((StatusCode::ACCEPTED, axum::Json(published(&door, events).await?)))
}

async fn published(door: &Door, events: Vec<NewEvent>) -> Result<PublishedView, Problem> {
    let names: Vec<_> = events.iter().map(|event| (event.name.clone(), event.id.clone())).collect();
    let published = door.in_time(door.engine.publish(events)).await?;
    Ok(PublishedView::new(names, published))
}

/// List events
///
/// A page of the org's events, newest first, each with what it started. They are kept for a week.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "list_events", tag = "Events",
    params(
        ("name" = Option<String>, Query, description = "Only those whose name this pattern means: `user.*`, `order.**`."),
        ("since" = Option<String>, Query, description = "Only those accepted then or later; RFC 3339."),
        ("until" = Option<String>, Query, description = "Only those accepted before; RFC 3339."),
        Page::<PAGE_MAX>,
    ),
    responses((status = 200, description = "A page of events", body = EventsView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    mut parameters: Parameters,
) -> Result<axum::Json<EventsView>, Problem> {
    let name = parameters.text("name")?;
    let pattern = name.as_deref().map(expression_of).transpose();
    let pattern = pattern.map_err(|error| super::query::wrong("name", error))?;
    let since = parameters.text("since")?;
    let until = parameters.text("until")?;
    let time = |name, text: &Option<String>| {
        text.as_deref().map(time).transpose().map_err(|error| super::query::wrong(name, error))
    };
    let (from, to) = (time("since", &since)?, time("until", &until)?);
    let before = parameters.checked("cursor", |text| super::query::id_cursor(&text))?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let filter = EventFilter { before, name: pattern, since: from, until: to };
    let list = door.list(&org).await?;
    let store = list.store();
    let mut rows = door.in_time(store.event_list(&org, &filter, limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut came = door.in_time(store.event_came_to(&ids)).await?;
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.simple().to_string());
    let kept = [("name", name), ("since", since), ("until", until)];
    let next = next_cursor.as_deref().map(|cursor| next_page(&kept, limit, cursor));
    let events = rows.into_iter().map(|row| {
        let outcome = came.remove(&row.id);
        EventView::new(row, outcome)
    });
    Ok(axum::Json(EventsView { events: events.collect(), next_cursor, next }))
}

fn next_page(kept: &[(&str, Option<String>)], limit: u32, cursor: &str) -> String {
    let kept = kept.iter().filter_map(|(name, value)| Some(format!("&{name}={}", escape(value.as_deref()?))));
    format!("/v1/events?limit={limit}&cursor={cursor}{}", kept.collect::<String>())
}

/// A regular expression of the names that a pattern means. What a segment may have has no meaning in one.
fn expression_of(pattern: &str) -> Result<String, PatternError> {
    pattern.parse::<NamePattern>()?;
    let segments = pattern.split('.').map(|segment| match segment {
        "*" => "[^.]+",
        "**" => "[^.]+([.][^.]+)*",
        exact => exact,
    });
    Ok(format!("^{}$", segments.collect::<Vec<_>>().join("[.]")))
}

fn time(text: &str) -> Result<Timestamp, String> {
    // Years before 0 are none of RFC 3339, and not all of them are Postgres'.
    const YEAR_0: i64 = -62_167_219_200;
    let time: Option<jiff::Timestamp> = text.parse().ok();
    let time = time.filter(|time| time.as_second() >= YEAR_0);
    let time = time.ok_or_else(|| "is no time: write RFC 3339, as in `2026-11-21T10:00:00Z`".to_owned())?;
    Ok(Timestamp::from_micros(time.as_microsecond()))
}

/// Look at an event
///
/// With its data, where it came from, what it started and, where a trigger that means it started nothing, why.
#[utoipa::path(
    get, path = "/v1/events/{id}", operation_id = "get_event", tag = "Events",
    params(("id" = Uuid, Path, description = "The event's id.")),
    responses(
        (status = 200, description = "The event", body = EventView),
        (status = 404, description = "unknown_event"),
    ),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<axum::Json<EventView>, Problem> {
    parameters.finish()?;
    let row = look(&door, id, &org).await?;
    let outcome: Option<EventOutcome> = door.in_time(door.engine.store().event_came_to(&[id])).await?.remove(&id);
    Ok(axum::Json(EventView::new(row, outcome)))
}

async fn look(door: &Door, id: Uuid, org: &piton_shared::name::Org) -> Result<EventRow, Problem> {
    door.in_time(door.engine.store().event_get(id, org)).await?.ok_or_else(|| {
        let detail =
            format!("there is no event {id} in your org; events are kept for a week, and `GET /v1/events` lists them");
        Problem::new(Code::UnknownEvent, detail)
    })
}

/// Publish an event again
///
/// A new event with the same name and data, matched with the triggers of now; or with those of one workflow only. It says of
/// which event it is a replay. Each request without an `Idempotency-Key` starts new runs: if its answer is lost and it is sent
/// again, they start twice. With a key the second is the first: its `outcome` is `duplicate`, and the runs are named again. The
/// key becomes the `id` of the new event, so take a word that no event of yours had for its `id` within a week.
#[utoipa::path(
    post, path = "/v1/events/{id}/replay", operation_id = "replay_event", tag = "Events",
    params(("id" = Uuid, Path, description = "The event's id."), IdempotencyKey),
    request_body(content = Option<ReplayBody>),
    responses(
        (status = 202, description = "The new event is committed", body = PublishedView),
        (status = 404, description = "unknown_event"),
    ),
)]
pub(super) async fn replay(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    headers: HeaderMap,
    parameters: Parameters,
    MaybeJson(body): MaybeJson,
) -> Result<(StatusCode, axum::Json<PublishedView>), Problem> {
    parameters.finish()?;
    let key = idempotency_key(&headers)?;
    let mut fields = Fields::new(body.unwrap_or_else(|| serde_json::json!({})))?;
    let only = fields.checked("workflow", |name| check_definition(&name).map(|()| name));
    fields.finish()?;
    let row = look(&door, id, &org).await?;
    let first = match row.origin {
        Origin::Replayed { first, .. } => first,
        origin @ (Origin::Published | Origin::Webhook { .. }) => Box::new(origin),
    };
    let again = NewEvent {
        org,
        name: row.name,
        id: key,
        keys: Vec::new(),
        data: row.data.unwrap_or_default(),
        origin: Origin::Replayed { of: id, only, first },
        occurred_at: row.occurred_at,
        envelope: row.envelope,
        trace: trace_of(&headers),
    };
    Ok((StatusCode::ACCEPTED, axum::Json(published(&door, vec![again]).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_expressions_of_the_same_names() {
        for (pattern, expression) in
            [("user.created", "^user[.]created$"), ("app/user.*", "^app/user[.][^.]+$"), ("**", "^[^.]+([.][^.]+)*$")]
        {
            assert_eq!(expression_of(pattern).as_deref(), Ok(expression));
        }
        assert!(expression_of("a..b").is_err());
    }

    #[test]
    fn times_are_those_that_can_be_kept() {
        for good in ["0000-01-01T00:00:00Z", "2026-11-21T10:00:00+01:00", "9999-12-30T22:00:00Z"] {
            assert!(time(good).is_ok(), "{good}");
        }
        for bad in
            ["", "noon", "2026-11-21", "-000001-12-31T23:59:59Z", "-009999-01-02T01:59:59Z", "+010000-01-01T00:00:00Z"]
        {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_filters() {
        let kept =
            [("name", Some("user.*".to_owned())), ("since", None), ("until", Some("2026-11-21T10:00:00+01:00".into()))];
        insta::assert_snapshot!(next_page(&kept, 7, "c"), @"/v1/events?limit=7&cursor=c&name=user.%2A&until=2026-11-21T10%3A00%3A00%2B01%3A00");
    }
}
