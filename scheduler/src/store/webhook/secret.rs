//! Secrets of endpoints. They are written and read to verify, and nobody else is given them.

use std::time::Duration;

use piton_shared::{limits::WEBHOOK_SECRETS, name::Org, time::Timestamp};
use piton_webhook::Secret;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::store::{Store, StoreError, value};

/// A secret to be kept.
#[derive(Debug, Clone)]
pub struct NewSecret {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// The secret.
    pub secret: Secret,
}

/// What adding a secret came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretAdded {
    /// It is good from now on.
    Added,
    /// [`WEBHOOK_SECRETS`] are good at once already.
    Full,
    /// There is no such endpoint.
    UnknownEndpoint,
}

/// A secret as people see it.
#[derive(Debug, Clone)]
pub struct SecretRow {
    /// Of which endpoint.
    pub webhook: Uuid,
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// By which people know it.
    pub hint: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when nothing is verified with it.
    pub retired_at: Option<Timestamp>,
}

impl Store {
    /// Adds a secret to an endpoint; those that are good stay so.
    pub async fn webhook_secret_add(
        &self,
        webhook: Uuid,
        org: &Org,
        new: &NewSecret,
    ) -> Result<SecretAdded, StoreError> {
        let mut tx = self.calm.begin().await.map_err(StoreError::new("webhook_secret_add"))?;
        let locked: Option<Uuid> = sqlx::query_scalar(include_str!("../sql/webhook_lock.sql"))
            .bind(webhook)
            .bind(org.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new("webhook_lock"))?;
        if locked.is_none() {
            return Ok(SecretAdded::UnknownEndpoint);
        }
        let added: Option<Uuid> = sqlx::query_scalar(include_str!("../sql/webhook_secret_add.sql"))
            .bind(webhook)
            .bind(new.id)
            .bind(org.as_str())
            .bind(&new.label)
            .bind(new.secret.hint())
            .bind(new.secret.reveal())
            .bind(i64::try_from(WEBHOOK_SECRETS).unwrap_or(i64::MAX))
            .fetch_optional(&mut *tx)
            .await
            .map_err(StoreError::new("webhook_secret_add"))?;
        tx.commit().await.map_err(StoreError::new("webhook_secret_add"))?;
        Ok(if added.is_some() { SecretAdded::Added } else { SecretAdded::Full })
    }

    /// Retires a secret at once. None when the endpoint has no such good one.
    pub async fn webhook_secret_retire(
        &self,
        webhook: Uuid,
        secret: Uuid,
        org: &Org,
    ) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/webhook_secret_retire.sql"))
            .bind(webhook)
            .bind(secret)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_secret_retire"))
    }

    /// The secrets of some endpoints, as people see them.
    pub async fn webhook_secrets_of(&self, webhooks: &[Uuid]) -> Result<Vec<SecretRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/webhook_secrets_of.sql"))
            .bind(webhooks)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("webhook_secrets_of"))?;
        let read = |row: &PgRow| {
            Ok(SecretRow {
                webhook: row.try_get("webhook")?,
                id: row.try_get("id")?,
                label: row.try_get("label")?,
                hint: row.try_get("hint")?,
                created_at: value::time(row, "created_at")?,
                retired_at: value::maybe_time(row, "retired_at")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("webhook_secrets_of"))
    }

    /// Forgets secrets that were retired so long ago.
    pub async fn forget_webhook_secrets(&self, retired: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("../sql/forget_webhook_secrets.sql"))
            .bind(value::micros(retired))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_webhook_secrets"))?;
        Ok(done.rows_affected())
    }
}
