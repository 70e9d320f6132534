//! Workflows to try things on, as data.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use piton_shared::{
    failure::{Failure, StepError},
    journal::Payload,
    replay::{Road, Scope, StepOptions},
    retry::{Backoff, Jitter, RetryPolicy},
};
use proptest::prelude::*;

use super::verbs;

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A workflow. Its value is a number computed from the numbers of its parts.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// A function that returns its input plus one, after so many failures; the wait between tries.
    Step {
        failures: u32,
        wait: Duration,
    },
    /// A function that always fails; the workflow goes on with a number of its own.
    Hopeless,
    Sleep(Duration),
    Then(Vec<Plan>),
    /// Side by side, all of them.
    Join(Vec<Plan>),
    /// Side by side, the first to end.
    Race(Vec<Plan>),
    /// Side by side, all of them, wherever there is room.
    Fan(Vec<Plan>),
    /// Side by side, wherever there is room, the first to end; which one is pinned.
    Pick(Vec<Plan>),
    /// A function over so many items, and its results read.
    Batch(u32),
    /// A value of the run's own state is written and read.
    Keep,
    /// The session's counter is counted up.
    Count,
    /// The same by hand: read, and written if nobody else did.
    CountIf,
}

impl Plan {
    /// Whether its value is the same in whatever order things end.
    pub(super) fn is_settled(&self) -> bool {
        match self {
            Self::Then(parts) | Self::Join(parts) | Self::Fan(parts) => parts.iter().all(Self::is_settled),
            Self::Race(_) | Self::Pick(_) => false,
            Self::Step { .. }
            | Self::Hopeless
            | Self::Sleep(_)
            | Self::Batch(_)
            | Self::Keep
            | Self::Count
            | Self::CountIf => true,
        }
    }

    /// What it comes to if nothing goes wrong.
    pub(super) fn expected(&self, input: u64) -> u64 {
        match self {
            Self::Step { .. } => input.wrapping_add(1),
            Self::Hopeless => input.wrapping_mul(3),
            Self::Sleep(_) | Self::Keep | Self::Count | Self::CountIf => input,
            Self::Batch(items) => (0..*items).fold(0, |sum, item| mix(sum, input.wrapping_add(item.into()) + 1)),
            Self::Then(parts) => parts.iter().fold(input, |value, part| part.expected(value)),
            Self::Join(parts) | Self::Fan(parts) => parts
                .iter()
                .enumerate()
                .fold(0, |sum, (index, part)| mix(sum, part.expected(input.wrapping_add(index as u64)))),
            Self::Race(_) | Self::Pick(_) => unreachable!("asked only of settled plans"),
        }
    }

    /// The workflow. Ends with the failure of a cancelled call, after one more step that makes good.
    pub(super) fn workflow(self) -> impl FnOnce(Scope) -> Boxed<Result<Payload, Failure>> + Send {
        move |scope| {
            Box::pin(async move {
                match self.run(scope.clone(), 0).await {
                    Ok(value) => Ok(encode(value)),
                    Err(error) => {
                        let undone = scope.step::<_, u64>("undo", "undo", &0_u64, options(0, Duration::ZERO));
                        undone.await.map_err(Failure::from)?;
                        Err(Failure::from(error))
                    }
                }
            })
        }
    }

    fn run(self, scope: Scope, input: u64) -> Boxed<Result<u64, StepError>> {
        Box::pin(async move {
            match self {
                Self::Step { failures, wait } => {
                    let function = format!("fails{failures}");
                    scope.step("step", function, &input, options(failures, wait)).await
                }
                Self::Hopeless => {
                    let call = scope.step::<_, u64>("bad", "hopeless", &input, options(1, Duration::ZERO));
                    match call.await {
                        Err(StepError::Cancelled) => Err(StepError::Cancelled),
                        Ok(_) | Err(_) => Ok(input.wrapping_mul(3)),
                    }
                }
                Self::Sleep(duration) => scope.sleep("nap", duration).await.map(|()| input),
                Self::Then(parts) => {
                    let mut value = input;
                    for part in parts {
                        value = part.run(scope.clone(), value).await?;
                    }
                    Ok(value)
                }
                Self::Join(parts) => {
                    let values = join(branches(parts, &scope.child("join"), input)).await?;
                    Ok(values.into_iter().fold(0, mix))
                }
                Self::Fan(parts) => {
                    let values = join(branches(parts, &scope.fan_out("fan"), input)).await?;
                    Ok(values.into_iter().fold(0, mix))
                }
                Self::Race(parts) => first(branches(parts, &scope.child("race"), input)).await.1,
                Self::Pick(parts) => {
                    let race = scope.race("pick", Road::Away);
                    let (winner, value) = first(branches(parts, race.scope(), input)).await;
                    race.pin(winner).await?;
                    value
                }
                Self::Batch(items) => verbs::batch(scope, items, input).await,
                Self::Keep => verbs::keep(scope, input).await,
                Self::Count => verbs::count(scope).await.map(|()| input),
                Self::CountIf => verbs::count_if(scope).await.map(|()| input),
            }
        })
    }
}

