//! A turn of matching: what events come to is computed for a while, and written once for each of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use piton_shared::{limits, name::Org};
use piton_telemetry::metrics::{Matched as MatchedAs, SchedulerMetrics, Swept};
use uuid::Uuid;

use super::{
    StartedRun,
    slice::{Begun, Computed, Job, Knowledge, Sliced, slice},
    turns::{Left, Turn},
    write::Writing,
};
use crate::{
    definition::{AsOf, Definitions},
    gather::pieces,
    halve::halving,
    intake::{Placing, RunClock},
    store::{EventRow, Fault, OwedEvent, Store, StoreError},
    trigger::{Deciding, KnownWorkflows, TriggerSet},
};

/// How long sweeps leave an event alone whose matching goes on.
pub const KEPT: Duration = Duration::from_secs(5);
/// How often an event is computed anew because triggers or definitions have changed meanwhile. Then what was last computed is
/// written: those were in force after the event had been accepted.
pub(super) const OVERTAKEN: u32 = 3;

/// Matches events with triggers. Cheap to clone; clones share the triggers that they know.
#[derive(Clone)]
pub struct Looker {
    pub(super) store: Store,
    pub(super) placing: Placing,
    definitions: Definitions,
    pub(super) clock: RunClock,
    sets: Arc<Mutex<HashMap<Org, Arc<TriggerSet>>>>,
    pub(super) metrics: SchedulerMetrics,
}

/// What writing an event's outcome came to.
#[derive(Debug, Clone)]
pub(super) enum Looked {
    /// It is matched, and this is committed.
    Matched(Vec<StartedRun>),
    /// Triggers or definitions have changed: it has to be computed anew.
    Changed,
    /// Another scheduler is at it, or has matched it.
    Elsewhere,
    /// It is still owed.
    Owed,
    /// It is still owed, and it is our fault that it cannot be written.
    Failed,
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

