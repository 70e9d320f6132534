//! What an append came to, decided from what two looks at the database saw.

use piton_shared::{
    message::append::{Append, AppendAnswer, Next},
    state::RunState,
};

use crate::store::{Look, Mine, Rows};

/// What the first statement did with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// Its run was not found in its hands: lost, repeated, or locked this instant.
    NotFenced,
    /// Its rows went in where they were new; nothing else was written.
    RowsOnly,
}

/// What to do about an append that was not written whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Answer it.
    Answer(AppendAnswer),
    /// It wants to suspend and is still running: tell it what it has not seen.
    Overtaken,
    /// Its rows are in: write the rest without them.
    WriteRest,
    /// The run was locked by somebody else: try it again.
    Again,
}

/// Decides from the second look, which was taken in a statement of its own.
pub(super) fn verdict(append: &Append, first: First, look: &Look) -> Verdict {
    use AppendAnswer::{Accepted, Fenced, Invalid, Superseded};
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
    match (first, look.rows) {
        (_, Rows::Lost) => Verdict::Answer(Superseded),
        (_, Rows::Written) if append.number == 0 && !append.rows.is_empty() => Verdict::Answer(Accepted),
        (First::RowsOnly, Rows::Written) if append.number == 0 => Verdict::Answer(Accepted),
        (First::RowsOnly, Rows::Written) => Verdict::WriteRest,
        (First::NotFenced, Rows::Written | Rows::Missing) | (First::RowsOnly, Rows::Missing) => Verdict::Again,
    }
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

    fn look(state: RunState, mine: Mine, append_number: u32, rows: Rows) -> Look {
        Look { state: Some(state), mine, append_number, outside: 0, rows }
    }

    #[test]
    fn a_table_of_what_can_have_happened() {
        use AppendAnswer::{Accepted, Fenced, Superseded};
        use First::{NotFenced, RowsOnly};
        use RunState::{Completed, Killed, Queued, Running, Suspended};
        let suspend = || Next::Suspend { seen_outside: 0 };
        let cases = [
            // (append, first pass, second look, verdict)
            (append(0, Next::GoOn), NotFenced, look(Running, Mine::Others, 0, Rows::Missing), Verdict::Answer(Fenced)),
            (append(1, suspend()), NotFenced, look(Suspended, Mine::Mine, 1, Rows::Written), Verdict::Answer(Accepted)),
            (append(1, suspend()), NotFenced, look(Running, Mine::Mine, 1, Rows::Written), Verdict::Overtaken),
            (append(1, suspend()), NotFenced, look(Queued, Mine::Mine, 0, Rows::Written), Verdict::Answer(Fenced)),
            (
                append(2, Next::Complete(vec![])),
                NotFenced,
                look(Completed, Mine::Mine, 2, Rows::Written),
                Verdict::Answer(Accepted),
            ),
            (
                append(2, Next::Complete(vec![])),
                NotFenced,
                look(Killed, Mine::Mine, 1, Rows::Written),
                Verdict::Answer(Fenced),
            ),
            (append(2, Next::Complete(vec![])), NotFenced, look(Running, Mine::Mine, 1, Rows::Written), Verdict::Again),
            (
                append(2, Next::Complete(vec![])),
                RowsOnly,
                look(Running, Mine::Mine, 1, Rows::Written),
                Verdict::WriteRest,
            ),
            (
                append(2, Next::Complete(vec![])),
                RowsOnly,
                look(Running, Mine::Mine, 1, Rows::Lost),
                Verdict::Answer(Superseded),
            ),
            (append(0, Next::GoOn), RowsOnly, look(Running, Mine::Mine, 0, Rows::Written), Verdict::Answer(Accepted)),
            (append(0, Next::GoOn), NotFenced, look(Running, Mine::Mine, 0, Rows::Missing), Verdict::Again),
        ];
        for (append, first, look, expected) in cases {
            assert_eq!(verdict(&append, first, &look), expected, "{append:?} {first:?} {look:?}");
        }
    }

    #[test]
    fn a_gap_is_refused() {
        let found =
            verdict(&append(3, Next::GoOn), First::NotFenced, &look(RunState::Running, Mine::Mine, 1, Rows::Written));
        assert!(matches!(found, Verdict::Answer(AppendAnswer::Invalid { .. })));
    }
}
