//! Having results written: while one request is under way the next one collects.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use piton_shared::{
    limits,
    message::{
        Refusal,
        append::{Append, AppendAnswer, Appended, Appends},
    },
    subject::Method,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    attempt::{rows, weight},
    door::Unserved,
    failpoint::failpoint,
    member::Member,
};

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);
/// Bytes of a request's appends together; what the frame takes is left out.
const REQUEST_BYTES: usize = limits::MESSAGE_BYTES - 16 * 1024;
/// Requests under way at once: while one commits the next is ready, and what comes meanwhile collects.
const REQUESTS: usize = 2;
/// How long to wait after an answer that makes no sense.
const NONSENSE_PAUSE: Duration = Duration::from_secs(1);

/// An append to be written.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) append: Box<Append>,
    pub(super) reply: oneshot::Sender<Written>,
}

/// What it came to.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) answer: AppendAnswer,
    pub(super) append: Box<Append>,
}

/// Writes what comes until the registration is over. A run whose append is not answered then is lost here.
///
/// A run has at most one append under way, so requests may pass each other.
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
        under_way.push(write(&member, collect(first, &mut jobs, &mut carried)));
    }
    tokio::select! {
        biased;
        () = member.over.cancelled() => {}
        () = async { while under_way.next().await.is_some() {} } => {}
    }
}

/// Takes what waits, as much as one request holds.
fn collect(first: Job, jobs: &mut mpsc::Receiver<Job>, carried: &mut Option<Job>) -> Vec<Job> {
    let (mut bytes, mut count) = (weight(&first.append), rows(&first.append));
    let mut batch = vec![first];
    while let Ok(job) = jobs.try_recv() {
        bytes += weight(&job.append);
        count += rows(&job.append);
        if bytes > REQUEST_BYTES || count > limits::COMMIT_ROWS {
            *carried = Some(job);
            break;
        }
        batch.push(job);
    }
    batch
}

/// Writes a batch; one that is refused as a whole is tried one by one.
async fn write(member: &Member, batch: Vec<Job>) {
    let mut batches = vec![batch];
    while let Some(batch) = batches.pop() {
        let (appends, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|job| (job.append, job.reply)).unzip();
        let mut request = Appends { worker: member.id, appends: appends.into_iter().map(|append| *append).collect() };
        let count: usize = request.appends.iter().map(rows).sum();
        member.door.metrics.append_waiting.add(i64::try_from(count).unwrap_or(i64::MAX));
        let served = ask(member, &request).await;
        member.door.metrics.append_waiting.add(-i64::try_from(count).unwrap_or(i64::MAX));
        let appends = std::mem::take(&mut request.appends).into_iter().map(Box::new);
        let jobs = appends.zip(replies);
        match served {
            Ok(answers) => {
                for ((append, reply), answer) in jobs.zip(answers) {
                    let _ = reply.send(Written { answer, append });
                }
            }
            Err(Unserved::Refused(Refusal::UnknownWorker)) => {
                // Every reply is dropped: the runs are lost. The heartbeat will hear the same.
                member.beat_now.notify_one();
            }
            Err(refused) => {
                let jobs: Vec<_> = jobs.map(|(append, reply)| Job { append, reply }).collect();
                if jobs.len() == 1 {
                    for Job { append, reply } in jobs {
                        let answer = AppendAnswer::Invalid { reason: refused.to_string() };
                        let _ = reply.send(Written { answer, append });
                    }
                } else {
                    tracing::warn!(error = %refused, "appends are refused together: trying them one by one");
                    batches.extend(jobs.into_iter().map(|job| vec![job]));
                }
            }
        }
    }
}

async fn ask(member: &Member, request: &Appends) -> Result<Vec<AppendAnswer>, Unserved> {
    loop {
        failpoint!("append-send");
        let began = Instant::now();
        let served = member.door.insist::<_, Appended>(Method::Append, request, ANSWER).await;
        failpoint!("append-answered");
        let metrics = &member.door.metrics;
        metrics.append_time.seconds(began.elapsed());
        metrics.append_batch.rows(request.appends.iter().map(|append| append.rows.len()).sum());
        match served {
            Ok(Appended { answers }) if answers.len() == request.appends.len() => return Ok(answers),
            Ok(Appended { answers }) => {
                let (asked, answered) = (request.appends.len(), answers.len());
                tracing::error!(asked, answered, "a scheduler answered another number of appends: asking again");
            }
            Err(Unserved::Refused(Refusal::Envelope(error))) => {
                tracing::error!(%error, "a scheduler does not understand appends: asking again");
            }
            Err(unserved) => return Err(unserved),
        }
        tokio::time::sleep(NONSENSE_PAUSE).await;
    }
}
