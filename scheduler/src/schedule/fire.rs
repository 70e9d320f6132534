//! The loop that fires schedules: never early, each occurrence once, whoever else looks.

use std::{collections::HashMap, sync::Arc, time::Duration};

use piton_shared::{codec, ids::RunId, limits, message::batch::BATCH_RUN};
use piton_telemetry::metrics::{FiringOutcome, SchedulerMetrics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Schedules,
    decide::{Startable, decide},
};
use crate::{
    control::Controls,
    definition::{Definitions, Known},
    failpoint::failpoint,
    gather::weight,
    intake::{Placing, RunClock},
    store::{
        Fault, NewRun, Placement, Store, StoreError,
        schedule::{DueSchedule, Firing, LockedSchedules, Outcome, Superseded, Watch},
    },
};

/// How long it rests where something is due that others have locked.
const BREATH: Duration = Duration::from_millis(20);
/// How long a schedule is put off whose firing the database refuses.
const PUT_OFF: Duration = Duration::from_mins(1);
/// Bytes of the reason for a refused firing.
const REASON_BYTES: usize = 1024;

/// Fires what is due.
pub struct ScheduleLoop {
    /// Where schedules lie.
    pub store: Store,
    /// Where runs go first.
    pub placing: Placing,
    /// Whose ids follow the database's clock.
    pub clock: RunClock,
    /// Who asks runs to cancel.
    pub controls: Controls,
    /// What is known of workflows.
    pub definitions: Definitions,
    /// Who says that one was made.
    pub schedules: Schedules,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl ScheduleLoop {
    /// Fires until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut kept = Kept::default();
        while !stop.is_cancelled() {
            let round = async {
                kept.look(&self.store).await?;
                self.fire().await
            };
            let done = round.await;
            kept.ended(&done);
            match done {
                Ok(0) => self.pause(&stop).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "failed to fire schedules");
                    self.pause(&stop).await;
                }
            }
        }
    }

    /// Fires schedules that are due; says how many it looked at.
    pub async fn fire(&self) -> Result<usize, StoreError> {
        let Some(locked) = self.store.schedules_lock(limits::SCHEDULES_FIRED, None).await? else {
            return Ok(0);
        };
        let looked: Vec<_> = locked.due.iter().map(|schedule| schedule.id).collect();
        match self.fire_these(locked).await {
            Ok(()) => Ok(looked.len()),
            Err(error) if error.fault() == Fault::Passing => Err(error),
            Err(_) => self.fire_each(&looked).await,
        }
    }

    /// The database refused all of them for one: each alone, and those that are refused alone are put off.
    async fn fire_each(&self, schedules: &[Uuid]) -> Result<usize, StoreError> {
        for schedule in schedules {
            let Some(locked) = self.store.schedules_lock(1, Some(*schedule)).await? else {
                continue;
            };
            match self.fire_these(locked).await {
                Ok(()) => {}
                Err(error) if error.fault() == Fault::Passing => return Err(error),
                Err(error) => {
                    tracing::error!(%schedule, error = &error as &dyn std::error::Error, "a schedule cannot fire");
                    self.store.schedule_put_off(*schedule, PUT_OFF).await?;
                }
            }
        }
        Ok(schedules.len())
    }

    /// All that firing asks of the database goes over the connection that has the locks: who waited for a second one might
    /// wait for those who wait for these locks.
    async fn fire_these(&self, mut locked: LockedSchedules) -> Result<(), StoreError> {
        let (mut runs, mut firings, mut moved, mut superseded) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut weighs = 0;
        for schedule in &std::mem::take(&mut locked.due) {
            let startable = self.startable(&mut locked, schedule).await?;
            let decided = decide(schedule, &startable, locked.now, || self.clock.run_id());
            superseded.extend(decided.cancel.map(|run| Superseded {
                run,
                org: schedule.org.clone(),
                reason: format!("schedule `{}` fired again, and its overlap policy is `cancel`", schedule.name),
            }));
            let (starts, input) = (decided.start.len(), schedule.plan.input.len());
            weighs += weight(starts, starts * input);
            runs.extend(decided.start.iter().map(|run| new_run(schedule, *run)));
            firings.extend(decided.firings);
            moved.push(decided.moved);
            // The others are still due, and the next look comes at once.
            if weighs >= limits::COMMIT_ROWS {
                break;
            }
        }
        let cancelled = locked.cancel(&superseded).await?;
        for run in &mut runs {
            run.placement = self.placing.place(run);
        }
        let written = match self.placing.set_aside_over(&mut locked, &mut runs).await {
            Ok(()) => locked.write(&runs, firings.clone(), &moved).await,
            Err(error) => Err(error),
        };
        failpoint!("schedules-committed", Ok(()));
        match written {
            Ok(accepted) => {
                self.count(&firings);
                self.metrics.runs_started.add(accepted.len() as u64);
                self.placing.hand_on(&runs, &accepted).await;
                for (run, outcome) in cancelled {
                    self.controls.cancelled(run, outcome).await;
                }
                Ok(())
            }
            Err(error) => {
                // What was not accepted gives back the room that was taken for it.
                self.placing.hand_on(&runs, &HashMap::new()).await;
                Err(error)
            }
        }
    }

    async fn startable(&self, locked: &mut LockedSchedules, schedule: &DueSchedule) -> Result<Startable, StoreError> {
        let workflow = &schedule.plan.workflow;
        if workflow == BATCH_RUN {
            return Ok(Startable::No(format!("`{workflow}` is no workflow that a worker has")));
        }
        let known = self.definitions.workflow_for(locked, &schedule.org, workflow).await?;
        Ok(known.map_or(Startable::Yes, |known| fits(schedule, &known)))
    }

    fn count(&self, firings: &[Firing]) {
        for firing in firings {
            let (outcome, count) = match &firing.outcome {
                Outcome::Started(_) => (FiringOutcome::Started, 1),
                Outcome::Skipped => (FiringOutcome::Skipped, 1),
                Outcome::Missed(missed) => (FiringOutcome::Missed, missed.count),
                Outcome::Queued => (FiringOutcome::Queued, 1),
                Outcome::Refused(_) => (FiringOutcome::Refused, 1),
            };
            self.metrics.firings.at(outcome).add(count as u64);
        }
    }

    async fn pause(&self, stop: &CancellationToken) {
        let rest = match self.store.schedules_next_due().await {
            // The clocks differ by the time the answer took: look a moment later rather than early.
            Ok(Some(due)) if !due.is_zero() => limits::SCHEDULE_POLL.min(due + Duration::from_millis(1)),
            Ok(Some(_)) => BREATH,
            Ok(None) | Err(_) => limits::SCHEDULE_POLL,
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep_until(Instant::now() + rest) => {}
            () = self.schedules.changed.notified() => {}
        }
    }
}

