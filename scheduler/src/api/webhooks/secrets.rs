//! Secrets of endpoints: a new one is added beside the old, and that is removed when the provider signs with the new.

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
};
use piton_shared::limits::WEBHOOK_SECRETS;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    asked::{AskedSecret, label},
    find, unknown,
    view::MadeSecretView,
};
use crate::{
    api::{
        access::Caller,
        body::Json,
        code::Code,
        document::shapes,
        fields::Fields,
        problem::{FieldError, Problem},
        query::Parameters,
        routes::Door,
    },
    store::{NewSecret, SecretAdded},
};

/// What adds a secret.
#[derive(ToSchema)]
#[schema(as = AddSecret)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
pub(in crate::api) struct AddBody {
    /// The secret, at least 16 bytes; one is made if there is none.
    #[schema(schema_with = shapes::secret, required = false)]
    secret: (),
    /// What you call it.
    #[schema(schema_with = shapes::maybe_sentence, required = false)]
    label: (),
}

/// Add a secret
///
/// From now on deliveries are verified with it too; those that are there stay good. Without a `secret` one is made, and
/// this answer is the only time that it is seen.
#[utoipa::path(
    post, path = "/v1/webhooks/{id}/secrets", operation_id = "add_webhook_secret", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id, or its name.")), request_body = AddBody,
    responses(
        (status = 201, description = "The secret", body = MadeSecretView),
        (status = 404, description = "unknown_webhook"),
        (status = 409, description = "too_many_secrets"),
    ),
)]
pub(in crate::api) async fn add(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path(named): Path<String>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<(StatusCode, axum::Json<MadeSecretView>), Problem> {
    parameters.finish()?;
    let mut fields = Fields::new(body)?;
    let (asked, label) = (AskedSecret::read(&mut fields), label(&mut fields, "label"));
    fields.finish()?;
    let row = find(&door, &org, &named).await?;
    asked
        .check(row.scheme.provider())
        .map_err(|error| Problem::fields(vec![FieldError { pointer: "/secret".into(), detail: error.to_string() }]))?;
    let (secret, made) = asked.known(row.scheme.provider());
    let new = NewSecret { id: door.engine.new_id(), label: label.unwrap_or_else(|| "added".into()), secret };
    match door.in_time(door.engine.store().webhook_secret_add(row.id, &org, &new)).await? {
        SecretAdded::Added => {}
        SecretAdded::UnknownEndpoint => return Err(unknown(&named)),
        SecretAdded::Full => {
            let detail =
                format!("the webhook has {WEBHOOK_SECRETS} good secrets; remove one that is not used any more");
            return Err(Problem::new(Code::TooManySecrets, detail));
        }
    }
    tracing::info!(webhook = %row.id, secret.id = %new.id, "added a secret");
    let view = MadeSecretView { id: new.id, label: new.label, hint: new.secret.hint(), secret: made };
    Ok((StatusCode::CREATED, axum::Json(view)))
}

/// Remove a secret
///
/// At once: nothing is verified with it any more, and the secret itself is deleted. Also the last one, since it may be in wrong
/// hands: then everything is refused until another is added.
#[utoipa::path(
    delete, path = "/v1/webhooks/{id}/secrets/{secret}", operation_id = "remove_webhook_secret", tag = "Webhooks",
    params(
        ("id" = String, Path, description = "The webhook's id, or its name."),
        ("secret" = Uuid, Path, description = "The secret's id."),
    ),
    responses((status = 204, description = "It is removed"), (status = 404, description = "unknown_webhook, unknown_secret")),
)]
pub(in crate::api) async fn remove(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    Path((named, secret)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let row = find(&door, &org, &named).await?;
    let unknown = || {
        let detail = "the webhook has no such good secret; `GET /v1/webhooks/{id}` lists them by their ids";
        Problem::new(Code::UnknownSecret, detail)
    };
    let secret: Uuid = secret.parse().map_err(|_| unknown())?;
    let removed = door.in_time(door.engine.store().webhook_secret_retire(row.id, secret, &org)).await?;
    let id = removed.ok_or_else(unknown)?;
    tracing::info!(webhook = %row.id, secret.id = %id, "removed a secret");
    Ok(StatusCode::NO_CONTENT)
}
