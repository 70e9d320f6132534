//! Publishing run tasks. A publish is a hint: what is lost is found by the sweeper.

use piton_shared::{message::task::RunTask, state::RunState, subject::Subjects};
use piton_transport::{Task, WorkStream};
use tokio::sync::mpsc;

use crate::store::Published;

/// Batches that wait for the stream; beyond that they are left to the sweeper.
const WAITING: usize = 1024;

/// Hands runs to the publishing task. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Publisher {
    waiting: mpsc::Sender<Vec<Published>>,
}

impl Publisher {
    /// A publisher and the task behind it.
    pub fn new(work: WorkStream, subjects: Subjects) -> (Self, impl Future<Output = ()> + Send) {
        let (send, receive) = mpsc::channel(WAITING);
        (Self { waiting: send }, publish(work, subjects, receive))
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

async fn publish(work: WorkStream, subjects: Subjects, mut waiting: mpsc::Receiver<Vec<Published>>) {
    while let Some(mut runs) = waiting.recv().await {
        while let Ok(more) = waiting.try_recv() {
            runs.extend(more);
        }
        let tasks: Vec<_> = runs
            .iter()
            .filter(|run| run.state == RunState::Queued)
            .map(|run| {
                let task = RunTask { run: run.run, epoch: run.epoch };
                Task {
                    subject: subjects.run(&run.org, &run.queue, run.build.as_ref(), run.run),
                    message_id: task.message_id(),
                    task,
                }
            })
            .collect();
        let failures: Vec<_> = work.publish(tasks).await.into_iter().filter_map(Result::err).collect();
        if let Some(first) = failures.first() {
            tracing::warn!(error = %first, failed = failures.len(), "runs were not published; the sweeper publishes them");
        }
    }
}
