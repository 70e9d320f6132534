//! A function under way.

use piton_shared::{message::worker::UnderWay, time::Timestamp};
use tokio::task::AbortHandle;

use crate::{Progress, TryHandle};

/// A function under way.
#[derive(Debug)]
pub(in crate::runtime) struct Executed {
    pub(super) handle: TryHandle,
    pub(super) since: Timestamp,
    pub(super) task: Option<AbortHandle>,
    beats: u64,
    beat_at: Option<Timestamp>,
    progress: Progress,
}

impl Executed {
    pub(in crate::runtime) fn new(handle: TryHandle, since: Timestamp) -> Self {
        Self { handle, since, task: None, beats: 0, beat_at: None, progress: Progress::default() }
    }

    pub(super) fn abort(&self) {
        self.handle.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    pub(super) fn under_way(&mut self, now: Timestamp) -> UnderWay {
        let beats = self.handle.heartbeats();
        if beats != self.beats {
            self.beats = beats;
            self.beat_at = Some(now);
        }
        if let Some(progress) = self.handle.take_progress() {
            self.progress = progress;
        }
        let of = self.handle.of();
        UnderWay {
            run: of.run_id,
            key: of.step_key.clone(),
            try_number: of.number,
            since: self.since,
            beat_at: self.beat_at,
            progress: self.progress.share(),
            note: self.progress.text().map(str::to_owned),
        }
    }
}
