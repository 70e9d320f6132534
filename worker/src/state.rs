//! State that outlives a step: of the run, and of its session.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use piton_shared::{
    codec::{self, DecodeError, EncodeError},
    failure::StepError,
    journal::Payload,
    message::state::StateScope,
    replay::{Access, Durable, Scope, Uncomputed, Updated},
};
use serde::Serialize;

use crate::{WorkflowContext, definition::Journaled};

/// A value that can be written to state: whatever serde can write, owned or borrowed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as state",
    label = "not a value that serde can write",
    note = "what is kept derives `serde::Serialize`, and `serde::Deserialize` to be read again"
)]
pub trait Writable {
    #[doc(hidden)]
    fn encode(&self) -> Result<Payload, EncodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> Writable for T {
    fn encode(&self) -> Result<Payload, EncodeError> {
        codec::encode(self)
    }
}

impl WorkflowContext {
    /// State of this run: gone when the run ends.
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[workflow]
    /// async fn phases(ctx: &WorkflowContext) -> Result<String> {
    ///     ctx.state().set("phase", "started").await?;
    ///     Ok(ctx.state().get_or("phase", String::new()).await?)
    /// }
    /// ```
    pub fn state(&self) -> State {
        State { scope: self.scope().clone(), whose: StateScope::Run }
    }

    /// State of the session, shared by all runs that were started with the same session id. A run that was started
    /// without one is a session of its own.
    ///
    /// Other runs may write at any time: what is computed from what stands there belongs into
    /// [`update`](State::update).
    ///
    /// ```
    /// use piton::prelude::*;
    ///
    /// #[workflow]
    /// async fn visit(ctx: &WorkflowContext) -> Result<u64> {
    ///     Ok(ctx.session().update("visits", |visits: Option<u64>| visits.unwrap_or(0) + 1).await?)
    /// }
    /// ```
    pub fn session(&self) -> State {
        State { scope: self.scope().clone(), whose: StateScope::Session }
    }
}

/// Named values of a run or a session. Each read and each write is a row of the journal: a replay sees what was seen.
///
/// Names are any text of 1 to 256 bytes; any other parks the run, and so does a value that today's type cannot read. The
/// only error is [`StepError::Cancelled`]: the run was cancelled meanwhile.
#[derive(Debug, Clone)]
pub struct State {
    scope: Scope,
    whose: StateScope,
}

/// A value with the number of its last write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The value; none where nothing was written or it was deleted.
    pub value: Option<T>,
    /// Counts its writes; zero where nothing ever was written.
    pub version: i64,
}

/// What became of [`State::set_if`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it may not have been written"]
pub enum Written<T> {
    /// It was written.
    Done {
        /// Its version now.
        version: i64,
    },
    /// Somebody else was faster, and nothing was written.
    Conflict {
        /// What stands there instead.
        current: Versioned<T>,
    },
}

impl State {
    /// The value of this name, or none where nothing was written or it was deleted.
    pub fn get<T: Journaled>(&self, name: impl Into<String>) -> Durable<Option<T>> {
        self.scope.state(self.whose, name, Access::Get, |payload| versioned(payload).map(|versioned| versioned.value))
    }

    /// The value of this name, or this one where there is none.
    pub fn get_or<T: Journaled>(&self, name: impl Into<String>, default: T) -> GetOr<T> {
        GetOr { read: self.get(name), default: Some(default) }
    }

    /// The value of this name with its version, to write over with [`set_if`](Self::set_if).
    pub fn get_versioned<T: Journaled>(&self, name: impl Into<String>) -> Durable<Versioned<T>> {
        self.scope.state(self.whose, name, Access::Get, versioned)
    }

    /// Writes a value, whatever stands there.
    #[expect(clippy::needless_pass_by_value, reason = "taken as it is at hand, by value or by reference")]
    pub fn set(&self, name: impl Into<String>, value: impl Writable) -> Durable<()> {
        match value.encode() {
            Ok(value) => self.scope.state(self.whose, name, Access::Set(Some(value)), |_| Ok(())),
            Err(error) => self.scope.refused("state.set", &error),
        }
    }

