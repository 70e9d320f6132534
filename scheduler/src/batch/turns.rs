//! Carrying out what batches do next.

use std::{collections::HashMap, time::Instant};

use piton_shared::{
    codec,
    failure::Failure,
    ids::{Epoch, HoldId, WorkerId, uuid_v7},
    limits,
    message::{batch::BatchSummary, dispatch::StepGrant},
};
use piton_telemetry::metrics::{Ending, Group, SchedulerMetrics};

use super::plan::plan;
use crate::{
    dispatch::{Giver, GrantedSteps, cut},
    lease::{Place, Roster},
    store::{BatchId, BatchLook, Ends, Offer, ReleasedItem, Slot, Store, StoreError, Turn},
    wake::{End, Teller, Waiters},
};

/// Items that one commit gives away at most.
const ITEMS: u32 = 1024;
/// Bytes of inputs that are read with them; what has no room is read apart by whoever executes it.
const INPUT_BYTES: usize = 4 * limits::MESSAGE_BYTES;
/// Bytes of a grant beside its key, its function and its input, generously.
const GRANT_BYTES: usize = 640;
/// What an item is offered as, and granted: it was never offered before.
const FIRST: Epoch = Epoch(1);

/// Gives batches their turn. Cheap to clone.
#[derive(Clone)]
pub struct Turns {
    /// Where they lie.
    pub store: Store,
    /// Who has room.
    pub roster: Roster,
    /// Who wakes the runs that wait for them.
    pub teller: Teller,
    /// Who gives away the items that found no slot, and says which are dropped.
    pub giver: Giver,
    /// Who waits for ends.
    pub waiters: Waiters,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Turns {
    /// Gives each of these, which are sorted, its turn. Says which have room for more.
    pub async fn all(&self, batches: &[BatchId]) -> Result<Vec<BatchId>, StoreError> {
        let (turn, looks) = self.store.batch_turn(batches).await?;
        self.take(turn, &looks, Vec::new()).await
    }

    /// Does what follows from how batches stand, and commits it with what the transaction did before. The slots in which
    /// items of a batch have ended go to its next ones, as far as they are free.
    pub async fn take(
        &self,
        turn: Turn,
        looks: &[BatchLook],
        ended: Vec<(BatchId, WorkerId)>,
    ) -> Result<Vec<BatchId>, StoreError> {
        let began = Instant::now();
        let mut freed: HashMap<BatchId, Vec<WorkerId>> = HashMap::new();
        for (batch, worker) in ended {
            self.roster.step_left(worker);
            freed.entry(batch).or_default().push(worker);
        }
        let mut places: HashMap<WorkerId, Place> = HashMap::new();
        let plan = plan(looks, ITEMS, |look| {
            let freed = freed.get_mut(&look.id).and_then(Vec::pop);
            let place = || self.roster.place_step(&look.org, &look.queue, look.build.as_ref(), &look.function);
            let place = freed.and_then(|worker| self.roster.take_step(worker)).or_else(place)?;
            // The first names the oldest heartbeat: what it makes good is good for all.
            places.entry(place.worker).or_insert(place);
            Some(Slot { worker: place.worker, hold: HoldId::new(uuid_v7(0, rand::random())) })
        });
        let turned = match turn.write(&plan.wanted, INPUT_BYTES).await {
            Ok(turned) => turned,
            Err(error) => {
                for slot in plan.wanted.releases.iter().flat_map(|release| &release.slots) {
                    self.roster.step_left(slot.worker);
                }
                return Err(error);
            }
        };
        self.metrics.commits.at(Group::Batch).inc();
        self.metrics.commit_rows.at(Group::Batch).add((turned.items.len() + plan.wanted.ends.len()) as u64);
        self.metrics.commit_time.at(Group::Batch).seconds(began.elapsed());
        self.hand_on(turned.items, looks, &places).await;
        self.giver.drop_steps(turned.dropped);
        self.teller.tell(turned.told).await;
        for (batch, summary, failure) in plan.wanted.ends {
            let is_run = looks.iter().any(|look| look.id == batch && look.ends == Ends::Run);
            if is_run {
                self.ended(&batch, &summary, failure);
            }
        }
        Ok(plan.more)
    }

    /// Tells those whose slots were taken; the rest waits for room.
    async fn hand_on(&self, items: Vec<ReleasedItem>, looks: &[BatchLook], places: &HashMap<WorkerId, Place>) {
        let control_version = items.iter().map(|item| item.control_version).max().unwrap_or(0);
        let of =
            |item: &ReleasedItem| looks.iter().find(|look| look.id.run == item.id.run && look.id.key == item.id.key);
        let mut offers = Vec::new();
        let mut grants: HashMap<WorkerId, Vec<StepGrant>> = HashMap::new();
        for item in items {
            let Some(look) = of(&item) else { continue };
            match item.slot {
                Some(slot) => grants.entry(slot.worker).or_default().push(StepGrant {
                    dispatch: item.id,
                    epoch: FIRST,
                    hold: slot.hold,
                    function: item.function,
                    input: item.input,
                    terms: item.terms,
                    try_number: 1,
                    failed_tries: 0,
                    first_started_at: None,
                    trace: look.trace.clone(),
                }),
                None => offers.push(Offer {
                    dispatch: item.id,
                    org: look.org.clone(),
                    queue: look.queue.clone(),
                    build: look.build.clone(),
                    function: item.function,
                    epoch: FIRST,
                }),
            }
        }
        for (worker, grants) in grants {
            let place = places.get(&worker).copied().unwrap_or(Place { worker, heartbeat: 0 });
            for grants in cut(grants, grant_bytes) {
                self.teller.workers.grant_steps(place, GrantedSteps { control_version, grants }).await;
            }
        }
        self.giver.offer(offers);
    }

    /// A run has ended that was nothing but its batch.
    fn ended(&self, batch: &BatchId, summary: &BatchSummary, failure: Option<Failure>) {
        let result = || codec::encode(summary).expect("numbers and a word always encode");
        let (ending, end) = failure.map_or_else(
            || (Ending::Completed, End::Completed(result())),
            |failure| (Ending::Failed, End::Failed(failure)),
        );
        self.metrics.runs_ended.at(ending).inc();
        self.waiters.ended(batch.run, end);
    }
}

fn grant_bytes(grant: &StepGrant) -> usize {
    let input = grant.input.as_ref().map_or(0, Vec::len);
    GRANT_BYTES + grant.dispatch.key.as_str().len() + grant.function.len() + input
}
