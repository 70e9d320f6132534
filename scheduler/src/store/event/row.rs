//! An event's row.

use piton_shared::{journal::Payload, name::Org, time::Timestamp, trigger::Provider};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{event::Origin, store::value};

/// An event as it is kept.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Ours.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// Its name.
    pub name: String,
    /// The publisher's own id of it.
    pub given_id: Option<String>,
    /// What it is about; none in lists.
    pub data: Option<Payload>,
    /// All that is known of it, where that is more than the rest says; none in lists.
    pub envelope: Option<Payload>,
    /// Where it came from.
    pub origin: Origin,
    /// When it happened, as its publisher says.
    pub occurred_at: Option<Timestamp>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Trace context.
    pub trace: Option<String>,
}

impl EventRow {
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let org: String = row.try_get("org")?;
        Ok(Self {
            id: row.try_get("id")?,
            org: Org::new(org).map_err(value::decode_error)?,
            name: row.try_get("name")?,
            given_id: row.try_get("given_id")?,
            data: row.try_get("data")?,
            envelope: row.try_get("envelope")?,
            origin: origin(row)?,
            occurred_at: value::maybe_time(row, "occurred_at")?,
            accepted_at: value::time(row, "accepted_at")?,
            trace: row.try_get("trace")?,
        })
    }
}

fn origin(row: &PgRow) -> Result<Origin, sqlx::Error> {
    let brought = match row.try_get::<Option<&str>, _>("provider")? {
        None => Origin::Published,
        Some(word) => Origin::Webhook {
            provider: provider(word)?,
            endpoint: row.try_get("endpoint")?,
            delivery: row.try_get("delivery")?,
        },
    };
    match row.try_get::<&str, _>("origin")? {
        "published" | "webhook" => Ok(brought),
        "replayed" => Ok(Origin::Replayed {
            of: row.try_get("replayed_from")?,
            only: row.try_get("only_workflow")?,
            first: Box::new(brought),
        }),
        word => Err(value::unknown("origin", word)),
    }
}

/// A provider by its word.
pub(in crate::store) fn provider(word: &str) -> Result<Provider, sqlx::Error> {
    let known = Provider::ALL.into_iter().find(|provider| provider.as_str() == word);
    known.ok_or_else(|| value::unknown("provider", word))
}
