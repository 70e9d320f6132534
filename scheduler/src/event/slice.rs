//! A slice of matching: what events come to, computed for as long as a turn may take.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use piton_expressions::{DeepStack, ExpressionError};
use piton_shared::name::Org;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::StartedRun;
use crate::{
    gather::weight,
    store::{EventRow, Refused},
    trigger::{Decided, Deciding, KnownWorkflows, Progress, TriggerSet},
};

/// An event to match.
#[derive(Debug)]
pub(super) struct Job {
    /// The event.
    pub(super) event: Uuid,
    /// A moment at which it had been accepted.
    pub(super) since: Instant,
    /// Who waits for what it comes to; none for one that a sweep brought. Dropped without an answer, it is owed or matched
    /// elsewhere.
    pub(super) reply: Option<oneshot::Sender<Vec<StartedRun>>>,
    /// How often it was computed to its end and then not written, since triggers or definitions had changed.
    pub(super) overtaken: u32,
    /// How new what is known of workflows has to be.
    pub(super) knowledge: Knowledge,
    /// What was computed of it so far.
    pub(super) begun: Option<Begun>,
}

/// How new what is known of workflows has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Of the org's present version; which workers live may be seconds old.
    Remembered,
    /// Read after the event was accepted: before a workflow's own words refuse an event, they are read anew.
    ReadSince,
}

/// An event whose matching has begun.
#[derive(Debug)]
pub(super) struct Begun {
    /// The event.
    pub(super) event: EventRow,
    /// The version of the org's triggers and definitions that it is matched under.
    pub(super) version: i64,
    /// The triggers.
    pub(super) set: Arc<TriggerSet>,
    /// What is known of their workflows.
    pub(super) known: Arc<KnownWorkflows>,
    /// How far it is.
    pub(super) deciding: Deciding,
    /// When sweeps were last told to leave it alone.
    pub(super) kept: Instant,
}

/// An event of which it is computed what it comes to.
#[derive(Debug)]
pub(super) struct Computed {
    /// The job, to be begun anew if this cannot be written.
    pub(super) job: Job,
    /// Whose.
    pub(super) org: Org,
    /// The event.
    pub(super) event: EventRow,
    /// The version that it was matched under.
    pub(super) version: i64,
    /// What it comes to.
    pub(super) decided: Decided,
}

impl Computed {
    /// What writing it weighs.
    pub(super) fn weight(&self) -> usize {
        let inputs = self.decided.decisions.iter().filter_map(|decision| decision.input.as_ref().ok());
        weight(self.decided.decisions.len(), inputs.map(Vec::len).sum())
    }

    /// Whether it is refused by what a workflow was known to take, though that may have changed before it was accepted.
    pub(super) fn is_doubtful(&self) -> bool {
        let by_definition = |(reason, _): &(Refused, String)| match reason {
            Refused::Unbound | Refused::InvalidInput => true,
            Refused::FilterFailed | Refused::InputFailed | Refused::Unacceptable => false,
        };
        self.job.knowledge == Knowledge::Remembered
            && self.decided.decisions.iter().any(|decision| decision.input.as_ref().is_err_and(by_definition))
    }
}

/// What became of the events of a turn.
#[derive(Debug, Default)]
pub(super) struct Sliced {
    /// Computed to their end.
    pub(super) computed: Vec<Computed>,
    /// To go on with, in order.
    pub(super) left: Vec<(Org, Job)>,
    /// The org of the event that was computed last, if the time ran out: those behind it did not get to their events.
    pub(super) slow: Option<Org>,
    /// Not to be computed: the code panicked over them.
    pub(super) failed: Vec<Uuid>,
    /// Not computed: the machine has no thread left.
    pub(super) busy: Vec<Uuid>,
}

/// Computes what events come to, in their order, while there is time; the first comes further in any case. A panic over one of
/// them is that event's alone.
pub(super) fn slice(room: &DeepStack, jobs: Vec<(Org, Job)>, time: Duration) -> Sliced {
    let began = Instant::now();
    let mut sliced = Sliced::default();
    let mut last = None;
    for (org, mut job) in jobs {
        let Some(mut begun) = job.begun.take() else { continue };
        // Also when it ran out between two events: one whose every event takes a turn must not stay before the others.
        if last.is_some() && began.elapsed() >= time {
            sliced.slow.clone_from(&last);
            job.begun = Some(begun);
            sliced.left.push((org, job));
            continue;
        }
        last = Some(org.clone());
        match catch_unwind(AssertUnwindSafe(|| begun.go_on(room, || began.elapsed() < time))) {
            Ok(Ok(Progress::Complete)) => {
                let Begun { event, version, deciding, .. } = begun;
                sliced.computed.push(Computed { job, org, event, version, decided: deciding.end() });
            }
            Ok(Ok(Progress::Interrupted)) => {
                sliced.slow = Some(org.clone());
                job.begun = Some(begun);
                sliced.left.push((org, job));
            }
            Ok(Err(_)) => sliced.busy.push(job.event),
            Err(_) => sliced.failed.push(job.event),
        }
    }
    sliced
}

impl Begun {
    fn go_on(&mut self, room: &DeepStack, time_left: impl FnMut() -> bool) -> Result<Progress, ExpressionError> {
        #[cfg(feature = "failpoints")]
        trip(&self.event.name);
        self.deciding.go_on(room, &self.set, &self.event, &self.known, time_left)
    }
}

/// Panics over events of a name that a test gives.
#[cfg(feature = "failpoints")]
fn trip(name: &str) {
    let asked = || {
        fail::fail_point!("scheduler::event-decided", |name| name);
        None
    };
    assert!(asked().as_deref() != Some(name), "a test asked for it");
}

#[cfg(test)]
mod tests {
    use piton_expressions::on_deep_stack;
    use piton_shared::time::Timestamp;

    use super::*;
    use crate::{event::Origin, store::OrgTriggers};

    fn job(org: &Org) -> (Org, Job) {
        let event = EventRow {
            id: Uuid::nil(),
            org: org.clone(),
            name: "tick".into(),
            given_id: None,
            data: None,
            envelope: None,
            origin: Origin::Published,
            occurred_at: None,
            accepted_at: Timestamp::EPOCH,
            trace: None,
        };
        let none = OrgTriggers { org: org.to_string(), version: 1, triggers: Vec::new() };
        let begun = Begun {
            event,
            version: 1,
            set: Arc::new(TriggerSet::new(none, None)),
            known: Arc::default(),
            deciding: Deciding::default(),
            kept: Instant::now(),
        };
        let job = Job {
            event: Uuid::nil(),
            since: Instant::now(),
            reply: None,
            overtaken: 0,
            knowledge: Knowledge::Remembered,
            begun: Some(begun),
        };
        (org.clone(), job)
    }

    #[test]
    fn time_that_runs_out_between_two_events_names_the_org_of_the_first() {
        let [costly, behind] = ["costly", "behind"].map(|name| Org::new(name.to_owned()).expect("a name"));
        let jobs = vec![job(&costly), job(&costly), job(&behind)];
        // No time at all: the first event comes to its end, and the others to none.
        let sliced = on_deep_stack(|room| slice(room, jobs, Duration::ZERO)).expect("a thread starts");
        assert_eq!((sliced.computed.len(), sliced.left.len()), (1, 2));
        assert_eq!(sliced.slow, Some(costly.clone()));
        let sliced = on_deep_stack(|room| slice(room, vec![job(&costly)], Duration::ZERO)).expect("a thread starts");
        assert_eq!((sliced.computed.len(), sliced.slow), (1, None), "nobody waits behind it");
    }
}
