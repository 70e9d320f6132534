//! Endpoints for webhooks: making, listing, changing and removing them.

mod asked;
pub(super) mod deliveries;
pub(super) mod secrets;
mod view;

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};
use piton_shared::name::Org;
use uuid::Uuid;

use self::{
    asked::{ChangeBody, CreateBody, changed, created, fits},
    view::{WebhookView, WebhooksView},
};
use super::{access::Caller, body::Json, code::Code, limits, problem::Problem, query::Parameters, routes::Door};
use crate::store::{EndpointRow, NewEndpoint, NewSecret};

/// An endpoint of the caller's org, by its id or its name.
async fn find(door: &Door, org: &Org, named: &str) -> Result<EndpointRow, Problem> {
    let found = door.in_time(door.engine.store().webhook_find(org, named)).await?;
    found.ok_or_else(|| unknown(named))
}

fn unknown(named: &str) -> Problem {
    let named: String = named.chars().take(64).collect();
    let detail = format!("there is no webhook `{named}` in your org; `GET /v1/webhooks` lists those that are there");
    Problem::new(Code::UnknownWebhook, detail)
}

async fn shown(door: &Door, row: EndpointRow) -> Result<WebhookView, Problem> {
    let secrets = door.in_time(door.engine.store().webhook_secrets_of(&[row.id])).await?;
    Ok(WebhookView::new(row, secrets))
}

/// Make a webhook
///
/// Makes an address that a provider can be given. Without a `secret` one is made, and this answer is the only time that it
/// is seen. The provider's delivery id decides whether a delivery is a repeated one; a generic endpoint states it as
/// `hmac.deduplicate_by`. A body of more than 440 KiB starts nothing: it is answered 422, or 413 above 1 MiB, and put on record.
#[utoipa::path(
    post, path = "/v1/webhooks", operation_id = "create_webhook", tag = "Webhooks", request_body = CreateBody,
    responses(
        (status = 201, description = "The webhook", body = WebhookView),
        (status = 409, description = "webhook_exists"),
    ),
)]
pub(super) async fn create(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<(StatusCode, axum::Json<WebhookView>), Problem> {
    parameters.finish()?;
    let asked = created(body)?;
    let (secret, made) = asked.secret.known(asked.scheme.provider());
    let new = NewEndpoint {
        // Random, not by the clock: it is the address, and nobody may guess it.
        id: Uuid::new_v4(),
        org: org.clone(),
        name: asked.name,
        scheme: asked.scheme,
        events: asked.events,
        tolerance: asked.tolerance,
        secret: NewSecret { id: door.engine.new_id(), label: asked.label, secret },
    };
    let id = door.in_time(door.engine.store().webhook_create(&new)).await?;
    let id = id.ok_or_else(|| {
        let detail = format!("there is a webhook `{}` in your org; remove it first, or take another name", new.name);
        Problem::new(Code::WebhookExists, detail)
    })?;
    tracing::info!(webhook = %id, name = new.name, provider = new.scheme.provider().as_str(), "made a webhook");
    let row = find(&door, &org, &id.to_string()).await?;
    let mut webhook = shown(&door, row).await?;
    webhook.secret = made;
    Ok((StatusCode::CREATED, axum::Json(webhook)))
}

/// List webhooks
///
/// Every endpoint of the org, by name, with its address and without its secrets.
#[utoipa::path(
    get, path = "/v1/webhooks", operation_id = "list_webhooks", tag = "Webhooks",
    responses((status = 200, description = "The webhooks", body = WebhooksView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
) -> Result<axum::Json<WebhooksView>, Problem> {
    parameters.finish()?;
    let list = door.list(&org).await?;
    let store = list.store();
    let rows = door.in_time(store.webhook_list(&org, i64::from(limits::WEBHOOKS_LISTED))).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let secrets = door.in_time(store.webhook_secrets_of(&ids)).await?;
    Ok(axum::Json(WebhooksView::new(rows, &secrets)))
}

/// Look at a webhook
///
/// By its id or its name.
#[utoipa::path(
    get, path = "/v1/webhooks/{id}", operation_id = "get_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id, or its name.")),
    responses((status = 200, description = "The webhook", body = WebhookView), (status = 404, description = "unknown_webhook")),
)]
pub(super) async fn get(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path(named): Path<String>,
    parameters: Parameters,
) -> Result<axum::Json<WebhookView>, Problem> {
    parameters.finish()?;
    let row = find(&door, &org, &named).await?;
    Ok(axum::Json(shown(&door, row).await?))
}

/// Change a webhook
///
/// What is not named stays. While it is paused providers are told to come back, so that nothing is lost.
#[utoipa::path(
    patch, path = "/v1/webhooks/{id}", operation_id = "change_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id, or its name.")), request_body = ChangeBody,
    responses((status = 200, description = "The webhook", body = WebhookView), (status = 404, description = "unknown_webhook")),
)]
pub(super) async fn change(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path(named): Path<String>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<axum::Json<WebhookView>, Problem> {
    parameters.finish()?;
    let change = changed(body)?;
    let row = find(&door, &org, &named).await?;
    fits(&change, &row.scheme)?;
    let row = door.in_time(door.engine.store().webhook_change(row.id, &org, &change)).await?;
    let row = row.ok_or_else(|| unknown(&named))?;
    tracing::info!(webhook = %row.id, state = row.state.as_str(), "changed a webhook");
    Ok(axum::Json(shown(&door, row).await?))
}

/// Remove a webhook
///
/// With its secrets. What arrived there is kept as long as all that arrives.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}", operation_id = "delete_webhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id, or its name.")),
    responses((status = 204, description = "It is removed"), (status = 404, description = "unknown_webhook")),
)]
pub(super) async fn delete(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path(named): Path<String>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let row = find(&door, &org, &named).await?;
    let removed = door.in_time(door.engine.store().webhook_delete(row.id, &org)).await?;
    let id = removed.ok_or_else(|| unknown(&named))?;
    tracing::info!(webhook = %id, "removed a webhook");
    Ok(StatusCode::NO_CONTENT)
}
