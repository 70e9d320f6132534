//! The look: what events come to is decided and written, once for each of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use piton_shared::{limits, name::Org};
use piton_telemetry::metrics::{Matched, SchedulerMetrics};
use uuid::Uuid;

use super::StartedRun;
use crate::{
    definition::Definitions,
    failpoint::failpoint,
    halve::{self, halving},
    intake::{Placing, RunClock},
    store::{Accepted, CameOf, CameTo, Looking, NewRun, Placement, Store, StoreError, Taken},
    trigger::{Decided, KnownWorkflows, TriggerSet, decide},
};

/// Between two signs that a look goes on; well below the time after which Postgres ends a transaction that is silent.
const GOES_ON: Duration = Duration::from_secs(1);

/// Matches events with triggers. Cheap to clone; clones share the triggers that they know.
#[derive(Clone)]
pub struct Looker {
    store: Store,
    placing: Placing,
    definitions: Definitions,
    clock: RunClock,
    sets: Arc<Mutex<HashMap<Org, Arc<TriggerSet>>>>,
    metrics: SchedulerMetrics,
}

/// What a look at an event came to.
#[derive(Debug, Clone)]
pub enum Looked {
    /// It is matched, and this is committed.
    Matched(Vec<StartedRun>),
    /// Somebody else is at it, or has been.
    Elsewhere,
    /// It is still owed.
    Owed,
    /// What it comes to can never be written.
    Impossible(String),
}

impl Looker {
    /// Knows no triggers yet.
    pub fn new(
        store: Store,
        placing: Placing,
        definitions: Definitions,
        clock: RunClock,
        metrics: SchedulerMetrics,
    ) -> Self {
        Self { store, placing, definitions, clock, sets: Arc::default(), metrics }
    }

    /// Pays the debt of events; says what each came to, in their order.
    pub async fn look(&self, events: &[Uuid]) -> Vec<Looked> {
        let mut looked = Vec::with_capacity(events.len());
        for some in events.chunks(limits::EVENTS_LOOKED) {
            looked.extend(halving(self, some).await);
        }
        for (event, looked) in events.iter().zip(&mut looked) {
            if let Looked::Impossible(why) = looked {
                tracing::warn!(%event, why, "what an event comes to cannot be written; it is given up");
                match self.store.unmatched_drop(*event, why).await {
                    Ok(Some(_)) => *looked = Looked::Matched(Vec::new()),
                    // Somebody has come to it since, and sees for himself.
                    Ok(None) => *looked = Looked::Elsewhere,
                    Err(error) => {
                        tracing::warn!(%error, "failed to give up an event; it stays owed");
                        *looked = Looked::Owed;
                    }
                }
            }
        }
        looked
    }

    /// The triggers that count for what was taken: those that are known, where their version is the one that was seen.
    async fn sets(&self, looking: &mut Looking, taken: &[Taken]) -> Result<HashMap<Org, Arc<TriggerSet>>, StoreError> {
        let mut sets = HashMap::new();
        let mut unknown = BTreeSet::new();
        for Taken { event, trigger_version } in taken {
            let known = self.sets.lock().get(&event.org).cloned();
            match known.filter(|set| set.version() == *trigger_version) {
                Some(set) => drop(sets.insert(event.org.clone(), set)),
                None => drop(unknown.insert(event.org.to_string())),
            }
        }
        if unknown.is_empty() {
            return Ok(sets);
        }
        for org in looking.triggers(&unknown.into_iter().collect::<Vec<_>>()).await? {
            let Ok(name) = Org::new(org.org.clone()) else { continue };
            let before = self.sets.lock().get(&name).cloned();
            // Whatever ends this badly, the events are owed: with no triggers they would be matched with nothing, for good.
            let compiled = apart(looking, move || TriggerSet::compile(org, before.as_deref())).await?;
            let compiled = compiled.map_err(std::io::Error::other);
            let set = Arc::new(compiled.map_err(StoreError::busy("look_at_events"))?);
            let mut known = self.sets.lock();
            if known.get(&name).is_none_or(|known| known.version() < set.version()) {
                known.insert(name.clone(), Arc::clone(&set));
            }
            sets.insert(name, set);
        }
        Ok(sets)
    }

    /// What is known of the workflows that the events may start.
    async fn workflows(
        &self,
        sets: &HashMap<Org, Arc<TriggerSet>>,
        taken: &[Taken],
    ) -> Result<HashMap<Org, KnownWorkflows>, StoreError> {
        let mut known: HashMap<Org, KnownWorkflows> = HashMap::new();
        for Taken { event, .. } in taken {
            let Some(set) = sets.get(&event.org) else { continue };
            let of_org = known.entry(event.org.clone()).or_default();
            for trigger in set.meaning(event) {
                let workflow = &trigger.row.workflow;
                if !of_org.contains_key(workflow) {
                    let found = self.definitions.workflow(&event.org, workflow).await?;
                    of_org.insert(workflow.clone(), found);
                }
            }
        }
        Ok(known)
    }

