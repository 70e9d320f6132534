//! What becomes of firings while the last run goes on.

use piton_shared::{time::Timestamp, trigger::Overlap};

/// The last run of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastRun {
    /// It goes on.
    GoesOn,
    /// It has ended, or there was none.
    Over,
}

/// What becomes of one occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// It starts a run.
    Start(Timestamp),
    /// It is left out.
    Skip(Timestamp),
    /// It waits for the end of the last run.
    Wait(Timestamp),
}

/// What is done in one look at a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moves {
    /// Whether the last run is asked to cancel first.
    pub last: Last,
    /// What becomes of each occurrence, in order.
    pub moves: Vec<Move>,
    /// The occurrence that waits afterwards.
    pub waiting: Option<Timestamp>,
}

/// What is done about the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It is asked to cancel.
    Cancel,
    /// Nothing.
    Leave,
}

/// Decides about occurrences that are due, in their order, and about one that has waited.
///
/// Of several that are due at once while a run goes on, or once the first of them has started: with [`Overlap::Skip`] all others
/// are left out, with [`Overlap::Queue`] the first of them waits if none does yet. With [`Overlap::Cancel`] only the newest starts.
pub fn moves(overlap: Overlap, last_run: LastRun, waiting: Option<Timestamp>, due: &[Timestamp]) -> Moves {
    let mut going = last_run;
    // What waits goes on waiting only for a run that goes on, and only while that is the policy.
    let mut still = waiting.filter(|_| overlap == Overlap::Queue && last_run == LastRun::GoesOn);
    let ready = waiting.filter(|_| still.is_none());
    let due: Vec<Timestamp> = ready.into_iter().chain(due.iter().copied()).collect();
    let mut last = Last::Leave;
    let newest = due.len().saturating_sub(1);
    let mut decide = |(place, at): (usize, &Timestamp)| match (overlap, going) {
        (Overlap::Cancel, _) if place < newest => Move::Skip(*at),
        (Overlap::Cancel, LastRun::GoesOn) => {
            last = Last::Cancel;
            Move::Start(*at)
        }
        (Overlap::Allow, _) | (Overlap::Skip | Overlap::Queue | Overlap::Cancel, LastRun::Over) => {
            going = LastRun::GoesOn;
            Move::Start(*at)
        }
        (Overlap::Queue, LastRun::GoesOn) if still.is_none() => {
            still = Some(*at);
            Move::Wait(*at)
        }
        (Overlap::Skip | Overlap::Queue, LastRun::GoesOn) => Move::Skip(*at),
    };
    let moves = due.iter().enumerate().map(&mut decide).collect();
    Moves { last, moves, waiting: still }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use LastRun::{GoesOn, Over};
    use Overlap::{Allow, Cancel, Queue, Skip};

    use super::*;

    /// What is done, in letters: `s`tart, s`k`ip, `w`ait, each with the occurrence; `!` if the last run is cancelled; `+` and what waits.
    fn done(overlap: Overlap, last: LastRun, waiting: Option<i64>, due: &[i64]) -> String {
        let due: Vec<_> = due.iter().map(|at| Timestamp::from_micros(*at)).collect();
        let moves = moves(overlap, last, waiting.map(Timestamp::from_micros), &due);
        let mut text = if moves.last == Last::Cancel { "!".to_owned() } else { String::new() };
        for one in &moves.moves {
            let (letter, at) = match one {
                Move::Start(at) => ('s', at),
                Move::Skip(at) => ('k', at),
                Move::Wait(at) => ('w', at),
            };
            write!(text, "{letter}{}", at.as_micros()).unwrap();
        }
        if let Some(waits) = moves.waiting {
            write!(text, "+{}", waits.as_micros()).unwrap();
        }
        text
    }

    #[test]
    fn every_policy_does_as_it_says() {
        type Row = (Overlap, LastRun, Option<i64>, &'static [i64], &'static str);
        let table: [Row; 20] = [
            (Allow, Over, None, &[1], "s1"),
            (Allow, GoesOn, None, &[1, 2], "s1s2"),
            (Skip, Over, None, &[1, 2, 3], "s1k2k3"),
            (Skip, GoesOn, None, &[1, 2], "k1k2"),
            (Queue, Over, None, &[1], "s1"),
            (Queue, Over, None, &[1, 2, 3], "s1w2k3+2"),
            (Queue, GoesOn, None, &[1], "w1+1"),
            (Queue, GoesOn, None, &[1, 2], "w1k2+1"),
            (Queue, GoesOn, Some(1), &[2], "k2+1"),
            (Queue, GoesOn, Some(1), &[], "+1"),
            (Queue, Over, Some(1), &[], "s1"),
            (Queue, Over, Some(1), &[2, 3], "s1w2k3+2"),
            (Cancel, Over, None, &[1], "s1"),
            (Cancel, GoesOn, None, &[1], "!s1"),
            (Cancel, GoesOn, None, &[1, 2], "!k1s2"),
            (Cancel, Over, None, &[1, 2], "k1s2"),
            (Cancel, GoesOn, None, &[], ""),
            // The policy was changed while one waited: it waits no longer.
            (Allow, GoesOn, Some(1), &[], "s1"),
            (Skip, GoesOn, Some(1), &[], "k1"),
            (Cancel, GoesOn, Some(1), &[2], "!k1s2"),
        ];
        for (overlap, last, waiting, due, expected) in table {
            assert_eq!(done(overlap, last, waiting, due), expected, "{overlap:?} {last:?} {waiting:?} {due:?}");
        }
    }
}
