//! Endpoints and their secrets, as the API shows them.

use piton_webhook::{EventPlace, HmacTerms, Scheme};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api::{document::shapes, time::Rfc3339},
    store::{EndpointRow, SecretRow},
    webhook::EndpointState,
};

/// An endpoint for webhooks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WebhookView {
    id: Uuid,
    name: String,
    #[schema(value_type = shapes::Provider)]
    provider: &'static str,
    /// How a generic one is signed.
    hmac: Option<HmacView>,
    /// The events that it takes, by the provider's own names; all if there are none.
    events: Vec<String>,
    /// How far the time of a signature may lie from now.
    tolerance_seconds: f64,
    state: EndpointState,
    /// The address to give to the provider, under the server's own.
    path: String,
    secrets: Vec<SecretView>,
    created_at: Rfc3339,
    /// The secret that was made with it, to be given to the provider. It is in the answer to that, and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

/// A secret, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SecretView {
    id: Uuid,
    label: String,
    /// Its last characters, by which people know it.
    hint: String,
    created_at: Rfc3339,
    /// Since when nothing is verified with it.
    retired_at: Option<Rfc3339>,
}

/// How somebody signs.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct HmacView {
    /// The header that has the signature.
    signature_header: String,
    #[schema(value_type = shapes::HmacAlgorithm)]
    algorithm: &'static str,
    #[schema(value_type = shapes::HmacEncoding)]
    encoding: &'static str,
    /// What stands before a signature.
    prefix: Option<String>,
    /// What is signed.
    template: String,
    /// The header that has the time.
    timestamp_header: Option<String>,
    /// The header that has the delivery's id.
    id_header: Option<String>,
    /// The header that has the event's name.
    event_header: Option<String>,
    /// Where in the body the event's name stands.
    event_pointer: Option<String>,
    /// How a repeated delivery is recognized.
    #[schema(value_type = shapes::DeduplicateBy)]
    deduplicate_by: &'static str,
}

/// The webhooks of an org.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WebhooksView {
    webhooks: Vec<WebhookView>,
}

/// A secret that was just added.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct MadeSecretView {
    pub(super) id: Uuid,
    pub(super) label: String,
    /// Its last characters, by which people know it.
    pub(super) hint: String,
    /// The secret, if it was made here. It is seen this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
}

impl WebhookView {
    pub(super) fn new(row: EndpointRow, secrets: Vec<SecretRow>) -> Self {
        let hmac = match &row.scheme {
            Scheme::Hmac(terms) => Some(HmacView::of(terms)),
            Scheme::Stripe | Scheme::Github | Scheme::Slack | Scheme::Standard => None,
        };
        Self {
            id: row.id,
            name: row.name,
            provider: row.scheme.provider().as_str(),
            hmac,
            events: row.events.iter().map(ToString::to_string).collect(),
            tolerance_seconds: row.tolerance.as_secs_f64(),
            state: row.state,
            path: format!("/v1/hooks/{}", row.id),
            secrets: secrets.into_iter().map(SecretView::from).collect(),
            created_at: row.created_at.into(),
            secret: None,
        }
    }
}

impl WebhooksView {
    pub(super) fn new(rows: Vec<EndpointRow>, secrets: &[SecretRow]) -> Self {
        let of = |id: Uuid| secrets.iter().filter(|secret| secret.webhook == id).cloned().collect();
        let view = |row: EndpointRow| {
            let secrets = of(row.id);
            WebhookView::new(row, secrets)
        };
        Self { webhooks: rows.into_iter().map(view).collect() }
    }
}

impl From<SecretRow> for SecretView {
    fn from(row: SecretRow) -> Self {
        Self {
            id: row.id,
            label: row.label,
            hint: row.hint,
            created_at: row.created_at.into(),
            retired_at: row.retired_at.map(Rfc3339::from),
        }
    }
}

impl HmacView {
    fn of(terms: &HmacTerms) -> Self {
        let (event_header, event_pointer) = match &terms.event {
            Some(EventPlace::Header(name)) => (Some(name.clone()), None),
            Some(EventPlace::Pointer(pointer)) => (None, Some(pointer.clone())),
            None => (None, None),
        };
        Self {
            signature_header: terms.signature_header.clone(),
            algorithm: terms.algorithm.as_str(),
            encoding: terms.encoding.as_str(),
            prefix: terms.prefix.clone(),
            template: terms.template.to_string(),
            timestamp_header: terms.timestamp_header.clone(),
            id_header: terms.id_header.clone(),
            event_header,
            event_pointer,
            deduplicate_by: terms.deduplicated_by().as_str(),
        }
    }
}
