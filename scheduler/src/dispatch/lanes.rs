//! How much room the shallow streams have, one number a queue and build.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use piton_shared::{
    limits,
    name::{Build, Org, Queue},
};

use crate::store::{Depth, Room, Slots};

type Lane = (Org, Queue, Option<Build>);

/// Whether the stream of tasks answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamState {
    /// It did when it was last looked at, or has not been looked at.
    #[default]
    Answers,
    /// It did not.
    Away,
}

/// The room of every queue, as last seen. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    room: HashMap<Lane, i64>,
    stream: StreamState,
}

impl Lanes {
    /// Takes a place in a queue's stream.
    pub(super) fn take(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> Room {
        let mut seen = self.seen.lock();
        let lane = (org.clone(), queue.clone(), build.cloned());
        let left = seen.room.entry(lane).or_insert(i64::from(limits::QUEUE_DEPTH));
        if *left > 0 {
            *left -= 1;
            Room::Some
        } else {
            Room::None
        }
    }

    /// Whether runs wait here for which there was no room when it was last looked at. None wait for the stream while it is away:
    /// nothing leaves it then, and a worker that has room is given what comes.
    pub(super) fn has_backlog(&self, org: &Org, queue: &Queue, build: Option<&Build>) -> bool {
        let seen = self.seen.lock();
        if seen.room.is_empty() || seen.stream == StreamState::Away {
            return false;
        }
        let lane = (org.clone(), queue.clone(), build.cloned());
        seen.room.get(&lane).is_some_and(|left| *left <= 0)
    }

    /// Whether the stream answered when it was looked at.
    pub(super) fn saw_stream(&self, stream: StreamState) {
        self.seen.lock().stream = stream;
    }

    /// Gives a place back that was taken.
    pub(super) fn put_back(&self, org: &Org, queue: &Queue, build: Option<&Build>) {
        if let Some(left) = self.seen.lock().room.get_mut(&(org.clone(), queue.clone(), build.cloned())) {
            *left += 1;
        }
    }

    /// What was seen; queues that are not among it are empty.
    pub(super) fn seen(&self, rooms: impl IntoIterator<Item = (Depth, i64)>) {
        let rooms = rooms.into_iter().map(|(depth, room)| ((depth.org, depth.queue, depth.build), room));
        self.seen.lock().room = rooms.collect();
    }
}

/// How much may be published of a queue: a few times what its workers can take, and never too little to keep them busy
/// between two looks.
pub(super) fn target(slots: i64) -> i64 {
    (slots * 2).max(i64::from(limits::QUEUE_DEPTH))
}

/// The workers that can take what lies in a queue: what is bound to no build goes to any worker of the queue.
pub(super) fn takers<'a>(depth: &'a Depth, slots: &'a [Slots]) -> impl Iterator<Item = &'a Slots> {
    slots.iter().filter(move |of| {
        of.org == depth.org
            && of.queue == depth.queue
            && depth.build.as_ref().is_none_or(|build| of.build.as_ref().map(Build::as_str) == Some(build.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_behind_a_stream_that_is_away() {
        let (lanes, org, queue) = (Lanes::default(), Org::DEFAULT, Queue::DEFAULT);
        assert!(!lanes.has_backlog(&org, &queue, None));
        while lanes.take(&org, &queue, None) == Room::Some {}
        assert!(lanes.has_backlog(&org, &queue, None));
        lanes.saw_stream(StreamState::Away);
        assert!(!lanes.has_backlog(&org, &queue, None));
        lanes.saw_stream(StreamState::Answers);
        assert!(lanes.has_backlog(&org, &queue, None));
    }
}
