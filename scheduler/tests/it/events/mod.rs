//! Events: accepted once, matched once, whoever dies and whatever changes meanwhile.

mod binding;
#[cfg(feature = "failpoints")]
mod crashed;
mod declared;
mod fair;
mod forgotten;
mod impossible;
mod laborious;
mod migrated;
mod nats;
mod once;
mod redefined;
mod storm;
#[cfg(target_os = "linux")]
mod threadless;

use std::collections::BTreeMap;

use piton_scheduler::{
    event::{Matching, NewEvent, Origin, PublishedEvent},
    store::{Changed, EventOutcome, EventResult, Listens, NewTrigger, Source, TriggerState},
};
use piton_shared::{
    codec,
    name::Queue,
    trigger::{EventTrigger, InputRule},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    database::Database,
    making::{ORG, fresh, until},
};

pub(crate) fn event(name: &str, data: &Value) -> NewEvent {
    NewEvent {
        org: ORG,
        name: name.into(),
        id: None,
        keys: Vec::new(),
        data: codec::from_json(data).expect("it encodes"),
        origin: Origin::Published,
        occurred_at: None,
        envelope: None,
        trace: None,
    }
}

pub(crate) fn on(pattern: &str) -> Listens {
    Listens::Event(EventTrigger { pattern: pattern.into(), filter: None, input: InputRule::ByName })
}

pub(crate) fn new_trigger(workflow: &str, listens: Listens) -> NewTrigger {
    NewTrigger {
        id: fresh(),
        org: ORG,
        workflow: workflow.into(),
        source: Source::Made,
        listens,
        queue: Queue::DEFAULT,
        build: None,
        state: TriggerState::Active,
        created_at: None,
    }
}

/// Declares triggers on patterns beside a workflow.
pub(crate) async fn declare(db: &Database, workflow: &str, since: i64, patterns: &[&str]) {
    let triggers: Vec<_> = patterns.iter().map(|pattern| declared::declared(pattern)).collect();
    declared::declare(db, workflow, since, &triggers).await;
}

/// How many runs an event started at once; panics if it is owed.
pub(crate) fn runs(published: &PublishedEvent) -> usize {
    match &published.matching {
        Matching::Done(runs) => runs.len(),
        Matching::Owed => panic!("it is owed: {published:#?}"),
    }
}

impl Database {
    /// A trigger that somebody made.
    pub(crate) async fn trigger(&self, workflow: &str, pattern: &str) -> Uuid {
        self.listens(workflow, on(pattern)).await
    }

    pub(crate) async fn listens(&self, workflow: &str, listens: Listens) -> Uuid {
        let new = new_trigger(workflow, listens);
        let made = self.store.trigger_create(&new, 1000).await.expect("it is made");
        assert!(matches!(made, Changed::Done(_)), "{made:?}");
        new.id
    }

    /// What came of an event, once it is matched: the workflow of each run, or `workflow reason`.
    pub(crate) async fn came_of(&self, event: Uuid) -> Vec<String> {
        until(async || matches!(self.outcome(event).await, EventOutcome::Matched(_))).await;
        let EventOutcome::Matched(results) = self.outcome(event).await else { unreachable!("it is matched") };
        let words = |result| match result {
            EventResult::Started { workflow, .. } => workflow,
            EventResult::Refused { workflow, reason, .. } => {
                format!("{} {}", workflow.unwrap_or_default(), reason.as_str())
            }
        };
        results.into_iter().map(words).collect()
    }

    async fn outcome(&self, event: Uuid) -> EventOutcome {
        let found = self.store.event_came_to(&[event]).await.expect("it is read");
        found.get(&event).cloned().expect("it was asked for")
    }

    /// Runs by workflow.
    pub(crate) async fn runs_by_workflow(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = sqlx::query_as(include_str!("../sql/runs_by_workflow.sql"))
            .fetch_all(&self.pool)
            .await
            .expect("they are counted");
        rows.into_iter().collect()
    }

    /// Rows in the debt.
    pub(crate) async fn owed(&self) -> i64 {
        sqlx::query_scalar(include_str!("../sql/owed_events.sql")).fetch_one(&self.pool).await.expect("it is counted")
    }
}
