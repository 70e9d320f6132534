//! Where a run goes first, and how it gets there once it is committed.

use std::collections::{HashMap, HashSet};

use piton_shared::{
    ids::{AttemptId, Epoch, RunId, uuid_v7},
    message::{claim::Company, define::DefinitionKind},
    state::RunState,
};

use crate::{
    dispatch::{Backlog, Coverage, Publisher, ToWorkers, new_grant},
    failpoint::failpoint,
    lease::{Place, Roster},
    store::{Accepted, Needed, NewRun, Placement, Published, Room, ServedReader, StoreError},
};

/// Places new runs. Whoever inserts runs asks it before the insert and tells it after the commit. Cheap to clone.
#[derive(Clone)]
pub struct Placing {
    /// Who has room.
    pub roster: Roster,
    /// Whether the stream has room.
    pub backlog: Backlog,
    /// Who publishes.
    pub publisher: Publisher,
    /// How workers are handed runs.
    pub workers: ToWorkers,
    /// What live workers have.
    pub coverage: Coverage,
}

impl Placing {
    /// Where a run goes first; room is taken for it.
    pub fn place(&self, run: &NewRun) -> Placement {
        if run.not_before.is_some() {
            return Placement::Backlog;
        }
        if !self.backlog.is_behind(&run.org, &run.queue, run.build.as_ref())
            && let Some(Place { worker, heartbeat }) =
                self.roster.place(&run.org, &run.queue, run.build.as_ref(), &run.workflow, Company::Shared)
        {
            let attempt = AttemptId::new(uuid_v7(0, rand::random()));
            return Placement::Held { worker, attempt, heartbeat };
        }
        match self.backlog.take(&run.org, &run.queue, run.build.as_ref()) {
            Room::Some => Placement::Queued,
            Room::None => Placement::Backlog,
        }
    }

    /// Sets those aside that were placed in the stream or the backlog and whose workflow no live worker has: they wait until one
    /// registers. Those that begin later are looked at when their time has come.
    pub async fn set_aside(&self, runs: &mut [NewRun]) {
        let unserved = self.coverage.unserved(runs.iter().filter(|run| waits(run)).map(needed)).await;
        self.set_these_aside(runs, &unserved);
    }

    /// As [`Placing::set_aside`], for a caller that holds locks: what is not known is read on its connection.
    pub async fn set_aside_over(&self, reader: &mut impl ServedReader, runs: &mut [NewRun]) -> Result<(), StoreError> {
        let needed: Vec<_> = runs.iter().filter(|run| waits(run)).map(needed).collect();
        let unserved = self.coverage.unserved_over(reader, needed).await?;
        self.set_these_aside(runs, &unserved);
        Ok(())
    }

    fn set_these_aside(&self, runs: &mut [NewRun], unserved: &HashSet<Needed>) {
        if unserved.is_empty() {
            return;
        }
        for run in runs.iter_mut().filter(|run| waits(run)) {
            if unserved.contains(&needed(run)) {
                if run.placement == Placement::Queued {
                    self.backlog.put_back(&run.org, &run.queue, run.build.as_ref());
                }
                run.placement = Placement::Unserved;
            }
        }
    }

    /// Gives back the room that was taken for a run which was not accepted.
    pub fn give_back(&self, run: &NewRun) {
        match run.placement {
            Placement::Held { worker, .. } => self.roster.left(worker),
            Placement::Queued => self.backlog.put_back(&run.org, &run.queue, run.build.as_ref()),
            Placement::Backlog | Placement::Unserved => {}
        }
    }

    /// Publishes, or hands to workers, what was committed.
    pub async fn hand_on(&self, runs: &[NewRun], accepted: &HashMap<RunId, Accepted>) {
        failpoint!("intake-committed", return);
        let mut grants = Vec::new();
        let mut publish = Vec::new();
        let mut control_version = 0;
        for run in runs {
            let Some(found) = accepted.get(&run.id) else {
                self.give_back(run);
                continue;
            };
            control_version = control_version.max(found.control_version);
            match (found.state, run.placement) {
                (RunState::Running, Placement::Held { worker, attempt, heartbeat }) => {
                    grants.push((Place { worker, heartbeat }, new_grant(run, attempt, found.created_at)));
                }
                (RunState::Queued, _) => publish.push(Published {
                    run: run.id,
                    org: run.org.clone(),
                    // No worker of this scheduler had room for it.
                    workflow: None,
                    queue: run.queue.clone(),
                    build: run.build.clone(),
                    epoch: Epoch(1),
                    company: Company::Shared,
                    state: RunState::Queued,
                }),
                _ => {}
            }
        }
        self.publisher.publish(publish);
        self.workers.grant(grants, control_version).await;
    }
}

/// Whether it goes to no worker at once.
fn waits(run: &NewRun) -> bool {
    match run.placement {
        Placement::Queued | Placement::Backlog => run.not_before.is_none(),
        Placement::Held { .. } | Placement::Unserved => false,
    }
}

fn needed(run: &NewRun) -> Needed {
    Needed {
        org: run.org.clone(),
        queue: run.queue.clone(),
        build: run.build.clone(),
        kind: DefinitionKind::Workflow,
        name: run.workflow.clone(),
    }
}
