//! What workers ask: each method on subjects of its own, served by a loop of its own.

mod admit;

use std::collections::HashSet;

use futures::{StreamExt, stream::FuturesUnordered};
use piton_shared::{
    codec::wire::Texts,
    ids::SchedulerId,
    journal::{Kind, Place},
    limits,
    message::{
        Answer, Refusal,
        append::{Append, Appends, Next},
        batch::BatchItems,
        envelope,
        read::More,
        wake::Ended,
        worker::Heartbeat,
    },
    name::Org,
    subject::{Method, Subjects},
};
use piton_transport::{Bus, Inbox, Received, SendError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use admit::Signed;

use crate::{
    definition::Definer,
    dispatch::{Claims, StepClaims},
    finish::{self, FinishJob},
    journal::{AppendJob, any_goes_apart},
    lease::{BeatJob, Registrar, WorkerOrgs},
    wake::{End, Waiters},
};

/// Requests of one method served at once.
const AT_ONCE: usize = 64;

/// Everything that workers can ask.
#[derive(Clone)]
pub struct Desk {
    /// How they ask.
    pub bus: Bus,
    /// This scheduler.
    pub scheduler: SchedulerId,
    /// Whose workers they are.
    pub orgs: WorkerOrgs,
    /// Registration and leaving.
    pub registrar: Registrar,
    /// What workers say of their definitions.
    pub definer: Definer,
    /// Claims, reads, runs handed back.
    pub claims: Claims,
    /// Where appends wait for their commit.
    pub appends: mpsc::Sender<AppendJob>,
    /// Where those wait that are written apart.
    pub apart: mpsc::Sender<AppendJob>,
    /// Claims of dispatched work, and its inputs.
    pub step_claims: StepClaims,
    /// Where ends of dispatched work wait for their commit.
    pub finishes: mpsc::Sender<FinishJob>,
    /// Where heartbeats wait for theirs.
    pub beats: mpsc::Sender<BeatJob>,
    /// Who waits for ends.
    pub waiters: Waiters,
}

impl Desk {
    /// Subscribes to everything, then serves on tasks of `tasks` until told to stop.
    pub async fn open(self, tasks: &TaskTracker, stop: &CancellationToken) -> Result<(), SendError> {
        let subjects = self.bus.subjects().clone();
        let ended = self.bus.serve(&subjects.ended(), None).await?;
        tasks.spawn(hear_ends(ended, self.waiters.clone(), stop.clone()));
        for method in Method::ALL {
            let shared = self.bus.serve(&subjects.asks(method), Some(Subjects::SCHEDULERS)).await?;
            let own = self.bus.serve(&subjects.asks_at(self.scheduler, method), None).await?;
            for inbox in [shared, own] {
                tasks.spawn(self.clone().serve(method, inbox, stop.clone()));
            }
        }
        self.bus.flush().await
    }

    async fn serve(self, method: Method, mut inbox: Inbox, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                received = inbox.next(), if under_way.len() < AT_ONCE => match received {
                    Some(received) => under_way.push(self.answer(method, received)),
                    None => break,
                },
            }
        }
        // What was taken is answered; what was not goes to another scheduler.
        if let Err(error) = inbox.stop().await {
            tracing::debug!(%error, "a subscription did not end in order");
        }
        while under_way.next().await.is_some() {}
    }

    async fn answer(&self, method: Method, received: Received) {
        match method {
            Method::Register => self.reply(received, |register| self.registrar.register(register)).await,
            Method::Define => self.reply(received, |define| self.definer.define(define)).await,
            Method::Leave => self.reply(received, |leave| self.registrar.leave(leave)).await,
            Method::Claim => self.reply(received, |claim| self.claims.claim(claim)).await,
            Method::HandBack => self.reply(received, |back| self.claims.hand_back(back)).await,
            Method::Alone => self.reply(received, |alone| self.claims.note_solitude(alone)).await,
            Method::Read => self.reply(received, |read| self.claims.read(read)).await,
            Method::ClaimSteps => self.reply(received, |claim| self.step_claims.claim(claim)).await,
            Method::ReadStep => self.reply(received, |read| self.step_claims.read(read)).await,
            Method::Finish => self.finish(received).await,
            Method::Append => self.append(received).await,
            Method::Heartbeat => self.beat(received).await,
        }
    }

    /// Reads a request and checks who sent it; what is wrong with it is answered here.
    async fn read<Q: DeserializeOwned + Signed>(&self, received: &Received) -> Option<(Org, Q)> {
        let org = self.org_of(received).await?;
        match received.open_with_texts() {
            Ok((request, texts)) => {
                if texts == Texts::WithNul
                    && let Ok(Some(place)) = envelope::text_with_nul(received.bytes())
                {
                    let wrong = format!("`{place}` holds NUL, which Postgres cannot keep in a text");
                    refuse(received, Refusal::Invalid(wrong)).await;
                    return None;
                }
                self.admits(&org, &request, received).await.then_some((org, request))
            }
            Err(error) => {
                tracing::warn!(%error, subject = received.subject(), "a message was refused");
                refuse(received, Refusal::Envelope(error)).await;
                None
            }
        }
    }

    async fn reply<Q, A, F>(&self, received: Received, serve: impl FnOnce(Q) -> F)
    where
        Q: DeserializeOwned + Signed,
        A: Serialize,
        F: Future<Output = Answer<A>>,
    {
        if let Some((_, request)) = self.read(&received).await {
            respond(&received, &serve(request).await).await;
        }
    }

    async fn append(&self, received: Received) {
        let Some((org, request)) = self.read::<Appends>(&received).await else {
            return;
        };
        if let Some(wrong) = wrong(&request) {
            refuse(&received, Refusal::Invalid(wrong)).await;
            return;
        }
        let road = if any_goes_apart(&request) { &self.apart } else { &self.appends };
        if let Err(error) = road.try_send(AppendJob { org, request, reply: received }) {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) = error;
            let answer = Answer::<()>::Unavailable { reason: "too many appends are waiting".into() };
            respond(&job.reply, &answer).await;
        }
    }

    async fn finish(&self, received: Received) {
        let Some((_, request)) = self.read(&received).await else {
            return;
        };
        if let Some(wrong) = finish::wrong(&request) {
            refuse(&received, Refusal::Invalid(wrong)).await;
            return;
        }
        if let Err(error) = self.finishes.try_send(FinishJob { request, reply: received }) {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) = error;
            let answer = Answer::<()>::Unavailable { reason: "too many ends are waiting".into() };
            respond(&job.reply, &answer).await;
        }
    }

    async fn beat(&self, received: Received) {
        let Some((_, beat)) = self.read::<Heartbeat>(&received).await else {
            return;
        };
        let given = self.registrar.roster.given(beat.worker);
        if let Err(error) = self.beats.try_send(BeatJob { beat, given, reply: received }) {
            let (mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job)) = error;
            let answer = Answer::<()>::Unavailable { reason: "too many heartbeats are waiting".into() };
            respond(&job.reply, &answer).await;
        }
    }
}

