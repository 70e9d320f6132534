//! Orgs: tenants, made and disabled by who runs the installation.

use piton_shared::{name::Org, time::Timestamp};
use sqlx::{Row, postgres::PgRow};

use super::{Store, StoreError, value};

/// Whether anything may be asked for an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrgState {
    /// It may.
    Enabled,
    /// Requests are refused, nothing new starts and no worker joins.
    Disabled,
}

/// An org.
#[derive(Debug, Clone)]
pub struct OrgRow {
    /// Its name.
    pub org: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
}

impl OrgState {
    /// Reads a column that says whether the org is disabled.
    pub(super) fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
        Ok(if row.try_get(column)? { Self::Disabled } else { Self::Enabled })
    }
}

impl Store {
    /// Creates an org; none when it exists already.
    pub async fn org_create(&self, org: &Org) -> Result<Option<OrgRow>, StoreError> {
        self.one(include_str!("sql/org_create.sql"), "org_create", org).await
    }

    /// An org; none when there is no such one.
    pub async fn org_get(&self, org: &Org) -> Result<Option<OrgRow>, StoreError> {
        self.one(include_str!("sql/org_get.sql"), "org_get", org).await
    }

    /// Disables an org, or leaves it disabled; none when there is no such one.
    pub async fn org_disable(&self, org: &Org) -> Result<Option<OrgRow>, StoreError> {
        self.one(include_str!("sql/org_disable.sql"), "org_disable", org).await
    }

    /// Enables an org, or leaves it enabled; none when there is no such one.
    pub async fn org_enable(&self, org: &Org) -> Result<Option<OrgRow>, StoreError> {
        self.one(include_str!("sql/org_enable.sql"), "org_enable", org).await
    }

    /// The orgs, by name.
    pub async fn org_list(&self, rows: i64) -> Result<Vec<OrgRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/org_list.sql"))
            .bind(rows)
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("org_list"))?;
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("org_list"))
    }

    async fn one(&self, statement: &'static str, name: &'static str, org: &Org) -> Result<Option<OrgRow>, StoreError> {
        let row = sqlx::query(statement)
            .bind(org.as_str())
            .fetch_optional(&self.calm)
            .await
            .map_err(StoreError::new(name))?;
        row.as_ref().map(read).transpose().map_err(StoreError::new(name))
    }
}

fn read(row: &PgRow) -> Result<OrgRow, sqlx::Error> {
    Ok(OrgRow {
        org: row.try_get("org")?,
        created_at: value::time(row, "created_at")?,
        disabled_at: value::maybe_time(row, "disabled_at")?,
    })
}