fn branches(parts: Vec<Plan>, scope: &Scope, input: u64) -> Vec<Boxed<Result<u64, StepError>>> {
    let indexed = parts.into_iter().enumerate();
    indexed.map(|(index, part)| part.run(scope.child(format!("b{index}")), input.wrapping_add(index as u64))).collect()
}

/// The first branch to end. The others are gone when it returns.
async fn first(mut branches: Vec<Boxed<Result<u64, StepError>>>) -> (u32, Result<u64, StepError>) {
    poll_fn(move |cx| {
        for (number, branch) in (0..).zip(&mut branches) {
            if let Poll::Ready(value) = branch.as_mut().poll(cx) {
                return Poll::Ready((number, value));
            }
        }
        Poll::Pending
    })
    .await
}

async fn join(branches: Vec<Boxed<Result<u64, StepError>>>) -> Result<Vec<u64>, StepError> {
    let mut values = Vec::new();
    let mut open: Vec<_> = branches.into_iter().map(Some).collect();
    values.resize(open.len(), 0);
    poll_fn(move |cx| {
        for (branch, value) in open.iter_mut().zip(&mut values) {
            if let Some(future) = branch
                && let Poll::Ready(ended) = future.as_mut().poll(cx)
            {
                *branch = None;
                match ended {
                    Ok(ended) => *value = ended,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        }
        if open.iter().all(Option::is_none) { Poll::Ready(Ok(std::mem::take(&mut values))) } else { Poll::Pending }
    })
    .await
}

pub(super) fn mix(sum: u64, value: u64) -> u64 {
    sum.wrapping_mul(31).wrapping_add(value)
}

pub(super) fn encode(value: u64) -> Payload {
    piton_shared::codec::encode(&value).expect("a number")
}

pub(super) fn options(failures: u32, wait: Duration) -> StepOptions {
    let retry = RetryPolicy {
        max_tries: failures + 1,
        backoff: Backoff::Constant,
        initial: wait,
        max_delay: Duration::from_hours(1),
        max_elapsed: None,
        jitter: Jitter::None,
    };
    StepOptions { retry: Some(retry), ..StepOptions::default() }
}

pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let wait = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(1)), Just(Duration::from_mins(1)),];
    let leaf = prop_oneof![
        4 => (0_u32..3, wait.clone()).prop_map(|(failures, wait)| Plan::Step { failures, wait }),
        1 => Just(Plan::Hopeless),
        2 => wait.prop_map(Plan::Sleep),
        1 => prop_oneof![Just(0_u32), Just(3), Just(700)].prop_map(Plan::Batch),
        1 => Just(Plan::Keep),
        1 => Just(Plan::Count),
        1 => Just(Plan::CountIf),
    ];
    leaf.prop_recursive(3, 12, 4, |part| {
        prop_oneof![
            3 => prop::collection::vec(part.clone(), 1..4).prop_map(Plan::Then),
            2 => prop::collection::vec(part.clone(), 1..4).prop_map(Plan::Join),
            2 => prop::collection::vec(part.clone(), 1..4).prop_map(Plan::Fan),
            1 => prop::collection::vec(part.clone(), 1..4).prop_map(Plan::Race),
            1 => prop::collection::vec(part, 1..4).prop_map(Plan::Pick),
        ]
    })
}
