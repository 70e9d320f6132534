//! Reading what did not come with a grant.

use std::time::Duration;

use piton_shared::{
    ids::{AttemptId, RunId},
    journal::{Entry, Payload},
    message::{
        claim::{Grant, OpenCall},
        dispatch::StepGrant,
        read::{More, Part, Read, ReadAnswer, ReadStep, ReadStepAnswer},
        state::StateValue,
    },
    replay::{Fetch, FetchedResults},
    subject::Method,
};

use super::member::Member;

/// How long a scheduler may take before another is asked.
const ANSWER: Duration = Duration::from_secs(3);

/// The run is not held any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHeld;

/// The run's input.
pub(super) async fn input(member: &Member, grant: &mut Grant) -> Result<Payload, NotHeld> {
    if let Some(input) = grant.input.take() {
        return Ok(input);
    }
    match read(member, grant.run, grant.attempt, Part::Input).await? {
        ReadAnswer::Input(input) => Ok(input),
        ReadAnswer::Entries { .. }
        | ReadAnswer::Open { .. }
        | ReadAnswer::State(_)
        | ReadAnswer::Results { .. }
        | ReadAnswer::Fenced => Err(NotHeld),
    }
}

/// The run's journal, as much of it as did not come with the grant.
pub(super) async fn rest_of_journal(member: &Member, grant: &mut Grant) -> Result<Vec<Entry>, NotHeld> {
    let entries = std::mem::take(&mut grant.entries);
    match grant.journal {
        More::End => Ok(entries),
        More::Follows => pages(member, grant.run, grant.attempt, entries).await,
    }
}

/// What earlier attempts left open, as much of it as did not come with the grant.
pub(super) async fn rest_of_open(member: &Member, grant: &mut Grant) -> Result<Vec<OpenCall>, NotHeld> {
    let mut open = std::mem::take(&mut grant.open);
    let mut more = grant.more_open;
    while more == More::Follows {
        let after = open.last().map(|call| call.key.clone());
        match read(member, grant.run, grant.attempt, Part::Open { after }).await? {
            ReadAnswer::Open { open: page, more: next } => {
                more = if page.is_empty() { More::End } else { next };
                open.extend(page);
            }
            ReadAnswer::Input(_)
            | ReadAnswer::Entries { .. }
            | ReadAnswer::State(_)
            | ReadAnswer::Results { .. }
            | ReadAnswer::Fenced => return Err(NotHeld),
        }
    }
    Ok(open)
}

/// The run's journal, from its beginning.
pub(super) async fn journal(member: &Member, run: RunId, attempt: AttemptId) -> Result<Vec<Entry>, NotHeld> {
    pages(member, run, attempt, Vec::new()).await
}

async fn pages(
    member: &Member,
    run: RunId,
    attempt: AttemptId,
    mut entries: Vec<Entry>,
) -> Result<Vec<Entry>, NotHeld> {
    loop {
        let after = entries.last().map(|entry| entry.key.clone());
        match read(member, run, attempt, Part::Journal { after }).await? {
            ReadAnswer::Entries { entries: page, more } => {
                let empty = page.is_empty();
                entries.extend(page);
                if more == More::End || empty {
                    return Ok(entries);
                }
            }
            ReadAnswer::Input(_)
            | ReadAnswer::Open { .. }
            | ReadAnswer::State(_)
            | ReadAnswer::Results { .. }
            | ReadAnswer::Fenced => return Err(NotHeld),
        }
    }
}

/// Rows from outside after a number.
pub(super) async fn outside(
    member: &Member,
    run: RunId,
    attempt: AttemptId,
    mut after: u32,
) -> Result<Vec<Entry>, NotHeld> {
    use piton_shared::journal::Place;

    let mut entries: Vec<Entry> = Vec::new();
    loop {
        match read(member, run, attempt, Part::Outside { after }).await? {
            ReadAnswer::Entries { entries: page, more } => {
                let last = page.iter().rev().find_map(|entry| match entry.place {
                    Place::Outside { number } => Some(number),
                    Place::Own { .. } => None,
                });
                entries.extend(page);
                match (more, last) {
                    (More::Follows, Some(last)) if last > after => after = last,
                    (More::Follows | More::End, _) => return Ok(entries),
                }
            }
            ReadAnswer::Input(_)
            | ReadAnswer::Open { .. }
            | ReadAnswer::State(_)
            | ReadAnswer::Results { .. }
            | ReadAnswer::Fenced => return Err(NotHeld),
        }
    }
}

/// A value of the run's or its session's state.
pub(super) async fn state(member: &Member, run: RunId, attempt: AttemptId, part: Part) -> Result<StateValue, NotHeld> {
    match read(member, run, attempt, part).await? {
        ReadAnswer::State(value) => Ok(value),
        ReadAnswer::Input(_)
        | ReadAnswer::Entries { .. }
        | ReadAnswer::Open { .. }
        | ReadAnswer::Results { .. }
        | ReadAnswer::Fenced => Err(NotHeld),
    }
}

/// A page of the results of a batch.
pub(super) async fn results(
    member: &Member,
    run: RunId,
    attempt: AttemptId,
    fetch: &Fetch,
) -> Result<FetchedResults, NotHeld> {
    let part = Part::BatchResults { key: fetch.batch.clone(), after: fetch.after };
    match read(member, run, attempt, part).await? {
        ReadAnswer::Results { results, more } => Ok(FetchedResults { results, more }),
        ReadAnswer::Input(_)
        | ReadAnswer::Entries { .. }
        | ReadAnswer::Open { .. }
        | ReadAnswer::State(_)
        | ReadAnswer::Fenced => Err(NotHeld),
    }
}

/// The input of dispatched work that did not come with its grant.
pub(super) async fn step_input(member: &Member, grant: &StepGrant) -> Result<Payload, NotHeld> {
    let read = ReadStep { worker: member.id, dispatch: grant.dispatch.clone(), hold: grant.hold };
    match member.door.insist(Method::ReadStep, &read, ANSWER).await {
        Ok(ReadStepAnswer::Input(input)) => Ok(input),
        Ok(ReadStepAnswer::Fenced) => Err(NotHeld),
        Err(error) => {
            tracing::warn!(work = %grant.dispatch, %error, "reading the input of dispatched work was refused");
            Err(NotHeld)
        }
    }
}

async fn read(member: &Member, run: RunId, attempt: AttemptId, part: Part) -> Result<ReadAnswer, NotHeld> {
    let read = Read { worker: member.id, run, attempt, part };
    member.door.insist(Method::Read, &read, ANSWER).await.map_err(|error| {
        tracing::warn!(%run, %error, "reading a run was refused");
        NotHeld
    })
}
