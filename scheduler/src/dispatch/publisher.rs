//! Publishing runs: straight to a worker of this scheduler that has room and knows the workflow, or as a task to the
//! stream. Either is a hint: what is lost is found by the sweeper.

use std::collections::HashMap;

use piton_shared::{
    ids::{AttemptId, uuid_v7},
    message::{
        claim::{ClaimAsk, Company},
        task::RunTask,
    },
    state::RunState,
    subject::Subjects,
};
use piton_telemetry::metrics::{PublishOutcome, SchedulerMetrics};
use piton_transport::{PublishError, Task, WorkStream};
use tokio::sync::mpsc;

use super::{Granter, ToWorkers};
use crate::{
    failpoint::failpoint,
    lease::{Place, Roster},
    store::Published,
};

/// Batches that wait; beyond that they are left to the sweeper.
const WAITING: usize = 1024;
/// Runs handed to one worker by one statement.
const AT_ONCE: usize = 256;

/// Hands runs to the publishing task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    waiting: mpsc::Sender<Vec<Published>>,
}

/// What publishing works with.
pub struct Publishing {
    /// The stream.
    pub work: WorkStream,
    /// Its subjects.
    pub subjects: Subjects,
    /// Who has room.
    pub roster: Roster,
    /// Who grants to those that have.
    pub granter: Granter,
    /// How they are told.
    pub workers: ToWorkers,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

impl Publisher {
    /// A publisher and the task behind it.
    pub fn new(publishing: Publishing) -> (Self, impl Future<Output = ()> + Send) {
        let (send, receive) = mpsc::channel(WAITING);
        (Self { waiting: send }, publishing.run(receive))
    }

    /// Publishes those that are queued, soon. Never waits: when too many wait already the sweeper will find them.
    pub fn publish(&self, runs: Vec<Published>) {
        if runs.is_empty() {
            return;
        }
        if let Err(error) = self.waiting.try_send(runs) {
            tracing::warn!(%error, "publishing is behind; the sweeper publishes these runs");
        }
    }
}

impl Publishing {
    /// Grants and publishes until every publisher is gone. A stream that does not answer holds up no grant.
    async fn run(self, waiting: mpsc::Receiver<Vec<Published>>) {
        let (to_stream, streamed) = mpsc::channel(WAITING);
        tokio::join!(self.grant(waiting, to_stream), self.fill_stream(streamed));
    }

    async fn fill_stream(&self, mut streamed: mpsc::Receiver<Vec<Published>>) {
        while let Some(mut runs) = streamed.recv().await {
            while let Ok(more) = streamed.try_recv() {
                runs.extend(more);
            }
            self.to_stream(&runs).await;
        }
    }

    async fn grant(&self, mut waiting: mpsc::Receiver<Vec<Published>>, to_stream: mpsc::Sender<Vec<Published>>) {
        while let Some(mut runs) = waiting.recv().await {
            while let Ok(more) = waiting.try_recv() {
                runs.extend(more);
            }
            runs.retain(|run| run.state == RunState::Queued);
            // First those that take a whole worker, so that nobody is sent there beside them.
            runs.sort_by_key(|run| match run.company {
                Company::Alone => 0,
                Company::Few(_) | Company::Shared => 1,
            });
            let mut direct: HashMap<Place, Vec<ClaimAsk>> = HashMap::new();
            runs.retain(|run| {
                let place = |workflow: &String| {
                    self.roster.place(&run.org, &run.queue, run.build.as_ref(), workflow, run.company)
                };
                let Some(place) = run.workflow.as_ref().and_then(place) else { return true };
                let attempt = AttemptId::new(uuid_v7(0, rand::random()));
                direct.entry(place).or_default().push(ClaimAsk { run: run.run, epoch: run.epoch, attempt });
                false
            });
            for (place, asks) in direct {
                for asks in asks.chunks(AT_ONCE) {
                    self.hand(place, asks.to_vec()).await;
                }
            }
            if !runs.is_empty()
                && let Err(error) = to_stream.try_send(runs)
            {
                tracing::warn!(%error, "the stream of run tasks is behind; the sweeper publishes these runs");
            }
        }
    }

    async fn hand(&self, place: Place, asks: Vec<ClaimAsk>) {
        let place = self.roster.seen(place);
        let worker = place.worker;
        let asked = asks.len();
        match self.granter.grant(worker, asks).await {
            Ok(granted) => {
                failpoint!("grant-committed", return);
                (granted.grants.len()..asked).for_each(|_| self.roster.left(worker));
                if granted.grants.iter().any(|grant| grant.company == Company::Alone) {
                    self.roster.keep(worker);
                }
                let grants = granted.grants.into_iter().map(|grant| (place, grant)).collect();
                self.workers.grant(grants, granted.control_version).await;
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, %worker, "failed to grant runs; the sweeper publishes them");
            }
        }
    }

    async fn to_stream(&self, runs: &[Published]) {
        let tasks: Vec<_> = runs
            .iter()
            .map(|run| {
                let task = RunTask { run: run.run, epoch: run.epoch };
                Task {
                    subject: self.subjects.run(&run.org, &run.queue, run.build.as_ref(), run.run),
                    message_id: task.message_id(),
                    task,
                }
            })
            .collect();
        let wanted = tasks.len();
        let failures: Vec<_> = self.work.publish(tasks).await.into_iter().filter_map(Result::err).collect();
        self.metrics.published.at(PublishOutcome::Stored).add((wanted - failures.len()) as u64);
        for failure in &failures {
            let full = matches!(failure, PublishError::Full { .. });
            self.metrics.published.at(if full { PublishOutcome::Full } else { PublishOutcome::Failed }).inc();
        }
        if let Some(first) = failures.first() {
            tracing::warn!(error = %first, failed = failures.len(), "runs were not published; the sweeper publishes them");
        }
    }
}
