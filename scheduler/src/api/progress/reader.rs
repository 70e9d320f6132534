//! Reading on: what a follower is told next.

use std::{collections::VecDeque, time::Duration};

use axum::response::sse::Event;
use piton_shared::{ids::RunId, message::read::More, name::Org};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    cursor::{Cursor, Stood},
    view::{EndView, StandingView, StepToldView, TryToldView},
};
use crate::{
    api::{access::Presented, limits, problem::Problem, routes::Door, runs::look, share::Share},
    engine::Watch,
    store::{News, Standing},
};

/// One follower. Reads only as fast as its events are taken.
pub(super) struct Reader {
    door: Door,
    run: RunId,
    org: Org,
    presented: Presented,
    watch: Watch,
    cursor: Cursor,
    /// What was read and not yet told.
    told: VecDeque<Event>,
    course: Course,
    /// When the stream is closed, whatever happens.
    until: Instant,
    /// How long to rest when nothing is new.
    rest: Duration,
    _place: (OwnedSemaphorePermit, Share<Org>),
}

/// What a follower does once everything that was read is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Reads on at once.
    Reads,
    /// Waits for news first.
    Rests,
    /// As [`Course::Rests`], but the end was announced: only time is waited for.
    RestsAfterEnd,
    /// Closes.
    Over,
}

impl Reader {
    pub(super) fn new(
        door: Door,
        run: RunId,
        org: Org,
        presented: Presented,
        cursor: Cursor,
        place: (OwnedSemaphorePermit, Share<Org>),
    ) -> Self {
        // Subscribed before the first look, so an end in between is not missed.
        let watch = door.engine.watch(run);
        let until = Instant::now() + limits::STREAM_LONGEST;
        let (told, course, rest) = (VecDeque::new(), Course::Reads, limits::PROGRESS_REST.0);
        Self { door, run, org, presented, watch, cursor, told, course, until, rest, _place: place }
    }

    /// The next event, and the reader after it; none when the stream is to close.
    pub(super) async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.told.pop_front() {
                return Some((event, self));
            }
            match self.course {
                Course::Over => return None,
                Course::Rests | Course::RestsAfterEnd => self.rest().await,
                Course::Reads => {
                    if let Err(problem) = self.read().await {
                        // The follower comes back, to whichever scheduler answers.
                        tracing::debug!(?problem, run.id = %self.run, "a run's progress is not told on");
                        self.close();
                    }
                }
            }
        }
    }

    async fn rest(&mut self) {
        let closing = self.door.closing.clone();
        let announced = self.course == Course::RestsAfterEnd;
        self.course = Course::Reads;
        tokio::select! {
            biased;
            () = closing.cancelled() => self.close(),
            () = tokio::time::sleep_until(self.until) => self.close(),
            () = self.watch.ended(), if !announced => self.course = Course::Reads,
            () = tokio::time::sleep(self.rest) => {}
        }
        self.rest = (self.rest * 2).min(limits::PROGRESS_REST.1);
    }

    /// Tells the follower when to come back, and ends.
    fn close(&mut self) {
        self.told.push_back(Event::default().retry(limits::RETRY_AFTER).comment("come back"));
        self.course = Course::Over;
    }

    async fn read(&mut self) -> Result<(), Problem> {
        if self.door.closing.is_cancelled() || Instant::now() >= self.until {
            self.close();
            return Ok(());
        }
        self.door.still_admits(&self.presented).await?;
        let Cursor { seen, tries_until, .. } = self.cursor;
        let store = self.door.engine.store();
        let standing = self.door.in_time(store.progress(self.run, &self.org, seen, tries_until)).await?;
        let standing = standing.ok_or_else(|| Problem::unknown_run(self.run))?;
        let stood = Stood::from(&standing);
        let ended = stood.state.is_terminal();
        if !ended && self.cursor.stood != Some(stood) {
            self.cursor.stood = Some(stood);
            self.tell("state", &StandingView::of(&standing));
        }
        if standing.tries == News::Some {
            self.tries().await?;
        }
        // An ended run has told everything that its journal has when that is read after the end was seen.
        let more = if standing.rows == News::Some { self.rows().await? } else { More::End };
        self.course = match more {
            More::Follows => Course::Reads,
            More::End if ended => return self.end(&standing).await,
            More::End if !self.told.is_empty() => {
                self.rest = limits::PROGRESS_REST.0;
                self.rest_course()
            }
            More::End => self.rest_course(),
        };
        Ok(())
    }

    fn rest_course(&self) -> Course {
        if self.watch.has_ended() { Course::RestsAfterEnd } else { Course::Rests }
    }

    async fn rows(&mut self) -> Result<More, Problem> {
        let page = self.door.engine.store().journal_told(self.run, self.cursor.seen, limits::PROGRESS_ROWS);
        let (entries, more) = self.door.in_time(page).await?;
        for entry in entries {
            self.cursor.seen = self.cursor.seen.and(&entry);
            self.tell("step", &StepToldView::from(entry));
        }
        Ok(more)
    }

    async fn tries(&mut self) -> Result<(), Problem> {
        let rows = i64::from(limits::PROGRESS_ROWS);
        let tries = self.door.engine.store().tries_after(self.run, self.cursor.tries_until, rows);
        for failed in self.door.in_time(tries).await? {
            self.cursor.tries_until = failed.finished_at;
            self.tell("try", &TryToldView::from(failed));
        }
        Ok(())
    }

    async fn end(&mut self, standing: &Standing) -> Result<(), Problem> {
        let row = look(&self.door, self.run, &self.org).await?;
        self.cursor.stood = Some(Stood::from(standing));
        self.tell("end", &EndView::from(row));
        self.course = Course::Over;
        Ok(())
    }

    fn tell(&mut self, name: &str, view: &impl serde::Serialize) {
        match Event::default().event(name).id(self.cursor.to_string()).json_data(view) {
            Ok(event) => self.told.push_back(event),
            Err(error) => {
                tracing::error!(%error, "what a run was told does not encode");
                self.close();
            }
        }
    }
}
