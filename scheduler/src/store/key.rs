//! API keys: only hashes of their secrets are stored.

use piton_shared::{ids::KeyId, name::Org, time::Timestamp};
use sqlx::Row;
use uuid::Uuid;

use super::{Store, StoreError, value};

/// A key that was presented, to compare with.
#[derive(Debug, Clone)]
pub struct KeyFound {
    /// The key.
    pub key: KeyId,
    /// Whose it is.
    pub org: Org,
    /// SHA-256 of the whole secret.
    pub hash: Vec<u8>,
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
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Keeps a key; none when its org is unknown.
    pub async fn key_create(
        &self,
        key: KeyId,
        org: &Org,
        name: &str,
        prefix: &str,
        hash: &[u8],
    ) -> Result<Option<Timestamp>, StoreError> {
        let created: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(include_str!("sql/key_create.sql"))
            .bind(key.uuid())
            .bind(org.as_str())
            .bind(name)
            .bind(prefix)
            .bind(hash)
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("key_create"))?;
        Ok(created.map(value::from))
    }

    /// The live key with this public beginning.
    pub async fn key_find(&self, prefix: &str) -> Result<Option<KeyFound>, StoreError> {
        let row = sqlx::query(include_str!("sql/key_find.sql"))
            .bind(prefix)
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("key_find"))?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(KeyFound {
                key: KeyId::new(row.try_get("id")?),
                org: Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?,
                hash: row.try_get("hash")?,
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
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(KeyRow {
                key: KeyId::new(row.try_get("id")?),
                name: row.try_get("name")?,
                prefix: row.try_get("prefix")?,
                created_at: value::time(row, "created_at")?,
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
}
