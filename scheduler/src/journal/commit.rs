//! The group commit of appends.

use std::{
    collections::HashSet,
    pin::Pin,
    time::{Duration, Instant},
};

use piton_shared::{
    ids::RunId,
    limits,
    message::{
        Answer,
        append::{Append, AppendAnswer, Appended, Appends, Next},
    },
    name::Org,
};
use piton_telemetry::metrics::{AppendOutcome, Ending, Group, Retried, SchedulerMetrics};
use piton_transport::Received;

use super::{
    road::{First, Road, first_pass, road},
    verdict::{Verdict, verdict},
};
use crate::{
    batch::Releases,
    dispatch::Giver,
    failpoint::failpoint,
    gather::{Gatherer, weight},
    halve::{self, halving},
    lease::Roster,
    store::{Appending, FirstPass, Store, StoreError, Wrote},
    wake::{End, Timers, Waiters},
};

/// How often an append whose run is locked is tried again, and how long to wait in between.
const AGAIN: u32 = 5;
const AGAIN_AFTER: Duration = Duration::from_millis(2);
/// Rows from outside that an overtaken attempt is told at once; it reads the rest.
const OVERTAKEN_ROWS: u32 = 64;

/// A worker's request that waits for its commit.
#[derive(Debug)]
pub struct AppendJob {
    /// The tenant, by the subject it came on.
    pub org: Org,
    /// What it says.
    pub request: Appends,
    /// Where the answer goes.
    pub reply: Received,
}

/// The writer of results in a scheduler. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    /// Where to.
    pub store: Store,
    /// Who waits for ends.
    pub waiters: Waiters,
    /// Who has room again when a run leaves.
    pub roster: Roster,
    /// Who fires the timers that were set.
    pub timers: Timers,
    /// Who gives steps away, and says whose results are not wanted any more.
    pub giver: Giver,
    /// Who gives away the items that appends bring.
    pub releases: Releases,
    /// Where it is counted.
    pub metrics: SchedulerMetrics,
}

/// The answer to one append, or the reason why it is not known.
pub type Outcome = Result<AppendAnswer, String>;

impl Committer {
    /// Commits until every sender is gone.
    pub async fn run(self, mut jobs: Gatherer<AppendJob>) {
        while let Some(batch) = jobs.next(|job| weight(rows(&job.request), job.reply.size())).await {
            let (batch, later) = without_repeats(batch);
            jobs.carry(later);
            let (rows, began) = (batch.iter().map(|job| rows(&job.request)).sum(), Instant::now());
            self.commit(batch).await;
            jobs.committed(rows, began);
        }
    }

    /// Commits appends, at most one a run and sorted by run; says what each came to, in their order.
    pub async fn outcomes(&self, appends: &[Appending]) -> Vec<Outcome> {
        let Some(first) = appends.first() else { return Vec::new() };
        let only = road(&first.append);
        if appends.iter().all(|one| road(&one.append) == only) {
            return self.along(only, appends).await;
        }
        let on = |wanted| appends.iter().filter(|one| road(&one.append) == wanted).cloned().collect::<Vec<_>>();
        let (plain, whole, apart) = (on(Road::Plain), on(Road::Whole), on(Road::Apart));
        let (plain, whole, apart) = tokio::join!(
            self.along(Road::Plain, &plain),
            self.along(Road::Whole, &whole),
            self.along(Road::Apart, &apart)
        );
        let (mut plain, mut whole, mut apart) = (plain.into_iter(), whole.into_iter(), apart.into_iter());
        let outcome = |one: &Appending| match road(&one.append) {
            Road::Plain => plain.next(),
            Road::Whole => whole.next(),
            Road::Apart => apart.next(),
        };
        appends.iter().map(outcome).map(|outcome| outcome.expect("each has an outcome in its order")).collect()
    }

    async fn along(&self, road: Road, appends: &[Appending]) -> Vec<Outcome> {
        match (road, appends) {
            (_, []) => Vec::new(),
            (Road::Plain, _) => self.write(First::Cheapest, appends, 0).await,
            (Road::Whole, _) => self.write(First::Whole, appends, 0).await,
            (Road::Apart, _) => self.apart(appends).await,
        }
    }