/// The watch as this loop has kept it.
#[derive(Default)]
struct Kept {
    watch: Option<Watch>,
    ended: Option<Instant>,
}

impl Kept {
    /// Records a look. A round that takes long is a slow look and no gap: the loop says from when on it was at work.
    async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        // A process that was frozen, or that had no database, was not looking.
        if self.ended.is_none_or(|ended| ended.elapsed() > limits::FIRING_GRACE) {
            self.watch = None;
        }
        if let Some(watch) = store.schedule_watch(self.watch).await? {
            self.watch = Some(watch);
        }
        Ok(())
    }

    fn ended(&mut self, round: &Result<usize, StoreError>) {
        self.ended = round.is_ok().then(Instant::now);
    }
}

/// Whether the workflow's definition takes the schedule's input.
fn fits(schedule: &DueSchedule, known: &Arc<Known>) -> Startable {
    let input = match codec::to_json(&schedule.plan.input) {
        Ok(input) => input,
        Err(error) => return Startable::No(format!("the input cannot be read: {error}")),
    };
    let faults = known.check(schedule.plan.build.as_ref(), &input);
    if faults.is_empty() {
        return Startable::Yes;
    }
    let faults: Vec<_> = faults.iter().map(|fault| format!("input{} {}", fault.pointer, fault.detail)).collect();
    Startable::No(stored(&format!("the workflow does not take the input: {}", faults.join("; "))))
}

/// A reason as the database takes it: it may quote the input, which may be long, and have characters that no text there has.
fn stored(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_BYTES);
    reason[..end].replace('\0', "\u{fffd}")
}

fn new_run(schedule: &DueSchedule, id: RunId) -> NewRun {
    let plan = &schedule.plan;
    let mut tags = plan.tags.clone();
    tags.push(Schedules::tag(&schedule.name));
    NewRun {
        id,
        org: schedule.org.clone(),
        workflow: plan.workflow.clone(),
        queue: plan.queue.clone(),
        build: plan.build.clone(),
        session: None,
        tags,
        input: plan.input.clone(),
        trace: None,
        placement: Placement::Backlog,
        not_before: None,
        key: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_and_has_no_character_that_the_database_refuses() {
        assert_eq!(stored("a\0b"), "a\u{fffd}b");
        let long = stored(&"ü".repeat(REASON_BYTES));
        assert!(long.len() <= REASON_BYTES && long.ends_with('ü'));
        assert_eq!(stored("short"), "short");
    }
}
