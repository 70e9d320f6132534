//! `POST /v1/hooks/{id}`: where providers send what happened. The signature is the access.

use std::time::Instant;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use piton_shared::limits::{WEBHOOK_ANSWER, WEBHOOK_BODY_BYTES};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::org_disabled,
    body::{check_length, read_at_most},
    code::Code,
    document::shapes,
    limits,
    problem::Problem,
    request::trace_of,
    routes::Door,
    serve::Peer,
};
use crate::{
    engine::Novelty,
    store::{LookedUp, OrgState},
    webhook::{Arrived, ReceiveError, Received, Verdict},
};

/// What a provider is told of a delivery that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReceivedView {
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shapes::Verdict>)]
    outcome: Option<Verdict>,
    /// The record of this delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id: Option<Uuid>,
    /// The event that it is; of a repetition the one that it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Uuid>,
    /// What the provider wants to see back, and then nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
}

/// Take a webhook
///
/// The address that a provider is given. The body is verified as the endpoint's provider signs it, over its bytes as they
/// came; no API key is needed. It is JSON; of GitHub it may be a form whose field `payload` is that, of Slack any form. 2xx
/// comes only after the event is committed; the same delivery, sent again, is the same event.
#[utoipa::path(
    post, path = "/v1/hooks/{id}", operation_id = "receive_webhook", tag = "Webhooks", security(()),
    params(("id" = Uuid, Path, description = "The endpoint's address, as it was given to the provider.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes that the provider signed, of the content type that it declares"),
    responses(
        (status = 200, description = "It is an event, or nothing is to come of it", body = ReceivedView),
        (status = 401, description = "webhook_refused"),
        (status = 403, description = "org_disabled"),
        (status = 404, description = "unknown_webhook"),
        (status = 422, description = "unreadable_delivery"),
        (status = 503, description = "webhook_paused"),
    ),
)]
pub(super) async fn receive(
    State(door): State<Door>,
    peer: Option<Extension<Peer>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let since = Instant::now();
    let looked = in_time(door.hooks.look(id)).await?.ok_or_else(unknown)?;
    if looked.org == OrgState::Disabled {
        return Err(org_disabled(&looked.endpoint.org));
    }
    let (head, body) = request.into_parts();
    let mut arrived = Arrived {
        remote: peer.map(|Extension(Peer(address))| address),
        headers: plain(&head.headers),
        body: Vec::new(),
        trace: trace_of(&head.headers),
    };
    let turned_away = async |arrived: &Arrived, verdict, problem: Problem| {
        let status = problem.code().status().as_u16();
        door.hooks.turned_away(&looked, arrived, verdict, status, problem.detail().to_owned()).await;
        problem
    };
    if let Err(problem) = check_length(WEBHOOK_BODY_BYTES, &head.headers) {
        return Err(turned_away(&arrived, Verdict::TooLarge, problem).await);
    }
    let kind = match kind(&looked, &head.headers) {
        Ok(kind) => kind,
        Err(problem) => return Err(turned_away(&arrived, Verdict::WrongType, problem).await),
    };
    // Nobody has vouched for it yet: who only knows one address, and sends slowly, must not hold up the others.
    let share = door.deliveries.take(&looked.endpoint.id).ok_or_else(Problem::overloaded)?;
    let read = read_at_most(WEBHOOK_BODY_BYTES, &head.headers, body, door.times.hook_body).await;
    drop(share);
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(problem) if problem.code() == Code::BodyTooLarge => {
            return Err(turned_away(&arrived, Verdict::TooLarge, problem).await);
        }
        Err(problem) => return Err(problem),
    };
    arrived.body = bytes;
    let received = in_time(door.hooks.receive(&looked, since, kind, arrived)).await?;
    answer(received)
}

/// The time that a provider waits: after it, it comes again, and finds what was begun.
async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
where
    Problem: From<E>,
{
    match tokio::time::timeout(WEBHOOK_ANSWER, work).await {
        Ok(done) => done.map_err(Problem::from),
        Err(_) => Err(Problem::new(Code::Unavailable, "it took too long: send the delivery again")
            .retry_after(limits::RETRY_AFTER)),
    }
}

/// The same for every address where there is none: nobody learns more by trying.
fn unknown() -> Problem {
    Problem::new(
        Code::UnknownWebhook,
        "there is no webhook at this address; `piton webhook list` shows those of an org",
    )
}

fn plain(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn kind(looked: &LookedUp, headers: &HeaderMap) -> Result<piton_webhook::BodyKind, Problem> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        let detail = format!("the body is encoded as {encoding:?}; send it without a content encoding");
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let given = headers.get(CONTENT_TYPE).map(|given| given.to_str().unwrap_or_default());
    looked.endpoint.scheme.kind(given).ok_or_else(|| {
        let given = given.map_or_else(|| "missing".to_owned(), |given| format!("`{given}`"));
        let detail = format!("the Content-Type is {given}; choose `application/json` in the provider's settings");
        Problem::new(Code::UnsupportedMediaType, detail)
    })
}

fn answer(received: Received) -> Result<Response, Problem> {
    let view = |outcome, delivery_id, event_id| {
        let view = ReceivedView { outcome: Some(outcome), delivery_id, event_id, challenge: None };
        Ok(axum::Json(view).into_response())
    };
    match received {
        Received::Published { delivery, event, novelty: Novelty::New } => {
            view(Verdict::Accepted, Some(delivery), Some(event))
        }
        Received::Published { delivery, event, novelty: Novelty::Repeated } => {
            view(Verdict::Repeated, Some(delivery), Some(event))
        }
        Received::Filtered(delivery) => view(Verdict::Filtered, Some(delivery), None),
        Received::Ping => view(Verdict::Ping, None, None),
        Received::Challenge(text) => {
            let view = ReceivedView { outcome: None, delivery_id: None, event_id: None, challenge: Some(text) };
            Ok(axum::Json(view).into_response())
        }
        Received::Paused => {
            Err(Problem::new(Code::WebhookPaused, "the endpoint is paused: send the delivery again later")
                .retry_after(limits::PAUSED_RETRY))
        }
        Received::Broken(why) => Err(Problem::new(Code::InvalidJson, why)),
        Received::Unreadable(why) => Err(Problem::new(Code::UnreadableDelivery, why)),
        Received::Refused => Err(Problem::new(
            Code::WebhookRefused,
            "the delivery is not signed with a secret of this endpoint, or not in time; the endpoint's owner finds why in its record",
        )),
    }
}

impl From<ReceiveError> for Problem {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Record(error) => Self::from(&error),
            ReceiveError::Publish(error) => Self::from(error),
        }
    }
}
