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

    /// Claims some events of each org that has room here: all orgs come to their turn, whatever one of them has piled up. No more
    /// than there is room for: what is claimed in vain is put off for seconds, here and elsewhere.
    async fn bring_owed_events(&self, after: &mut String) -> Result<(), StoreError> {
        let room = self.matching.room();
        let rows = room.min(limits::ORGS_SWEPT);
        if rows == 0 {
            return Ok(());
        }
        let page = self.store.unmatched_orgs(after, i32::try_from(rows).unwrap_or(i32::MAX)).await?;
        *after = match page.last() {
            Some(last) if page.len() == rows => last.clone(),
            Some(_) | None => String::new(),
        };
        let has_room =
            |org: &String| Org::new(org.clone()).is_ok_and(|org| self.matching.waiting(&org) < limits::EVENTS_LOOKED);
        let orgs: Vec<_> = page.into_iter().filter(has_room).collect();
        if orgs.is_empty() {
            return Ok(());
        }
        let of_each = limits::EVENTS_LOOKED.min(room / orgs.len());
        let of_each = i64::try_from(of_each).unwrap_or(i64::MAX);
        for (event, org) in self.store.unmatched_claim(&orgs, of_each, KEPT).await? {
            self.matching.owed_event(&org, event);
        }
        Ok(())
    }
}
