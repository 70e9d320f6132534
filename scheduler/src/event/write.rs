//! Writing what events came to, once for each of them: in the transaction that takes the debt.

use std::collections::HashMap;

use piton_shared::{ids::RunId, limits};

use super::{
    StartedRun,
    look::{Looked, Looker, OVERTAKEN},
    slice::Computed,
};
use crate::{
    failpoint::failpoint,
    gather::pieces,
    halve,
    store::{Accepted, CameOf, CameTo, Fault, Looking, Matched, NewRun, Placement, StoreError, Taking},
};

/// Computed events, written in groups.
pub(super) struct Writing<'a> {
    /// With what.
    pub(super) looker: &'a Looker,
}

impl halve::Group for Writing<'_> {
    type Row = Computed;
    type Outcome = Looked;

    async fn write(&self, events: &[Computed]) -> Result<Vec<Looked>, StoreError> {
        let matched: Vec<_> = events.iter().map(matched).collect();
        let (mut looking, taking) = self.looker.store.look_at_events(&matched).await?;
        failpoint!("events-taken");
        let taken = |event: &&Computed| matches!(taking.get(&event.event.id), Some(Taking::Taken));
        let (mut runs, came) = self.write_up(events.iter().filter(taken));
        for run in &mut runs {
            run.placement = self.looker.placing.place(run);
        }
        let written = match self.looker.placing.set_aside_over(&mut looking, &mut runs).await {
            Ok(()) => commit(looking, &runs, &came).await,
            Err(error) => {
                looking.give_back().await;
                Err(error)
            }
        };
        // Also when nothing was written: what was taken for the runs is given back.
        let accepted =
            written.as_ref().map_or_else(|_| HashMap::new(), |runs| runs.iter().map(|run| (run.run, *run)).collect());
        self.looker.metrics.runs_started.add(accepted.len() as u64);
        self.looker.placing.hand_on(&runs, &accepted).await;
        written?;
        let lacking = events.iter().filter(taken).map(|event| event.decided.lacking).sum();
        self.looker.count(runs.len(), came.len() - runs.len(), lacking);
        let looked = |event: &Computed| match taking.get(&event.event.id) {
            Some(Taking::Taken) => Looked::Matched(started(event, &came)),
            Some(Taking::Changed) => Looked::Changed,
            None => Looked::Elsewhere,
        };
        Ok(events.iter().map(looked).collect())
    }

    fn refused(&self, _: &Computed, error: StoreError) -> Looked {
        Looked::Impossible(error.reason())
    }

    fn unknown(&self, events: &[Computed], error: StoreError) -> Vec<Looked> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            events = events.len(),
            "events were not matched; they are owed"
        );
        let looked = match error.fault() {
            Fault::Bug => Looked::Failed,
            Fault::Passing | Fault::Taken | Fault::BadRow => Looked::Owed,
        };
        vec![looked; events.len()]
    }
}

fn matched(event: &Computed) -> Matched {
    let version = (event.job.overtaken < OVERTAKEN).then_some(event.version);
    Matched { event: event.event.id, version }
}

impl Writing<'_> {
    /// The runs, and what is written down of each match.
    fn write_up<'e>(&self, events: impl Iterator<Item = &'e Computed> + Clone) -> (Vec<NewRun>, Vec<CameOf>) {
        let matches = events.clone().map(|event| event.decided.decisions.len()).sum();
        let mut ids = self.looker.clock.in_order(matches).into_iter();
        let mut runs = Vec::new();
        let mut came = Vec::with_capacity(matches);
        for Computed { event, decided, .. } in events {
            for (decision, place) in decided.decisions.iter().zip(0..) {
                let trigger = &decision.trigger.row;
                let to = match &decision.input {
                    Ok(input) => {
                        let id = RunId::new(ids.next().expect("there is one for each match"));
                        runs.push(NewRun {
                            id,
                            org: event.org.clone(),
                            workflow: trigger.workflow.clone(),
                            queue: trigger.queue.clone(),
                            build: trigger.build.clone(),
                            session: None,
                            tags: vec![format!("event:{}", event.name)],
                            input: input.clone(),
                            trace: event.trace.clone(),
                            placement: Placement::Backlog,
                            not_before: None,
                            key: None,
                        });
                        CameTo::Started(id)
                    }
                    Err((reason, detail)) => CameTo::Refused { reason: *reason, detail: detail.clone() },
                };
                came.push(CameOf {
                    event: event.id,
                    org: event.org.to_string(),
                    place,
                    trigger: trigger.id,
                    workflow: trigger.workflow.clone(),
                    to,
                });
            }
        }
        (runs, came)
    }
}

/// The runs that an event started.
fn started(event: &Computed, came: &[CameOf]) -> Vec<StartedRun> {
    let mut started = Vec::new();
    for came in came.iter().filter(|came| came.event == event.event.id) {
        match &came.to {
            CameTo::Started(run) => started.push(StartedRun { run: *run, workflow: came.workflow.clone() }),
            // The detail may quote what was published: the event's record has it, and no log.
            CameTo::Refused { reason, .. } => tracing::info!(
                event = %came.event,
                trigger = %came.trigger,
                workflow = came.workflow,
                reason = reason.as_str(),
                "a match started nothing"
            ),
        }
    }
    started
}

async fn commit(mut looking: Looking, runs: &[NewRun], came: &[CameOf]) -> Result<Vec<Accepted>, StoreError> {
    match written(&mut looking, runs, came).await {
        Ok(accepted) => looking.commit().await.map(|()| accepted),
        Err(error) => {
            // Postgres says what is wrong before it lets go: who looks next, at a part of them, would find them locked.
            looking.give_back().await;
            Err(error)
        }
    }
}

async fn written(looking: &mut Looking, runs: &[NewRun], came: &[CameOf]) -> Result<Vec<Accepted>, StoreError> {
    let mut accepted = Vec::with_capacity(runs.len());
    for some in pieces(runs, limits::COMMIT_ROWS / 2, NewRun::weight) {
        accepted.extend(looking.start(some).await?);
    }
    if !came.is_empty() {
        looking.note(came).await?;
    }
    failpoint!("events-looked", Err(StoreError::busy("events-looked")(std::io::ErrorKind::Interrupted.into())));
    Ok(accepted)
}
