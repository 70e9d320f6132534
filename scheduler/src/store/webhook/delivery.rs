//! What arrived at endpoints.

use std::time::Duration;

use piton_shared::{name::Org, time::Timestamp};
use piton_webhook::KeptHeaders;
use sqlx::{Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{
    store::{Store, StoreError, value},
    webhook::Verdict,
};

/// A delivery to be put on record.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Ours.
    pub id: Uuid,
    /// The endpoint.
    pub webhook: Uuid,
    /// Whose that is.
    pub org: Org,
    /// The address that the connection came from.
    pub remote: String,
    /// `X-Forwarded-For`, as told.
    pub forwarded: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why nothing came of it.
    pub reason: Option<String>,
    /// The status that is answered.
    pub status: u16,
    /// The provider's id of it.
    pub delivery_id: Option<String>,
    /// The provider's name of its event.
    pub event_type: Option<String>,
    /// Bytes of its body, as far as it was read.
    pub size: usize,
    /// SHA-256 of a body that was read.
    pub sha256: Option<[u8; 32]>,
    /// Its headers without signatures and secrets.
    pub headers: KeptHeaders,
    /// The body, of those few whose body is kept from the start.
    pub body: Option<Vec<u8>>,
    /// The secret that it was signed with.
    pub secret: Option<Uuid>,
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Ours.
    pub id: Uuid,
    /// The endpoint.
    pub webhook: Uuid,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The address that the connection came from.
    pub remote: String,
    /// `X-Forwarded-For`, as told.
    pub forwarded: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why nothing came of it.
    pub reason: Option<String>,
    /// The status that was answered.
    pub status: u16,
    /// The provider's id of it.
    pub delivery_id: Option<String>,
    /// The provider's name of its event.
    pub event_type: Option<String>,
    /// Bytes of its body, as far as it was read.
    pub size: u32,
    /// SHA-256 of a body that was read.
    pub sha256: Option<Vec<u8>>,
    /// Its headers without signatures and secrets.
    pub headers: KeptHeaders,
    /// The body; not in lists.
    pub body: Option<Vec<u8>>,
    /// The secret that it was signed with.
    pub secret: Option<Uuid>,
    /// The event that it became, or had become before.
    pub event: Option<Uuid>,
}

/// Which deliveries a page has.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Only those before this one.
    pub before: Option<Uuid>,
    /// Only those of which this became.
    pub verdict: Option<Verdict>,
}

impl Store {
    /// Puts a delivery on record.
    pub async fn delivery_write(&self, new: &NewDelivery) -> Result<(), StoreError> {
        sqlx::query(include_str!("../sql/delivery_write.sql"))
            .bind(new.id)
            .bind(new.webhook)
            .bind(new.org.as_str())
            .bind(&new.remote)
            .bind(new.forwarded.as_deref())
            .bind(new.verdict.as_str())
            .bind(new.reason.as_deref())
            .bind(i16::try_from(new.status).unwrap_or(i16::MAX))
            .bind(new.delivery_id.as_deref())
            .bind(new.event_type.as_deref())
            .bind(i32::try_from(new.size).unwrap_or(i32::MAX))
            .bind(new.sha256.as_ref().map(<[u8; 32]>::as_slice))
            .bind(Json(&new.headers))
            .bind(new.body.as_deref())
            .bind(new.secret)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("delivery_write"))?;
        Ok(())
    }

    /// Says what became of a delivery that was taken.
    pub async fn delivery_settle(
        &self,
        id: Uuid,
        verdict: Verdict,
        event: Uuid,
        body: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        sqlx::query(include_str!("../sql/delivery_settle.sql"))
            .bind(id)
            .bind(verdict.as_str())
            .bind(event)
            .bind(body)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("delivery_settle"))?;
        Ok(())
    }

    /// Takes a delivery that was taken off the record again.
    pub async fn delivery_drop(&self, id: Uuid) -> Result<(), StoreError> {
        sqlx::query(include_str!("../sql/delivery_drop.sql"))
            .bind(id)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("delivery_drop"))?;
        Ok(())
    }

    /// A page of what arrived at an endpoint, the newest first.
    pub async fn delivery_list(
        &self,
        webhook: Uuid,
        filter: &DeliveryFilter,
        rows: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/delivery_list.sql"))
            .bind(webhook)
            .bind(filter.before)
            .bind(filter.verdict.map(Verdict::as_str))
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("delivery_list"))?;
        found.iter().map(delivery).collect::<Result<_, _>>().map_err(StoreError::new("delivery_list"))
    }

    /// One delivery of an org.
    pub async fn delivery_get(&self, id: Uuid, org: &Org) -> Result<Option<DeliveryRow>, StoreError> {
        let row = sqlx::query(include_str!("../sql/delivery_get.sql"))
            .bind(id)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("delivery_get"))?;
        row.as_ref().map(delivery).transpose().map_err(StoreError::new("delivery_get"))
    }

    /// The event that a delivery became, also where nobody came to write that on its record.
    pub async fn delivery_event(&self, id: Uuid, org: &Org) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/delivery_event.sql"))
            .bind(id)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("delivery_event"))
    }

    /// Forgets what arrived so long ago.
    pub async fn forget_deliveries(&self, arrived: Duration, rows: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(include_str!("../sql/forget_deliveries.sql"))
            .bind(value::micros(arrived))
            .bind(rows)
            .execute(&self.calm)
            .await
            .map_err(StoreError::new("forget_deliveries"))?;
        Ok(done.rows_affected())
    }
}

fn delivery(row: &PgRow) -> Result<DeliveryRow, sqlx::Error> {
    let verdict: &str = row.try_get("verdict")?;
    Ok(DeliveryRow {
        id: row.try_get("id")?,
        webhook: row.try_get("webhook")?,
        received_at: value::time(row, "received_at")?,
        remote: row.try_get("remote")?,
        forwarded: row.try_get("forwarded")?,
        verdict: verdict.parse().map_err(|_| value::unknown("verdict on a delivery", verdict))?,
        reason: row.try_get("reason")?,
        status: row.try_get::<i16, _>("status")?.unsigned_abs(),
        delivery_id: row.try_get("delivery_id")?,
        event_type: row.try_get("event_type")?,
        size: row.try_get::<i32, _>("size")?.unsigned_abs(),
        sha256: row.try_get("sha256")?,
        headers: row.try_get::<Json<KeptHeaders>, _>("headers")?.0,
        body: row.try_get("body")?,
        secret: row.try_get("secret")?,
        event: row.try_get("event")?,
    })
}
