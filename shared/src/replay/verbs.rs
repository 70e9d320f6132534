//! What a scope offers besides steps and timers.

use std::{borrow::Cow, sync::Arc};

use super::{
    batch::{Batched, ItemSource},
    call::{Access, BatchCall, Call, RaceCall, Road, StateCall},
    durable::{Decode, Durable},
    fetch::Fetching,
    scope::Scope,
    state::{Compute, Updated},
};
use crate::{
    codec,
    journal::StepKey,
    limits,
    message::{batch::BatchTerms, state::StateScope},
    text::cut,
};

/// One race: its branches run in a scope of its own, and the winner is pinned under the race's key.
#[derive(Debug)]
#[must_use = "nothing is pinned until there is a winner"]
pub struct Race {
    outer: Scope,
    inner: Scope,
    key: Option<StepKey>,
    name: Cow<'static, str>,
}

impl Race {
    /// The scope of its branches.
    pub fn scope(&self) -> &Scope {
        &self.inner
    }

    /// Pins which branch was first, from 0. In a replay another winner than the recorded one parks the run.
    ///
    /// The losers should be gone by then, so that no function begins that nobody waits for.
    pub fn pin(self, winner: u32) -> Durable<u32> {
        let Self { outer, key, name, .. } = self;
        let call = key.map(|key| Call::Race(RaceCall { key, name, winner }));
        Durable::new(Arc::clone(outer.core()), call, codec::decode::<u32>)
    }
}

impl Scope {
    /// A race under this name. `road` says where the steps of its branches are executed.
    pub fn race(&self, name: impl Into<Cow<'static, str>>, road: Road) -> Race {
        let name = name.into();
        let key = self.key(name.clone());
        let inner = self.below(key.as_ref(), road);
        Race { outer: self.clone(), inner, key, name }
    }

    /// A batch under this name. Its items are taken from `source` as they are wanted.
    pub fn batch(&self, name: impl Into<Cow<'static, str>>, terms: BatchTerms, source: ItemSource) -> Batched {
        let key = self.key(name.into()).filter(|key| self.waits(key, &terms.item));
        let call = key.map(|key| Call::Batch(BatchCall { key, terms }));
        Batched::new(Arc::clone(self.core()), call, source)
    }

    /// A page of the results of a batch that has ended, from the item after `after` on.
    pub fn fetch(&self, batch: StepKey, after: u32) -> Fetching {
        Fetching::new(Arc::clone(self.core()), batch, after)
    }

    /// Reads or writes state. `decode` reads what stands in the row that answers it; see [`codec::unversioned`].
    pub fn state<T>(&self, scope: StateScope, of: impl Into<String>, access: Access, decode: Decode<T>) -> Durable<T> {
        let call = self.state_call(scope, of.into(), access);
        Durable::new(Arc::clone(self.core()), call, decode)
    }

    /// Computes state anew from what stands there. `decode` reads what stands in the row that answers it.
    pub fn update<T>(
        &self,
        scope: StateScope,
        of: impl Into<String>,
        compute: Compute,
        decode: Decode<T>,
    ) -> Updated<T> {
        let call = self.state_call(scope, of.into(), Access::Update);
        Updated::new(Arc::clone(self.core()), call, compute, decode)
    }

    fn state_call(&self, scope: StateScope, of: String, access: Access) -> Option<Call> {
        if of.is_empty() || of.len() > limits::STATE_NAME_BYTES {
            self.park_limit(format!(
                "the name of a value of state has 1 to {} bytes, `{}` has {}",
                limits::STATE_NAME_BYTES,
                cut(&of, limits::NAME_BYTES),
                of.len()
            ));
            return None;
        }
        if of.contains('\0') {
            self.park_limit(format!(
                "`{}` in `/{}` names a value of state `{}`: a name may not hold NUL, which Postgres cannot keep",
                access.label(),
                self.path(),
                of.escape_debug()
            ));
            return None;
        }
        let name = Cow::Borrowed(access.word());
        let key = self.key(Cow::Borrowed(access.label()))?;
        Some(Call::State(StateCall { key, name, scope, of, access }))
    }
}

impl Access {
    /// What the row is called.
    fn word(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set(Some(_)) | Self::SetIf { value: Some(_), .. } => "set",
            Self::Set(None) | Self::SetIf { value: None, .. } => "delete",
            Self::Update => "update",
        }
    }

    /// What its key is made of: functions are rarely called so.
    fn label(&self) -> &'static str {
        match self {
            Self::Get => "state.get",
            Self::Set(Some(_)) | Self::SetIf { value: Some(_), .. } => "state.set",
            Self::Set(None) | Self::SetIf { value: None, .. } => "state.delete",
            Self::Update => "state.update",
        }
    }
}
