//! What is known of a definition, for the doors that start runs of it.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use piton_shared::{
    limits,
    message::define::{DefinitionKind, Parameter},
    name::{Build, Org},
};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::form::Form;
use crate::{
    api::FieldError,
    store::{BuildRow, Store, StoreError, schedule::LockedSchedules},
};

/// How old what is known may be. What this scheduler itself was told is known at once.
const MEMORY: Duration = Duration::from_secs(2);
/// Definitions remembered at once; of more, each is read when it is asked for.
const REMEMBERED: usize = 1024;

/// What workers have said. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Definitions {
    store: Store,
    known: Arc<Mutex<HashMap<Key, Entry>>>,
}

type Key = (Org, DefinitionKind, String);

/// How new what is known has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AsOf {
    /// Read when the org's triggers and definitions had this version, or a later one.
    pub version: i64,
    /// Read after this moment; none for whatever is remembered.
    pub asked_since: Option<Instant>,
}

impl AsOf {
    const REMEMBERED: Self = Self { version: 0, asked_since: None };
}

/// What the database said: one asks it, and those who come meanwhile wait for the same answer.
type Answer = Arc<OnceCell<Option<Arc<Known>>>>;

struct Entry {
    asked: Instant,
    /// The org had this version, or a later one, when it was asked.
    version: i64,
    answer: Answer,
    /// What was known before: most often it is still so, and compiled.
    before: Option<Arc<Known>>,
}

impl Definitions {
    /// Knows nothing yet.
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The same, read over another store's connections; what one of them has read the other knows.
    pub(crate) fn over(&self, store: Store) -> Self {
        Self { store, known: Arc::clone(&self.known) }
    }

    /// A workflow of an org; none while no worker has said anything of it. At most a moment old.
    pub async fn workflow(&self, org: &Org, name: &str) -> Result<Option<Arc<Known>>, StoreError> {
        self.find(org, DefinitionKind::Workflow, name, AsOf::REMEMBERED).await
    }

    /// The same, and at least as new as is asked for.
    pub async fn workflow_as_of(&self, org: &Org, name: &str, as_of: AsOf) -> Result<Option<Arc<Known>>, StoreError> {
        self.find(org, DefinitionKind::Workflow, name, as_of).await
    }

    /// As [`Definitions::workflow`], for one who fires schedules: who holds their locks reads on the connection that has them.
    pub(crate) async fn workflow_for(
        &self,
        locked: &mut LockedSchedules,
        org: &Org,
        name: &str,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        let kind = DefinitionKind::Workflow;
        let (answer, before) = self.entry(org, kind, name, AsOf::REMEMBERED);
        if let Some(known) = answer.get() {
            return Ok(known.clone());
        }
        let rows = locked.definition_builds(org, kind, name, limits::DEFINITION_BUILDS).await?;
        let known = Known::of(rows, before);
        // A start may have asked meanwhile: its answer is as good.
        drop(answer.set(known.clone()));
        Ok(known)
    }

    /// A function of an org; none while no worker has said anything of it. At most a moment old.
    pub async fn function(&self, org: &Org, name: &str) -> Result<Option<Arc<Known>>, StoreError> {
        self.find(org, DefinitionKind::Function, name, AsOf::REMEMBERED).await
    }

    /// Looks anew when it is asked for next.
    pub(super) fn forget(&self, org: &Org, kind: DefinitionKind, name: &str) {
        self.known.lock().remove(&(org.clone(), kind, name.to_owned()));
    }

    async fn find(
        &self,
        org: &Org,
        kind: DefinitionKind,
        name: &str,
        as_of: AsOf,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        let (answer, before) = self.entry(org, kind, name, as_of);
        let read = async || {
            let rows = self.store.definition_builds(org, kind, name, limits::DEFINITION_BUILDS).await?;
            Ok(Known::of(rows, before))
        };
        answer.get_or_try_init(read).await.cloned()
    }

