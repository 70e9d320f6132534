//! What a function is told about its try, and what it says while it works.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use piton_shared::{
    ids::{Epoch, RunId},
    journal::StepKey,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::progress::Progress;

/// One try of a function, from inside it. Taken as `ctx: &FunctionContext`; cheap to clone.
///
/// A step's function runs at least once: a worker may die after the effect and before the journal has it. So
/// whatever is done outside carries the [idempotency key](Self::idempotency_key), which is the same for every
/// try, and where the other side can fence, the pair of [`epoch`](Self::epoch) and
/// [`try_number`](Self::try_number).
///
/// ```
/// use piton::prelude::*;
///
/// #[function(retries = 2)]
/// async fn import(ctx: &FunctionContext, pages: u32) -> Result<u32> {
///     for page in 0..pages {
///         if ctx.is_cancelled() {
///             return Err(Failure::permanent("told to stop"));
///         }
///         // … fetch and store the page under `ctx.idempotency_key()` …
///         ctx.progress(f64::from(page + 1) / f64::from(pages));
///     }
///     Ok(pages)
/// }
/// ```
#[derive(Clone)]
pub struct FunctionContext(Arc<Inner>);

struct Inner {
    of: Try,
    cancelled: CancellationToken,
    beats: AtomicU64,
    progress: Mutex<Option<Progress>>,
}

/// Which try of which step it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The run whose step it is.
    pub run_id: RunId,
    /// The step.
    pub step_key: StepKey,
    /// The publish of the run that this try belongs to.
    pub epoch: Epoch,
    /// Counts from 1.
    pub number: u32,
    /// How many there may be, this one included.
    pub max: u32,
}

impl FunctionContext {
    /// Begins a try: the context for the function, and what the runtime keeps of it.
    pub fn begin(of: Try) -> (Self, TryHandle) {
        let inner = Arc::new(Inner {
            of,
            cancelled: CancellationToken::new(),
            beats: AtomicU64::new(0),
            progress: Mutex::new(None),
        });
        (Self(Arc::clone(&inner)), TryHandle(inner))
    }

    /// A context for the unit test of a function: the first try of one, of step `test#1` in run
    /// `00000000-0000-0000-0000-000000000000`.
    pub fn for_test() -> Self {
        Self::for_test_try(1, 1)
    }

    /// The same for try `number` of `max`.
    pub fn for_test_try(number: u32, max: u32) -> Self {
        let of =
            Try { run_id: RunId::new(Uuid::nil()), step_key: StepKey::new("test#1"), epoch: Epoch(1), number, max };
        Self::begin(of).0
    }

    /// The run whose step this is.
    pub fn run_id(&self) -> RunId {
        self.0.of.run_id
    }

    /// The step within the run.
    pub fn step_key(&self) -> &StepKey {
        &self.0.of.step_key
    }

    /// Run id and step key as one text: the same for every try of this step, across crashes and deploys,
    /// and for no other step.
    pub fn idempotency_key(&self) -> String {
        format!("{}/{}", self.0.of.run_id, self.0.of.step_key)
    }

    /// The number of the run's publish. With [`try_number`](Self::try_number) a fencing token: it never goes
    /// back.
    pub fn epoch(&self) -> Epoch {
        self.0.of.epoch
    }

    /// Which try this is, from 1.
    pub fn try_number(&self) -> u32 {
        self.0.of.number
    }

    /// How many tries there may be, the first included.
    pub fn max_tries(&self) -> u32 {
        self.0.of.max
    }

    /// Says how far the work is: a share from 0 to 1, a text, or both as a pair. Also a heartbeat.
    ///
    /// Costs a lock and no message: what was said last is sent with the worker's next heartbeat, so calling
    /// it in a tight loop is fine. It is shown on the timeline and not journaled.
    pub fn progress(&self, progress: impl Into<Progress>) {
        *self.0.progress.lock() = Some(progress.into());
        self.heartbeat();
    }

    /// Says that the work goes on. Costs one atomic addition.
    pub fn heartbeat(&self) {
        self.0.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the result is no longer wanted: the run was cancelled or killed, or the worker lost it.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.is_cancelled()
    }

    /// Ends when the result is no longer wanted. A function that never looks is dropped at an `.await`.
    pub async fn cancelled(&self) {
        self.0.cancelled.cancelled().await;
    }
}

impl fmt::Debug for FunctionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionContext").field(&self.0.of).finish()
    }
}

/// What the runtime keeps of a try that it began.
pub struct TryHandle(Arc<Inner>);

impl TryHandle {
    /// Which try it is.
    pub fn of(&self) -> &Try {
        &self.0.of
    }

    /// How many heartbeats there were, progress included. Compare with what was read before.
    pub fn heartbeats(&self) -> u64 {
        self.0.beats.load(Ordering::Relaxed)
    }

    /// The progress said last, if any was said since the last call.
    pub fn take_progress(&self) -> Option<Progress> {
        self.0.progress.lock().take()
    }

    /// Tells the function that its result is no longer wanted.
    pub fn cancel(&self) {
        self.0.cancelled.cancel();
    }
}

impl fmt::Debug for TryHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryHandle").field(&self.0.of).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: u32, epoch: u32) -> Try {
        Try {
            run_id: RunId::new(Uuid::from_u128(7)),
            step_key: StepKey::new("charge#1"),
            epoch: Epoch(epoch),
            number,
            max: 5,
        }
    }

    #[test]
    fn the_idempotency_key_is_the_same_for_every_try() {
        let (first, _) = FunctionContext::begin(of(1, 1));
        let (later, _) = FunctionContext::begin(of(3, 9));
        assert_eq!(first.idempotency_key(), later.idempotency_key());
        assert_eq!(first.idempotency_key(), "00000000-0000-0000-0000-000000000007/charge#1");
    }

    #[test]
    fn progress_is_coalesced_and_beats_are_counted() {
        let (context, handle) = FunctionContext::begin(of(1, 1));
        assert_eq!(handle.take_progress(), None);
        for share in [0.1, 0.2, 0.3] {
            context.progress(share);
        }
        context.heartbeat();
        assert_eq!(handle.take_progress(), Some(Progress::from(0.3)), "only the last one counts");
        assert_eq!(handle.take_progress(), None, "and only once");
        assert_eq!(handle.heartbeats(), 4);
    }

    #[tokio::test]
    async fn a_cancelled_try_is_told() {
        let (context, handle) = FunctionContext::begin(of(1, 1));
        assert!(!context.is_cancelled());
        handle.cancel();
        context.cancelled().await;
        assert!(context.is_cancelled());
    }
}
