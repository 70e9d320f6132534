//! Reaching Postgres when a scheduler starts.

use std::time::Duration;

use crate::{
    server::StartupError,
    store::{Fault, Schema, Store, StoreError, StoreOptions},
};

/// How long a scheduler that starts waits before it asks again for a Postgres that is away.
const REACH_AGAIN: Duration = Duration::from_millis(500);

/// Connects to Postgres; while it is away it waits. Cancel it by dropping.
pub(crate) async fn reach(options: &StoreOptions) -> Result<Store, StartupError> {
    let mut tries = 0_u32;
    loop {
        let reached = async {
            let store = Store::connect(options).await?;
            let schema = store.schema().await?;
            Ok::<_, StoreError>((store, schema))
        };
        match reached.await {
            Ok((_, Schema::Behind { missing })) => return Err(StartupError::Schema { missing }),
            Ok((store, Schema::Current | Schema::Ahead { .. } | Schema::Torn { .. })) => return Ok(store),
            Err(error) if error.fault() == Fault::Passing => {
                tries = tries.saturating_add(1);
                // One line for each doubling.
                if tries.is_power_of_two() {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, tries, "waiting for Postgres: it does not answer, and is asked again");
                }
                tokio::time::sleep(REACH_AGAIN).await;
            }
            Err(error) => return Err(StartupError::Postgres(error)),
        }
    }
}
