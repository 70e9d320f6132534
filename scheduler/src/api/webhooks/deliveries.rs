//! What arrived at endpoints, and what came of it.

use axum::{
    Extension,
    extract::{Path, State},
};
use piton_shared::limits::PAGE_MAX;
use piton_webhook::KeptHeaders;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::find;
use crate::{
    api::{
        access::Caller,
        code::Code,
        document::{Page, shapes},
        problem::Problem,
        query::Parameters,
        request::PathId,
        routes::Door,
        runs::escape,
        time::Rfc3339,
    },
    store::{DeliveryFilter, DeliveryRow, EventOutcome, EventResult},
    webhook::Verdict,
};

/// What arrived at a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DeliveryView {
    id: Uuid,
    webhook_id: Uuid,
    received_at: Rfc3339,
    #[schema(value_type = shapes::Verdict)]
    verdict: Verdict,
    /// Why nothing came of it.
    reason: Option<String>,
    /// The status that was answered.
    status: u16,
    /// The address that the connection came from.
    remote_address: String,
    /// `X-Forwarded-For`, as whoever sent it has told it.
    forwarded_for: Option<String>,
    /// The provider's id of it.
    provider_delivery_id: Option<String>,
    /// The provider's name of its event.
    event_type: Option<String>,
    /// Bytes of its body, as far as it was read.
    size: u32,
    /// SHA-256 of its body, if that was read.
    body_sha256: Option<String>,
    /// Its headers, with signatures and secrets taken out.
    #[schema(schema_with = shapes::any_object)]
    headers: KeptHeaders,
    /// The body of one that was verified; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The secret that it was signed with.
    secret_id: Option<Uuid>,
    /// The event that it became, or had become before.
    event_id: Option<Uuid>,
    /// Whether that event was matched with the triggers; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    matching: Option<MatchingView>,
    /// What came of that event; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcomes: Option<Vec<OutcomeOfEvent>>,
}

/// Whether an event was matched with the triggers.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::api) enum MatchingView {
    Done,
    Owed,
}

/// A run that an event has started, or why a trigger that matches has started none.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OutcomeOfEvent {
    workflow: Option<String>,
    run_id: Option<Uuid>,
    /// Why there is no run.
    detail: Option<String>,
}

impl From<EventResult> for OutcomeOfEvent {
    fn from(result: EventResult) -> Self {
        match result {
            EventResult::Started { workflow, run, .. } => {
                Self { workflow: Some(workflow), run_id: Some(run.uuid()), detail: None }
            }
            EventResult::Refused { workflow, detail, .. } => Self { workflow, run_id: None, detail: Some(detail) },
        }
    }
}

/// A page of deliveries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DeliveriesView {
    deliveries: Vec<DeliveryView>,
    /// The cursor of the next page; none on the last.
    next_cursor: Option<String>,
    /// The address of the next page; none on the last.
    next: Option<String>,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            webhook_id: row.webhook,
            received_at: row.received_at.into(),
            verdict: row.verdict,
            reason: row.reason,
            status: row.status,
            remote_address: row.remote,
            forwarded_for: row.forwarded,
            provider_delivery_id: row.delivery_id,
            event_type: row.event_type,
            size: row.size,
            body_sha256: row.sha256.map(hex::encode),
            headers: row.headers,
            body: row.body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            secret_id: row.secret,
            event_id: row.event,
            matching: None,
            outcomes: None,
        }
    }
}

impl DeliveryView {
    /// The same with what came of its event.
    fn with(mut self, outcome: Option<EventOutcome>) -> Self {
        let came = match outcome {
            None => return self,
            Some(EventOutcome::Owed) => {
                self.matching = Some(MatchingView::Owed);
                return self;
            }
            Some(EventOutcome::Matched(came)) => came,
        };
        self.matching = Some(MatchingView::Done);
        self.outcomes = Some(came.into_iter().map(OutcomeOfEvent::from).collect());
        self
    }
}

/// List what arrived
///
/// At one webhook, the newest first: what was refused too. Of what is sent again and again only some is kept.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}/deliveries", operation_id = "list_deliveries", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id, or its name."),
        ("verdict" = Option<shapes::Verdict>, Query, description = "Only those of which this became."),
        Page::<PAGE_MAX>,
    ),
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveriesView),
        (status = 404, description = "unknown_webhook"),
    ),
)]
pub(in crate::api) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path(named): Path<String>,
    mut parameters: Parameters,
) -> Result<axum::Json<DeliveriesView>, Problem> {
    let verdict = parameters.checked("verdict", |word| word.parse::<Verdict>())?;
    let before = parameters.checked("cursor", |text| {
        let whole = text.len() == 32;
        let cursor = text.parse::<Uuid>().ok().filter(|_| whole);
        cursor.ok_or("is no cursor of this list; take it from `next_cursor` unchanged")
    })?;
    let limit = parameters.limit(PAGE_MAX)?;
    parameters.finish()?;
    let webhook = find(&door, &org, &named).await?;
    let filter = DeliveryFilter { before, verdict };
    let list = door.list(&org).await?;
    let mut rows = door.in_time(list.store().delivery_list(webhook.id, &filter, limit + 1)).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.simple().to_string());
    let next = next_cursor.as_deref().map(|cursor| {
        let verdict = verdict.map(|verdict| format!("&verdict={}", verdict.as_str())).unwrap_or_default();
        format!("/v1/webhooks/{}/deliveries?limit={limit}&cursor={cursor}{verdict}", escape(&named))
    });
    Ok(axum::Json(DeliveriesView { deliveries: rows.into_iter().map(DeliveryView::from).collect(), next_cursor, next }))
}

/// Look at a delivery
///
/// With its body, if it was verified, and with what came of it.
#[utoipa::path(
    get, path = "/v1/deliveries/{id}", operation_id = "get_delivery", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The delivery's id.")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryView),
        (status = 404, description = "unknown_delivery"),
    ),
)]
pub(in crate::api) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<axum::Json<DeliveryView>, Problem> {
    parameters.finish()?;
    let found = door.in_time(door.engine.store().delivery_get(id, &org)).await?;
    let row = found.ok_or_else(|| {
        let detail =
            format!("nothing of the id {id} arrived in your org; `piton webhook deliveries NAME` lists what did");
        Problem::new(Code::UnknownDelivery, detail)
    })?;
    let mut view = DeliveryView::from(row);
    if view.verdict == Verdict::Taken {
        view.event_id = door.in_time(door.engine.store().delivery_event(id, &org)).await?;
    }
    let Some(event) = view.event_id else {
        return Ok(axum::Json(view));
    };
    let outcome = door.in_time(door.engine.store().event_came_to(&[event])).await?.remove(&event);
    Ok(axum::Json(view.with(outcome)))
}
