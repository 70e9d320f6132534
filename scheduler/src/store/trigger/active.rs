//! The triggers that count.

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::TriggerRow;
use crate::store::StoreError;

/// All triggers of an org that count, as they stand under a version.
#[derive(Debug, Clone)]
pub struct OrgTriggers {
    /// Whose.
    pub org: String,
    /// The version.
    pub version: i64,
    /// Each of them.
    pub triggers: Vec<TriggerRow>,
}

/// The triggers of orgs that count, each org's with the version that they stand under.
pub(in crate::store) async fn active(
    connection: &mut PgConnection,
    orgs: &[String],
) -> Result<Vec<OrgTriggers>, StoreError> {
    let rows = sqlx::query(include_str!("../sql/triggers_active.sql"))
        .bind(orgs)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("triggers_active"))?;
    let mut found: Vec<OrgTriggers> = Vec::new();
    for row in &rows {
        add(row, &mut found).map_err(StoreError::new("triggers_active"))?;
    }
    Ok(found)
}

fn add(row: &PgRow, found: &mut Vec<OrgTriggers>) -> Result<(), sqlx::Error> {
    let org: String = row.try_get("of_org")?;
    if found.last().is_none_or(|last| last.org != org) {
        found.push(OrgTriggers { org, version: row.try_get("trigger_version")?, triggers: Vec::new() });
    }
    if row.try_get::<Option<Uuid>, _>("id")?.is_some()
        && let Some(last) = found.last_mut()
    {
        last.triggers.push(TriggerRow::read(row)?);
    }
    Ok(())
}