    fn entry(&self, org: &Org, kind: DefinitionKind, name: &str, as_of: AsOf) -> (Answer, Option<Arc<Known>>) {
        let mut known = self.known.lock();
        let key = (org.clone(), kind, name.to_owned());
        let mut before = None;
        let mut version = as_of.version;
        if let Some(entry) = known.get(&key) {
            let new_enough =
                entry.version >= as_of.version && as_of.asked_since.is_none_or(|since| entry.asked >= since);
            version = version.max(entry.version);
            if entry.asked.elapsed() < MEMORY && new_enough {
                return (Arc::clone(&entry.answer), entry.before.clone());
            }
            before = entry.answer.get().cloned().flatten().or_else(|| entry.before.clone());
        } else if known.len() >= REMEMBERED {
            known.retain(|_, entry| entry.asked.elapsed() < MEMORY);
        }
        let answer = Answer::default();
        if known.len() < REMEMBERED || known.contains_key(&key) {
            let entry = Entry { asked: Instant::now(), version, answer: Arc::clone(&answer), before: before.clone() };
            known.insert(key, entry);
        }
        (answer, before)
    }
}

/// What is known of a workflow, or of a function.
#[derive(Debug)]
pub struct Known {
    /// Its inputs, as the build that counts has them.
    pub parameters: Vec<Parameter>,
    /// The one that counts first.
    builds: Vec<KnownBuild>,
}

#[derive(Debug)]
struct KnownBuild {
    build: String,
    standing: Standing,
    schema: String,
    /// None: it says nothing, or cannot be compiled by this version.
    form: OnceLock<Option<Form>>,
}

/// Whether runs may come to a build that ask for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is the one that counts, or a live worker has it.
    Current,
    /// Others have replaced it.
    Past,
}

impl Known {
    fn of(rows: Vec<BuildRow>, before: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let parameters = rows.first()?.definition.parameters.clone();
        let same = |known: &Arc<Self>| {
            known.parameters == parameters
                && known.builds.len() == rows.len()
                && known.builds.iter().zip(&rows).enumerate().all(|(place, (known, row))| {
                    known.build == row.build
                        && known.schema == row.definition.input_schema
                        && known.standing == standing(place, row)
                })
        };
        if let Some(known) = before.filter(same) {
            return Some(known);
        }
        let builds = rows.into_iter().enumerate().map(|(place, row)| KnownBuild {
            standing: standing(place, &row),
            build: row.build,
            schema: row.definition.input_schema,
            form: OnceLock::new(),
        });
        Some(Arc::new(Self { parameters, builds: builds.collect() }))
    }

    /// What is wrong with an input, each fault at its JSON pointer within the input; nothing if a run of it can begin.
    ///
    /// With a build it is that build's schema that counts. Without one the run may come to any worker: it is refused only
    /// if every current build refuses it, and the faults are those that the first finds.
    pub fn check(&self, build: Option<&Build>, input: &Value) -> Vec<FieldError> {
        let Some(build) = build else {
            let mut current = self.builds.iter().filter(|build| build.standing == Standing::Current);
            let faults = current.next().map(|first| first.faults(input)).unwrap_or_default();
            let elsewhere = !faults.is_empty() && current.any(|other| other.faults(input).is_empty());
            return if elsewhere { Vec::new() } else { faults };
        };
        let asked = self.builds.iter().find(|known| known.build == build.as_str());
        asked.map(|known| known.faults(input)).unwrap_or_default()
    }
}

fn standing(place: usize, row: &BuildRow) -> Standing {
    if place == 0 || row.definition.workers > 0 { Standing::Current } else { Standing::Past }
}

impl KnownBuild {
    fn faults(&self, input: &Value) -> Vec<FieldError> {
        let form = self.form.get_or_init(|| (self.schema != "true").then(|| Form::read(&self.schema).ok()).flatten());
        form.as_ref().map(|form| form.faults(input)).unwrap_or_default()
    }
}
