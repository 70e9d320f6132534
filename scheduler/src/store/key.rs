//! API keys: only hashes of their secrets are stored.

use std::time::Duration;

use piton_shared::{ids::KeyId, name::Org, time::Timestamp};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{OrgState, Store, StoreError, value};
use crate::api::Scopes;

/// A key to keep.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Its id.
    pub key: KeyId,
    /// Whose it is.
    pub org: &'a Org,
    /// What it is for.
    pub name: &'a str,
    /// The public beginning of the secret.
    pub prefix: &'a str,
    /// SHA-256 of the whole secret.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// How long it is good; none: until it is revoked.
    pub lifetime: Option<Duration>,
    /// The key that makes it; none for the command line at the database.
    pub created_by: Option<KeyId>,
}

/// A key that was presented, to compare with.
#[derive(Debug, Clone)]
pub struct KeyFound {
    /// The key.
    pub key: KeyId,
    /// Whose it is.
    pub org: Org,
    /// SHA-256 of the whole secret.
    pub hash: Vec<u8>,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether anything may be asked for its org.
    pub org_state: OrgState,
    /// How long it is still good; zero when it has expired, none when it never does.
    pub expires_in: Option<Duration>,
    /// Whether its use was noted within the last minute.
    pub noted: Noted,
}

/// Whether the use of a key was noted within the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was.
    Lately,
    /// It is due.
    Due,
}

/// A key as people see it.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// The key.
    pub key: KeyId,
    /// What it is for.
    pub name: String,
    /// The public beginning of the secret.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it may do.
    pub scopes: Scopes,
    /// The key that made it; none: the command line at the database.
    pub created_by: Option<KeyId>,
    /// When it expires, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Keeps a key and says when it was made and when it expires; none when its org is unknown.
    pub async fn key_create(&self, new: &NewKey<'_>) -> Result<Option<(Timestamp, Option<Timestamp>)>, StoreError> {
        let row = sqlx::query(include_str!("sql/key_create.sql"))
            .bind(new.key.uuid())
            .bind(new.org.as_str())
            .bind(new.name)
            .bind(new.prefix)
            .bind(&new.hash[..])
            .bind(new.scopes.words())
            .bind(new.lifetime.map(value::micros))
            .bind(new.created_by.map(KeyId::uuid))
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("key_create"))?;
        let read = |row: &PgRow| Ok((value::time(row, "created_at")?, value::maybe_time(row, "expires_at")?));
        row.as_ref().map(read).transpose().map_err(StoreError::new("key_create"))
    }

    /// The live key with this public beginning.
    pub async fn key_find(&self, prefix: &str) -> Result<Option<KeyFound>, StoreError> {
        let row = sqlx::query(include_str!("sql/key_find.sql"))
            .bind(prefix)
            .fetch_optional(&self.keys)
            .await
            .map_err(StoreError::new("key_find"))?;
        let read = |row: &PgRow| {
            let expires_in: Option<i64> = row.try_get("expires_in")?;
            Ok(KeyFound {
                key: KeyId::new(row.try_get("id")?),
                org: Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?,
                hash: row.try_get("hash")?,
                scopes: scopes(row)?,
                org_state: OrgState::read(row, "org_disabled")?,
                expires_in: expires_in.map(|micros| Duration::from_micros(u64::try_from(micros).unwrap_or(0))),
                noted: if row.try_get("use_noted")? { Noted::Lately } else { Noted::Due },
            })
        };
        row.as_ref().map(read).transpose().map_err(StoreError::new("key_find"))
    }

    /// The keys of an org.
    pub async fn key_list(&self, org: &Org, rows: i64) -> Result<Vec<KeyRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/key_list.sql"))
            .bind(org.as_str())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("key_list"))?;
        let read = |row: &PgRow| {
            Ok(KeyRow {
                key: KeyId::new(row.try_get("id")?),
                name: row.try_get("name")?,
                prefix: row.try_get("prefix")?,
                created_at: value::time(row, "created_at")?,
                scopes: scopes(row)?,
                created_by: row.try_get::<Option<Uuid>, _>("created_by")?.map(KeyId::new),
                expires_at: value::maybe_time(row, "expires_at")?,
                last_used_at: value::maybe_time(row, "last_used_at")?,
                revoked_at: value::maybe_time(row, "revoked_at")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("key_list"))
    }

    /// Revokes a key at once. None when there is no such live key.
    pub async fn key_revoke(&self, key: KeyId, org: &Org) -> Result<Option<KeyId>, StoreError> {
        let id: Option<Uuid> = sqlx::query_scalar(include_str!("sql/key_revoke.sql"))
            .bind(key.uuid())
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("key_revoke"))?;
        Ok(id.map(KeyId::new))
    }

    /// Notes that keys were used, at most once a minute each.
    pub async fn keys_used(&self, keys: &[KeyId]) -> Result<(), StoreError> {
        sqlx::query(include_str!("sql/keys_used.sql"))
            .bind(keys.iter().map(|key| key.uuid()).collect::<Vec<_>>())
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("keys_used"))?;
        Ok(())
    }
}

fn scopes(row: &PgRow) -> Result<Scopes, sqlx::Error> {
    let words: Vec<String> = row.try_get("scopes")?;
    Scopes::read(&words).map_err(|error| value::unknown("scope of a key", &error.0))
}
