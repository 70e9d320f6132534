//! The group commit of ends.

use std::{collections::HashSet, time::Instant};

use piton_shared::{
    limits,
    message::{
        Answer,
        claim::HandBackReason,
        dispatch::{DispatchId, Finish, FinishAnswer, Finished, StepEnd, StepEnding},
    },
};
use piton_telemetry::metrics::{FinishOutcome, Group, Retried, SchedulerMetrics};
use piton_transport::Received;

use crate::{
    batch::{Releases, Turns},
    dispatch::{Giver, StepBacklog},
    gather::{Gatherer, weight},
    halve::{self, halving},
    lease::Roster,
    store::{self, FinishPass, Finishing, Store, StoreError},
    wake::{Teller, Timers},
};

/// A worker's request that waits for its commit.
#[derive(Debug)]
pub struct FinishJob {
    /// What it says.
    pub request: Finish,
    /// Where the answer goes.
    pub reply: Received,
}

/// The one writer of ends in a scheduler.
pub struct Finisher {
    /// Where to.
    pub store: Store,
    /// Who wakes the runs.
    pub teller: Teller,
    /// Who gives away again what came back.
    pub giver: Giver,
    /// Who has room again.
    pub roster: Roster,
    /// Who feeds those that have.
    pub backlog: StepBacklog,
    /// Who sees to the next tries.
    pub timers: Timers,
    /// What batches do next whose items came to their end.
    pub turns: Turns,
    /// Who goes on with those that have room for more than one commit takes.
    pub releases: Releases,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

/// The answer to one end, or the reason why it is not known.
pub type Outcome = Result<FinishAnswer, String>;

impl Finisher {
    /// Commits until every sender is gone.
    pub async fn run(self, mut jobs: Gatherer<FinishJob>) {
        while let Some(batch) = jobs.next(|job| weight(job.request.ends.len().max(1), job.reply.size())).await {
            let (batch, later) = without_repeats(batch);
            jobs.carry(later);
            let (rows, began) = (batch.iter().map(|job| job.request.ends.len()).sum(), Instant::now());
            self.commit(batch).await;
            jobs.committed(rows, began);
        }
    }

    async fn commit(&self, batch: Vec<FinishJob>) {
        let mut ends = Vec::new();
        let mut replies = Vec::with_capacity(batch.len());
        for FinishJob { request: Finish { worker, ends: reported }, reply } in batch {
            replies.push((reply, reported.len()));
            ends.extend(reported.into_iter().map(|end| Finishing { worker, end }));
        }
        let mut outcomes = halving(self, &ends).await.into_iter();
        for (Finishing { worker, end }, outcome) in ends.iter().zip(outcomes.as_slice()) {
            self.metrics.finishes.at(counted(&end.ending, outcome)).inc();
            match &end.ending {
                // What a worker could not take it cannot take now either.
                StepEnding::Returned { .. } => self.roster.step_returned(*worker),
                // The room of an item went to the next one of its batch already.
                StepEnding::Done { .. } if end.dispatch.item > 0 => {}
                StepEnding::Done { .. } => self.roster.step_left(*worker),
                StepEnding::Again { .. } => {
                    self.metrics.retries.at(Retried::Step).inc();
                    self.roster.step_left(*worker);
                }
            }
        }
        self.backlog.claimed();
        for (reply, count) in replies {
            let answers: Result<Vec<_>, String> = outcomes.by_ref().take(count).collect();
            let answer = match answers {
                Ok(answers) => Answer::Done(Finished { answers }),
                // The whole request is sent again; what was written is recognised.
                Err(reason) => {
                    self.metrics.commit_unavailable.at(Group::Finish).inc();
                    Answer::Unavailable { reason }
                }
            };
            if let Err(error) = reply.respond(&answer).await {
                tracing::debug!(%error, "an end's answer was not sent; the worker asks again");
            }
        }
    }

