//! Where calls get their keys: one scope for the run, one for each of its concurrent branches.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    call::{Call, Canonical, Road, SleepCall, StepCall, StepOptions},
    core::Core,
    derive::{self, Purpose},
    durable::{Decode, Durable},
};
use crate::{
    codec::{self, DecodeError, EncodeError},
    journal::{Payload, StepKey},
    limits,
    name::check_definition,
    parked::Parked,
    text::cut,
    time::Timestamp,
};

/// Bytes of an error's text within a reason to park.
const MESSAGE_BYTES: usize = 1024;

/// A part of a workflow that counts its calls by itself. Cheap to clone; clones count together.
///
/// Nothing here fails or panics: what cannot be done (a name with `/`, a key that is too long, an input that cannot be
/// encoded) parks the run, and the future that comes back never ends.
#[derive(Clone)]
pub struct Scope {
    node: Arc<Node>,
}

struct Node {
    core: Arc<Core>,
    /// Empty at the top; ends in `/` elsewhere.
    path: Box<str>,
    /// Where the steps of this scope are executed.
    road: Road,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    names: HashMap<Cow<'static, str>, u64>,
    random: u64,
    uuids: u64,
}

impl Scope {
    pub(super) fn top(core: Arc<Core>) -> Self {
        Self::at(core, String::new(), Road::Here)
    }

    fn at(core: Arc<Core>, path: String, road: Road) -> Self {
        Self { node: Arc::new(Node { core, path: path.into_boxed_str(), road, counts: Mutex::default() }) }
    }

