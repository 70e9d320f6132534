//! What a batch does next, decided from how it stands.

use piton_shared::{
    failure::Failure,
    message::batch::{BatchStatus, BatchSummary, OnFailure},
};

use crate::store::{BatchLook, Ends, RunPaused, Sealed, Settled};

/// What a batch does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Course {
    /// Nothing: it waits for what is under way, for more items, or for its run; or it has ended.
    Wait,
    /// What it had under way is dropped: it was closed.
    Settle,
    /// So many items more are given away.
    Release(u32),
    /// It ends.
    End {
        /// What it came to.
        summary: BatchSummary,
        /// Why its run fails with it, where that is nothing but this batch.
        failure: Option<Failure>,
    },
}

/// Decides. At most `most` items are given away at once.
pub fn course(batch: &BatchLook, most: u32) -> Course {
    if batch.status != BatchStatus::Running {
        return match batch.settled {
            Settled::Open => Course::Settle,
            Settled::Settled => Course::Wait,
        };
    }
    if batch.run_state.is_terminal() {
        return Course::Wait;
    }
    let ended = batch.completed + batch.failed;
    let under_way = batch.released.saturating_sub(ended);
    let stopped = batch.on_failure == OnFailure::Stop && batch.failed > 0;
    let all_released = batch.sealed == Sealed::Sealed && batch.released == batch.total;
    if under_way == 0 && (stopped || all_released) {
        let summary = summary(batch, stopped);
        let failure = (batch.ends == Ends::Run).then(|| failure(&summary)).flatten();
        return Course::End { summary, failure };
    }
    if stopped || batch.paused == RunPaused::Paused {
        return Course::Wait;
    }
    let room = batch.max_concurrency.saturating_sub(under_way);
    match room.min(batch.total.saturating_sub(batch.released)).min(most) {
        0 => Course::Wait,
        items => Course::Release(items),
    }
}

fn summary(batch: &BatchLook, stopped: bool) -> BatchSummary {
    let status = match (batch.completed, batch.failed) {
        _ if stopped => BatchStatus::Failed,
        (_, 0) => BatchStatus::Completed,
        (0, _) => BatchStatus::Failed,
        _ => BatchStatus::PartialFailure,
    };
    BatchSummary {
        status,
        total: batch.total,
        completed: batch.completed,
        failed: batch.failed,
        cancelled: batch.total.saturating_sub(batch.completed + batch.failed),
        duration_ms: batch.millis,
        item_ms: batch.item_millis,
    }
}