    async fn once(&self, events: &[Uuid]) -> Result<HashMap<Uuid, Vec<StartedRun>>, StoreError> {
        let (mut looking, taken) = self.store.look_at_events(events).await?;
        failpoint!("events-taken");
        let sets = self.sets(&mut looking, &taken).await?;
        let known = self.workflows(&sets, &taken).await?;
        let decided = apart(&mut looking, move || {
            let decided = piton_expressions::on_deep_stack(|room| {
                let nothing = KnownWorkflows::new();
                let decide = |taken: &Taken| match sets.get(&taken.event.org) {
                    Some(set) => decide(room, set, &taken.event, known.get(&taken.event.org).unwrap_or(&nothing)),
                    None => Decided::default(),
                };
                taken.iter().map(decide).collect::<Vec<_>>()
            });
            decided.map(|decided| (taken, decided))
        });
        let (taken, decided) = decided.await?.map_err(StoreError::busy("look_at_events"))?;
        let (mut runs, came) = self.write_up(&taken, decided);
        for run in &mut runs {
            run.placement = self.placing.place(run);
        }
        self.placing.set_aside(&mut runs).await;
        let written = self.write(looking, &runs, &came).await;
        // Also when nothing was written: what was taken for the runs is given back.
        let accepted =
            written.as_ref().map_or_else(|_| HashMap::new(), |runs| runs.iter().map(|run| (run.run, *run)).collect());
        self.metrics.runs_started.add(accepted.len() as u64);
        self.placing.hand_on(&runs, &accepted).await;
        written?;
        Ok(self.started(&taken, &came))
    }

    async fn write(&self, mut looking: Looking, runs: &[NewRun], came: &[CameOf]) -> Result<Vec<Accepted>, StoreError> {
        match written(&mut looking, runs, came).await {
            Ok(accepted) => looking.commit().await.map(|()| accepted),
            Err(error) => {
                // Postgres says what is wrong before it lets go: whoever looks next, at a part of them, would find them locked.
                looking.give_back().await;
                Err(error)
            }
        }
    }

    /// The runs, and what is written down of each match.
    fn write_up(&self, taken: &[Taken], decided: Vec<Decided>) -> (Vec<NewRun>, Vec<CameOf>) {
        let matches = decided.iter().map(|decided| decided.decisions.len()).sum();
        let mut ids = self.clock.in_order(matches).into_iter();
        let mut runs = Vec::new();
        let mut came = Vec::with_capacity(matches);
        for (Taken { event, .. }, decided) in taken.iter().zip(decided) {
            self.metrics.event_matches.at(Matched::Lacking).add(decided.lacking);
            for (decision, place) in decided.decisions.into_iter().zip(0..) {
                let trigger = &decision.trigger.row;
                let to = match decision.input {
                    Ok(input) => {
                        let id = piton_shared::ids::RunId::new(ids.next().expect("there is one for each match"));
                        runs.push(NewRun {
                            id,
                            org: event.org.clone(),
                            workflow: trigger.workflow.clone(),
                            queue: trigger.queue.clone(),
                            build: trigger.build.clone(),
                            session: None,
                            tags: vec![format!("event:{}", event.name)],
                            input,
                            trace: event.trace.clone(),
                            placement: Placement::Backlog,
                            not_before: None,
                            key: None,
                        });
                        CameTo::Started(id)
                    }
                    Err((reason, detail)) => CameTo::Refused { reason, detail },
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

    fn started(&self, taken: &[Taken], came: &[CameOf]) -> HashMap<Uuid, Vec<StartedRun>> {
        let mut started: HashMap<_, Vec<_>> = taken.iter().map(|taken| (taken.event.id, Vec::new())).collect();
        for came in came {
            match &came.to {
                CameTo::Started(run) => {
                    self.metrics.event_matches.at(Matched::Started).inc();
                    let run = StartedRun { run: *run, workflow: came.workflow.clone() };
                    started.entry(came.event).or_default().push(run);
                }
                CameTo::Refused { reason, .. } => {
                    self.metrics.event_matches.at(Matched::Refused).inc();
                    tracing::info!(event = %came.event, trigger = %came.trigger, workflow = came.workflow, reason = reason.as_str(), "a match started nothing");
                }
            }
        }
        started
    }
}

async fn written(looking: &mut Looking, runs: &[NewRun], came: &[CameOf]) -> Result<Vec<Accepted>, StoreError> {
    let mut accepted = Vec::with_capacity(runs.len());
    for some in runs.chunks(limits::COMMIT_ROWS) {
        accepted.extend(looking.start(some).await?);
    }
    if !came.is_empty() {
        looking.note(came).await?;
    }
    failpoint!("events-looked", Err(StoreError::busy("events-looked")(std::io::ErrorKind::Interrupted.into())));
    Ok(accepted)
}

/// Computes on a thread that may take its time, while the transaction of the look is kept: expressions of many triggers over
/// many events take longer than Postgres leaves it alone, and would take as long each time they are tried again.
async fn apart<T: Send + 'static>(
    looking: &mut Looking,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let mut working = tokio::task::spawn_blocking(work);
    let mut lost = None;
    let done = loop {
        tokio::select! {
            done = &mut working => break done,
            () = tokio::time::sleep(GOES_ON), if lost.is_none() => lost = looking.go_on().await.err(),
        }
    };
    match lost {
        Some(error) => Err(error),
        None => done.map_err(std::io::Error::other).map_err(StoreError::busy("look_at_events")),
    }
}

impl halve::Group for Looker {
    type Row = Uuid;
    type Outcome = Looked;

    async fn write(&self, events: &[Uuid]) -> Result<Vec<Looked>, StoreError> {
        let mut matched = self.once(events).await?;
        Ok(events.iter().map(|event| matched.remove(event).map_or(Looked::Elsewhere, Looked::Matched)).collect())
    }

    fn refused(&self, _: &Uuid, error: StoreError) -> Looked {
        Looked::Impossible(error.reason())
    }

    fn unknown(&self, events: &[Uuid], error: StoreError) -> Vec<Looked> {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            events = events.len(),
            "events were not matched; they are owed"
        );
        events.iter().map(|_| Looked::Owed).collect()
    }
}