    async fn commit(&self, batch: Vec<AppendJob>) {
        let mut places = Vec::new();
        let mut appends = Vec::new();
        let mut replies = Vec::with_capacity(batch.len());
        for (job, AppendJob { org, request, reply }) in batch.into_iter().enumerate() {
            let Appends { worker, appends: wanted } = request;
            replies.push((reply, wanted.len()));
            for (place, append) in wanted.into_iter().enumerate() {
                places.push((append.run, job, place));
                appends.push(Appending { org: org.clone(), worker, append });
            }
        }
        // One order of locks for everybody: by run.
        places.sort_unstable();
        appends.sort_unstable_by_key(|appending| appending.append.run);
        let outcomes = self.outcomes(&appends).await;
        let mut answers: Vec<Vec<Option<Outcome>>> = replies.iter().map(|(_, count)| vec![None; *count]).collect();
        for ((_, job, place), outcome) in places.into_iter().zip(outcomes) {
            self.metrics.appends.at(counted(&outcome)).inc();
            answers[job][place] = Some(outcome);
        }
        for ((reply, _), outcomes) in replies.into_iter().zip(answers) {
            let outcomes: Result<Vec<_>, String> =
                outcomes.into_iter().map(|outcome| outcome.expect("every append has an outcome")).collect();
            let answer = match outcomes {
                Ok(answers) => Answer::Done(Appended { answers }),
                // The whole request is sent again; what was written is recognised.
                Err(reason) => {
                    self.metrics.commit_unavailable.at(Group::Append).inc();
                    Answer::Unavailable { reason }
                }
            };
            if let Err(error) = reply.respond(&answer).await {
                tracing::debug!(%error, "an append's answer was not sent; the worker asks again");
            }
        }
    }

    /// Writes appends and says what each came to, in their order.
    fn write<'a>(
        &'a self,
        first: First,
        appends: &'a [Appending],
        round: u32,
    ) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(async move { halving(&Round { committer: self, first, round }, appends).await })
    }

    /// One statement, and a look at what it did not find.
    async fn write_once(&self, first: First, appends: &[Appending], round: u32) -> Result<Vec<Outcome>, StoreError> {
        let first = first_pass(&self.store, first, appends).await?;
        failpoint!("append-committed", Ok(vec![Err("the answer was lost".to_owned()); appends.len()]));
        let (wrote, running) = self.committed(first);
        let mut outcomes: Vec<Option<Outcome>> = vec![None; appends.len()];
        let mut lost = Vec::new();
        for (place, appending) in appends.iter().enumerate() {
            match refused(wrote.get(place).copied().unwrap_or(Wrote::Lost)) {
                Refused::No => outcomes[place] = Some(self.written(appending, &running).await),
                Refused::Because(answer) => outcomes[place] = Some(Ok(answer)),
                Refused::NotFound => lost.push(place),
            }
        }
        if !lost.is_empty() {
            self.look(appends, &lost, &mut outcomes, round).await;
        }
        Ok(outcomes.into_iter().map(|outcome| outcome.expect("every append was decided")).collect())
    }

    /// What was committed is told to whoever has to know; says what became of each append, and which runs go on.
    pub(super) fn committed(&self, pass: FirstPass) -> (Vec<Wrote>, HashSet<RunId>) {
        if let Some(micros) = pass.next_due {
            self.timers.due_in(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
        }
        self.giver.offer(pass.offers);
        self.giver.drop_steps(pass.dropped);
        (pass.wrote, pass.running.into_iter().collect())
    }

    /// An append that was written whole.
    pub(super) async fn written(&self, appending: &Appending, running: &HashSet<RunId>) -> Outcome {
        let Append { run, next, .. } = &appending.append;
        match next {
            Next::GoOn => {}
            Next::Suspend { seen_outside } if running.contains(run) => {
                return self.overtaken(*run, *seen_outside).await;
            }
            Next::Suspend { .. } => self.roster.left(appending.worker),
            Next::Park(_) => {
                self.metrics.runs_ended.at(Ending::Parked).inc();
                self.waiters.ended(appending.append.run, End::Elsewhere);
                self.roster.left(appending.worker);
            }
            Next::Complete(result) => self.ended(appending, End::Completed(result.clone())),
            Next::Fail(failure) => self.ended(appending, End::Failed(failure.clone())),
            Next::Cancel(failure) => self.ended(appending, End::Cancelled(failure.clone())),
        }
        Ok(AppendAnswer::Accepted)
    }

    fn ended(&self, appending: &Appending, end: End) {
        let ending = match &end {
            End::Completed(_) => Ending::Completed,
            End::Failed(_) => Ending::Failed,
            End::Cancelled(_) | End::Elsewhere => Ending::Cancelled,
        };
        self.metrics.runs_ended.at(ending).inc();
        self.roster.left(appending.worker);
        self.waiters.ended(appending.append.run, end);
    }

    /// What an attempt is told that wanted to suspend and has not seen everything.
    pub(super) async fn overtaken(&self, run: RunId, seen: u32) -> Outcome {
        let outside =
            self.store.journal_outside(run, seen, OVERTAKEN_ROWS).await.map_err(|error| unavailable(&error))?;
        Ok(AppendAnswer::Overtaken { outside })
    }

    /// Looks at appends whose runs were not found, and tries those again that were only locked.
    async fn look(&self, appends: &[Appending], lost: &[usize], outcomes: &mut [Option<Outcome>], round: u32) {
        let wanted: Vec<_> = lost.iter().map(|place| &appends[*place]).collect();
        let looks = match self.store.append_look(&wanted).await {
            Ok(looks) => looks,
            Err(error) => {
                for place in lost {
                    outcomes[*place] = Some(Err(unavailable(&error)));
                }
                return;
            }
        };
        let mut again = Vec::new();
        for (place, look) in lost.iter().zip(&looks) {
            let append = &appends[*place].append;
            match verdict(append, look) {
                Verdict::Answer(answer) => outcomes[*place] = Some(Ok(answer)),
                Verdict::Overtaken => {
                    let seen =
                        if let Next::Suspend { seen_outside } = append.next { seen_outside } else { look.outside };
                    outcomes[*place] = Some(self.overtaken(append.run, seen).await);
                }
                Verdict::Again => again.push((*place, appends[*place].clone())),
            }
        }
        if again.is_empty() {
            return;
        }
        if round >= AGAIN {
            for (place, _) in again {
                outcomes[place] = Some(Err("the run is locked by somebody else".to_owned()));
            }
            return;
        }
        self.metrics.retries.at(Retried::Commit).inc();
        tokio::time::sleep(AGAIN_AFTER).await;
        let (places, rest): (Vec<_>, Vec<_>) = again.into_iter().unzip();
        for (place, outcome) in places.into_iter().zip(self.write(First::Whole, &rest, round + 1).await) {
            outcomes[place] = Some(outcome);
        }
    }
}