/// What an append may not be, whatever the database says.
fn wrong(request: &Appends) -> Option<String> {
    let mut runs = HashSet::new();
    for append in &request.appends {
        if !runs.insert(append.run) {
            return Some(format!("two appends of run {} in one request", append.run));
        }
        let rows = append.rows.len() + append.waits.len() + append.failed_tries.len() + append.dispatches.len();
        if rows > limits::COMMIT_ROWS {
            return Some(format!("an append of run {} has more than {} rows", append.run, limits::COMMIT_ROWS));
        }
        let more_than_rows = append.next != Next::GoOn
            || !append.waits.is_empty()
            || !append.withdrawn.is_empty()
            || !append.dispatches.is_empty()
            || !append.batches.is_empty()
            || append.state.is_some();
        if append.number == 0 && more_than_rows {
            return Some(format!("an append of run {} changes more than rows and has no number", append.run));
        }
        if let Some(wait) = append.waits.iter().find(|wait| wait.after > limits::WAIT) {
            return Some(format!("`{}` of run {} waits longer than ten years", wait.key, append.run));
        }
        if append.rows.iter().any(|row| matches!(row.place, Place::Outside { .. })) {
            return Some(format!("run {} wants to write a row from outside", append.run));
        }
        if let Some(wrong) = wrong_state(append).or_else(|| wrong_items(append)) {
            return Some(format!("an append of run {} {wrong}", append.run));
        }
    }
    None
}