    /// Deletes a value; none of that name is fine.
    pub fn delete(&self, name: impl Into<String>) -> Durable<()> {
        self.scope.state(self.whose, name, Access::Set(None), |_| Ok(()))
    }

    /// Writes a value unless somebody wrote since `expected` was read ([`get_versioned`](Self::get_versioned); zero where
    /// nothing was ever written).
    ///
    /// ```
    /// use piton::{Written, prelude::*};
    ///
    /// #[workflow]
    /// async fn take_lead(ctx: &WorkflowContext, name: String) -> Result<String> {
    ///     let seen = ctx.session().get_versioned::<String>("lead").await?;
    ///     Ok(match ctx.session().set_if("lead", name.clone(), seen.version).await? {
    ///         Written::Done { .. } => name,
    ///         Written::Conflict { current } => current.value.unwrap_or_default(),
    ///     })
    /// }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "taken as it is at hand, as by the others")]
    pub fn set_if<T: Journaled>(&self, name: impl Into<String>, value: T, expected: i64) -> Durable<Written<T>> {
        let access = Journaled::encode(&value).map(|value| Access::SetIf { value: Some(value), expected });
        match access {
            Ok(access) => self.scope.state(self.whose, name, access, written),
            Err(error) => self.scope.refused("state.set", &error),
        }
    }

    /// Computes a value from the one that stands there, writes it and gives it back. If somebody else wrote meanwhile it is
    /// computed anew, so no write is lost.
    ///
    /// The closure must be pure: it runs as often as needed, and not at all in a replay. It cannot use the context.
    pub fn update<T, Compute>(&self, name: impl Into<String>, mut compute: Compute) -> Update<T>
    where
        T: Journaled,
        Compute: FnMut(Option<T>) -> T + Send + 'static,
    {
        let compute = move |current: Option<&[u8]>| {
            let current = current.map(T::decode).transpose().map_err(Uncomputed::Unreadable)?;
            Journaled::encode(&compute(current)).map_err(Uncomputed::Unwritable)
        };
        let decode = |payload: &[u8]| T::decode(codec::unversioned(payload)?.value.as_deref().unwrap_or(codec::UNIT));
        Update { updated: self.scope.update(self.whose, name, Box::new(compute), decode) }
    }
}

fn versioned<T: Journaled>(payload: &[u8]) -> Result<Versioned<T>, DecodeError> {
    let read = codec::unversioned(payload)?;
    Ok(Versioned { value: read.value.as_deref().map(T::decode).transpose()?, version: read.version })
}

fn written<T: Journaled>(payload: &[u8]) -> Result<Written<T>, DecodeError> {
    let now = versioned(payload)?;
    Ok(if codec::is_contested(payload)? {
        Written::Conflict { current: now }
    } else {
        Written::Done { version: now.version }
    })
}

/// What [`State::get_or`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct GetOr<T> {
    read: Durable<Option<T>>,
    default: Option<T>,
}

/// What it holds is moved out of it and never pinned.
impl<T> Unpin for GetOr<T> {}

impl<T> Future for GetOr<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.read).poll(cx) {
            Poll::Ready(Ok(Some(value))) => Poll::Ready(Ok(value)),
            // Read twice it stays pending, as any call does.
            Poll::Ready(Ok(None)) => self.default.take().map_or(Poll::Pending, |default| Poll::Ready(Ok(default))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What [`State::update`] makes.
#[must_use = "nothing is asked for until this is awaited"]
pub struct Update<T> {
    updated: Updated<T>,
}

impl<T> Future for Update<T> {
    type Output = Result<T, StepError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.updated).poll(cx)
    }
}

impl<T> fmt::Debug for GetOr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOr").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Update<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").finish_non_exhaustive()
    }
}
