//! What becomes of one schedule in one look: decided from values alone.

use piton_schedule::{Due, Last, Move, due, moves};
use piton_shared::{ids::RunId, time::Timestamp};

use crate::store::schedule::{DueSchedule, Firing, Moved, Outcome};

/// What is done with a schedule.
#[derive(Debug)]
pub(super) struct Decided {
    /// The run that is asked to cancel.
    pub(super) cancel: Option<RunId>,
    /// The runs that start, in their order.
    pub(super) start: Vec<RunId>,
    /// What is written of its occurrences.
    pub(super) firings: Vec<Firing>,
    /// How it stands afterwards.
    pub(super) moved: Moved,
}

/// Whether a schedule's runs can start.
#[derive(Debug, Clone)]
pub(super) enum Startable {
    /// They can.
    Yes,
    /// They cannot, for this reason.
    No(String),
}

/// Decides by the time; ids of runs come from `run_id`.
pub(super) fn decide(
    schedule: &DueSchedule,
    startable: &Startable,
    now: Timestamp,
    mut run_id: impl FnMut() -> RunId,
) -> Decided {
    let firing = |occurrence: Timestamp, outcome: Outcome| Firing {
        org: schedule.org.clone(),
        schedule: schedule.id,
        occurrence,
        outcome,
    };
    let found = match (schedule.plan.rhythm(), schedule.next_at) {
        (Ok(rhythm), Some(next)) => due(&schedule.plan.terms(schedule.id, &rhythm), next, now, schedule.watched),
        (Ok(_), None) => Due { fire: Vec::new(), missed: None, next: None },
        (Err(error), _) => return unreadable(schedule, firing(now, Outcome::Refused(error.to_string()))),
    };
    let again = |at: &Timestamp| schedule.started.contains(at);
    let fire: Vec<_> = found.fire.iter().copied().filter(|at| !again(at)).collect();
    let planned = moves(schedule.plan.overlap, schedule.last, schedule.waiting_at.filter(|at| !again(at)), &fire);

    let mut firings: Vec<_> =
        found.missed.map(|missed| firing(missed.last, Outcome::Missed(missed))).into_iter().collect();
    let mut start = Vec::new();
    for one in &planned.moves {
        firings.push(match (one, startable) {
            (Move::Start(at), Startable::Yes) => {
                let run = run_id();
                start.push(run);
                firing(*at, Outcome::Started(run))
            }
            (Move::Start(at) | Move::Wait(at), Startable::No(reason)) => firing(*at, Outcome::Refused(reason.clone())),
            (Move::Wait(at), Startable::Yes) => firing(*at, Outcome::Queued),
            (Move::Skip(at), Startable::Yes | Startable::No(_)) => firing(*at, Outcome::Skipped),
        });
    }
    let refused = matches!(startable, Startable::No(_));
    Decided {
        cancel: schedule.last_run.filter(|_| planned.last == Last::Cancel && !refused),
        firings,
        moved: Moved {
            schedule: schedule.id,
            next: found.next,
            last_at: found.fire.last().copied().or(found.missed.map(|missed| missed.last)),
            waiting_at: planned.waiting.filter(|_| !refused),
            last_run: start.last().copied(),
        },
        start,
    }
}

/// A schedule that this build cannot read fires no more until it is changed.
fn unreadable(schedule: &DueSchedule, firing: Firing) -> Decided {
    let moved = Moved { schedule: schedule.id, next: None, last_at: None, waiting_at: None, last_run: None };
    Decided { cancel: None, start: Vec::new(), firings: vec![firing], moved }
}