/// What a write of state may not be.
fn wrong_state(append: &Append) -> Option<String> {
    let write = append.state.as_ref()?;
    if append.number == 0 {
        return Some("writes state and has no number".into());
    }
    if append.rows.last().is_none_or(|row| row.kind != Kind::State) {
        return Some("writes state without a row that answers it".into());
    }
    if write.name.is_empty() || write.name.len() > limits::STATE_NAME_BYTES {
        return Some(format!("names a value of state with none or more than {} bytes", limits::STATE_NAME_BYTES));
    }
    if write.expected < 0 {
        return Some("expects a version that there never is".into());
    }
    (write.value.as_ref().is_some_and(|value| value.len() > limits::PAYLOAD_BYTES))
        .then(|| format!("writes a value of more than {} bytes", limits::PAYLOAD_BYTES))
}

/// What items of batches may not be.
fn wrong_items(append: &Append) -> Option<String> {
    let mut batches = HashSet::new();
    for BatchItems { key, terms, first, items, more } in &append.batches {
        let last = u64::from(*first) + items.len() as u64;
        let wrong = if append.number == 0 {
            "has no number".to_owned()
        } else if !batches.insert(key) {
            "comes in two chunks".to_owned()
        } else if items.len() > limits::BATCH_CHUNK_ITEMS {
            format!("has more than {} items in a chunk", limits::BATCH_CHUNK_ITEMS)
        } else if *first == 0 || last > u64::from(limits::BATCH_ITEMS) + 1 {
            format!("has an item that is none from 1 to {}", limits::BATCH_ITEMS)
        } else if items.is_empty() && *more == More::Follows {
            "has a chunk without items that is not the last".to_owned()
        } else if !(1..=limits::BATCH_CONCURRENCY_MAX).contains(&terms.max_concurrency) {
            format!("wants a concurrency that is none from 1 to {}", limits::BATCH_CONCURRENCY_MAX)
        } else if items.iter().any(|item| item.input.len() > limits::PAYLOAD_BYTES) {
            format!("has an item of more than {} bytes", limits::PAYLOAD_BYTES)
        } else if items.iter().filter_map(|item| item.id.as_ref()).any(|id| id.len() > limits::BATCH_ITEM_ID_BYTES) {
            format!("has an item whose id is longer than {} bytes", limits::BATCH_ITEM_ID_BYTES)
        } else {
            continue;
        };
        return Some(format!("has items of {key}, which {wrong}"));
    }
    None
}

async fn refuse(received: &Received, refusal: Refusal) {
    respond(received, &Answer::<()>::Refused(refusal)).await;
}

async fn respond<T: Serialize>(received: &Received, answer: &Answer<T>) {
    if let Err(error) = received.respond(answer).await {
        tracing::debug!(%error, "an answer was not sent; the worker asks again");
    }
}

/// Other schedulers say which runs ended.
async fn hear_ends(mut inbox: Inbox, waiters: Waiters, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            received = inbox.next() => {
                let Some(received) = received else { return };
                match received.open::<Ended>() {
                    // Those that ended here were told with their result: this finds nobody left.
                    Ok(ended) => ended.runs.into_iter().for_each(|run| waiters.told(run, End::Elsewhere)),
                    Err(error) => tracing::warn!(%error, "a message about ends was not understood"),
                }
            }
        }
    }
}
