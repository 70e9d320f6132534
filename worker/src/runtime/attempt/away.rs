//! Steps that are executed wherever there is room.
//!
//! Such a step has no stage here: it waits to be given away, or it stands outside and its row comes from there.

use piton_shared::{
    message::dispatch::NewDispatch,
    replay::{Road, StepCall, StepOptions},
};

use super::{Attempt, step::Step};

impl Attempt {
    /// Whether the call is one of a fan-out, or asks for a queue that this worker does not listen on.
    pub(super) fn goes_away(&self, call: &StepCall) -> bool {
        let elsewhere = call.options.queue.as_ref().is_some_and(|queue| !self.queues.contains(queue));
        match call.road {
            Road::Away => true,
            Road::Here => elsewhere,
        }
    }

    /// Gives a step away with the next append, together with the rows that led to it. What was tried here or by earlier
    /// holders counts on: its tries, their numbers and its time.
    pub(super) fn give_away(&mut self, step: Step) {
        let Step { call, failed, next_try, first_started, .. } = step;
        self.outbox.give(NewDispatch {
            key: call.key,
            function: call.function.into_owned(),
            input: call.input,
            queue: call.options.queue.clone(),
            terms: StepOptions { queue: None, ..call.options },
            failed_tries: failed,
            next_try,
            first_started_at: first_started,
        });
    }
}