fn failure(summary: &BatchSummary) -> Option<Failure> {
    match summary.status {
        BatchStatus::Failed => {
            let BatchSummary { total, failed, cancelled, .. } = summary;
            let rest = if *cancelled > 0 { format!(", {cancelled} were not executed") } else { String::new() };
            Some(Failure::new(format!("{failed} of {total} items failed{rest}; the batch's results say why")))
        }
        BatchStatus::Running | BatchStatus::Completed | BatchStatus::PartialFailure | BatchStatus::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use piton_shared::{
        ids::{RunId, uuid_v7},
        journal::StepKey,
        name::{Org, Queue},
        state::RunState,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::store::BatchId;

    fn batch(total: u32, released: u32, completed: u32, failed: u32) -> BatchLook {
        BatchLook {
            id: BatchId { run: RunId::new(uuid_v7(1, [1; 10])), key: StepKey::new("batch#1") },
            org: Org::DEFAULT,
            queue: Queue::DEFAULT,
            build: None,
            function: "f".into(),
            ends: Ends::Call,
            max_concurrency: 3,
            on_failure: OnFailure::Continue,
            status: BatchStatus::Running,
            settled: Settled::Open,
            total,
            sealed: Sealed::Sealed,
            released,
            completed,
            failed,
            item_millis: 5,
            millis: 7,
            run_state: RunState::Suspended,
            paused: RunPaused::No,
            trace: None,
        }
    }

    fn stop(look: BatchLook) -> BatchLook {
        BatchLook { on_failure: OnFailure::Stop, ..look }
    }

    fn ended(look: &BatchLook) -> Option<(BatchStatus, u32)> {
        match course(look, 100) {
            Course::End { summary, .. } => Some((summary.status, summary.cancelled)),
            Course::Wait | Course::Settle | Course::Release(_) => None,
        }
    }

    #[test]
    fn items_are_given_away_while_there_is_room() {
        let open = |look| BatchLook { sealed: Sealed::Open, ..look };
        let cases = [
            (batch(10, 0, 0, 0), Course::Release(3)),
            (batch(2, 0, 0, 0), Course::Release(2)),
            (batch(10, 3, 0, 0), Course::Wait),
            (batch(10, 5, 2, 1), Course::Release(1)),
            (batch(10, 10, 8, 0), Course::Wait),
            (open(batch(3, 3, 3, 0)), Course::Wait),
            (stop(batch(10, 5, 2, 1)), Course::Wait),
            (BatchLook { paused: RunPaused::Paused, ..batch(10, 0, 0, 0) }, Course::Wait),
            (BatchLook { run_state: RunState::Killed, ..batch(10, 0, 0, 0) }, Course::Wait),
            (BatchLook { run_state: RunState::Parked, ..batch(10, 0, 0, 0) }, Course::Release(3)),
            (BatchLook { status: BatchStatus::Cancelled, ..batch(10, 2, 0, 0) }, Course::Settle),
            (
                BatchLook { status: BatchStatus::Cancelled, settled: Settled::Settled, ..batch(10, 0, 0, 0) },
                Course::Wait,
            ),
        ];
        for (look, expected) in cases {
            assert_eq!(course(&look, 100), expected, "{look:?}");
        }
        assert_eq!(course(&BatchLook { max_concurrency: 50, ..batch(50, 0, 0, 0) }, 20), Course::Release(20));
    }

    #[test]
    fn the_end_says_how_it_was() {
        use BatchStatus::{Completed, Failed, PartialFailure};
        let cases = [
            (batch(0, 0, 0, 0), (Completed, 0)),
            (batch(3, 3, 3, 0), (Completed, 0)),
            (batch(3, 3, 2, 1), (PartialFailure, 0)),
            (batch(3, 3, 0, 3), (Failed, 0)),
            (stop(batch(9, 3, 2, 1)), (Failed, 6)),
            (stop(BatchLook { sealed: Sealed::Open, ..batch(9, 3, 2, 1) }), (Failed, 6)),
            // Also of a run that is paused or parked: nothing is under way that could end it later.
            (BatchLook { paused: RunPaused::Paused, ..batch(3, 3, 3, 0) }, (Completed, 0)),
        ];
        for (look, expected) in cases {
            assert_eq!(ended(&look), Some(expected), "{look:?}");
        }
    }

    #[test]
    fn a_run_that_is_nothing_but_its_batch_fails_with_it() {
        let run = |look| BatchLook { ends: Ends::Run, ..look };
        let failure = |look: &BatchLook| match course(look, 100) {
            Course::End { failure, .. } => failure.map(|failure| failure.message),
            Course::Wait | Course::Settle | Course::Release(_) => panic!("it ends"),
        };
        assert_eq!(failure(&run(batch(3, 3, 2, 1))), None);
        insta::assert_snapshot!(
            failure(&run(stop(batch(9, 3, 2, 1)))).expect("it fails"),
            @"1 of 9 items failed, 6 were not executed; the batch's results say why"
        );
        assert_eq!(failure(&batch(3, 3, 0, 3)), None, "the workflow decides what that means");
    }

    proptest! {
        /// However items end: the bound holds after every step, and every item has ended or was cancelled at the end.
        #[test]
        fn the_bound_holds_and_everything_is_counted(
            total in 0_u32..60, bound in 1_u32..9, most in 1_u32..9, failures in proptest::collection::vec(any::<bool>(), 60),
            stops in any::<bool>(),
        ) {
            let mut look = BatchLook { max_concurrency: bound, ..batch(total, 0, 0, 0) };
            if stops {
                look.on_failure = OnFailure::Stop;
            }
            let mut steps = 0;
            let summary = loop {
                steps += 1;
                prop_assert!(steps < 1000, "it never ends: {look:?}");
                match course(&look, most) {
                    Course::Release(items) => look.released += items,
                    Course::End { summary, .. } => break summary,
                    Course::Settle => prop_assert!(false, "nobody closed it"),
                    Course::Wait => {
                        let ended = look.completed + look.failed;
                        prop_assert!(look.released > ended, "it waits for nothing: {look:?}");
                        if failures[ended as usize] { look.failed += 1 } else { look.completed += 1 }
                    }
                }
                prop_assert!(look.released - look.completed - look.failed <= bound);
                prop_assert!(look.released <= total);
            };
            prop_assert_eq!(summary.completed + summary.failed + summary.cancelled, total);
            prop_assert!(stops || summary.cancelled == 0);
        }
    }
}
