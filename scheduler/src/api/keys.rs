//! Making, listing and revoking API keys.

use std::time::Duration;

use axum::{Extension, extract::State, http::StatusCode};
use piton_shared::{ids::KeyId, name::Org};
use serde::Serialize;
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder,
        schema::{SchemaType, Type},
    },
};
use uuid::Uuid;

use super::{
    access::{Caller, Presented, Scope, Scopes},
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
use crate::store::{KeyRow, NewKey, Store, StoreError};

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
    /// What it may do.
    #[schema(value_type = Vec<shapes::Scope>)]
    pub scopes: Vec<&'static str>,
    /// When it was made.
    pub created_at: Rfc3339,
    /// When it expires; null: it does not.
    pub expires_at: Option<Rfc3339>,
}

/// A key as it is listed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    id: Uuid,
    name: String,
    prefix: String,
    #[schema(value_type = Vec<shapes::Scope>)]
    scopes: Vec<&'static str>,
    created_at: Rfc3339,
    /// The id of the key that created it; null: the command line, at the database.
    created_by: Option<Uuid>,
    /// When it expires; null: it does not.
    expires_at: Option<Rfc3339>,
    /// When it was used last, to the minute.
    last_used_at: Option<Rfc3339>,
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
            scopes: row.scopes.words(),
            created_at: row.created_at.into(),
            created_by: row.created_by.map(KeyId::uuid),
            expires_at: row.expires_at.map(Rfc3339::from),
            last_used_at: row.last_used_at.map(Rfc3339::from),
            revoked_at: row.revoked_at.map(Rfc3339::from),
        }
    }
}

/// What a key is to be.
#[derive(Debug)]
pub(crate) struct KeyTerms {
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) lifetime: Option<Duration>,
}

/// Makes a key and keeps its hash. None when there is no such org.
pub(crate) async fn mint(
    store: &Store,
    org: &Org,
    terms: KeyTerms,
    created_by: Option<KeyId>,
) -> Result<Option<MintedKey>, StoreError> {
    let secret = Secret::fresh();
    let KeyTerms { name, scopes, lifetime } = terms;
    let new = NewKey {
        key: KeyId::new(Uuid::now_v7()),
        org,
        name: &name,
        prefix: secret.prefix(),
        hash: secret.hash(),
        scopes,
        lifetime,
        created_by,
    };
    let created = store.key_create(&new).await?;
    Ok(created.map(|(created_at, expires_at)| MintedKey {
        id: new.key.uuid(),
        prefix: secret.prefix().to_owned(),
        key: secret.reveal().to_owned(),
        scopes: scopes.words(),
        created_at: created_at.into(),
        expires_at: expires_at.map(Rfc3339::from),
        name,
    }))
}

/// Checks how long a key is to be good.
pub(crate) fn check_lifetime(lifetime: Duration) -> Result<Duration, String> {
    if lifetime.is_zero() || lifetime > limits::KEY_LIFETIME {
        let most = limits::KEY_LIFETIME.as_secs() / 3600;
        return Err(format!("must be longer than nothing and at most {most}h"));
    }
    Ok(lifetime)
}

/// The newest keys of an org, oldest first, as the API lists them.
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
    /// What it may do; `read`, `start` and `operate` when unset.
    #[schema(schema_with = document_scopes, required = false)]
    scopes: (),
    /// How long it is good; until it is revoked when unset.
    #[schema(schema_with = shapes::duration, required = false)]
    expires_in: (),
}

fn document_scopes() -> ArrayBuilder {
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(<shapes::Scope as utoipa::PartialSchema>::schema())
        .max_items(Some(Scope::ALL.len()))
        .min_items(Some(1))
}

/// Create a key
///
/// The key acts on the org of the key that creates it. The answer is the only time that it is seen whole.
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
    Extension(presented): Extension<Presented>,
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
    let scopes = scopes(&mut fields);
    let lifetime = fields.duration("expires_in");
    let lifetime = lifetime.and_then(|lifetime| fields.accept("expires_in", check_lifetime(lifetime)));
    fields.finish()?;
    let terms = KeyTerms { name: name.unwrap_or_default(), scopes, lifetime };
    let minted = door
        .in_time(mint(door.engine.store(), &org, terms, presented.key()))
        .await?
        .ok_or_else(|| Problem::new(Code::UnknownOrg, format!("there is no org `{org}`")))?;
    tracing::info!(key.id = %minted.id, key.prefix = minted.prefix, "made an API key");
    Ok((StatusCode::CREATED, axum::Json(minted)))
}

fn scopes(fields: &mut Fields) -> Scopes {
    if !fields.has("scopes") {
        fields.any("scopes");
        return Scopes::DEFAULT;
    }
    let check = |word: &str| word.parse::<Scope>().map(drop).map_err(|error| error.to_string());
    let before = fields.faults();
    let words = fields.texts("scopes", Scope::ALL.len(), check);
    if words.is_empty() && fields.faults() == before {
        fields.fault("/scopes", "may not be empty: leave it out for `read`, `start` and `operate`");
    }
    Scopes::read(&words).unwrap_or(Scopes::DEFAULT)
}

/// List keys
///
/// The newest 1,000 keys of the org, revoked ones too, oldest first, without the keys themselves.
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
    let list = door.list(&org).await?;
    Ok(axum::Json(door.in_time(listed(list.store(), &org)).await?))
}

/// Revoke a key
///
/// It is refused everywhere within three seconds, and streams that it opened end.
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
