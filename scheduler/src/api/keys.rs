//! Making, listing and revoking API keys.

use axum::{Extension, extract::State, http::StatusCode};
use piton_shared::{ids::KeyId, name::Org};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    body::Json,
    code::Code,
    document::shapes,
    fields::{Fields, check_text},
    limits,
    problem::Problem,
    query::Parameters,
    request::PathId,
    routes::Door,
    secret::Secret,
    time::Rfc3339,
};
use crate::store::{KeyRow, Store, StoreError};

/// A key that was just made. The only time that it is seen whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct MintedKey {
    /// By which it is revoked.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// By which people know it.
    pub prefix: String,
    /// The key itself.
    pub key: String,
    /// When it was made.
    pub created_at: Rfc3339,
}

/// A key as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    prefix: String,
    created_at: Rfc3339,
    revoked_at: Option<Rfc3339>,
}

/// The keys of an org.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeysView {
    keys: Vec<KeyView>,
}

impl From<KeyRow> for KeyView {
    fn from(row: KeyRow) -> Self {
        Self {
            id: row.key.uuid(),
            name: row.name,
            prefix: row.prefix,
            created_at: row.created_at.into(),
            revoked_at: row.revoked_at.map(Rfc3339::from),
        }
    }
}

/// Makes a key and keeps its hash. None when there is no such org.
pub(crate) async fn mint(store: &Store, org: &Org, name: &str) -> Result<Option<MintedKey>, StoreError> {
    let secret = Secret::fresh();
    let key = KeyId::new(Uuid::now_v7());
    let created = store.key_create(key, org, name, secret.prefix(), &secret.hash()).await?;
    Ok(created.map(|created_at| MintedKey {
        id: key.uuid(),
        name: name.to_owned(),
        prefix: secret.prefix().to_owned(),
        key: secret.reveal().to_owned(),
        created_at: created_at.into(),
    }))
}

/// Every key of an org, as the API lists them.
pub(crate) async fn listed(store: &Store, org: &Org) -> Result<KeysView, StoreError> {
    let rows = store.key_list(org, i64::from(limits::KEYS_LISTED)).await?;
    Ok(KeysView { keys: rows.into_iter().map(KeyView::from).collect() })
}

/// What makes a key.
#[derive(ToSchema)]
#[schema(as = CreateKey)]
#[expect(dead_code, reason = "read field by field; this is what the document says of them")]
struct CreateBody {
    /// What the key is for.
    #[schema(schema_with = shapes::sentence)]
    name: (),
}

/// Make a key
///
/// The answer is the only time that the key is seen whole.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "create_key", tag = "Keys", request_body = CreateBody,
    responses(
        (status = 201, description = "The key", body = MintedKey),
        (status = 422, description = "unknown_org"),
    ),
)]
pub(super) async fn create(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
    Json(body): Json,
) -> Result<(StatusCode, axum::Json<MintedKey>), Problem> {
    parameters.finish()?;
    let mut fields = Fields::new(body)?;
    let name = fields.required_text("name");
    let checked = name.as_deref().map(|name| check_text(name, limits::TEXT_BYTES));
    if let Some(checked) = checked {
        fields.accept("name", checked);
    }
    fields.finish()?;
    let name = name.unwrap_or_default();
    let minted = door
        .in_time(mint(door.engine.store(), &org, &name))
        .await?
        .ok_or_else(|| Problem::new(Code::UnknownOrg, format!("there is no org `{org}`")))?;
    tracing::info!(key.id = %minted.id, key.prefix = minted.prefix, "made an API key");
    Ok((StatusCode::CREATED, axum::Json(minted)))
}

/// List keys
///
/// Every key of the org, revoked ones too, without the keys themselves.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "list_keys", tag = "Keys",
    responses((status = 200, description = "The keys", body = KeysView)),
)]
pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
) -> Result<axum::Json<KeysView>, Problem> {
    parameters.finish()?;
    Ok(axum::Json(door.in_time(listed(door.engine.store(), &org)).await?))
}

/// Revoke a key
///
/// It is refused everywhere within three seconds.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", operation_id = "revoke_key", tag = "Keys",
    params(("id" = Uuid, Path, description = "The key's id.")),
    responses((status = 204, description = "It is revoked"), (status = 404, description = "unknown_key")),
)]
pub(super) async fn revoke(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    PathId(id): PathId,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.finish()?;
    let revoked = door.in_time(door.engine.store().key_revoke(KeyId::new(id), &org)).await?;
    match revoked {
        Some(_) => {
            tracing::info!(key.id = %id, "revoked an API key");
            Ok(StatusCode::NO_CONTENT)
        }
        None => Err(Problem::new(
            Code::UnknownKey,
            format!("there is no live key {id} in your org; `GET /v1/keys` lists them"),
        )),
    }
}
