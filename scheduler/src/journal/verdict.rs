//! What an append came to, decided from what two looks at the database saw.

use piton_shared::{
    message::append::{Append, AppendAnswer, Next},
    state::RunState,
};

use crate::store::{Look, Mine};

/// What to do about an append whose run was not found in its hands: lost, repeated, or locked this instant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Answer it.
    Answer(AppendAnswer),
    /// It wants to suspend and is still running: tell it what it has not seen.
    Overtaken,
    /// The run was locked by somebody else: try it again.
    Again,
}

/// Decides from the second look, which was taken in a statement of its own.
pub(super) fn verdict(append: &Append, look: &Look) -> Verdict {
    use AppendAnswer::{Accepted, Fenced, Invalid};
    let Some(state) = look.state else {
        return Verdict::Answer(Fenced);
    };
    if look.mine == Mine::Others {
        return Verdict::Answer(Fenced);
    }
    let running = state == RunState::Running;
    if append.number > 0 && look.append_number >= append.number {
        // A repeat: its first answer was lost.
        let wants_to_suspend = matches!(append.next, Next::Suspend { .. });
        return if wants_to_suspend && running { Verdict::Overtaken } else { Verdict::Answer(Accepted) };
    }
    if !running {
        return Verdict::Answer(Fenced);
    }
    if append.number > look.append_number + 1 {
        let reason = format!("append {} follows append {}", append.number, look.append_number);
        return Verdict::Answer(Invalid { reason });
    }
    // It is as the append wants it: the run was locked by somebody else.
    Verdict::Again
}

#[cfg(test)]
mod tests {
    use piton_shared::ids::{AttemptId, RunId, uuid_v7};

    use super::*;

    fn append(number: u32, next: Next) -> Append {
        Append {
            run: RunId::new(uuid_v7(1, [1; 10])),
            attempt: AttemptId::new(uuid_v7(1, [2; 10])),
            number,
            rows: vec![],
            failed_tries: vec![],
            waits: vec![],
            withdrawn: vec![],
            dispatches: vec![],
            batches: vec![],
            state: None,
            next,
        }
    }

    fn look(state: RunState, mine: Mine, append_number: u32) -> Look {
        Look { state: Some(state), mine, append_number, outside: 0 }
    }

    #[test]
    fn a_table_of_what_can_have_happened() {
        use AppendAnswer::{Accepted, Fenced};
        use RunState::{Completed, Killed, Queued, Running, Suspended};
        let suspend = || Next::Suspend { seen_outside: 0 };
        let complete = || Next::Complete(vec![]);
        let cases = [
            // (append, look, verdict)
            (append(0, Next::GoOn), look(Running, Mine::Others, 0), Verdict::Answer(Fenced)),
            (append(1, suspend()), look(Suspended, Mine::Mine, 1), Verdict::Answer(Accepted)),
            (append(1, suspend()), look(Running, Mine::Mine, 1), Verdict::Overtaken),
            (append(1, suspend()), look(Queued, Mine::Mine, 0), Verdict::Answer(Fenced)),
            (append(2, complete()), look(Completed, Mine::Mine, 2), Verdict::Answer(Accepted)),
            (append(2, complete()), look(Killed, Mine::Mine, 1), Verdict::Answer(Fenced)),
            (append(2, complete()), look(Running, Mine::Mine, 1), Verdict::Again),
            (append(0, Next::GoOn), look(Running, Mine::Mine, 0), Verdict::Again),
            (append(0, Next::GoOn), look(Suspended, Mine::Mine, 0), Verdict::Answer(Fenced)),
        ];
        for (append, look, expected) in cases {
            assert_eq!(verdict(&append, &look), expected, "{append:?} {look:?}");
        }
    }

    #[test]
    fn a_gap_is_refused() {
        let found = verdict(&append(3, Next::GoOn), &look(RunState::Running, Mine::Mine, 1));
        assert!(matches!(found, Verdict::Answer(AppendAnswer::Invalid { .. })));
    }
}