    /// A call of `function` under the name `name` (the function's own, or one given to this call).
    ///
    /// The input is encoded now; what `I` and `T` need to be is what the journal needs to compare and to answer.
    pub fn step<I, T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        function: impl Into<Cow<'static, str>>,
        input: &I,
        options: StepOptions,
    ) -> Durable<T>
    where
        I: Serialize + DeserializeOwned,
        T: DeserializeOwned,
    {
        let name = name.into();
        match codec::encode(input) {
            Ok(input) => {
                self.step_encoded(name, function, input, options, codec::canonical_as::<I>, codec::decode::<T>)
            }
            Err(error) => self.refused(&name, &error),
        }
    }

    /// A call that cannot be made, because its input cannot be journaled: parks the run and never ends.
    pub fn refused<T>(&self, name: &str, error: &EncodeError) -> Durable<T> {
        let error = cut(&error.to_string(), MESSAGE_BYTES);
        let name = cut(name, limits::NAME_BYTES);
        self.park_limit(format!("the input of `{}{name}` cannot be journaled: {error}", self.node.path));
        Durable::new(Arc::clone(&self.node.core), None, |_| Err(DecodeError::Truncated))
    }

    /// [`Scope::step`] for an input that is encoded already, and a result that `decode` reads.
    pub fn step_encoded<T>(
        &self,
        name: impl Into<Cow<'static, str>>,
        function: impl Into<Cow<'static, str>>,
        input: Payload,
        options: StepOptions,
        canonical: Canonical,
        decode: Decode<T>,
    ) -> Durable<T> {
        let call = self.key(name.into()).filter(|key| self.waits(key, &options)).map(|key| {
            Call::Step(StepCall { key, function: function.into(), input, options, canonical, road: self.road() })
        });
        Durable::new(Arc::clone(&self.node.core), call, decode)
    }

    /// A durable timer. Its name is `sleep` where the user gives none.
    pub fn sleep(&self, name: impl Into<Cow<'static, str>>, duration: Duration) -> Durable<()> {
        let name = name.into();
        let key = self.key(name.clone()).filter(|key| self.may_wait(key, "it", duration));
        let call = key.map(|key| Call::Sleep(SleepCall { key, name, duration }));
        Durable::new(Arc::clone(&self.node.core), call, |_| Ok(()))
    }

    /// A scope of its own for one use of a verb: `parallel#1/`, the next time `parallel#2/`.
    #[must_use]
    pub fn child(&self, label: impl Into<Cow<'static, str>>) -> Self {
        let key = self.key(label.into());
        self.below(key.as_ref(), self.road())
    }

    /// The same for calls beside each other: they, and those of all scopes within, are executed wherever there is room.
    #[must_use]
    pub fn fan_out(&self, label: impl Into<Cow<'static, str>>) -> Self {
        let key = self.key(label.into());
        self.below(key.as_ref(), Road::Away)
    }

    /// Where the steps of this scope are executed.
    pub fn road(&self) -> Road {
        self.node.road
    }

    /// A scope of its own for one branch, known by its label alone: `0/`, `left/`. A label that was used before in this
    /// scope gets a number (`left#2/`), so that keys stay unique.
    #[must_use]
    pub fn branch(&self, label: impl Into<Cow<'static, str>>) -> Self {
        let path = self.occurrence(label.into()).and_then(|(label, occurrence)| {
            let label = if occurrence == 1 { label.into_owned() } else { format!("{label}#{occurrence}") };
            self.bounded(format!("{}{label}/", self.node.path))
        });
        self.within(path, self.road())
    }

    /// The scope of the calls that are part of this one.
    pub(super) fn below(&self, key: Option<&StepKey>, road: Road) -> Self {
        self.within(key.map(|key| format!("{key}/")), road)
    }

    /// Without a path the run is parked, and it does not matter what the scope is called.
    fn within(&self, path: Option<String>, road: Road) -> Self {
        Self::at(Arc::clone(&self.node.core), path.unwrap_or_default(), self.road().or(road))
    }

    /// The scope's path: empty at the top, ending in `/` elsewhere.
    pub fn path(&self) -> &str {
        &self.node.path
    }

    /// The time of the last delivered result, or when the run began. Never goes back.
    pub fn now(&self) -> Timestamp {
        self.node.core.ledger().now
    }

    /// A random number from 0 up to, but never, 1: the same at every replay.
    pub fn random(&self) -> f64 {
        derive::fraction(self.draw(Purpose::Random))
    }

    /// 32 random bytes, the same at every replay: the seed of a larger generator.
    pub fn random_bytes(&self) -> [u8; 32] {
        self.draw(Purpose::Random)
    }

    /// A random UUID, the same at every replay.
    pub fn uuid(&self) -> Uuid {
        derive::uuid(self.draw(Purpose::Uuid))
    }

    fn draw(&self, purpose: Purpose) -> [u8; 32] {
        self.node.core.in_turn();
        self.node.core.is_prompted();
        let number = {
            let mut counts = self.node.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let counter = match purpose {
                Purpose::Random => &mut counts.random,
                Purpose::Uuid => &mut counts.uuids,
            };
            *counter += 1;
            *counter
        };
        derive::bytes(self.node.core.seed, purpose, &self.node.path, number)
    }

    /// True while the workflow is told what an earlier attempt was told: what it logs now was logged before.
    pub fn is_replaying(&self) -> bool {
        self.node.core.ledger().replaying
    }

    /// When somebody asked that the run be cancelled, if it was.
    pub fn cancelled(&self) -> Option<Timestamp> {
        self.node.core.ledger().cancelled
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.node.core
    }

    pub(super) fn key(&self, name: Cow<'static, str>) -> Option<StepKey> {
        let (name, occurrence) = self.occurrence(name)?;
        self.bounded(format!("{}{name}#{occurrence}", self.node.path)).map(StepKey::new)
    }

    fn occurrence(&self, name: Cow<'static, str>) -> Option<(Cow<'static, str>, u64)> {
        if !self.node.core.in_turn() || self.node.core.is_prompted() {
            return None;
        }
        if let Err(error) = check_definition(&name) {
            self.park_limit(format!("a call in `/{}` has a name that is refused: {error}", self.node.path));
            return None;
        }
        let mut counts = self.node.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.names.entry(name.clone()).or_default();
        *count += 1;
        Some((name, *count))
    }

    /// Whether the times in a call's options are within [`limits::WAIT`]; if not, the run is parked.
    pub(super) fn waits(&self, key: &StepKey, options: &StepOptions) -> bool {
        let retry = options.retry.as_ref();
        [
            ("its timeout", options.timeout),
            ("the timeout of a try", options.try_timeout),
            ("its first delay before another try", retry.map(|policy| policy.initial)),
            ("its longest delay before another try", retry.map(|policy| policy.max_delay)),
            ("the time for its tries", retry.and_then(|policy| policy.max_elapsed)),
        ]
        .into_iter()
        .all(|(what, duration)| duration.is_none_or(|duration| self.may_wait(key, what, duration)))
    }

    fn may_wait(&self, key: &StepKey, what: &str, duration: Duration) -> bool {
        let may = duration <= limits::WAIT;
        if !may {
            let most = limits::WAIT.as_secs();
            self.park_limit(format!(
                "`{key}` cannot wait so long: {what} is {duration:?}, and {most}s (ten years) is the most"
            ));
        }
        may
    }

    fn bounded(&self, key: String) -> Option<String> {
        if key.len() <= limits::STEP_KEY_BYTES {
            return Some(key);
        }
        let shown = cut(&key, limits::NAME_BYTES);
        self.park_limit(format!(
            "a step key may have {} bytes: nest fewer scopes or give shorter names, this one is `{shown}`",
            limits::STEP_KEY_BYTES
        ));
        None
    }

    /// Parks the run: for what a verb finds that no error could mend.
    pub fn park(&self, reason: Parked) {
        if self.node.core.in_turn() {
            self.node.core.ledger().park(reason);
        }
    }

    pub(super) fn park_limit(&self, message: String) {
        self.node.core.ledger().park_limit(message);
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.path()).finish()
    }
}
