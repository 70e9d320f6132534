//! Tells a workflow one row.

use super::{
    call::Call,
    ledger::Settled,
    machine::{Body, Machine},
    mismatch,
    turn::{DeliveryError, Told},
};
use crate::{
    codec,
    failure::StepError,
    journal::{Entry, Kind, Place},
    time::Timestamp,
};

/// How a row stands to what was told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Next,
    Old,
}

/// Which call a row answers.
#[derive(Debug, PartialEq)]
enum Answers {
    /// An open one, byte for byte.
    Same,
    /// An open one that has to be compared with the row outside the lock.
    Other(Box<Call>),
    /// One that another row answered.
    Again,
    /// One that nobody waits for.
    Withdrawn,
    /// None that the workflow ever made.
    Nothing,
}

impl Machine {
    pub(super) fn tell(&mut self, entry: &Entry) -> Result<(), DeliveryError> {
        if matches!(self.body, Body::Parked(_)) || self.order(entry.place)? == Order::Old {
            return Ok(());
        }
        if let Some(fetch) = self.core.ledger().fetches.open() {
            return Err(DeliveryError::Fetching { fetch: fetch.id });
        }
        match entry.kind {
            Kind::Retry => self.count(entry.place),
            Kind::Cancel => {
                self.count(entry.place);
                self.cancel(entry.finished_at);
            }
            Kind::Step | Kind::Sleep | Kind::Batch | Kind::Race | Kind::State => self.answer(entry)?,
        }
        self.core.ledger().compact();
        Ok(())
    }

    fn order(&self, place: Place) -> Result<Order, DeliveryError> {
        let Told { own, outside } = self.told;
        let (number, last, knows_all) = match place {
            Place::Own { number, after } => (number, own, after == outside),
            Place::Outside { number } => (number, outside, true),
        };
        if number <= last {
            Ok(Order::Old)
        } else if number == last + 1 && knows_all {
            Ok(Order::Next)
        } else {
            Err(DeliveryError::OutOfOrder { place, told: self.told })
        }
    }

    fn count(&mut self, place: Place) {
        match place {
            Place::Own { number, .. } => self.told.own = number,
            Place::Outside { number } => self.told.outside = number,
        }
    }

    fn cancel(&mut self, at: Timestamp) {
        let Body::Running(_) = self.body else { return };
        let wakers = self.core.ledger().cancel(at);
        let turn = self.core.alarm.turn();
        for waker in wakers {
            waker.wake();
        }
        drop(turn);
        self.settle();
    }

    fn answer(&mut self, entry: &Entry) -> Result<(), DeliveryError> {
        let answers = self.answers(entry);
        if answers == Answers::Again {
            return Err(DeliveryError::Answered { key: entry.key.clone() });
        }
        self.count(entry.place);
        match answers {
            Answers::Same => self.resolve(entry),
            Answers::Other(call) => match mismatch::compare(entry, &call) {
                Ok(()) => self.resolve(entry),
                Err(reason) => self.park(reason),
            },
            Answers::Withdrawn | Answers::Again => self.core.ledger().tolerate(&entry.key),
            Answers::Nothing => {
                let reason = match &self.body {
                    Body::Ended(_) => mismatch::already_ended(entry),
                    Body::New(_) | Body::Running(_) | Body::Parked(_) => {
                        mismatch::never_asked(entry, &self.core.ledger())
                    }
                };
                self.park(reason);
            }
        }
        Ok(())
    }

    fn answers(&self, entry: &Entry) -> Answers {
        let ledger = self.core.ledger();
        match (ledger.waiting(&entry.key), ledger.settled(&entry.key)) {
            (Some(call), _) if mismatch::is_identical(entry, call) => Answers::Same,
            (Some(call), _) => Answers::Other(Box::new(call.clone())),
            (None, Some(Settled::Answered)) => Answers::Again,
            (None, Some(Settled::Withdrawn)) => Answers::Withdrawn,
            (None, None) => Answers::Nothing,
        }
    }

    fn resolve(&mut self, entry: &Entry) {
        let answer = match (&entry.outcome, entry.kind) {
            // A timer answers nothing, whatever its row holds.
            (Ok(_), Kind::Sleep) => Ok(codec::UNIT.to_vec()),
            (Ok(payload), Kind::Step | Kind::Retry | Kind::Cancel | Kind::Batch | Kind::Race | Kind::State) => {
                Ok(payload.clone())
            }
            (Err(failure), _) => Err(StepError::from(failure.clone())),
        };
        let waker = self.core.ledger().answer(&entry.key, answer, entry.finished_at);
        if let Some(waker) = waker {
            let _turn = self.core.alarm.turn();
            waker.wake();
        }
        self.settle();
    }
}
