//! Events whose matching was lost with a crash, put off, or had no room in the scheduler that accepted them.

use piton_shared::{limits, name::Org};
use tokio_util::sync::CancellationToken;

use super::{Sweeper, said};
use crate::{event::KEPT, store::StoreError};

impl Sweeper {
    /// On its own: it must not wait for what is slow to answer.
    pub(super) async fn match_events(&self, stop: &CancellationToken) {
        let mut after = String::new();
        while !stop.is_cancelled() {
            said("bring owed events to their matching", self.bring_owed_events(&mut after).await);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Claims some events of each org that has room here: all orgs come to their turn, whatever one of them has piled up.
    async fn bring_owed_events(&self, after: &mut String) -> Result<(), StoreError> {
        let rows = i32::try_from(limits::ORGS_SWEPT).unwrap_or(i32::MAX);
        let orgs = self.store.unmatched_orgs(after, rows).await?;
        *after = match orgs.last() {
            Some(last) if orgs.len() == limits::ORGS_SWEPT => last.clone(),
            Some(_) | None => String::new(),
        };
        let has_room =
            |org: &String| Org::new(org.clone()).is_ok_and(|org| self.matching.waiting(&org) < limits::EVENTS_LOOKED);
        let orgs: Vec<_> = orgs.into_iter().filter(has_room).collect();
        if orgs.is_empty() {
            return Ok(());
        }
        let of_each = i64::try_from(limits::EVENTS_LOOKED).unwrap_or(i64::MAX);
        for (event, org) in self.store.unmatched_claim(&orgs, of_each, KEPT).await? {
            self.matching.owed_event(&org, event);
        }
        Ok(())
    }
}
