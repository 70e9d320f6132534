//! Endpoints.

use std::time::Duration;

use piton_shared::{
    name::Org,
    time::Timestamp,
    trigger::{NamePattern, Provider},
};
use piton_webhook::{HmacTerms, Scheme, Secret};
use sqlx::{Row, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::NewSecret;
use crate::{
    store::{OrgState, Store, StoreError, value},
    webhook::EndpointState,
};

/// An endpoint to be made, with its first secret.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its id, which is its address: random.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// By which its owner knows it.
    pub name: String,
    /// How it is signed.
    pub scheme: Scheme,
    /// Which events it takes, by the provider's own names; all if there are none.
    pub events: Vec<NamePattern>,
    /// How far the time of a signature may lie from now.
    pub tolerance: Duration,
    /// What is signed with.
    pub secret: NewSecret,
}

/// An endpoint.
#[derive(Debug, Clone)]
pub struct EndpointRow {
    /// Its id, which is its address.
    pub id: Uuid,
    /// Whose.
    pub org: Org,
    /// By which its owner knows it.
    pub name: String,
    /// How it is signed.
    pub scheme: Scheme,
    /// Which events it takes, by the provider's own names; all if there are none.
    pub events: Vec<NamePattern>,
    /// How far the time of a signature may lie from now.
    pub tolerance: Duration,
    /// Whether it takes anything.
    pub state: EndpointState,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An endpoint as something arrives there.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// The endpoint.
    pub endpoint: EndpointRow,
    /// Its secrets that are good, with their ids.
    pub secrets: Vec<(Uuid, Secret)>,
    /// The database's time.
    pub now: Timestamp,
    /// Whether its org takes anything.
    pub org: OrgState,
}

/// What is to be changed of an endpoint; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Whether it takes anything.
    pub state: Option<EndpointState>,
    /// Which events it takes.
    pub events: Option<Vec<NamePattern>>,
    /// How far the time of a signature may lie from now.
    pub tolerance: Option<Duration>,
    /// How a generic one is signed.
    pub terms: Option<HmacTerms>,
}

fn millis(tolerance: Duration) -> i64 {
    i64::try_from(tolerance.as_millis()).unwrap_or(i64::MAX)
}

fn texts(patterns: &[NamePattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

impl Store {
    /// Makes an endpoint with its first secret. None when the org has one of this name.
    pub async fn webhook_create(&self, new: &NewEndpoint) -> Result<Option<Uuid>, StoreError> {
        let terms = match &new.scheme {
            Scheme::Hmac(terms) => Some(Json(terms)),
            Scheme::Stripe | Scheme::Github | Scheme::Slack | Scheme::Standard => None,
        };
        sqlx::query_scalar(include_str!("../sql/webhook_create.sql"))
            .bind(new.id)
            .bind(new.org.as_str())
            .bind(&new.name)
            .bind(new.scheme.provider().as_str())
            .bind(terms)
            .bind(texts(&new.events))
            .bind(millis(new.tolerance))
            .bind(new.secret.id)
            .bind(&new.secret.label)
            .bind(new.secret.secret.hint())
            .bind(new.secret.secret.reveal())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_create"))
    }

    /// An endpoint for what arrives there, whoever it belongs to.
    pub async fn webhook_look(&self, id: Uuid) -> Result<Option<LookedUp>, StoreError> {
        let row = sqlx::query(include_str!("../sql/webhook_look.sql"))
            .bind(id)
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_look"))?;
        row.as_ref().map(looked_up).transpose().map_err(StoreError::new("webhook_look"))
    }

    /// An endpoint of an org, by its id or its name.
    pub async fn webhook_find(&self, org: &Org, named: &str) -> Result<Option<EndpointRow>, StoreError> {
        let row = sqlx::query(include_str!("../sql/webhook_find.sql"))
            .bind(org.as_str())
            .bind(named.parse::<Uuid>().ok())
            .bind(named)
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_find"))?;
        row.as_ref().map(endpoint).transpose().map_err(StoreError::new("webhook_find"))
    }

    /// The endpoints of an org, by name.
    pub async fn webhook_list(&self, org: &Org, rows: i64) -> Result<Vec<EndpointRow>, StoreError> {
        let found = sqlx::query(include_str!("../sql/webhook_list.sql"))
            .bind(org.as_str())
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("webhook_list"))?;
        found.iter().map(endpoint).collect::<Result<_, _>>().map_err(StoreError::new("webhook_list"))
    }

    /// Changes an endpoint. None when there is no such one.
    pub async fn webhook_change(
        &self,
        id: Uuid,
        org: &Org,
        change: &EndpointChange,
    ) -> Result<Option<EndpointRow>, StoreError> {
        let row = sqlx::query(include_str!("../sql/webhook_change.sql"))
            .bind(id)
            .bind(org.as_str())
            .bind(change.state.map(EndpointState::as_str))
            .bind(change.events.as_deref().map(texts))
            .bind(change.tolerance.map(millis))
            .bind(change.terms.as_ref().map(Json))
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_change"))?;
        row.as_ref().map(endpoint).transpose().map_err(StoreError::new("webhook_change"))
    }

    /// Removes an endpoint with its secrets. None when there is no such one.
    pub async fn webhook_delete(&self, id: Uuid, org: &Org) -> Result<Option<Uuid>, StoreError> {
        sqlx::query_scalar(include_str!("../sql/webhook_delete.sql"))
            .bind(id)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new("webhook_delete"))
    }
}

fn looked_up(row: &PgRow) -> Result<LookedUp, sqlx::Error> {
    let ids: Vec<Uuid> = row.try_get("ids")?;
    let secrets: Vec<String> = row.try_get("secrets")?;
    let secret = |(id, text)| Ok((id, Secret::new(text).map_err(value::decode_error)?));
    Ok(LookedUp {
        endpoint: endpoint(row)?,
        secrets: ids.into_iter().zip(secrets).map(secret).collect::<Result<_, sqlx::Error>>()?,
        now: value::time(row, "looked_at")?,
        org: OrgState::read(row, "org_disabled")?,
    })
}

fn endpoint(row: &PgRow) -> Result<EndpointRow, sqlx::Error> {
    let (provider, state): (&str, &str) = (row.try_get("provider")?, row.try_get("state")?);
    let known = Provider::ALL.into_iter().find(|known| known.as_str() == provider);
    let scheme = match known.ok_or_else(|| value::unknown("provider", provider))? {
        Provider::Stripe => Scheme::Stripe,
        Provider::Github => Scheme::Github,
        Provider::Slack => Scheme::Slack,
        Provider::Standard => Scheme::Standard,
        Provider::Hmac => Scheme::Hmac(row.try_get::<Json<HmacTerms>, _>("terms")?.0),
    };
    let events: Vec<String> = row.try_get("events")?;
    Ok(EndpointRow {
        id: row.try_get("id")?,
        org: Org::new(row.try_get::<String, _>("org")?).map_err(value::decode_error)?,
        name: row.try_get("name")?,
        scheme,
        events: events.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(value::decode_error)?,
        tolerance: Duration::from_millis(row.try_get::<i64, _>("tolerance_ms")?.unsigned_abs()),
        state: EndpointState::parse(state).ok_or_else(|| value::unknown("state of an endpoint", state))?,
        created_at: value::time(row, "created_at")?,
    })
}
