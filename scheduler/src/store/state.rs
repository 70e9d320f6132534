//! State of runs and sessions: versioned values, written with the append that asks for it.

use piton_shared::{
    ids::RunId,
    journal::Payload,
    message::state::{StateScope, StateValue, StateWrite},
    name::Org,
    time::Timestamp,
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{Store, StoreError, value};

/// A value of state as callers see it.
#[derive(Debug, Clone)]
pub struct StateRow {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Payload,
    /// Counts its writes.
    pub version: i64,
    /// When it was written last.
    pub written_at: Timestamp,
}

/// What of a run's or its session's state: the run, whose, and the name.
pub(super) struct Names {
    runs: Vec<Uuid>,
    scopes: Vec<&'static str>,
    names: Vec<String>,
}

impl Names {
    pub(super) fn of<'a>(wanted: impl IntoIterator<Item = (RunId, StateScope, &'a str)>) -> Self {
        let mut of = Self { runs: Vec::new(), scopes: Vec::new(), names: Vec::new() };
        for (run, scope, name) in wanted {
            of.runs.push(run.uuid());
            of.scopes.push(scope.as_str());
            of.names.push(name.to_owned());
        }
        of
    }
}

impl Store {
    /// A value of a run's or its session's state.
    pub async fn state(&self, run: RunId, scope: StateScope, name: &str) -> Result<StateValue, StoreError> {
        let mut connection = self.hot.acquire().await.map_err(StoreError::new("state_get"))?;
        let found = values(&mut connection, &Names::of([(run, scope, name)])).await?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// A page of the values of a run or a session, by name; `owner` is the run's id or the session's.
    pub async fn state_list(
        &self,
        org: &Org,
        scope: StateScope,
        owner: &str,
        after: &str,
        rows: u32,
    ) -> Result<Vec<StateRow>, StoreError> {
        let found = sqlx::query(include_str!("sql/state_list.sql"))
            .bind(org.as_str())
            .bind(scope.as_str())
            .bind(owner)
            .bind(after)
            .bind(i64::from(rows))
            .fetch_all(&self.calm)
            .await
            .map_err(StoreError::new("state_list"))?;
        let read = |row: &PgRow| {
            Ok(StateRow {
                name: row.try_get("name")?,
                value: row.try_get("value")?,
                version: row.try_get("version")?,
                written_at: value::time(row, "written_at")?,
            })
        };
        found.iter().map(read).collect::<Result<_, _>>().map_err(StoreError::new("state_list"))
    }
}

/// What stands under these names, in their order.
pub(super) async fn values(connection: &mut PgConnection, of: &Names) -> Result<Vec<StateValue>, StoreError> {
    let found = sqlx::query(include_str!("sql/state_get.sql"))
        .bind(&of.runs)
        .bind(&of.scopes)
        .bind(&of.names)
        .fetch_all(connection)
        .await
        .map_err(StoreError::new("state_get"))?;
    let mut values = vec![StateValue::default(); of.runs.len()];
    for row in &found {
        let (place, value) = read(row).map_err(StoreError::new("state_get"))?;
        if let Some(slot) = values.get_mut(place) {
            *slot = value;
        }
    }
    Ok(values)
}

fn read(row: &PgRow) -> Result<(usize, StateValue), sqlx::Error> {
    let value = StateValue { value: row.try_get("value")?, version: row.try_get("version")? };
    Ok((value::place(row.try_get("place")?), value))
}

/// Writes state over the versions it was computed from; the runs' locks are held. Says for each whether it fitted.
pub(super) async fn write(
    connection: &mut PgConnection,
    writes: &[(RunId, &StateWrite)],
) -> Result<Vec<Fit>, StoreError> {
    let of = Names::of(writes.iter().map(|(run, write)| (*run, write.scope, &*write.name)));
    sqlx::query(include_str!("sql/state_lock.sql"))
        .bind(&of.runs)
        .bind(&of.scopes)
        .bind(&of.names)
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("state_lock"))?;
    let fitted: Vec<i64> = sqlx::query_scalar(include_str!("sql/state_write.sql"))
        .bind(&of.runs)
        .bind(&of.scopes)
        .bind(&of.names)
        .bind(writes.iter().map(|(_, write)| write.value.as_deref()).collect::<Vec<_>>())
        .bind(writes.iter().map(|(_, write)| write.expected).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await
        .map_err(StoreError::new("state_write"))?;
    let mut fits = vec![Fit::Conflict; writes.len()];
    for place in fitted {
        if let Some(fit) = fits.get_mut(value::place(place)) {
            *fit = Fit::Written;
        }
    }
    Ok(fits)
}

/// Whether a write of state was computed from what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It was, and is written.
    Written,
    /// Somebody else wrote meanwhile.
    Conflict,
}