    /// Matches events for as long as a turn takes; says what is left to be matched.
    pub(super) async fn turn(&self, turn: Turn<Job>) -> Left<Job> {
        let Turn { orgs, mut jobs } = turn;
        let nothing = |orgs| Left { orgs, jobs: Vec::new(), slow: None };
        if let Err(error) = self.begin(&mut jobs).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "failed to read events; they are owed");
            return nothing(orgs);
        }
        if jobs.is_empty() {
            return nothing(orgs);
        }
        let slicing = move || piton_expressions::on_deep_stack(|room| slice(room, jobs, limits::MATCHING_TURN));
        let sliced = match tokio::task::spawn_blocking(slicing).await {
            Ok(Ok(sliced)) => sliced,
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to start a thread for expressions; the events are owed");
                return nothing(orgs);
            }
            Err(error) => {
                tracing::error!(%error, "failed to match events; they are owed");
                return nothing(orgs);
            }
        };
        let Sliced { computed, mut left, slow, failed, busy } = sliced;
        if !busy.is_empty() {
            tracing::warn!(events = busy.len(), "no thread is left to read expressions on; the events are owed");
        }
        for event in failed {
            tracing::error!(%event, "matching an event panicked, which is a fault of Piton; it is tried again later");
            self.put_off(event).await;
        }
        left.extend(self.settle(computed).await);
        self.keep(&mut left).await;
        Left { orgs, jobs: left, slow }
    }

    /// Reads what is needed to match events that have not begun; those that are not owed any more are dropped. What this
    /// version of Piton cannot read keeps only the events back that need it.
    async fn begin(&self, jobs: &mut Vec<(Org, Job)>) -> Result<(), StoreError> {
        match self.read(jobs).await {
            Err(error) if error.fault() == Fault::Bug => {
                for one in jobs.iter_mut() {
                    match self.read(std::slice::from_mut(one)).await {
                        Ok(()) => {}
                        Err(error) if error.fault() == Fault::Bug => {
                            let (org, event) = (&one.0, one.1.event);
                            tracing::error!(%event, %org, error = &error as &dyn std::error::Error, "an event cannot be matched, since what it needs cannot be read; it is tried again later");
                            self.put_off(event).await;
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
            read => read?,
        }
        jobs.retain(|(_, job)| job.begun.is_some());
        Ok(())
    }

    async fn read(&self, jobs: &mut [(Org, Job)]) -> Result<(), StoreError> {
        let fresh: Vec<_> = jobs.iter().filter(|(_, job)| job.begun.is_none()).map(|(_, job)| job.event).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let owed = self.store.unmatched_read(&fresh).await?;
        let sets = self.sets(&owed).await?;
        let mut owed: HashMap<Uuid, EventRow> = owed.into_iter().map(|owed| (owed.event.id, owed.event)).collect();
        let mut known = HashMap::new();
        for (org, job) in jobs {
            if job.begun.is_some() {
                continue;
            }
            let (Some(event), Some(set)) = (owed.remove(&job.event), sets.get(org)) else { continue };
            let as_of = AsOf {
                version: set.version(),
                asked_since: match job.knowledge {
                    Knowledge::Remembered => None,
                    Knowledge::ReadSince => Some(job.since),
                },
            };
            let known = self.workflows(&mut known, org, set, &event, as_of).await?;
            let (set, version) = (Arc::clone(set), set.version());
            job.begun = Some(Begun { event, version, set, known, deciding: Deciding::default(), kept: Instant::now() });
        }
        Ok(())
    }

    /// The triggers of each org: those that are known, where their version is the one that was seen or a later one.
    async fn sets(&self, owed: &[OwedEvent]) -> Result<HashMap<Org, Arc<TriggerSet>>, StoreError> {
        let mut sets = HashMap::new();
        let mut unknown = BTreeSet::new();
        for OwedEvent { event, version } in owed {
            let known = self.sets.lock().get(&event.org).cloned();
            match known.filter(|set| set.version() >= *version) {
                Some(set) => drop(sets.insert(event.org.clone(), set)),
                None => drop(unknown.insert(event.org.to_string())),
            }
        }
        if unknown.is_empty() {
            return Ok(sets);
        }
        for org in self.store.triggers_active(&unknown.into_iter().collect::<Vec<_>>()).await? {
            let Ok(name) = Org::new(org.org.clone()) else { continue };
            let before = self.sets.lock().get(&name).cloned();
            let set = Arc::new(TriggerSet::new(org, before.as_deref()));
            let mut known = self.sets.lock();
            if known.get(&name).is_none_or(|known| known.version() < set.version()) {
                known.insert(name.clone(), Arc::clone(&set));
            }
            sets.insert(name, set);
        }
        Ok(sets)
    }

    /// What is known of the workflows that an event may start. Events of a turn that may start the same share it.
    async fn workflows(
        &self,
        shared: &mut HashMap<(Org, AsOf), Arc<KnownWorkflows>>,
        org: &Org,
        set: &TriggerSet,
        event: &EventRow,
        as_of: AsOf,
    ) -> Result<Arc<KnownWorkflows>, StoreError> {
        let of_org = shared.entry((org.clone(), as_of)).or_default();
        for trigger in set.meaning(event) {
            let workflow = &trigger.row.workflow;
            if !of_org.contains_key(workflow) {
                let found = self.definitions.workflow_as_of(org, workflow, as_of).await?;
                Arc::make_mut(of_org).insert(workflow.clone(), found);
            }
        }
        Ok(Arc::clone(of_org))
    }

    /// Writes what events came to and tells those who wait; says which have to be computed anew.
    async fn settle(&self, computed: Vec<Computed>) -> Vec<(Org, Job)> {
        let (doubtful, computed): (Vec<_>, Vec<_>) = computed.into_iter().partition(Computed::is_doubtful);
        let mut anew: Vec<_> = doubtful
            .into_iter()
            .map(|Computed { org, job, .. }| (org, Job { knowledge: Knowledge::ReadSince, ..job }))
            .collect();
        let mut looked = Vec::with_capacity(computed.len());
        for piece in pieces(&computed, limits::COMMIT_ROWS / 2, Computed::weight) {
            looked.extend(halving(&Writing { looker: self }, piece).await);
        }
        let mut swept = 0;
        for (Computed { mut job, org, .. }, looked) in computed.into_iter().zip(looked) {
            match looked {
                Looked::Matched(runs) => match job.reply.take() {
                    // One who went away has published all the same.
                    Some(reply) => drop(reply.send(runs)),
                    None => swept += 1,
                },
                Looked::Changed => anew.push((org, Job { overtaken: job.overtaken + 1, ..job })),
                Looked::Elsewhere | Looked::Owed => {}
                Looked::Failed => self.put_off(job.event).await,
                Looked::Impossible(why) => self.give_up(job, &why).await,
            }
        }
        if swept > 0 {
            tracing::info!(events = swept, "matched events whose matching was owed");
            self.metrics.swept.at(Swept::EventsMatched).add(swept);
        }
        anew
    }

    async fn give_up(&self, job: Job, why: &str) {
        let event = job.event;
        // Why is said by the record: it may quote what was published.
        tracing::warn!(%event, "what an event comes to cannot be written; it is given up");
        match self.store.unmatched_drop(event, why).await {
            Ok(Some(_)) => drop(job.reply.map(|reply| reply.send(Vec::new()))),
            // Another scheduler has come to it since.
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "failed to give up an event; it stays owed"),
        }
    }

    async fn put_off(&self, event: Uuid) {
        if let Err(error) = self.store.unmatched_put_off(event).await {
            tracing::warn!(%event, %error, "failed to put off an event; the next sweep tries it again");
        }
    }

    /// Keeps sweeps away from what goes on in a later turn.
    async fn keep(&self, left: &mut [(Org, Job)]) {
        let begun = left.iter_mut().filter_map(|(_, job)| job.begun.as_mut());
        let long: Vec<_> = begun.filter(|begun| begun.kept.elapsed() > KEPT / 10).collect();
        if long.is_empty() {
            return;
        }
        let events: Vec<_> = long.iter().map(|begun| begun.event.id).collect();
        if let Err(error) = self.store.unmatched_keep(&events, KEPT).await {
            // Another scheduler may compute it too; one of them writes it.
            tracing::debug!(%error, "failed to keep sweeps away from events that are being matched");
        }
        for begun in long {
            begun.kept = Instant::now();
        }
    }

    /// Counts what was committed, and what started nothing.
    pub(super) fn count(&self, runs: usize, refused: usize, lacking: u64) {
        self.metrics.event_matches.at(MatchedAs::Started).add(runs as u64);
        self.metrics.event_matches.at(MatchedAs::Refused).add(refused as u64);
        self.metrics.event_matches.at(MatchedAs::Lacking).add(lacking);
    }
}
