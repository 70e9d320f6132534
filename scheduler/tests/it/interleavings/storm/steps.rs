//! What the storm does with work that is given away: steps and items of batches.

use std::time::Duration;

use piton_scheduler::{
    batch::plan,
    store::{Appending, BatchId, BatchLook, Finishing, Slot, Turn},
};
use piton_shared::{
    failure::Failure,
    ids::{HoldId, WorkerId},
    journal::StepKey,
    message::{
        claim::HandBackReason,
        dispatch::{DispatchId, StepAsk, StepEnd, StepEnding},
        read::More,
    },
    time::Timestamp,
};
use rand::RngExt;

use super::{Doer, lane};
use crate::{
    making::{With, fresh, payload},
    store::batch::{chunk, terms},
};

/// Given-away work in a worker's hands.
#[derive(Clone)]
pub(super) struct Executed {
    worker: WorkerId,
    work: DispatchId,
    hold: HoldId,
    try_number: u32,
}

impl Doer {
    /// The keys are few, so what is given away may be under way already, or have its outcome, or was withdrawn.
    pub(super) fn gives_away(&mut self, append: Appending) -> Appending {
        let key = format!("d{}#1", self.random.random_range(0..4));
        match self.random.random_range(0..6) {
            0..3 => append.with_step(&key).with_step("d9#1"),
            3 => append.without(&key),
            4 => {
                let (items, open) = (self.random.random_range(0..6), self.random.random_bool(0.5));
                let mut append = append;
                append.append.batches.push(chunk(&terms(2), 1, items, if open { More::Follows } else { More::End }));
                append
            }
            _ => append,
        }
    }

    pub(super) async fn claims_steps(&mut self) {
        let Some(worker) = self.any(|world| &world.workers) else { return };
        let overdue = self.store.steps_overdue(Duration::ZERO, 10).await.expect("found");
        let waiting = self.store.step_backlog(&lane(), 10).await.expect("read");
        let mut offers: Vec<_> = overdue.into_iter().chain(waiting).collect();
        offers.retain(|_| self.random.random_bool(0.6));
        offers.sort_by(|one, two| one.dispatch.cmp(&two.dispatch));
        offers.dedup_by(|one, two| one.dispatch == two.dispatch);
        let ask = |offer: piton_scheduler::store::Offer| {
            let hold = HoldId::new(fresh());
            StepAsk { dispatch: offer.dispatch, epoch: offer.epoch, hold }
        };
        let asks: Vec<_> = offers.into_iter().map(ask).collect();
        let granted = self.store.claim_steps(worker, &asks).await.expect("claims are answered");
        let executed = granted.into_iter().map(|step| Executed {
            worker,
            work: step.dispatch,
            hold: step.hold,
            try_number: step.try_number,
        });
        self.world.executed.lock().extend(executed);
    }

    pub(super) async fn finishes(&mut self) {
        let mut ends = Vec::new();
        for _ in 0..self.random.random_range(1..6) {
            let executed = {
                let mut executed = self.world.executed.lock();
                if executed.is_empty() {
                    break;
                }
                let place = self.random.random_range(0..executed.len());
                executed.swap_remove(place)
            };
            ends.push(self.end(executed));
        }
        // Now and then an answer was lost, and the same is said again, by whichever scheduler.
        if self.random.random_bool(0.4) {
            ends.extend(self.any(|world| &world.sent));
        }
        ends.sort_by(|one, two| one.end.dispatch.cmp(&two.end.dispatch));
        ends.dedup_by(|one, two| one.end.dispatch == two.end.dispatch);
        if ends.is_empty() {
            return;
        }
        let (_, turn) = self.store.finish_and_look(&ends).await.expect("it is finished");
        match turn {
            Some((turn, looks)) if self.random.random_bool(0.9) => self.takes(turn, &looks).await,
            // The scheduler died before its commit.
            Some(turn) => drop(turn),
            None => {}
        }
        self.world.sent.lock().extend(ends);
    }

    fn end(&mut self, executed: Executed) -> Finishing {
        let Executed { worker, work, hold, try_number } = executed;
        let (started_at, finished_at) = (Timestamp::from_micros(1_000_000), Timestamp::from_micros(2_000_000));
        let failure = Failure::new("no");
        let ending = match self.random.random_range(0..10) {
            0..2 => StepEnding::Again { failure, try_number, started_at, finished_at, after: Duration::ZERO },
            2 => StepEnding::Returned { reason: HandBackReason::Released },
            3 => StepEnding::Returned { reason: HandBackReason::Lacking },
            4 => StepEnding::Done { outcome: Err(failure), try_number, started_at, finished_at },
            _ => StepEnding::Done { outcome: Ok(payload("done")), try_number, started_at, finished_at },
        };
        Finishing { worker, end: StepEnd { dispatch: work, hold, ending } }
    }

    pub(super) async fn gives_a_turn(&mut self) {
        let id = |run| BatchId { run, key: StepKey::new("batch#1") };
        let mut batches: Vec<_> = (0..4).filter_map(|_| self.any(|world| &world.runs)).map(id).collect();
        let (owed, _) = self.store.batches_owed(None, 4).await.expect("looked");
        batches.extend(owed);
        batches.sort();
        batches.dedup();
        let (turn, looks) = self.store.batch_turn(&batches).await.expect("it is locked");
        self.takes(turn, &looks).await;
    }

    /// Some items find a slot, the others wait for room.
    async fn takes(&mut self, turn: Turn, looks: &[BatchLook]) {
        let wanted = plan(looks, 4, |_| {
            let worker = self.any(|world| &world.workers).filter(|_| self.random.random_bool(0.7))?;
            Some(Slot { worker, hold: HoldId::new(fresh()) })
        })
        .wanted;
        let turned = turn.write(&wanted, 1 << 16).await.expect("it is written");
        let held = turned.items.into_iter().filter_map(|item| {
            let Slot { worker, hold } = item.slot?;
            Some(Executed { worker, work: item.id, hold, try_number: 1 })
        });
        self.world.executed.lock().extend(held);
    }

    /// What the timers and the sweeper do with work that is given away.
    pub(super) async fn sweeps_steps(&mut self) {
        drop(self.store.steps_due(20).await.expect("looked"));
        let waiting = self.store.step_backlog(&lane(), 10).await.expect("read");
        self.store.publish_steps(&waiting[..waiting.len() / 2]).await.expect("published");
        let overdue = self.store.steps_overdue(Duration::ZERO, 20).await.expect("found");
        self.store.steps_still_waiting(&overdue[..overdue.len() / 2]).await.expect("noted");
        self.store.republish_steps(&overdue[overdue.len() / 2..]).await.expect("published");
    }
}
