//! What is to be told to the workflow as own rows, and waits for its turn.

use std::collections::VecDeque;

use piton_shared::{
    journal::{Entry, Kind, Outcome, Payload, StepKey},
    replay::RaceCall,
    time::Timestamp,
};

use super::{Attempt, Effect, EndedTry, Moved, Stage};

/// Own answers that were not told yet.
#[derive(Debug, Default)]
pub(super) struct Untold {
    /// Told before all others: the workflow decided them itself.
    at_once: VecDeque<Answer>,
    in_turn: VecDeque<News>,
}

/// What waits for its turn.
#[derive(Debug)]
pub(super) enum News {
    /// A try ended. Whether another follows is decided when its turn comes.
    Ended(EndedTry),
    /// A step's outcome that was told before, and could not be written as it was told.
    Outcome(EndedTry),
    /// The answer of a call that is no step.
    Answer(Answer),
}

/// The answer of a call that this attempt gives itself.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) key: StepKey,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) input: Payload,
    pub(super) outcome: Outcome,
    pub(super) began: Timestamp,
}

impl Untold {
    pub(super) fn at_once(&mut self, answer: Answer) {
        self.at_once.push_back(answer);
    }

    pub(super) fn push(&mut self, news: News) {
        self.in_turn.push_back(news);
    }

    /// Results that were told to a machine that is gone come before what came later.
    pub(super) fn again(&mut self, outcomes: Vec<EndedTry>) {
        outcomes.into_iter().rev().for_each(|outcome| self.in_turn.push_front(News::Outcome(outcome)));
    }

    /// Nobody waits for it.
    pub(super) fn forget(&mut self, key: &StepKey) {
        self.at_once.retain(|answer| answer.key != *key);
        self.in_turn.retain(|news| match news {
            News::Answer(answer) => answer.key != *key,
            News::Ended(_) | News::Outcome(_) => true,
        });
    }

    /// Keeps the ends of tries: all else is asked for anew by the next machine.
    pub(super) fn keep_tries(&mut self) {
        self.at_once.clear();
        self.in_turn.retain(|news| matches!(news, News::Ended(_)));
    }

    pub(super) fn clear(&mut self) {
        self.at_once.clear();
        self.in_turn.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at_once.is_empty() && self.in_turn.is_empty()
    }

    fn next(&mut self) -> Option<News> {
        self.at_once.pop_front().map(News::Answer).or_else(|| self.in_turn.pop_front())
    }
}

impl Attempt {
    /// The winner of a race is pinned by a row of its own, at once.
    pub(super) fn ask_race(&mut self, call: RaceCall, now: Timestamp) {
        let input = call.input();
        self.untold.at_once(Answer {
            key: call.key,
            kind: Kind::Race,
            name: call.name.into_owned(),
            outcome: Ok(input.clone()),
            input,
            began: now,
        });
    }

    /// Tells own answers, one after the other, while they may be told.
    pub(super) fn tell_own(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Moved {
        let mut moved = Moved::No;
        while let Stage::Live(_) = self.stage
            && !self.hushed()
            && let Some(news) = self.untold.next()
        {
            moved = Moved::Yes;
            match news {
                News::Ended(ended) => self.ended(ended, now, effects),
                News::Outcome(ended) => self.settle(ended, now, effects),
                News::Answer(answer) => self.answer(answer, now, effects),
            }
        }
        moved
    }

    /// A call that is no step has its answer: the workflow is told at once, the row travels.
    fn answer(&mut self, answer: Answer, now: Timestamp, effects: &mut Vec<Effect>) {
        let Stage::Live(machine) = &mut self.stage else {
            return;
        };
        let entry = Entry {
            key: answer.key,
            kind: answer.kind,
            name: answer.name,
            input: answer.input,
            outcome: answer.outcome,
            place: machine.told().next_own(),
            started_at: answer.began,
            finished_at: now,
            worker: Some(self.hold.worker),
            try_number: 1,
        };
        self.state.told(&entry.key);
        match machine.deliver(&entry) {
            Ok(turn) => {
                self.outbox.row(entry);
                self.turn(turn, now, effects);
            }
            // Somebody else's row stands there: the journal is read again.
            Err(_) => self.stale(Vec::new()),
        }
    }
}