    /// What was committed is told to whoever has to know.
    async fn committed(&self, pass: FinishPass) {
        if let Some(due) = pass.next_due {
            self.timers.due_in(due);
        }
        self.giver.offer(pass.offers);
        self.teller.tell(pass.told).await;
    }
}

impl halve::Group for Finisher {
    type Row = Finishing;
    type Outcome = Outcome;

    async fn write(&self, ends: &[Finishing]) -> Result<Vec<Outcome>, StoreError> {
        let (mut pass, turn) = self.store.finish_and_look(ends).await?;
        if let Some((turn, looks)) = turn {
            for more in self.turns.take(turn, &looks, std::mem::take(&mut pass.freed)).await? {
                self.releases.owed(more);
            }
        }
        let answer = |wrote| {
            Ok(match wrote {
                store::Finish::Written => FinishAnswer::Accepted,
                store::Finish::Fenced => FinishAnswer::Fenced,
            })
        };
        let outcomes = std::mem::take(&mut pass.wrote).into_iter().map(answer).collect();
        self.committed(pass).await;
        Ok(outcomes)
    }

    fn refused(&self, one: &Finishing, error: StoreError) -> Outcome {
        tracing::warn!(work = %one.end.dispatch, error = &error as &dyn std::error::Error, "an end was refused");
        Ok(FinishAnswer::Invalid { reason: error.reason() })
    }

    fn unknown(&self, ends: &[Finishing], error: StoreError) -> Vec<Outcome> {
        tracing::warn!(error = &error as &dyn std::error::Error, ends = ends.len(), "ends were not written");
        vec![Err(error.to_string()); ends.len()]
    }
}

fn counted(ending: &StepEnding, outcome: &Outcome) -> FinishOutcome {
    match (outcome, ending) {
        (Ok(FinishAnswer::Accepted), StepEnding::Done { .. }) => FinishOutcome::Done,
        (Ok(FinishAnswer::Accepted), StepEnding::Again { .. }) => FinishOutcome::Again,
        (Ok(FinishAnswer::Accepted), StepEnding::Returned { reason: HandBackReason::Released }) => {
            FinishOutcome::Returned
        }
        (
            Ok(FinishAnswer::Accepted),
            StepEnding::Returned { reason: HandBackReason::Lacking | HandBackReason::Crowded },
        ) => FinishOutcome::Lacking,
        (Ok(FinishAnswer::Fenced), _) => FinishOutcome::Fenced,
        (Ok(FinishAnswer::Invalid { .. }), _) => FinishOutcome::Refused,
        (Err(_), _) => FinishOutcome::Unavailable,
    }
}

/// Leaves at most one end of a piece of work in a batch: a repeat that arrives beside its original waits for the next.
fn without_repeats(batch: Vec<FinishJob>) -> (Vec<FinishJob>, Vec<FinishJob>) {
    let mut seen: HashSet<DispatchId> = HashSet::new();
    batch.into_iter().partition(|job| {
        let fresh = job.request.ends.iter().all(|end| !seen.contains(&end.dispatch));
        if fresh {
            seen.extend(job.request.ends.iter().map(|end| end.dispatch.clone()));
        }
        fresh
    })
}

/// What a request may not be, whatever the database says.
pub(crate) fn wrong(request: &Finish) -> Option<String> {
    let ends = &request.ends;
    if ends.len() > limits::COMMIT_ROWS {
        return Some(format!("a request reports at most {} ends", limits::COMMIT_ROWS));
    }
    let too_long = |end: &&StepEnd| matches!(end.ending, StepEnding::Again { after, .. } if after > limits::WAIT);
    if let Some(end) = ends.iter().find(too_long) {
        return Some(format!("the next try of {} waits longer than ten years", end.dispatch));
    }
    let works: HashSet<_> = ends.iter().map(|end| &end.dispatch).collect();
    (works.len() < ends.len()).then(|| "two ends of one piece of work in one request".to_owned())
}
