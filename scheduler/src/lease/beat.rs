//! Heartbeats, written in batches on connections of their own.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use piton_shared::message::{
    Answer,
    worker::{Heartbeat, Standing},
};
use piton_transport::Received;

use super::{Given, Roster};
use crate::{
    gather::Gatherer,
    store::{Beat, Store},
};

/// Controls told with one heartbeat at most; the rest comes with the next.
const CONTROLS: i64 = 1000;

/// A heartbeat that waits for its commit.
#[derive(Debug)]
pub struct BeatJob {
    /// What the worker says.
    pub beat: Heartbeat,
    /// What had been given to it when this arrived.
    pub given: Given,
    /// Where the answer goes.
    pub reply: Received,
}

/// Renews leases.
pub struct Beats {
    /// Where to.
    pub store: Store,
    /// Who keeps the room.
    pub roster: Roster,
    /// How long a lease runs.
    pub lease: Duration,
}

impl Beats {
    /// Commits until every sender is gone.
    pub async fn run(self, mut jobs: Gatherer<BeatJob>) {
        while let Some(mut batch) = jobs.next(|_| 1).await {
            // Of two heartbeats of one worker the later counts, whichever road was faster, and both are answered.
            batch.sort_by_key(|job| job.beat.number);
            let latest: HashMap<_, _> = batch.iter().map(|job| (job.beat.worker, &job.beat)).collect();
            let mut beats: Vec<_> = latest.into_values().cloned().collect();
            beats.sort_unstable_by_key(|beat| beat.worker);
            let began = Instant::now();
            let renewed = self.store.heartbeats(&beats, self.lease).await;
            jobs.committed(beats.len(), began);
            for job in batch {
                let answer = match &renewed {
                    Ok(renewed) => self.answer(&job.beat, job.given, renewed).await,
                    Err(error) => Answer::Unavailable { reason: error.to_string() },
                };
                if let Err(error) = job.reply.respond(&answer).await {
                    tracing::debug!(%error, "a heartbeat's answer was not sent");
                }
            }
        }
    }

    async fn answer(&self, beat: &Heartbeat, given: Given, renewed: &[Beat]) -> Answer<Standing> {
        let Some(found) = renewed.iter().find(|found| found.worker == beat.worker) else {
            self.roster.gone(beat.worker);
            return Answer::Done(Standing::Ended);
        };
        self.roster.beat(beat, given);
        if found.control_version <= beat.control_applied {
            return Answer::Done(Standing::Renewed { controls: Vec::new() });
        }
        match self.store.controls_after(&found.org, beat.control_applied, CONTROLS).await {
            Ok(controls) => Answer::Done(Standing::Renewed { controls }),
            Err(error) => Answer::Unavailable { reason: error.to_string() },
        }
    }
}