/// Why an append was not written, if it was not.
pub(super) enum Refused {
    /// It was.
    No,
    /// It can be answered.
    Because(AppendAnswer),
    /// Its run was not found in its hands: it is to be looked at.
    NotFound,
}

pub(super) fn refused(wrote: Wrote) -> Refused {
    match wrote {
        Wrote::All => Refused::No,
        Wrote::Taken => Refused::Because(AppendAnswer::Superseded),
        Wrote::Sleepless => {
            let reason = "it suspends and leaves nothing that could wake the run: a timer, a dispatched step, a batch";
            Refused::Because(AppendAnswer::Invalid { reason: reason.to_owned() })
        }
        Wrote::Lost => Refused::NotFound,
    }
}

/// One round of writing.
struct Round<'a> {
    committer: &'a Committer,
    first: First,
    round: u32,
}

impl halve::Group for Round<'_> {
    type Row = Appending;
    type Outcome = Outcome;

    async fn write(&self, appends: &[Appending]) -> Result<Vec<Outcome>, StoreError> {
        self.committer.write_once(self.first, appends, self.round).await
    }

    fn refused(&self, one: &Appending, error: StoreError) -> Outcome {
        tracing::warn!(run = %one.append.run, error = &error as &dyn std::error::Error, "an append was refused");
        Ok(AppendAnswer::Invalid { reason: error.reason() })
    }

    fn unknown(&self, appends: &[Appending], error: StoreError) -> Vec<Outcome> {
        tracing::warn!(error = &error as &dyn std::error::Error, appends = appends.len(), "appends were not written");
        vec![Err(unavailable(&error)); appends.len()]
    }
}

fn counted(outcome: &Outcome) -> AppendOutcome {
    match outcome {
        Ok(AppendAnswer::Accepted | AppendAnswer::Overtaken { .. }) => AppendOutcome::Accepted,
        Ok(AppendAnswer::Fenced) => AppendOutcome::Fenced,
        Ok(AppendAnswer::Superseded | AppendAnswer::Conflict { .. }) => AppendOutcome::Already,
        Ok(AppendAnswer::Invalid { .. }) => AppendOutcome::Refused,
        Err(_) => AppendOutcome::Unavailable,
    }
}

pub(super) fn unavailable(error: &StoreError) -> String {
    error.to_string()
}

fn rows(request: &Appends) -> usize {
    request
        .appends
        .iter()
        .map(|append| {
            let items: usize = append.batches.iter().map(|chunk| chunk.items.len()).sum();
            1 + append.rows.len() + append.dispatches.len() + items
        })
        .sum::<usize>()
        .min(limits::COMMIT_ROWS)
}

/// Leaves at most one append of a run in a batch: a repeat that arrives beside its original waits for the next.
fn without_repeats(batch: Vec<AppendJob>) -> (Vec<AppendJob>, Vec<AppendJob>) {
    let mut seen = HashSet::new();
    batch.into_iter().partition(|job| {
        let fresh = job.request.appends.iter().all(|append| !seen.contains(&append.run));
        if fresh {
            seen.extend(job.request.appends.iter().map(|append| append.run));
        }
        fresh
    })
}
