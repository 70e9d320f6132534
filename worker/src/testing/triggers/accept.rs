//! Takes an event, once, and runs what it starts.

use std::{collections::BTreeMap, sync::Arc};

use piton_expressions::{Decided, Facts, Seen, decide, on_deep_stack};
use piton_shared::{
    limits::{CALLER_KEY_BYTES, DEDUPE_WINDOW},
    time::Timestamp,
    trigger::{Brought, Provider, check_name},
};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    declared::Declared,
    error::PublishError,
    published::{Came, Novelty, Published, Refused},
    rfc3339,
};
use crate::{
    RegisteredWorkflow,
    testing::{
        TestEngine,
        drive::{Asked, drive},
        fault::Faults,
    },
};

/// An event that came through a door.
#[derive(Debug)]
pub(super) struct Coming {
    pub(super) name: String,
    /// Its publisher's id of it.
    pub(super) id: Option<String>,
    /// More by which a repeated one is known: of a webhook, what its provider says of the delivery.
    pub(super) keys: Vec<String>,
    pub(super) data: Value,
    /// Whose webhook brought it, and to which endpoint.
    pub(super) brought: Option<(Provider, String)>,
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) envelope: Option<Value>,
}

/// What was published to an engine, by what a repetition is known by.
#[derive(Debug, Default)]
pub(in crate::testing) struct Events {
    known: BTreeMap<Key, Known>,
    count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Said by its publisher.
    Given(String),
    /// Read from a delivery.
    Delivered(String),
}

/// An event that was accepted. Who publishes it again while its runs are executed waits for them.
#[derive(Debug, Clone)]
struct Known {
    accepted_at: Timestamp,
    came: Arc<OnceCell<Arc<Came>>>,
}

impl Events {
    /// The next number, for ids.
    pub(super) fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// The event that one of these keys is known of, or a new one under all of them.
    fn know(&mut self, keys: Vec<Key>, now: Timestamp) -> (Novelty, Known) {
        let fresh = |known: &&Known| now.since(known.accepted_at) < DEDUPE_WINDOW;
        if let Some(known) = keys.iter().find_map(|key| self.known.get(key).filter(fresh)) {
            return (Novelty::Repeated, known.clone());
        }
        let known = Known { accepted_at: now, came: Arc::default() };
        self.known.extend(keys.into_iter().map(|key| (key, known.clone())));
        (Novelty::New, known)
    }
}

pub(super) async fn accept(engine: &TestEngine, coming: Coming) -> Result<Published, PublishError> {
    engine.check();
    check_name(&coming.name).map_err(|wrong| PublishError::Name { name: coming.name.clone(), wrong })?;
    let good = |id: &String| (1..=CALLER_KEY_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
    if !coming.id.as_ref().is_none_or(good) {
        return Err(PublishError::Id);
    }
    let declared = Declared::of(engine.registry())?;
    let now = engine.now();
    let (novelty, known, own_id) = {
        let mut events = engine.events.lock();
        let given = coming.id.iter().cloned().map(Key::Given);
        let keys = given.chain(coming.keys.iter().cloned().map(Key::Delivered)).collect();
        let (novelty, known) = events.know(keys, now);
        (novelty, known, format!("event-{}", events.next()))
    };
    let id = coming.id.clone().unwrap_or(own_id);
    // Decided anew only if whoever was at it was dropped in the middle.
    let came = known.came.get_or_try_init(async || {
        let decided = decided(&declared, &coming, &id, now)?;
        Ok(Arc::new(run(engine, coming, id, decided, now).await))
    });
    Ok(Published { novelty, came: Arc::clone(came.await?) })
}

fn decided(
    declared: &Declared,
    coming: &Coming,
    id: &str,
    now: Timestamp,
) -> Result<Decided<RegisteredWorkflow>, PublishError> {
    let brought = coming.brought.as_ref().map(|(provider, endpoint)| Brought { provider: *provider, endpoint });
    let facts = Facts {
        id,
        name: &coming.name,
        data: coming.data.clone(),
        provider: brought.map(|brought| brought.provider),
        origin: if brought.is_some() { "webhook" } else { "published" },
        time: rfc3339(coming.occurred_at.unwrap_or(now)),
        envelope: coming.envelope.clone(),
    };
    let deciding = |room: &_| decide(&Seen::new(room, facts), declared.meaning(&coming.name, brought));
    on_deep_stack(deciding).map_err(|_| PublishError::Busy)
}

/// Runs what was decided: all of it from one moment on.
async fn run(
    engine: &TestEngine,
    coming: Coming,
    id: String,
    decided: Decided<RegisteredWorkflow>,
    now: Timestamp,
) -> Came {
    let (mut asked, mut refused) = (Vec::new(), Vec::new());
    for decision in decided.decisions {
        let workflow = decision.trigger;
        match decision.input {
            Ok(input) => {
                let (run_id, seed) = engine.next_run();
                let (tags, faults) = (vec![format!("event:{}", coming.name)], Faults::default());
                asked.push(Asked { run_id, workflow, input, seed, tags, session: None, started_at: now, faults });
            }
            Err(refusal) => {
                let workflow = workflow.name().to_owned();
                refused.push(Refused { workflow, reason: refusal.to_string() });
            }
        }
    }
    let mut runs = Vec::with_capacity(asked.len());
    for asked in asked {
        let workflow = asked.workflow.name().to_owned();
        let driven = drive(engine, asked).await;
        engine.ended_at(driven.story.ended_at());
        runs.push((workflow, driven));
    }
    Came { id, name: coming.name, accepted_at: now, runs, refused, lacking: decided.lacking }
}
