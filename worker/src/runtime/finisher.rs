//! Reporting what became of dispatched work: while one request is under way the next one collects.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use piton_shared::{
    limits,
    message::{
        Refusal,
        dispatch::{Finish, FinishAnswer, Finished, StepEnd, StepEnding},
    },
    subject::Method,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    attempt::{of_failure, of_outcome},
    door::Unserved,
    failpoint::failpoint,
    member::Member,
};

/// Results that may wait for their answer at once. Beyond that the slots of those who executed them stay taken.
pub(super) const REPORTS: usize = 1024;
/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);
/// Bytes of a request's ends together; what the frame takes is left out.
const REQUEST_BYTES: usize = limits::MESSAGE_BYTES - 16 * 1024;
/// What an end weighs beside its payload.
const END_BYTES: usize = 512;
/// Ends of one request.
const ENDS: usize = 512;
/// Requests under way at once: while one commits the next is ready, and what comes meanwhile collects.
const REQUESTS: usize = 2;
/// How long to wait after an answer that makes no sense.
const NONSENSE_PAUSE: Duration = Duration::from_secs(1);

/// An end to be reported.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) end: Box<StepEnd>,
    pub(super) reply: oneshot::Sender<FinishAnswer>,
}

/// Reports what comes until the registration is over. Each end is kept and sent again until it is answered.
///
/// Work has at most one end under way, so requests may pass each other.
pub(super) async fn serve(member: Arc<Member>, mut jobs: mpsc::Receiver<Job>) {
    let mut carried = None;
    let mut under_way = FuturesUnordered::new();
    loop {
        let next = async {
            match carried.take() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            }
        };
        let first = tokio::select! {
            biased;
            () = member.over.cancelled() => return,
            Some(()) = under_way.next(), if !under_way.is_empty() => continue,
            first = next, if under_way.len() < REQUESTS => first,
        };
        let Some(first) = first else { break };
        under_way.push(report(&member, collect(first, &mut jobs, &mut carried)));
    }
    tokio::select! {
        biased;
        () = member.over.cancelled() => {}
        () = async { while under_way.next().await.is_some() {} } => {}
    }
}

/// Takes what waits, as much as one request holds.
fn collect(first: Job, jobs: &mut mpsc::Receiver<Job>, carried: &mut Option<Job>) -> Vec<Job> {
    let mut bytes = weight(&first.end);
    let mut batch = vec![first];
    while batch.len() < ENDS
        && let Ok(job) = jobs.try_recv()
    {
        bytes += weight(&job.end);
        if bytes > REQUEST_BYTES {
            *carried = Some(job);
            break;
        }
        batch.push(job);
    }
    batch
}

fn weight(end: &StepEnd) -> usize {
    let ending = match &end.ending {
        StepEnding::Done { outcome, .. } => of_outcome(outcome),
        StepEnding::Again { failure, .. } => of_failure(failure),
        StepEnding::Returned { .. } => 0,
    };
    END_BYTES + end.dispatch.key.as_str().len() + ending
}

/// Reports a batch; one that is refused as a whole is tried one by one.
async fn report(member: &Member, batch: Vec<Job>) {
    let mut batches = vec![batch];
    while let Some(batch) = batches.pop() {
        let (ends, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (*job.end, job.reply)).unzip();
        let mut request = Finish { worker: member.id, ends };
        let waiting = member.door.metrics.finish_waiting.clone();
        let count = i64::try_from(request.ends.len()).unwrap_or(i64::MAX);
        waiting.add(count);
        let served = ask(member, &request).await;
        waiting.add(-count);
        let ends = std::mem::take(&mut request.ends).into_iter().map(Box::new);
        match served {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    let _ = reply.send(answer);
                }
            }
            Err(Unserved::Refused(Refusal::UnknownWorker)) => {
                // Every reply is dropped: the work is lost. The heartbeat will hear the same.
                member.beat_now.notify_one();
            }
            Err(refused) if replies.len() == 1 => {
                for reply in replies {
                    let _ = reply.send(FinishAnswer::Invalid { reason: refused.to_string() });
                }
            }
            Err(refused) => {
                tracing::warn!(error = %refused, "ends are refused together: trying them one by one");
                batches.extend(ends.zip(replies).map(|(end, reply)| vec![Job { end, reply }]));
            }
        }
    }
}

async fn ask(member: &Member, request: &Finish) -> Result<Vec<FinishAnswer>, Unserved> {
    loop {
        failpoint!("finish-send");
        let began = Instant::now();
        let served = member.door.insist::<_, Finished>(Method::Finish, request, ANSWER).await;
        failpoint!("finish-answered");
        member.door.metrics.finish_time.seconds(began.elapsed());
        member.door.metrics.finish_batch.rows(request.ends.len());
        match served {
            Ok(Finished { answers }) if answers.len() == request.ends.len() => return Ok(answers),
            Ok(Finished { answers }) => {
                let (asked, answered) = (request.ends.len(), answers.len());
                tracing::error!(asked, answered, "a scheduler answered another number of ends: asking again");
            }
            Err(Unserved::Refused(Refusal::Envelope(error))) => {
                tracing::error!(%error, "a scheduler does not understand ends: asking again");
            }
            Err(unserved) => return Err(unserved),
        }
        tokio::time::sleep(NONSENSE_PAUSE).await;
    }
}
