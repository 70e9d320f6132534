//! How a run ends, and whether its journal leads there again.

use piton_shared::{
    journal::Payload,
    parked::Parked,
    replay::{Fetch, Turn},
    state::RunState,
};

use super::{
    database::{Pause, State},
    drive::Drive,
    error::RunError,
    retell::retell,
    story::{Story, told},
};

impl Drive<'_> {
    pub(super) fn end(&self) -> Option<Result<Payload, RunError>> {
        match &self.database.state {
            State::Queued | State::Running | State::Suspended => None,
            State::Completed(result) => Some(Ok(result.clone())),
            State::Failed(failure) => Some(Err(RunError::Failed(failure.clone()))),
            State::Cancelled(failure) => Some(Err(RunError::Cancelled(failure.clone()))),
            State::Killed => Some(Err(RunError::Killed)),
            State::Parked(Parked::Unregistered { name }) => {
                Some(Err(RunError::Unregistered { function: name.clone() }))
            }
            State::Parked(reason) => Some(Err(RunError::Parked(reason.clone()))),
        }
    }

    pub(super) fn waits_for_ever(&self) -> RunError {
        let functions = self.executing.iter().map(|one| format!("the function of `{}` to end", one.key));
        let faults = self.faults.left().map(|when| format!("a fault {when}"));
        let paused = (self.database.pause == Pause::Paused).then(|| "somebody to resume it".to_owned());
        let waits_for = functions.chain(faults).chain(paused).collect();
        RunError::WaitsForEver { waits_for, patience: self.engine.patience_now() }
    }

    /// Holds the end of the run against what its journal leads to.
    pub(super) fn deterministic(&self, result: Result<Payload, RunError>) -> Result<Payload, RunError> {
        let Some(ended) = self.database.state.end().filter(|_| self.database.attempts > 0) else {
            // It did not end, or by no will of its own.
            return result;
        };
        let entries = self.database.in_order();
        let results = |fetch: &Fetch| self.database.away.results(fetch);
        let replayed = self.machine().map(|machine| retell(machine, &entries, results));
        let difference = match replayed {
            Ok(Ok(Turn::Ended(again))) if again == ended => return result,
            Ok(Ok(Turn::Ended(again))) => format!("It ended with {}, and now with {}", told(&ended), told(&again)),
            Ok(Ok(Turn::Waiting(_))) => format!("It ended with {}, and now waits", told(&ended)),
            Ok(Ok(Turn::Parked(reason))) | Err(reason) => reason.to_string(),
            Ok(Err(error)) => error.to_string(),
        };
        Err(RunError::NotDeterministic { difference })
    }

    pub(super) fn story(self) -> Story {
        let state = match &self.database.state {
            State::Queued => RunState::Queued,
            State::Running => RunState::Running,
            State::Suspended => RunState::Suspended,
            State::Parked(_) => RunState::Parked,
            State::Completed(_) => RunState::Completed,
            State::Failed(_) => RunState::Failed,
            State::Cancelled(_) => RunState::Cancelled,
            State::Killed => RunState::Killed,
        };
        Story {
            run_id: self.asked.run_id,
            workflow: self.asked.workflow.name().to_owned(),
            input: self.asked.input,
            seed: self.asked.seed,
            tags: self.asked.tags,
            end: self.database.state.end(),
            state,
            started_at: self.asked.started_at,
            ended_at: self.now,
            attempts: self.database.attempts,
            appends: self.database.appends,
            journal: self.database.in_order(),
            batches: self.database.away.into_results(),
            tries: self.tries,
            timers: self.database.timers,
        }
    }
}
