//! Making, listing and revoking API keys.

use axum::{Extension, extract::State, http::StatusCode};
use piton_shared::{ids::KeyId, name::Org};
use serde::Serialize;
use uuid::Uuid;

use super::{
    access::Caller,
    body::Json,
    code::Code,
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
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    prefix: String,
    created_at: Rfc3339,
    revoked_at: Option<Rfc3339>,
}

/// The keys of an org.
#[derive(Debug, Serialize)]
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

pub(super) async fn list(
    State(door): State<Door>,
    Extension(Caller { org }): Extension<Caller>,
    parameters: Parameters,
) -> Result<axum::Json<KeysView>, Problem> {
    parameters.finish()?;
    Ok(axum::Json(door.in_time(listed(door.engine.store(), &org)).await?))
}

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
