//! Builds that were rolled back: what they declared gives way to what the live build declared before them.

use piton_shared::{limits, name::Org};
use tokio_util::sync::CancellationToken;

use super::{SELDOM, Sweeper, said};
use crate::store::{Fault, StoreError};

impl Sweeper {
    /// On its own: it may wait for locks of schedules.
    ///
    /// While a build is rolled back, processes of the build before it start beside it and are refused. None of them presents its
    /// definitions again when the last worker of the later build has left.
    pub(super) async fn undo_declarations(&self, stop: &CancellationToken) {
        let mut after = <(String, String)>::default();
        let every = self.every * u32::try_from(SELDOM).expect("it is small");
        while !stop.is_cancelled() {
            said("replace what a build declared that was rolled back", self.undo_some(&mut after).await);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    /// A page of workflows; the next call goes on behind it.
    async fn undo_some(&self, after: &mut (String, String)) -> Result<(), StoreError> {
        let page = self.store.declarations_left(after, limits::SWEEP_ROWS).await?;
        *after = match page.last() {
            Some(last) if page.len() as i64 == limits::SWEEP_ROWS => last.clone(),
            Some(_) | None => Default::default(),
        };
        for (org, workflow) in page {
            let Ok(org) = Org::new(org) else { continue };
            match self.store.declare_again(&org, &workflow).await {
                Ok(Some(build)) => {
                    tracing::info!(%org, workflow, build, "a build was rolled back; what a live build declared is in force again");
                }
                Ok(None) => {}
                Err(error) if error.fault() == Fault::Passing => return Err(error),
                Err(error) => tracing::warn!(
                    %org,
                    workflow,
                    error = &error as &dyn std::error::Error,
                    "what a live build declared cannot replace what a build declared that was rolled back"
                ),
            }
        }
        Ok(())
    }
}
